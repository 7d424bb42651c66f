"""Copies of what lies at versions' sources: rows that are a queue, planned and ended with an event."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from audit.migration_guards import immutable_columns, refuse_delete, require_event


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0006_before_governance"),
        ("registry", "0011_import_records"),
    ]

    operations = [
        migrations.CreateModel(
            name="SourceCopy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Copied"), ("failed", "Failed")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("files", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0, help_text="bytes")),
                ("problem", models.TextField(blank=True, help_text="why it failed, or why the last attempt did")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("claim", models.UUIDField(blank=True, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True)),
                (
                    "run_after",
                    models.DateTimeField(blank=True, help_text="not before: the pause before a retry", null=True),
                ),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="source_copy",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "source copies",
                "ordering": ("pk",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["run_after"], name="source_copy_waiting"
                    )
                ],
            },
        ),
        require_event("governance_sourcecopy", "copy", unrecorded=["claim", "heartbeat_at", "run_after", "attempts"]),
        refuse_delete("governance_sourcecopy", "What was copied, and what could not be, stays on record."),
        immutable_columns("governance_sourcecopy", "uid", "version_id", "created_at"),
    ]
