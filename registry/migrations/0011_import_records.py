"""What was brought from other registries, and what was said there."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.migration_guards import immutable_columns, refuse_delete, require_event


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0010_version_notes"),
    ]

    operations = [
        migrations.AddField(
            model_name="aliasassignment",
            name="before_governance",
            field=models.BooleanField(
                default=False, help_text="it was set before it was brought here: nobody here approved it"
            ),
        ),
        migrations.AddField(
            model_name="stageoccupancy",
            name="before_governance",
            field=models.BooleanField(
                default=False, help_text="it was there before it was brought here: nobody here approved it"
            ),
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
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="import_records",
                        to="registry.registeredmodel",
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
            ],
            options={
                "ordering": ("pk",),
                "constraints": [
                    models.UniqueConstraint(fields=("origin", "name", "number"), name="imported_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("number", ""), ("version__isnull", True)),
                            models.Q(
                                models.Q(("number", ""), _negated=True), models.Q(("version", None), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="import_of_a_version_has_its_number",
                    ),
                ],
            },
        ),
        require_event("registry_importrecord", "import"),
        refuse_delete("registry_importrecord", "What was brought stays on record; register a newer version instead."),
        immutable_columns(
            "registry_importrecord",
            *("uid", "kind", "origin", "name", "number", "model_id", "version_id", "created_there", "updated_there"),
            *("author_there", "stage", "aliases", "approval", "claims", "imported_at", "imported_by_id"),
        ),
    ]
