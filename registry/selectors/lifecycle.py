"""The lifecycle in force, and which names of aliases it protects."""

from django.db.models import Q

from registry import stages
from registry.models import ProtectedAlias, Stage, StageMove
from registry.rules import Faults


def lifecycle() -> stages.Lifecycle:
    """The lifecycle in force, as a value. Two queries."""
    rows = Stage.objects.select_related("displaced_to").order_by("position")
    return stages.lifecycle(
        [
            stages.StageSpec(
                name=row.name,
                slug=row.slug,
                position=row.position,
                initial=row.initial,
                exclusive=row.exclusive,
                protected=row.protected,
                protected_exit=row.protected_exit,
                displaced_to=row.displaced_to.slug if row.displaced_to is not None else None,
            )
            for row in rows
        ],
        StageMove.objects.values_list("source__slug", "target__slug"),
    )


def anything_protected() -> bool:
    """Whether the gate guards anything here: a stage, its exit, or an alias. False on an instance set up for trials."""
    guarded = Stage.objects.filter(Q(protected=True) | Q(protected_exit=True))
    return guarded.exists() or ProtectedAlias.objects.exists()


def is_protected_alias(name: str) -> bool:
    """Whether the alias moves by promotion request only."""
    return ProtectedAlias.objects.filter(name=name).exists()


def require_alias_name(name: str) -> str:
    """Raises InvalidInput, at /alias, for a name that cannot be an alias, and for one that is a protected alias but for
    its capitals: whoever reads “Champion” takes it for the champion."""
    faults = Faults()
    faults.alias("/alias", name)
    meant = ProtectedAlias.objects.filter(name__iexact=name).exclude(name=name).first()
    if meant is not None:
        faults.add("/alias", "looks_protected", f"Write “{meant.name}”, the protected alias, or choose another name.")
    faults.refuse()
    return name
