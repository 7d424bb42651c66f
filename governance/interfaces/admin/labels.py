"""Labels of rows in selection fields, with the key that identifies the row."""

from __future__ import annotations

from typing import Final

from django.db.models import Model

from registry.models import RegisteredModel, ReviewerGroup, User

KEYS: Final[dict[type[Model], str]] = {User: "username", ReviewerGroup: "slug", RegisteredModel: "slug"}
"""The unique field by which people know the rows of each model."""


def label_of(row: Model) -> str:
    """Return the label: "Priya Nair (priya)", or the key alone if there is no name."""
    if isinstance(row, User):
        return f"{row.name}{'' if row.is_active else ', deactivated'} ({row.username})"
    if isinstance(row, ReviewerGroup):
        return f"{row.name} ({row.slug})"
    if isinstance(row, RegisteredModel):
        return f"{row.title} ({row.slug})" if row.title else row.slug
    return str(row)


def keys_in(text: str) -> list[str]:
    """Return the possible keys in a typed text: the last brackets of a label, or the whole text."""
    text = text.strip()
    inner = text[text.rfind("(") + 1 : -1].strip() if text.endswith(")") and "(" in text else ""
    return [key for key in (inner, text) if key]
