"""Whether something was or is being decided under a model's risk tier, and by whom it was requested.

Promotion requests are not the registry's: the module that keeps them registers the functions that find their
requesters and whether there ever was one under a policy.
"""

from collections.abc import Callable, Mapping

from registry import selectors
from registry.models import AliasAssignment, RegisteredModel, StageOccupancy

FindRequesters = Callable[[RegisteredModel], Mapping[str, str]]
"""The people behind the live promotion requests of a model: the reason by uid."""

WasRequested = Callable[[RegisteredModel], bool]
"""Whether a promotion of a model was ever requested under a policy, whatever became of the request."""

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


def is_in_use(model: RegisteredModel) -> bool:
    """Whether something was ever decided under the model's tier, or is being decided.

    History counts: a version that left its protected stage, and a request that was rejected or withdrawn, leave the
    tier as it was decided under.

    Returns:
        True where a version of the model is or was in a protected stage or under a protected alias, or a promotion of
        it was ever requested under a policy.

    Raises:
        RuntimeError: no function is registered, so that requests could not be found.
    """
    if not _requested:
        raise RuntimeError("No function finds the requests of a model: import governance.services.setup.")
    if StageOccupancy.objects.filter(model=model, stage__protected=True).exists():
        return True
    if any(was_requested(model) for was_requested in _requested):
        return True
    names = AliasAssignment.objects.filter(model=model).order_by("name").values_list("name", flat=True).distinct()
    return bool(selectors.alias_protections(names))
