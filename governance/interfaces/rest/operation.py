"""Metadata of an API operation, declared at its view method and used by the views and by the OpenAPI schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """Metadata of an operation. Decorates the view method, whose docstring is the description of the operation.

    Args:
        id: stable, in camelCase: generated clients name a function by it.
        summary: a few words.
        tag: the group in the reference.
        answers: per status, the schema of the body, or a description if there is no body.
        body: schema of the JSON body, if any.
        binary_body: the request body is a file.
        file: the response body is a file.
        query: schema of the query string.
        etag: the response has an `ETag`, and `If-None-Match` is supported.
        if_match: `If-Match` is required.
        idempotent: `Idempotency-Key` is supported.
        long_poll: `Prefer: wait=…` (RFC 7240) is supported.
        public: no token is required.
        refusals: error statuses in addition to those that follow from the other arguments.
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
        method.operation = self  # type: ignore[attr-defined]  # read by the view and the schema
        return method

    def statuses_of_refusals(self, *, has_path_parameters: bool) -> list[int]:
        """Return every error status of the operation, sorted."""
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
    """Return the operation of a view's HTTP method; None if it has none."""
    found = getattr(getattr(view, method.lower(), None), "operation", None)
    return found if isinstance(found, Operation) else None
