"""The exception for HTTP-level errors of the API (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Problem(Exception):
    """An HTTP-level error. `governance.interfaces.rest.errors` renders it.

    Args:
        status: HTTP status code.
        code: key of a type in `governance.interfaces.rest.problems`.
        detail: the rule and the remedy.
        errors: validation errors, each with `pointer`, `code` and `detail`.
        headers: additional response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
