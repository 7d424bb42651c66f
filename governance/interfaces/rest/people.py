"""Naming people in a document."""

from __future__ import annotations

from registry.exceptions import FieldError, ValidationFailedError
from registry.models import User


def get_user_or_error(username: str | None, pointer: str) -> User | None:
    """The account with that user name; None for none. Raises ValidationFailedError, at the pointer, for an unknown
    name."""
    if username is None:
        return None
    found = User.objects.filter(username=username).first()
    if found is None:
        raise ValidationFailedError(
            [FieldError(pointer, "unknown_person", f"There is no account with the user name “{username}”.")]
        )
    return found
