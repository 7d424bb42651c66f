"""The last word on names that are given once: the database's."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from registry.exceptions import FieldError, ValidationFailedError

UNIQUE_VIOLATION = "23505"


@contextmanager
def translate_unique_violation(pointer: str, detail: str) -> Iterator[None]:
    """Turn a name that is taken, perhaps a moment ago by somebody else, into ValidationFailedError at `pointer`.

    The transaction around it is spoilt then, and must be left by the refusal.
    """
    try:
        yield
    except IntegrityError as fault:
        if getattr(fault.__cause__, "pgcode", None) != UNIQUE_VIOLATION:
            raise
        raise ValidationFailedError([FieldError(pointer, "taken", detail)]) from fault


@contextmanager
def lost_to_another(error: type[Exception]) -> Iterator[None]:
    """Turn the violation of a unique constraint into an exception of the caller's, which leaves the transaction.

    Raises:
        Exception: of the type given.
    """
    try:
        yield
    except IntegrityError as fault:
        if getattr(fault.__cause__, "pgcode", None) != UNIQUE_VIOLATION:
            raise
        raise error from fault
