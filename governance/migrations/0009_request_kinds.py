"""The kind of a promotion request: ordinary, rollback or emergency change."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def _sql(name):
    return (Path(__file__).parent / "sql" / name).read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0008_findings"),
    ]

    operations = [
        migrations.AddField(
            model_name="promotionrequest",
            name="confirming_group",
            field=models.CharField(
                blank=True,
                editable=False,
                help_text="group whose member confirms an emergency change",
                max_length=80,
            ),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="kind",
            field=models.CharField(
                choices=[("ordinary", "Ordinary"), ("rollback", "Rollback"), ("emergency", "Emergency change")],
                default="ordinary",
                editable=False,
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="promotionrequest",
            name="restores",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="the promotion whose approved inputs a rollback returns to",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="governance.promotionrequest",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=Q(kind="rollback", restores__isnull=False) | (~Q(kind="rollback") & Q(restores__isnull=True)),
                name="promotion_rollback_restores",
            ),
        ),
        migrations.AddConstraint(
            model_name="promotionrequest",
            constraint=models.CheckConstraint(
                condition=(Q(kind="emergency") & ~Q(confirming_group=""))
                | (~Q(kind="emergency") & Q(confirming_group="")),
                name="promotion_emergency_is_confirmed",
            ),
        ),
        migrations.RunSQL(_sql("0009_request_kinds.sql")),
    ]
