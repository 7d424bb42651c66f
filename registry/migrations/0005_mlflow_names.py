"""What an MLflow client brings: names that are no slugs, versions known by their source, and when one last changed."""

from django.db import migrations, models
from django.db.models.functions import Coalesce

from audit.migration_guards import immutable_columns


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_alias_stays")]

    operations = [
        migrations.AddField(
            "modelversion",
            "source_only",
            models.BooleanField(
                default=False,
                editable=False,
                help_text="registered by its source alone, as MLflow clients do: what it consists of may be attached "
                "later",
            ),
        ),
        migrations.AddField(
            "modelversion",
            "updated_at",
            models.DateTimeField(
                null=True,
                blank=True,
                help_text="of the last change of its stage, description or name; empty: none since",
            ),
        ),
        migrations.AddField(
            "registeredmodel",
            "mlflow_name",
            models.CharField(
                max_length=256,
                null=True,
                blank=True,
                editable=False,
                help_text="what MLflow clients call it, where that is no lawful slug",
            ),
        ),
        migrations.AddIndex(
            "modelversion",
            models.Index(
                Coalesce("updated_at", "created_at").desc(), models.F("number").desc(), name="version_by_change"
            ),
        ),
        migrations.AddConstraint(
            "registeredmodel", models.UniqueConstraint(Coalesce("mlflow_name", "slug"), name="model_called_once")
        ),
        immutable_columns("registry_modelversion", "source_only"),
        immutable_columns("registry_registeredmodel", "mlflow_name"),
    ]
