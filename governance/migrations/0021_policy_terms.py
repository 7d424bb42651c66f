"""Terms of policies: from when on a revision is in force, or a policy is retired."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


def _sql(name):
    return (Path(__file__).parent / "sql" / name).read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0020_decision_keys"),
        ("registry", "0001_initial"),
    ]

    operations = [
        # The column keeps its name, which guards of the first migration read; it is the revision published last.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField(model_name="policy", old_name="in_force", new_name="latest"),
                migrations.AlterField(
                    model_name="policy",
                    name="latest",
                    field=models.OneToOneField(
                        blank=True,
                        db_column="in_force_id",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="latest_of",
                        to="governance.policyrevision",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PolicyTerm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("opened_at", models.DateTimeField()),
                ("opened_event", models.UUIDField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_event", models.UUIDField(blank=True, null=True)),
                ("starts_at", models.DateTimeField()),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="terms", to="governance.policy"
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policy_term",
                        to="registry.changeproposal",
                    ),
                ),
                (
                    "revision",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="term",
                        to="governance.policyrevision",
                    ),
                ),
            ],
            options={
                "ordering": ("-starts_at", "-pk"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=["policy", "-starts_at"],
                        name="policy_term_order",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("starts_at__gte", models.F("opened_at"))),
                        name="policy_term_not_before_its_decision",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("closed_event__isnull", True)),
                            models.Q(("closed_at__lt", models.F("starts_at")), ("closed_event__isnull", False)),
                            _connector="OR",
                        ),
                        name="policy_term_cancelled_before_it_begins",
                        violation_error_code="closed_without_event",
                    ),
                ],
            },
        ),
        migrations.RunSQL(_sql("0021_policy_terms.sql")),
    ]
