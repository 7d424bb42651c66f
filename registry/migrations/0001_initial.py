"""The registry of release 0.1.0: tables, and the guards of `sql/`. Frozen: a later change is a later migration."""

import uuid
from pathlib import Path

import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import registry.models.dataset
import registry.models.token
import registry.models.user


def _sql(name):
    """The frozen text of a file beside this migration."""
    return (Path(__file__).with_name("sql") / name).read_text(encoding="utf-8")


# The memberships of now. The application reads them with its own rights.
EFFECTIVE_MEMBERSHIP = """
CREATE VIEW registry_effective_membership WITH (security_invoker = true) AS
    SELECT id, user_id, group_id FROM registry_membership
     WHERE closed_at IS NULL AND valid_from <= statement_timestamp()
       AND (valid_until IS NULL OR valid_until > statement_timestamp());
REVOKE INSERT, UPDATE, DELETE ON registry_effective_membership FROM countersign_app;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(_sql("0001_dataset_identity.sql")),
        migrations.CreateModel(
            name="EffectiveMembership",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
            ],
            options={
                "db_table": "registry_effective_membership",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="ReviewerGroup",
            fields=[
                (
                    "group_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="auth.group",
                    ),
                ),
                ("slug", models.SlugField(max_length=80, unique=True)),
                ("description", models.TextField(blank=True)),
                ("uid", models.UUIDField(editable=False, unique=True)),
                ("created_at", models.DateTimeField()),
            ],
            bases=("auth.group",),
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "uid",
                    models.CharField(
                        default=registry.models.user.new_person_uid, editable=False, max_length=40, unique=True
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("person", "Person"), ("service", "Service account")], default="person", max_length=8
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="full name")),
                ("title", models.CharField(blank=True, max_length=120, verbose_name="job title")),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("is_active", models.BooleanField(default=True)),
                ("is_staff", models.BooleanField(default=False, verbose_name="may open the admin site")),
                ("created_at", models.DateTimeField()),
                (
                    "deactivated_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="of the last deactivation, kept after a reactivation: what was signed before counts no more",
                        null=True,
                    ),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        related_name="user_set", through="registry.EffectiveMembership", to="auth.group"
                    ),
                ),
            ],
            options={
                "ordering": ("username",),
            },
        ),
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "uid",
                    models.CharField(
                        default=registry.models.token.new_token_uid, editable=False, max_length=40, unique=True
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("prefix", models.CharField(max_length=12)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None),
                ),
                (
                    "model_slugs",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), blank=True, null=True, size=None
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AccountControl",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("created", "made the account"),
                            ("owner", "owns the service account"),
                            ("user", "uses the service account"),
                            ("token_issued", "issued a token of it"),
                            ("token_received", "received the secret of a token"),
                            ("password_set", "set its password"),
                            ("address_set", "changed its e-mail address"),
                            ("link_shown", "was shown its sign-in link"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="controls",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="controls_held",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="controls",
                        to="registry.accesstoken",
                    ),
                ),
            ],
            options={
                "ordering": ("account", "opened_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Blob",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("size", models.PositiveBigIntegerField(help_text="bytes")),
                ("stored_at", models.DateTimeField()),
                (
                    "format",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="what the bytes were recognised as; empty until somebody looked",
                        max_length=20,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("format", "")), fields=["stored_at"], name="blob_unrecognised"),
                    models.Index(fields=["format"], name="blob_by_format"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChangeProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("kind", models.CharField(max_length=60)),
                (
                    "subject_type",
                    models.CharField(help_text="what the change is about, as the audit log names it", max_length=40),
                ),
                ("subject_id", models.CharField(max_length=80)),
                ("title", models.CharField(max_length=300)),
                ("payload", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("reason", models.TextField()),
                ("single_officer", models.BooleanField(default=False)),
                ("expires_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("confirmed", "Confirmed"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        max_length=10,
                        null=True,
                    ),
                ),
                ("comment", models.TextField(blank=True, null=True)),
                (
                    "closed_by",
                    models.CharField(blank=True, help_text="pseudonymous id of the actor", max_length=100, null=True),
                ),
                ("signed_name", models.CharField(blank=True, max_length=200, null=True)),
                ("signed_meaning", models.CharField(blank=True, max_length=200, null=True)),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="change_proposals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposed_with",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.accesstoken",
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="Instance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("only", models.BooleanField(default=True, editable=False, help_text="there is one row", unique=True)),
                ("single_officer", models.BooleanField(default=False)),
                ("setup_confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("only", True)), name="instance_one_row")],
            },
        ),
        migrations.CreateModel(
            name="ModelVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.PositiveIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[("registering", "Registering"), ("registered", "Registered")],
                        default="registering",
                        max_length=12,
                    ),
                ),
                ("fingerprint", models.CharField(blank=True, max_length=64)),
                ("evidence_revision", models.PositiveIntegerField(default=0)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("source", models.CharField(blank=True, max_length=2000)),
                ("run_id", models.CharField(blank=True, max_length=500)),
                ("run_link", models.CharField(blank=True, max_length=2000)),
                ("code_repository", models.CharField(blank=True, max_length=500)),
                ("code_commit", models.CharField(blank=True, max_length=64)),
                ("code_clean", models.BooleanField(blank=True, null=True)),
                ("environment_lock", models.TextField(blank=True)),
                ("parameters", models.JSONField(blank=True, default=dict)),
                ("signature", models.JSONField(blank=True, default=dict)),
                ("licence", models.CharField(blank=True, max_length=200)),
                ("description", models.TextField(blank=True)),
                ("notes", models.TextField(blank=True, help_text="Markdown")),
                ("tags", models.JSONField(blank=True, default=dict)),
                (
                    "declaration",
                    models.CharField(
                        editable=False,
                        help_text="SHA-256 of all that was declared: a registration sent again has the same",
                        max_length=64,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("registered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "source_only",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="registered by its source alone, as MLflow clients do: what it consists of may be attached later",
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="of the last change of its stage, description or name; empty: none since",
                        null=True,
                    ),
                ),
                (
                    "abandoned_at",
                    models.DateTimeField(
                        blank=True, help_text="when it was given up, because its files never came", null=True
                    ),
                ),
                (
                    "deleted_at",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="when it was deleted: never, where anything of it was governed",
                        null=True,
                    ),
                ),
                ("parents", models.ManyToManyField(blank=True, related_name="children", to="registry.modelversion")),
                (
                    "registered_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "registered_with",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.accesstoken",
                    ),
                ),
                (
                    "trained_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("model", "-number"),
            },
        ),
        migrations.CreateModel(
            name="ModelCard",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("revision", models.PositiveIntegerField()),
                ("added_at", models.DateTimeField()),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="cards", to="registry.modelversion"
                    ),
                ),
            ],
            options={
                "ordering": ("-revision",),
            },
        ),
        migrations.CreateModel(
            name="Metric",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=250)),
                ("value", models.FloatField()),
                ("dataset", models.CharField(blank=True, max_length=250)),
                ("slice", models.CharField(blank=True, max_length=250)),
                ("revision", models.PositiveIntegerField()),
                ("recorded_at", models.DateTimeField()),
                ("latest", models.BooleanField(default=True, editable=False)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="metrics", to="registry.modelversion"
                    ),
                ),
            ],
            options={
                "ordering": ("name", "dataset", "slice", "-revision"),
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("kind", models.CharField(max_length=80)),
                ("filename", models.CharField(max_length=250)),
                ("revision", models.PositiveIntegerField()),
                ("added_at", models.DateTimeField()),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "blob",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="evidence", to="registry.blob"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="evidence", to="registry.modelversion"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "evidence",
                "ordering": ("kind", "-revision"),
            },
        ),
        migrations.CreateModel(
            name="DatasetReference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "role",
                    models.CharField(
                        choices=[("training", "Training"), ("validation", "Validation"), ("evaluation", "Evaluation")],
                        max_length=12,
                    ),
                ),
                ("name", models.CharField(max_length=250)),
                (
                    "reference",
                    models.CharField(blank=True, help_text="the name's version, tag or date", max_length=250),
                ),
                ("uri", models.CharField(blank=True, max_length=2000)),
                ("digest_algorithm", models.CharField(blank=True, max_length=20)),
                ("digest", models.CharField(blank=True, max_length=128)),
                (
                    "strength",
                    models.CharField(
                        choices=[
                            ("strong", "Strong: SHA-256 of the bytes"),
                            ("medium", "Medium: a commit or an MD5"),
                            ("weak", "Weak: a label"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "identity",
                    models.GeneratedField(
                        db_persist=True,
                        expression=registry.models.dataset.DatasetIdentity(
                            "strength", "digest_algorithm", "digest", "uri", "name", "reference"
                        ),
                        help_text="what tells datasets apart: registry.datasets.identity",
                        output_field=models.CharField(max_length=64),
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="datasets", to="registry.modelversion"
                    ),
                ),
            ],
            options={
                "ordering": ("role", "name"),
            },
        ),
        migrations.CreateModel(
            name="Contribution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("registration", "the registration"),
                            ("files", "files"),
                            ("metrics", "metrics"),
                            ("card", "the model card"),
                            ("evidence", "evidence"),
                        ],
                        max_length=12,
                    ),
                ),
                ("event", models.UUIDField(help_text="the event of the first addition")),
                ("contributed_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contributions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "token",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contributions",
                        to="registry.accesstoken",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contributions",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ("version", "contributed_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="Artifact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("path", models.CharField(help_text="relative, forward slashes", max_length=500)),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.PositiveBigIntegerField(help_text="bytes")),
                (
                    "blob",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="artifacts",
                        to="registry.blob",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="artifacts",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ("path",),
            },
        ),
        migrations.CreateModel(
            name="PasswordAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["key", "at"], name="attempt_by_key"),
                    models.Index(fields=["at"], name="attempt_by_time"),
                ],
            },
        ),
        migrations.CreateModel(
            name="QuestionnaireRevision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.PositiveIntegerField(unique=True)),
                ("title", models.CharField(max_length=300)),
                ("source", models.TextField()),
                ("document", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("published_at", models.DateTimeField()),
                ("published_by", models.CharField(help_text="pseudonymous id of the actor", max_length=40)),
            ],
            options={
                "ordering": ("-number",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="questionnaire_digest_form"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Assessment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.PositiveIntegerField()),
                ("answers", models.JSONField()),
                ("points", models.PositiveIntegerField()),
                ("reasoning", models.JSONField()),
                (
                    "computed_tier",
                    models.PositiveSmallIntegerField(choices=[(1, "Tier 1"), (2, "Tier 2"), (3, "Tier 3")]),
                ),
                ("tier", models.PositiveSmallIntegerField(choices=[(1, "Tier 1"), (2, "Tier 2"), (3, "Tier 3")])),
                (
                    "tier_before",
                    models.PositiveSmallIntegerField(
                        blank=True, choices=[(1, "Tier 1"), (2, "Tier 2"), (3, "Tier 3")], null=True
                    ),
                ),
                ("override_reason", models.TextField(blank=True)),
                ("rationale", models.TextField()),
                ("next_review", models.DateField(help_text="as it was set with the tier")),
                ("assessed_at", models.DateTimeField()),
                (
                    "assessed_with",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.accesstoken",
                    ),
                ),
                (
                    "assessor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        blank=True,
                        help_text="the confirmed proposal of a tier that lowers; empty where one person sufficed",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessment",
                        to="registry.changeproposal",
                    ),
                ),
                (
                    "questionnaire",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessments",
                        to="registry.questionnairerevision",
                    ),
                ),
            ],
            options={
                "ordering": ("model", "-number"),
            },
        ),
        migrations.CreateModel(
            name="RegisteredModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("slug", models.CharField(db_index=True, max_length=200)),
                (
                    "mlflow_name",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="what MLflow clients call it, where that is no lawful slug",
                        max_length=256,
                        null=True,
                    ),
                ),
                (
                    "renamed",
                    models.CharField(
                        blank=True,
                        editable=False,
                        help_text="what MLflow clients call it since one of them renamed it; the slug stays",
                        max_length=256,
                        null=True,
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=200)),
                ("description", models.TextField(blank=True, help_text="Markdown")),
                ("purpose", models.CharField(blank=True, max_length=300, verbose_name="use case")),
                ("team", models.CharField(blank=True, max_length=120)),
                ("intended_use", models.TextField(blank=True)),
                ("prohibited_use", models.TextField(blank=True)),
                ("affects_people", models.BooleanField(blank=True, null=True)),
                (
                    "data_classes",
                    models.JSONField(blank=True, default=list, help_text="values of DataClass, in their order"),
                ),
                ("regulations", models.JSONField(blank=True, default=list)),
                ("tags", models.JSONField(blank=True, default=dict)),
                (
                    "risk_tier",
                    models.PositiveSmallIntegerField(
                        blank=True, choices=[(1, "Tier 1"), (2, "Tier 2"), (3, "Tier 3")], null=True
                    ),
                ),
                ("next_review", models.DateField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("archived", "Archived")], default="active", max_length=10
                    ),
                ),
                ("next_version", models.PositiveIntegerField(default=1)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "accountable_executive",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="owned_models",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "tier_basis",
                    models.ForeignKey(
                        blank=True,
                        help_text="the assessment the tier rests on; empty where it was declared without questionnaire",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.assessment",
                    ),
                ),
            ],
            options={
                "ordering": ("slug",),
                "permissions": [
                    ("register_version", "Add versions and what belongs to them"),
                    ("request_promotion", "Ask for a promotion"),
                    ("decide_promotion", "Decide on a promotion request, when a policy calls on them"),
                    ("grant_role", "Give and take roles on the model"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PeriodicReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("number", models.PositiveIntegerField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("fit", "Fit for use"),
                            ("fit_with_conditions", "Fit with conditions"),
                            ("not_fit", "Not fit for use"),
                        ],
                        max_length=20,
                    ),
                ),
                ("findings", models.TextField()),
                ("conditions", models.TextField(blank=True)),
                ("live_versions", models.JSONField(default=list)),
                ("due", models.DateField(blank=True, null=True)),
                ("next_review", models.DateField()),
                ("reviewed_at", models.DateTimeField()),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="periodic_reviews",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
            options={
                "ordering": ("model", "-number"),
            },
        ),
        migrations.AddField(
            model_name="modelversion",
            name="model",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="registry.registeredmodel"
            ),
        ),
        migrations.CreateModel(
            name="ModelUserPermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("permission", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.permission")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                (
                    "content_object",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="registry.registeredmodel"),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ModelGroupPermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("group", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.group")),
                ("permission", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="auth.permission")),
                (
                    "content_object",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="registry.registeredmodel"),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ImportRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("mlflow", "MLflow"),
                            ("sagemaker", "SageMaker"),
                            ("azureml", "Azure ML"),
                            ("comet", "Comet"),
                        ],
                        max_length=12,
                    ),
                ),
                ("origin", models.CharField(max_length=500)),
                ("name", models.CharField(max_length=500)),
                ("number", models.CharField(blank=True, max_length=100)),
                ("created_there", models.DateTimeField(blank=True, null=True)),
                ("updated_there", models.DateTimeField(blank=True, null=True)),
                ("author_there", models.CharField(blank=True, max_length=500)),
                ("stage", models.CharField(blank=True, help_text="where it stood there", max_length=100)),
                (
                    "aliases",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=255), blank=True, default=list, size=None
                    ),
                ),
                (
                    "approval",
                    models.CharField(
                        blank=True, help_text="what was said there of an approval; none here", max_length=100
                    ),
                ),
                ("claims", models.JSONField(blank=True, default=dict, help_text="whatever else was said there")),
                ("imported_at", models.DateTimeField()),
                (
                    "imported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="import_record",
                        to="registry.modelversion",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="import_records",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.AddField(
            model_name="changeproposal",
            name="model",
            field=models.ForeignKey(
                blank=True,
                help_text="the model it is about; empty for a change of the organisation",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="change_proposals",
                to="registry.registeredmodel",
            ),
        ),
        migrations.AddField(
            model_name="assessment",
            name="model",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="assessments", to="registry.registeredmodel"
            ),
        ),
        migrations.CreateModel(
            name="AliasAssignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("name", models.CharField(max_length=255)),
                (
                    "promotion",
                    models.UUIDField(blank=True, help_text="uid of the promotion request that set it", null=True),
                ),
                (
                    "before_governance",
                    models.BooleanField(
                        default=False, help_text="it was set before it was brought here: nobody here approved it"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="aliases", to="registry.modelversion"
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="aliases",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AccessRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("slug", models.CharField(max_length=200)),
                ("role", models.CharField(max_length=40)),
                ("purpose", models.TextField()),
                ("until", models.DateTimeField(help_text="until when the role is asked for")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("granted", "Granted"),
                            ("denied", "Denied"),
                            ("withdrawn", "Withdrawn"),
                            ("lapsed", "Lapsed"),
                        ],
                        max_length=10,
                        null=True,
                    ),
                ),
                ("answer", models.TextField(blank=True, null=True)),
                (
                    "answered_by",
                    models.CharField(blank=True, help_text="pseudonymous id of the actor", max_length=40, null=True),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_requests",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RegisteredName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("skeleton", models.CharField(max_length=64)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="names", to="registry.registeredmodel"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("valid_from", models.DateTimeField()),
                ("valid_until", models.DateTimeField(blank=True, null=True)),
                (
                    "proposed_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="who proposed it, where another officer confirmed and so entered it",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="registry.reviewergroup",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("role", models.CharField(max_length=40)),
                ("granted_by", models.CharField(help_text="pseudonymous id of the actor", max_length=40)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "answers",
                    models.OneToOneField(
                        blank=True,
                        help_text="what it granted",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grant",
                        to="registry.accessrequest",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="registry.reviewergroup",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ReviewReminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("due", models.DateField()),
                ("step", models.IntegerField()),
                ("sent_at", models.DateTimeField()),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminders",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-sent_at",),
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("query", models.CharField(max_length=500)),
                ("shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SignInLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("mailed", "mailed to the address of the account"),
                            ("shown", "shown once to the person who issued it"),
                        ],
                        max_length=8,
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, null=True, unique=True)),
                ("mailed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, help_text="when a newer link took its place", null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_in_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "issued_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="empty where a process of the set-up issued it",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="Stage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True)),
                ("slug", models.SlugField(max_length=40, unique=True)),
                ("position", models.PositiveSmallIntegerField(unique=True)),
                ("initial", models.BooleanField(default=False)),
                ("exclusive", models.BooleanField(default=False)),
                ("protected", models.BooleanField(default=False)),
                (
                    "protected_exit",
                    models.BooleanField(default=False, help_text="leaving this stage needs a promotion request too"),
                ),
                (
                    "displaced_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.stage",
                    ),
                ),
            ],
            options={
                "ordering": ("position",),
            },
        ),
        migrations.CreateModel(
            name="ProtectedAlias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255, unique=True)),
                (
                    "stage",
                    models.ForeignKey(
                        blank=True,
                        help_text="the stage it represents: who follows the alias expects a version that may be there",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="represented_by",
                        to="registry.stage",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "protected aliases",
            },
        ),
        migrations.AddField(
            model_name="modelversion",
            name="stage",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="registry.stage"
            ),
        ),
        migrations.CreateModel(
            name="StageMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="moves_out", to="registry.stage"
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="moves_in", to="registry.stage"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StageOccupancy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("exclusive", models.BooleanField()),
                (
                    "promotion",
                    models.UUIDField(blank=True, help_text="uid of the promotion request that moved it", null=True),
                ),
                (
                    "before_governance",
                    models.BooleanField(
                        default=False, help_text="it was there before it was brought here: nobody here approved it"
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.registeredmodel"
                    ),
                ),
                (
                    "stage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="occupancies", to="registry.stage"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="occupancies",
                        to="registry.modelversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TokenUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("last_used_at", models.DateTimeField()),
                ("last_address", models.GenericIPAddressField(blank=True, null=True)),
                (
                    "token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="use", to="registry.accesstoken"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("expected", "An address was given"),
                            ("queued", "Waits for a worker"),
                            ("examining", "A worker reads it"),
                            ("refused", "It was another file"),
                            ("failed", "It could not be read"),
                        ],
                        default="expected",
                        max_length=10,
                    ),
                ),
                ("detail", models.TextField(blank=True, help_text="what was wrong, and the way out")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, help_text="when a worker may take it, where it is queued", null=True
                    ),
                ),
                ("claim", models.UUIDField(blank=True, help_text="known to the worker that has it alone", null=True)),
                ("alive_at", models.DateTimeField(blank=True, help_text="the worker's last sign of life", null=True)),
                (
                    "artifact",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="upload", to="registry.artifact"
                    ),
                ),
                (
                    "completed_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="who said that all files were sent",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "completed_with",
                    models.ForeignKey(
                        blank=True,
                        help_text="the token with which they said so",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.accesstoken",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "service"), _negated=True),
                    models.Q(("is_staff", False), ("is_superuser", False)),
                    _connector="OR",
                ),
                name="user_service_account_is_no_officer",
                violation_error_code="service_account_privilege",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("username"), name="user_username_once_in_any_case"
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("created_at"))), name="token_ends_after_it_begins"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountcontrol",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                    models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                    _connector="OR",
                ),
                name="account_control_closed_with_event",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="accountcontrol",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("account", "person", "kind", "token"),
                name="account_control_one_open",
                nulls_distinct=False,
                violation_error_code="already_recorded",
            ),
        ),
        migrations.AddConstraint(
            model_name="accountcontrol",
            constraint=models.CheckConstraint(
                condition=models.Q(("account", models.F("person")), _negated=True), name="account_control_is_of_another"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountcontrol",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ("token_issued", "token_received")), ("token__isnull", False)),
                    models.Q(
                        models.Q(("kind__in", ("token_issued", "token_received")), _negated=True),
                        ("token__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="account_control_token_where_it_has_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelcard",
            constraint=models.UniqueConstraint(fields=("version", "revision"), name="card_revision_once"),
        ),
        migrations.AddIndex(
            model_name="metric",
            index=models.Index(
                django.db.models.functions.text.Lower("name"),
                models.F("value"),
                models.F("version"),
                condition=models.Q(("latest", True), ("slice", "")),
                name="metric_by_value",
            ),
        ),
        migrations.AddConstraint(
            model_name="metric",
            constraint=models.UniqueConstraint(
                fields=("version", "name", "dataset", "slice", "revision"), name="metric_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="metric",
            constraint=models.UniqueConstraint(
                condition=models.Q(("latest", True)),
                fields=("version", "name", "dataset", "slice"),
                name="metric_one_latest",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidence",
            constraint=models.UniqueConstraint(fields=("version", "kind", "revision"), name="evidence_revision_once"),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["digest"], name="dataset_by_digest"),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["digest"], name="dataset_by_digest_start", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["name"], name="dataset_by_name_start", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=django.contrib.postgres.indexes.HashIndex(fields=["uri"], name="dataset_by_uri"),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["identity", "version"], name="dataset_by_identity"),
        ),
        migrations.AddIndex(
            model_name="datasetreference",
            index=models.Index(fields=["name"], name="dataset_by_name", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddConstraint(
            model_name="contribution",
            constraint=models.UniqueConstraint(
                fields=("version", "account", "token", "part"), name="contribution_once", nulls_distinct=False
            ),
        ),
        migrations.AddIndex(
            model_name="artifact",
            index=models.Index(fields=["sha256"], name="artifact_by_digest"),
        ),
        migrations.AddIndex(
            model_name="artifact",
            index=models.Index(fields=["sha256"], name="artifact_by_beginning", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.UniqueConstraint(fields=("version", "path"), name="artifact_path_once"),
        ),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.CheckConstraint(
                condition=models.Q(("blob__isnull", True), ("blob", models.F("sha256")), _connector="OR"),
                name="artifact_blob_is_the_declared_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="artifact_sha256_form"
            ),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(fields=["-updated_at", "slug"], name="model_by_change"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(fields=["next_review", "slug"], name="model_by_review"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(fields=["risk_tier", "slug"], name="model_by_tier"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(django.db.models.functions.text.Lower("team"), models.F("slug"), name="model_by_team"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="model_by_tag"),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=django.contrib.postgres.indexes.GinIndex(fields=["regulations"], name="model_by_regulation"),
        ),
        migrations.AddConstraint(
            model_name="registeredmodel",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at__isnull", True)), fields=("slug",), name="model_slug_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="registeredmodel",
            constraint=models.UniqueConstraint(
                django.db.models.functions.comparison.Coalesce("renamed", "mlflow_name", "slug"),
                condition=models.Q(("deleted_at__isnull", True)),
                name="model_name_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="periodicreview",
            constraint=models.UniqueConstraint(fields=("model", "number"), name="review_once"),
        ),
        migrations.AddConstraint(
            model_name="periodicreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "fit_with_conditions"), models.Q(("conditions", ""), _negated=True)),
                    models.Q(models.Q(("outcome", "fit_with_conditions"), _negated=True), ("conditions", "")),
                    _connector="OR",
                ),
                name="review_conditions_where_there_are_some",
            ),
        ),
        migrations.AlterUniqueTogether(
            name="modeluserpermission",
            unique_together={("user", "permission", "content_object")},
        ),
        migrations.AlterUniqueTogether(
            name="modelgrouppermission",
            unique_together={("group", "permission", "content_object")},
        ),
        migrations.AddConstraint(
            model_name="importrecord",
            constraint=models.UniqueConstraint(fields=("origin", "name", "number"), name="imported_once"),
        ),
        migrations.AddConstraint(
            model_name="importrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("number", ""), ("version__isnull", True)),
                    models.Q(models.Q(("number", ""), _negated=True), models.Q(("version", None), _negated=True)),
                    _connector="OR",
                ),
                name="import_of_a_version_has_its_number",
            ),
        ),
        migrations.AddIndex(
            model_name="changeproposal",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["opened_at"], name="change_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="changeproposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("kind", "subject_type", "subject_id"),
                name="change_one_open_per_subject",
                violation_error_code="already_proposed",
            ),
        ),
        migrations.AddConstraint(
            model_name="changeproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("closed_at__isnull", True),
                        ("closed_by__isnull", True),
                        ("closed_event__isnull", True),
                        ("comment__isnull", True),
                        ("outcome__isnull", True),
                        ("signed_meaning__isnull", True),
                        ("signed_name__isnull", True),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        ("closed_event__isnull", False),
                        ("comment__isnull", False),
                        ("outcome__isnull", False),
                        ("signed_meaning__isnull", False),
                        ("signed_name__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="change_answered_once",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="changeproposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="change_digest_form"
            ),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.UniqueConstraint(fields=("model", "number"), name="assessment_once"),
        ),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("tier", models.F("computed_tier")),
                    models.Q(("override_reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="assessment_override_has_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="aliasassignment",
            index=models.Index(fields=["model", "name", "opened_at"], name="alias_at_time"),
        ),
        migrations.AddConstraint(
            model_name="aliasassignment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("model", "name"),
                name="alias_one_open_per_model",
            ),
        ),
        migrations.AddConstraint(
            model_name="aliasassignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                    models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                    _connector="OR",
                ),
                name="alias_closed_with_event",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.AddIndex(
            model_name="accessrequest",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["model", "opened_at"],
                name="access_request_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="accessrequest",
            index=models.Index(fields=["person", "-opened_at"], name="access_request_of_person"),
        ),
        migrations.AddConstraint(
            model_name="accessrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("person", "slug"),
                name="access_request_one_open",
                violation_error_code="already_asked",
            ),
        ),
        migrations.AddConstraint(
            model_name="accessrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("answer__isnull", True),
                        ("answered_by__isnull", True),
                        ("closed_at__isnull", True),
                        ("closed_event__isnull", True),
                        ("outcome__isnull", True),
                    ),
                    models.Q(
                        ("answer__isnull", False),
                        ("answered_by__isnull", False),
                        ("closed_at__isnull", False),
                        ("closed_event__isnull", False),
                        ("outcome__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="access_request_answered_once",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="accessrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "granted"), _negated=True), ("model__isnull", False), _connector="OR"
                ),
                name="access_request_granted_where_a_model_is",
                violation_error_code="no_model",
            ),
        ),
        migrations.AddConstraint(
            model_name="accessrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("opened_at"))),
                name="access_request_span",
                violation_error_code="ends_before_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="registeredname",
            constraint=models.UniqueConstraint(
                condition=models.Q(("released_at__isnull", True)), fields=("skeleton",), name="name_held_once"
            ),
        ),
        migrations.AddIndex(
            model_name="membership",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["user", "group"], name="membership_of_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("group", "user"),
                name="membership_one_open",
                violation_error_code="already_a_member",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True), ("valid_until__gt", models.F("valid_from")), _connector="OR"
                ),
                name="membership_span",
                violation_error_code="ends_before_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                    models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                    _connector="OR",
                ),
                name="membership_closed_with_event",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["model", "role"], name="grant_on_model"
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["user", "role"], name="grant_of_user"
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)), fields=["group", "role"], name="grant_of_group"
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True), ("expires_at__isnull", False)),
                fields=["expires_at"],
                name="grant_ending",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("group__isnull", True), ("user__isnull", False)),
                    models.Q(("group__isnull", False), ("user__isnull", True)),
                    _connector="OR",
                ),
                name="grant_to_one_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("user", "group", "model", "role"),
                name="grant_one_open",
                nulls_distinct=False,
                violation_error_code="already_granted",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expires_at__isnull", True), ("expires_at__gt", models.F("opened_at")), _connector="OR"
                ),
                name="grant_ends_after_it_begins",
                violation_error_code="ends_before_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                    models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                    _connector="OR",
                ),
                name="grant_closed_with_event",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewreminder",
            constraint=models.UniqueConstraint(fields=("model", "due", "step"), name="reminder_once"),
        ),
        migrations.AddIndex(
            model_name="savedview",
            index=models.Index(
                django.db.models.functions.text.Lower("name"),
                models.F("id"),
                condition=models.Q(("shared", True)),
                name="saved_view_shared",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                models.F("owner"), django.db.models.functions.text.Lower("name"), name="saved_view_name_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="signinlink",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), ("used_at__isnull", True)),
                fields=("account",),
                name="sign_in_link_one_open",
                violation_error_code="already_issued",
            ),
        ),
        migrations.AddConstraint(
            model_name="signinlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("way", "mailed"), ("digest__isnull", False), _connector="OR"),
                name="sign_in_link_shown_has_digest",
            ),
        ),
        migrations.AddConstraint(
            model_name="stage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("initial", True)), fields=("initial",), name="stage_one_initial"
            ),
        ),
        migrations.AddConstraint(
            model_name="stage",
            constraint=models.CheckConstraint(
                condition=models.Q(("exclusive", False), ("displaced_to__isnull", False), _connector="OR"),
                name="stage_exclusive_displaces",
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["model", "declaration"], name="version_by_declaration"),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                models.OrderBy(
                    django.db.models.functions.comparison.Coalesce("updated_at", "created_at"), descending=True
                ),
                models.OrderBy(models.F("number"), descending=True),
                name="version_by_change",
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["stage", "model", "number"], name="version_by_stage"),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(
                fields=["fingerprint"], name="version_by_fingerprint", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["run_id"], name="version_by_run", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["code_commit"], name="version_by_commit", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=models.Index(fields=["registered_at"], name="version_by_moment"),
        ),
        migrations.AddIndex(
            model_name="modelversion",
            index=django.contrib.postgres.indexes.GinIndex(fields=["tags"], name="version_by_tag"),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(fields=("model", "number"), name="version_number_once"),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "registering"), ("fingerprint__regex", "^[0-9a-f]{64}$"), _connector="OR"
                ),
                name="version_registered_has_fingerprint",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "registering"), ("abandoned_at__isnull", True), _connector="OR"),
                name="version_abandoned_is_not_registered",
            ),
        ),
        migrations.AddConstraint(
            model_name="stagemove",
            constraint=models.UniqueConstraint(fields=("source", "target"), name="stage_move_once"),
        ),
        migrations.AddConstraint(
            model_name="stagemove",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", models.F("target")), _negated=True), name="stage_move_goes_somewhere"
            ),
        ),
        migrations.AddIndex(
            model_name="stageoccupancy",
            index=models.Index(fields=["model", "stage", "opened_at"], name="occupancy_at_time"),
        ),
        migrations.AddConstraint(
            model_name="stageoccupancy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("version",),
                name="occupancy_one_open_per_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="stageoccupancy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True), ("exclusive", True)),
                fields=("model", "stage"),
                name="occupancy_exclusive_stage",
            ),
        ),
        migrations.AddConstraint(
            model_name="stageoccupancy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                    models.Q(("closed_at__isnull", False), ("closed_event__isnull", False)),
                    _connector="OR",
                ),
                name="occupancy_closed_with_event",
                violation_error_code="closed_without_event",
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("state__in", ("queued", "examining"))), fields=["due_at"], name="upload_to_examine"
            ),
        ),
        migrations.RunSQL(EFFECTIVE_MEMBERSHIP),
        migrations.RunSQL(_sql("0001_guards.sql")),
    ]
