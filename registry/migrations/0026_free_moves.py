"""An instance that protects nothing allows every move between its stages, as an MLflow server does."""

from itertools import permutations

from django.db import connection, migrations
from django.db.models import Q

from audit import recorder
from audit.actor import process
from audit.recorder import ObjectRef
from registry.actions import LIFECYCLE_INSTALLED


def allow(apps, schema_editor):
    """Add the moves that are lacking, with their event, where the gate guards nothing."""
    stage, move = apps.get_model("registry", "Stage"), apps.get_model("registry", "StageMove")
    stages = {row.pk: row.slug for row in stage.objects.order_by("position")}
    if not stages or stage.objects.filter(Q(protected=True) | Q(protected_exit=True)).exists():
        return
    if apps.get_model("registry", "ProtectedAlias").objects.exists():
        return
    there = set(move.objects.values_list("source_id", "target_id"))
    lacking = [pair for pair in permutations(stages, 2) if pair not in there]
    if not lacking:
        return
    # An action of every release: the database learns the actions of this one when the migration ends.
    recorder.record_event(
        LIFECYCLE_INSTALLED,
        actor=process("migration"),
        target=ObjectRef("lifecycle", "default"),
        stream="organisation",
        related_objects=[ObjectRef("stage", slug) for slug in stages.values()],
        data={"moves": [[stages[source], stages[target]] for source, target in lacking]},
        reason="an instance that protects nothing allows every move",
    )
    move.objects.bulk_create([move(source_id=source, target_id=target) for source, target in lacking])
    with connection.cursor() as cursor:  # a table with changes that wait for their check cannot be altered
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [("registry", "0025_deletion")]

    operations = [migrations.RunPython(allow, reverse_code=migrations.RunPython.noop)]
