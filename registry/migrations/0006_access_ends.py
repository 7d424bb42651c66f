"""Roles that end by the clock, and requests for them: what was asked is fixed, and answered once, with its event."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import allow_close_only, refuse_delete, require_event

ASKED = "registry_accessrequest"
DATED = (
    (
        f"CREATE CONSTRAINT TRIGGER registry_dated_by_event AFTER INSERT OR UPDATE ON public.{ASKED} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION registry_dated_by_event()"
    ),
    f"ALTER TABLE public.{ASKED} ENABLE ALWAYS TRIGGER registry_dated_by_event",
    f"SELECT fence.seal('public.{ASKED}'::regclass, 'registry_dated_by_event')",
)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0005_mlflow_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="grant",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="modelgrouppermission",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="modeluserpermission",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
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
                    "model",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_requests",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="access_requests",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="grant",
            name="answers",
            field=models.OneToOneField(
                blank=True,
                help_text="what it granted",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="grant",
                to="registry.accessrequest",
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
                    ("expires_at__isnull", True), ("expires_at__gt", models.F("opened_at")), _connector="OR"
                ),
                name="grant_ends_after_it_begins",
                violation_error_code="ends_before_it_begins",
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
        require_event(ASKED, "access_request"),
        refuse_delete(ASKED, "Withdraw the request instead."),
        allow_close_only(ASKED, "closed_at", "closed_event", "outcome", "answer", "answered_by"),
        migrations.RunSQL(DATED),
    ]
