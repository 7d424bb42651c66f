"""Names that look alike belong to one model: a row for each name, unique by its skeleton."""

import hashlib

import django.db.models.deletion
from django.db import migrations, models

from audit.migration_guards import immutable_columns, refuse_delete, require_event
from registry.characters import skeleton

TABLE = "registry_registeredname"


def fill(apps, schema_editor):
    """Give each name that is there its row, the older model first. Models whose names looked alike before keep them:
    the younger has no row, and `manage.py check --deploy --database default` names both."""
    name = apps.get_model("registry", "RegisteredName")
    known = apps.get_model("registry", "RegisteredModel").objects.order_by("pk")
    rows = [
        name(model_id=pk, skeleton=hashlib.sha256(skeleton(text).encode()).hexdigest())
        for pk, *texts in known.values_list("pk", "slug", "mlflow_name")
        for text in texts
        if text is not None
    ]
    name.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
    # What is still to be checked at commit would keep the triggers below from being made.
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [("registry", "0016_contributions")]

    operations = [
        migrations.CreateModel(
            name="RegisteredName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("skeleton", models.CharField(max_length=64, unique=True)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="names",
                        to="registry.registeredmodel",
                    ),
                ),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        require_event(TABLE, "model", via=("model_id", "registry_registeredmodel")),
        refuse_delete(TABLE, "A name is given once and stays the model\u2019s."),
        immutable_columns(TABLE, "model_id", "skeleton"),
    ]
