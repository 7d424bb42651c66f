"""The notice of emergency changes that are owed, on every page of their model."""

from __future__ import annotations

from typing import Any

from django import template

from governance import selectors
from registry.models import RegisteredModel

register = template.Library()


@register.inclusion_tag("parts/debts.html")
def debts(model: RegisteredModel) -> dict[str, Any]:
    """A notice for each emergency change of the model that is not repaid; nothing where there is none. One query."""
    return {"debts": selectors.debts_of_models([model.pk]).get(model.pk, [])}
