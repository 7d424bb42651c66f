"""How a row is called in a choice: by words, and by the key that names it and nothing else."""

from __future__ import annotations

from typing import Final

from django.db.models import Model

from registry.models import RegisteredModel, ReviewerGroup, User

KEYS: Final[dict[type[Model], str]] = {User: "username", ReviewerGroup: "slug", RegisteredModel: "slug"}
"""What tells the rows of a kind apart, and people know them by."""


def label_of(row: Model) -> str:
    """ "Priya Nair (priya)": words, then the key in brackets; the key alone where there are no words."""
    if isinstance(row, User):
        return f"{row.name}{'' if row.is_active else ', deactivated'} ({row.username})"
    if isinstance(row, ReviewerGroup):
        return f"{row.name} ({row.slug})"
    if isinstance(row, RegisteredModel):
        return f"{row.title} ({row.slug})" if row.title else row.slug
    return str(row)


def keys_in(text: str) -> list[str]:
    """What may be the key in what somebody wrote: the last brackets of a label, or all of it."""
    text = text.strip()
    inner = text[text.rfind("(") + 1 : -1].strip() if text.endswith(")") and "(" in text else ""
    return [key for key in (inner, text) if key]
