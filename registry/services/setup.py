"""Initial set-up of an organisation: the lifecycle."""

from django.db import connection, transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import ObjectRef
from registry import access, stages
from registry.actions import LIFECYCLE_INSTALLED
from registry.models import ProtectedAlias, Stage, StageMove

CHAMPION = "champion"
REPRESENTS = {CHAMPION: "production"}
"""The stage that each protected alias represents in the default lifecycle."""


@transaction.atomic
def install_lifecycle(*, actor: Actor, protected: bool = True) -> None:
    """Create the default stages, their transitions and the protected alias `champion`. Does nothing if stages exist.

    Args:
        actor: a process, or an officer.
        protected: False for a lifecycle in which every allowed transition is ungoverned and no alias is protected.

    Raises:
        PermissionDeniedError: the actor may not manage policies.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    with connection.cursor() as cursor:  # of two concurrent installers the second waits, and then finds the stages
        cursor.execute("LOCK TABLE registry_stage IN SHARE ROW EXCLUSIVE MODE")
    if Stage.objects.exists():
        return
    lifecycle = stages.DEFAULT if protected else stages.UNPROTECTED
    aliases = [CHAMPION] if protected else []
    recorder.record_event(
        LIFECYCLE_INSTALLED,
        actor=actor,
        target=ObjectRef("lifecycle", "default"),
        stream="organisation",
        related_objects=[
            *(ObjectRef("stage", stage.slug) for stage in lifecycle.stages),
            *(ObjectRef("protected_alias", name) for name in aliases),
        ],
        data={
            "stages": [stage.slug for stage in lifecycle.stages],
            "moves": [list(move) for move in sorted(lifecycle.moves)],
            "protected_stages": [stage.slug for stage in lifecycle.stages if stage.protected],
            "protected_aliases": list(aliases),
            "represented_stages": {name: REPRESENTS[name] for name in aliases},
        },
    )
    made: dict[str, Stage] = {}
    # Stages without displaced_to first, because displaced_to refers to an existing stage.
    for spec in sorted(lifecycle.stages, key=lambda spec: spec.displaced_to is not None):
        made[spec.slug] = Stage.objects.create(
            name=spec.name,
            slug=spec.slug,
            position=spec.position,
            initial=spec.initial,
            exclusive=spec.exclusive,
            protected=spec.protected,
            protected_exit=spec.protected_exit,
            displaced_to=made[spec.displaced_to] if spec.displaced_to is not None else None,
        )
    StageMove.objects.bulk_create(
        [StageMove(source=made[source], target=made[target]) for source, target in sorted(lifecycle.moves)]
    )
    for name in aliases:
        ProtectedAlias.objects.create(name=name, stage=made[REPRESENTS[name]])
