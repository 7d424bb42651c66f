"""Facts of a model, besides its tier, by which policies are selected.

A change that replaces a policy of a model in use by a less strict one needs a second person (`fact_changes`). The
registry has no policies: the module that owns them registers the function that compares them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from registry.exceptions import InvalidStateError
from registry.models import RegisteredModel
from registry.services import tier_use

MATCHED = frozenset({"tags", "data_classes", "team", "affects_people", "regulations"})
"""The fields of a model, besides the tier, that a policy can match."""

FindLoosened = Callable[[RegisteredModel, Mapping[str, Any]], Sequence[str]]
"""Returns the policies that would cease to govern a model, each replaced by one that is not at least as strict, if its
fields had the given values."""

_finders: list[FindLoosened] = []


def register_finder(find: FindLoosened) -> FindLoosened:
    """Register the function that finds the policies that a change of facts loosens."""
    if find not in _finders:
        _finders.append(find)
    return find


def policies_loosened(model: RegisteredModel, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the policies of a model in use that a change of its facts would replace by less strict ones.

    Args:
        model: the model as stored, locked.
        changes: new values of fields of the model.

    Returns:
        Slugs of the policies; empty for a model that no version or request of which was ever governed.
    """
    given = {field: value for field, value in changes.items() if field in MATCHED}
    if not given:
        return ()
    found = tuple(dict.fromkeys(slug for find in _finders for slug in find(model, given)))
    return found if found and tier_use.is_in_use(model) else ()


def refuse_loosening(model: RegisteredModel, changes: Mapping[str, Any]) -> None:
    """Refuse a change of facts that loosens the policies of a model in use.

    Raises:
        InvalidStateError: the change needs a second person ("facts_need_second_person").
    """
    lost = policies_loosened(model, changes)
    if lost:
        fields = " and ".join(sorted(field.replace("_", " ") for field in MATCHED & changes.keys()))
        raise InvalidStateError(
            f"{', '.join(lost)} would not govern {model.slug} any more after this change of its {fields}, and the "
            "policy that would is less strict. A second person confirms such a change: make it on the page of the "
            "model or with PATCH, which propose it.",
            code="facts_need_second_person",
        )
