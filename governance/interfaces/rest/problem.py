"""A problem (RFC 9457) as the front room itself raises it: what is wrong with the request as HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Problem(Exception):
    """Raised by views and their machinery; `governance.interfaces.rest.errors` writes it.

    Args:
        status: the HTTP status code.
        code: a name of `governance.interfaces.rest.problems`.
        detail: the rule, and the way out.
        errors: faults of the input, each with `pointer`, `code` and `detail`.
        headers: to send along.
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
