"""Lookup of people named in a request body."""

from __future__ import annotations

from registry import selectors
from registry.exceptions import FieldError, ValidationFailedError
from registry.models import User


def get_user_or_error(username: str | None, pointer: str) -> User | None:
    """Return the account with that user name; None for None.

    Args:
        username: the user name from the request.
        pointer: JSON pointer of the member, for the error.

    Raises:
        ValidationFailedError: there is no such account.
    """
    if username is None:
        return None
    found = selectors.account_by_username(username)
    if found is None:
        raise ValidationFailedError(
            [FieldError(pointer, "unknown_person", f"There is no account with the user name “{username}”.")]
        )
    return found
