"""Emergency changes: terms, signature of the person who requests, and what is owed."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models


def _sql(name):
    return (Path(__file__).parent / "sql" / name).read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0014_delegations"),
    ]

    operations = [
        migrations.CreateModel(
            name="EmergencyChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "incident",
                    models.CharField(
                        help_text="reference of the incident in the system that handles it", max_length=200
                    ),
                ),
                ("hours", models.PositiveSmallIntegerField(help_text="for how long the version may hold the place")),
                ("retrospective_within_days", models.PositiveSmallIntegerField()),
                (
                    "when_ended",
                    models.CharField(
                        choices=[
                            ("flag", "shown as overdue"),
                            ("roll_back", "shown as overdue, and the rollback is requested"),
                        ],
                        max_length=10,
                    ),
                ),
                ("signed_name", models.CharField(max_length=200)),
                ("signed_meaning", models.TextField()),
                ("signed_at", models.DateTimeField()),
                ("began_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("retrospective_due", models.DateField(blank=True, null=True)),
                ("overdue_at", models.DateTimeField(blank=True, null=True)),
                ("repaid_at", models.DateTimeField(blank=True, null=True)),
                (
                    "finding",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance.finding",
                    ),
                ),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="emergency",
                        to="governance.promotionrequest",
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("began_at__isnull", False), ("repaid_at__isnull", True)),
                        fields=["ends_at"],
                        name="emergency_owed",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("began_at__isnull", True),
                                ("ends_at__isnull", True),
                                ("finding__isnull", True),
                                ("overdue_at__isnull", True),
                                ("repaid_at__isnull", True),
                                ("retrospective_due__isnull", True),
                            ),
                            models.Q(
                                ("began_at__isnull", False),
                                ("ends_at__gt", models.F("began_at")),
                                ("finding__isnull", False),
                                ("retrospective_due__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="emergency_is_owed_from_promotion",
                    )
                ],
            },
        ),
        migrations.RunSQL(_sql("0015_emergency_changes.sql")),
    ]
