"""Whether a decision was made or is pending under a model's risk tier, and who requested it.

The registry has no promotion requests: the module that owns them registers the functions that find their requesters and
whether there ever was one under a policy.
"""

from collections.abc import Callable, Mapping

from django.db.models import Q

from registry import selectors
from registry.models import AliasAssignment, ModelVersion, RegisteredModel, StageOccupancy

FindRequesters = Callable[[RegisteredModel], Mapping[str, str]]
"""Returns the people behind the live promotion requests of a model: the reason by uid."""

WasRequested = Callable[[RegisteredModel, ModelVersion | None], bool]
"""Returns whether a promotion of a model, or of one version, was ever requested under a policy, whatever the
outcome.
"""

_requesters: list[FindRequesters] = []
_requested: list[WasRequested] = []


def register_requesters(find: FindRequesters) -> FindRequesters:
    """Register the function that finds the people behind a model's live promotion requests."""
    if find not in _requesters:
        _requesters.append(find)
    return find


def requesters(model: RegisteredModel) -> dict[str, str]:
    """Return the people behind the live promotion requests of a model: the reason by uid.

    Raises:
        RuntimeError: no function is registered, so that no requester could be excluded.
    """
    if not _requesters:
        raise RuntimeError("No function finds the requesters of a model: import governance.services.setup.")
    return {uid: reason for find in _requesters for uid, reason in find(model).items()}


def register_requested(was_requested: WasRequested) -> WasRequested:
    """Register the function that returns whether a promotion of a model was ever requested under a policy."""
    if was_requested not in _requested:
        _requested.append(was_requested)
    return was_requested


def is_in_use(model: RegisteredModel, version: ModelVersion | None = None) -> bool:
    """Return whether a decision was ever made, or is pending, under the model's tier.

    History counts: a version that left its protected stage, and a request that was rejected or withdrawn, still count.

    Args:
        model: the model.
        version: only this version of it.

    Returns:
        True if a version of the model is or was in a protected stage or under a protected alias, or a promotion of it
        was ever requested under a policy.

    Raises:
        RuntimeError: no function is registered, so that requests could not be found.
    """
    if not _requested:
        raise RuntimeError("No function finds the requests of a model: import governance.services.setup.")
    among = {"model": model} if version is None else {"version": version}
    guarded = Q(stage__protected=True) | Q(stage__protected_exit=True)
    if StageOccupancy.objects.filter(guarded, **among).exists():
        return True
    if any(was_requested(model, version) for was_requested in _requested):
        return True
    names = AliasAssignment.objects.filter(**among).order_by("name").values_list("name", flat=True).distinct()
    return bool(selectors.alias_protections(names))
