"""Errors in a query: where, and what is allowed there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registry.exceptions import FieldError, ValidationFailedError


@dataclass(frozen=True)
class QueryError:
    """An error at text[start:end]. `allowed` lists what is allowed there; `suggestion` is the closest of it, or
    empty.
    """

    code: str
    detail: str
    start: int
    end: int
    allowed: tuple[str, ...] = ()
    suggestion: str = ""


class InvalidQuery(ValidationFailedError):
    """A query that cannot be parsed, with every error that was found."""

    default_code = "invalid_query"

    def __init__(self, text: str, faults: Iterable[QueryError], *, pointer: str = "?q") -> None:
        self.text = text
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.start, fault.end)))
        super().__init__(FieldError(pointer, fault.code, fault.detail) for fault in self.faults)

    def render_with_carets(self, fault: QueryError) -> str:
        """Return two lines: the query, and carets under the error."""
        line = "".join(" " if char.isspace() else char for char in self.text)
        return f"{line}\n{' ' * fault.start}{'^' * max(1, fault.end - fault.start)}"
