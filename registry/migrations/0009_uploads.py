"""Files that are sent past us to a bucket, formats of stored bytes, and versions that were given up."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import write_once_columns


class Migration(migrations.Migration):
    dependencies = [("registry", "0008_dataset_search")]

    operations = [
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
                (
                    "claim",
                    models.UUIDField(blank=True, help_text="known to the worker that has it alone", null=True),
                ),
                (
                    "alive_at",
                    models.DateTimeField(blank=True, help_text="the worker's last sign of life", null=True),
                ),
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
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("queued", "examining"))),
                        fields=["due_at"],
                        name="upload_to_examine",
                    )
                ],
            },
        ),
        migrations.AddField(
            "blob",
            "format",
            models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="what the bytes were recognised as; empty until somebody looked",
                max_length=20,
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            "blob", models.Index(condition=models.Q(("format", "")), fields=["stored_at"], name="blob_unrecognised")
        ),
        migrations.AddIndex("blob", models.Index(fields=["format"], name="blob_by_format")),
        migrations.AddField(
            "modelversion",
            "abandoned_at",
            models.DateTimeField(blank=True, help_text="when it was given up, because its files never came", null=True),
        ),
        migrations.AddConstraint(
            "modelversion",
            models.CheckConstraint(
                condition=models.Q(("status", "registering"), ("abandoned_at__isnull", True), _connector="OR"),
                name="version_abandoned_is_not_registered",
            ),
        ),
        write_once_columns("registry_modelversion", "abandoned_at"),
    ]
