"""Which policies a change of a model's facts replaces by less strict ones."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from governance.checks import entry_points
from governance.gate import gate_inputs
from governance.policies import choose, facts_of_model, is_at_least_as_strict
from governance.selectors.paths import demands_of_lifecycle
from registry.models import RegisteredModel
from registry.services import fact_changes, matched_facts

FACT_CHANGE = fact_changes.FACT_CHANGE
"""The kind of change proposal; importing this module registers it."""


@matched_facts.register_finder
def policies_replaced(model: RegisteredModel, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the policies in force that would cease to govern a change of the model, and be replaced by one that is not
    at least as strict.

    Args:
        model: the model as stored.
        changes: new values of its matched facts.
    """
    documents = gate_inputs.documents_in_force()
    if all(document.applies_to.restricts_only_tiers for document in documents):
        return ()
    before = facts_of_model(model)
    new = facts_of_model(RegisteredModel(**{name: changes.get(name, getattr(model, name)) for name in _NAMES}))
    after = replace(new, tier=before.tier)
    if before == after:
        return ()
    candidates = [(document, document) for document in documents]
    found = []
    for demand in demands_of_lifecycle():
        old, other = choose(candidates, demand, before), choose(candidates, demand, after)
        if old is None or other is None or old is other:  # a change that no policy covers is refused
            continue
        if not is_at_least_as_strict(other, old, merge=entry_points.combined_parameters):
            found.append(old.slug)
    return tuple(dict.fromkeys(found))


_NAMES = tuple(sorted(matched_facts.MATCHED))
