"""Whether something was or is being decided under a model's risk tier, and by whom it was requested.

Promotion requests are not the registry's: the module that keeps them registers the function that finds their
requesters.
"""

from collections.abc import Callable, Mapping

from registry.models import OPEN, AliasAssignment, ProtectedAlias, RegisteredModel, StageOccupancy

FindRequesters = Callable[[RegisteredModel], Mapping[str, str]]
"""The people behind the live promotion requests of a model: the reason by uid."""

_requesters: list[FindRequesters] = []


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


def is_in_use(model: RegisteredModel) -> bool:
    """Whether a version of the model is in a protected place, or a promotion request of it is live."""
    return (
        StageOccupancy.objects.filter(OPEN, model=model, stage__protected=True).exists()
        or AliasAssignment.objects.filter(OPEN, model=model, name__in=ProtectedAlias.objects.values("name")).exists()
        or bool(requesters(model))
    )
