"""What one operation of the interface is: said once, beside the method that does it, read by view and schema alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """An operation: called on a view's method it describes that method, whose docstring is the description.

    Args:
        id: stable, in camelCase: generated clients name a function by it.
        summary: a few words.
        tag: the noun it belongs to.
        answers: by status, the shape of the body, or a sentence where there is none.
        body: shape of the JSON body, where it takes one.
        raw: its body is a file, sent as it is.
        file: its answer is a file.
        query: shape of the query string.
        tagged: its answer carries an `ETag`, and `If-None-Match` is honoured.
        if_match: needs `If-Match`.
        idempotent: takes `Idempotency-Key`.
        waits: takes `Prefer: wait=…` (RFC 7240).
        open: needs no token.
        refusals: statuses of refusals beyond those that follow from the above.
    """

    id: str
    summary: str
    tag: str
    answers: Mapping[int, type[BaseModel] | str]
    body: type[BaseModel] | None = None
    binary_body: bool = False
    file: bool = False
    query: type[BaseModel] | None = None
    etag: bool = False
    if_match: bool = False
    idempotent: bool = False
    long_poll: bool = False
    public: bool = False
    refusals: tuple[int, ...] = ()

    def __call__(self, method: Method) -> Method:
        method.operation = self  # type: ignore[attr-defined]
        return method

    def statuses_of_refusals(self, *, has_path_parameters: bool) -> list[int]:
        """Every status it may refuse with."""
        found = {400, *self.refusals}
        if not self.public:
            found |= {401, 403, 429}
        if has_path_parameters:
            found.add(404)
        if self.body is not None:
            found |= {413, 415, 422}
        if self.binary_body:
            found |= {411, 413, 415, 422}
        if self.if_match:
            found |= {412, 428}
        if self.idempotent:
            found |= {409, 422}
        return sorted(found)


def get_operation(view: object, method: str) -> Operation | None:
    """The operation behind an HTTP method of a view."""
    found = getattr(getattr(view, method.lower(), None), "operation", None)
    return found if isinstance(found, Operation) else None
