"""What concerns approvals after the promotion, and recalled datasets."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def _sql(name):
    return (Path(__file__).parent / "sql" / name).read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0017_one_mail_queue"),
        ("registry", "0006_verification_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DatasetRecall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("identity", models.CharField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=250)),
                ("reason", models.TextField()),
                ("recalled_at", models.DateTimeField()),
                (
                    "recalled_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
            },
        ),
        migrations.CreateModel(
            name="Impact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("inputs_changed", "Inputs changed"),
                            ("tier_changed", "Risk tier changed"),
                            ("policy_retired", "Policy retired"),
                            ("dataset_recalled", "Dataset recalled"),
                            ("vulnerable_dependency", "Vulnerable dependency"),
                            ("approver_conflicted", "Approver conflicted"),
                        ],
                        max_length=24,
                    ),
                ),
                ("reference", models.CharField(max_length=100)),
                ("place", models.CharField(help_text="slug of the stage, or @ and the alias", max_length=256)),
                ("detail", models.TextField()),
                (
                    "consequence",
                    models.CharField(
                        choices=[
                            ("notify", "notified"),
                            ("finding", "finding"),
                            ("reapproval", "approve again"),
                            ("demote", "approve again, or remove"),
                        ],
                        max_length=12,
                    ),
                ),
                ("due", models.DateField(blank=True, null=True)),
                ("recorded_at", models.DateTimeField()),
                ("overdue_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("settlement", models.CharField(blank=True, max_length=200)),
                (
                    "finding",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance.finding",
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="impacts",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "reapproval",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance.promotionrequest",
                    ),
                ),
                (
                    "removal",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance.promotionrequest",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="impacts",
                        to="governance.promotionrequest",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="impacts", to="registry.modelversion"
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "indexes": [
                    models.Index(condition=models.Q(("settled_at__isnull", True)), fields=["model"], name="impact_open")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("cause", "reference", "request"), name="impact_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", True), ("settlement", "")),
                            models.Q(
                                ("settled_at__gte", models.F("recorded_at")),
                                models.Q(("settlement", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="impact_settled_says_how",
                    ),
                ],
            },
        ),
        migrations.RunSQL(_sql("0018_impacts.sql")),
    ]
