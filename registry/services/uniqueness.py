"""Translation of unique constraint violations, which detect concurrent use of a name."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from registry.exceptions import FieldError, ValidationFailedError

UNIQUE_VIOLATION = "23505"


@contextmanager
def translate_unique_violation(pointer: str, detail: str) -> Iterator[None]:
    """Translate a unique violation in the block, perhaps by a concurrent request.

    The transaction around the block is aborted then, and the exception must leave it.

    Raises:
        ValidationFailedError: at `pointer`, with the code "taken" and the detail.
    """
    try:
        yield
    except IntegrityError as fault:
        if getattr(fault.__cause__, "pgcode", None) != UNIQUE_VIOLATION:
            raise
        raise ValidationFailedError([FieldError(pointer, "taken", detail)]) from fault


@contextmanager
def lost_to_another(error: type[Exception]) -> Iterator[None]:
    """Translate a unique violation in the block into an exception without arguments, which must leave the transaction.

    Raises:
        Exception: of the given type.
    """
    try:
        yield
    except IntegrityError as fault:
        if getattr(fault.__cause__, "pgcode", None) != UNIQUE_VIOLATION:
            raise
        raise error from fault
