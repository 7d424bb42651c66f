"""Whether something was or is being decided under a model's risk tier, and by whom it was requested.

Promotion requests are not the registry's: the module that keeps them registers the functions that find their
requesters and whether there ever was one under a policy.
"""

from collections.abc import Callable, Mapping

from django.db.models import Q

from registry import selectors
from registry.models import AliasAssignment, ModelVersion, RegisteredModel, StageOccupancy

FindRequesters = Callable[[RegisteredModel], Mapping[str, str]]
"""The people behind the live promotion requests of a model: the reason by uid."""

WasRequested = Callable[[RegisteredModel, ModelVersion | None], bool]
"""Whether a promotion of a model, or of one version of it, was ever requested under a policy, whatever became of the
request."""

_requesters: list[FindRequesters] = []
_requested: list[WasRequested] = []


def register_requesters(find: FindRequesters) -> FindRequesters:
    """Register the function that finds the people behind a model's live promotion requests."""
    if find not in _requesters:
        _requesters.append(find)
    return find


def requesters(model: RegisteredModel) -> dict[str, str]:
    """The people behind the live promotion requests of a model: the reason by uid.

    Raises:
        RuntimeError: no function is registered, so that no requester could be excluded.
    """
    if not _requesters:
        raise RuntimeError("No function finds the requesters of a model: import governance.services.setup.")
    return {uid: reason for find in _requesters for uid, reason in find(model).items()}


def register_requested(was_requested: WasRequested) -> WasRequested:
    """Register the function that finds whether a promotion of a model was ever requested under a policy."""
    if was_requested not in _requested:
        _requested.append(was_requested)
    return was_requested


def is_in_use(model: RegisteredModel, version: ModelVersion | None = None) -> bool:
    """Whether something was ever decided under the model's tier, or is being decided.

    History counts: a version that left its protected stage, and a request that was rejected or withdrawn, leave the
    tier as it was decided under.

    Args:
        model: the model.
        version: a version of it, where only that one is asked about.

    Returns:
        True where a version of the model is or was in a protected stage or under a protected alias, or a promotion of
        it was ever requested under a policy.

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
