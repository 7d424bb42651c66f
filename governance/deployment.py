"""What `manage.py check --deploy` says of an installation beside what Django says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own name

from registry import selectors


@register(deploy=True)
def protection(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Nothing protected is for trials: said of the variable, and, where the database may be asked, of what is there."""
    found: list[CheckMessage] = []
    if settings.COUNTERSIGN_PROTECTED == "none":
        found.append(
            Warning(
                "COUNTERSIGN_PROTECTED=none: an instance set up so protects nothing.",
                hint="Leave it out anywhere but on a trial.",
                id="countersign.W001",
            )
        )
    if databases and not selectors.anything_protected():
        found.append(
            Error(
                "Nothing is protected in this instance: versions enter every stage without checks or approvals.",
                hint="It was set up for a trial. Set up another one for anything else.",
                id="countersign.E001",
            )
        )
    return found
