"""Domain errors of the registry and of the packages that use it. Independent of HTTP: the interfaces translate them.

Each has `code` (stable, for programs), `detail` (a message with the rule and the remedy), `who_can` (names of people
who can help) and `requirements` (unmet requirements of a policy).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar


class DomainError(Exception):
    """An operation that a rule of the product refuses. `rule` is the name of the rule if it has one ("SoD-2")."""

    default_code: ClassVar[str] = "refused"

    def __init__(
        self,
        detail: str,
        *,
        code: str = "",
        who_can: Iterable[str] = (),
        requirements: Sequence[object] = (),
        rule: str = "",
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.who_can = tuple(who_can)
        self.requirements = tuple(requirements)
        self.rule = rule


class NotFoundError(DomainError):
    """The object is absent or not visible to the caller: the same response, so that it reveals nothing."""

    default_code = "not_found"


class PermissionDeniedError(DomainError):
    """A missing role, a missing scope, or a separation of duties."""

    default_code = "not_permitted"
    access_request: tuple[str, str] | None = None
    """The model and the role to request, if an access request is the remedy."""


class InvalidStateError(DomainError):
    """The current state does not allow the operation; it may be possible later."""

    default_code = "not_now"


class InvalidTransitionError(InvalidStateError):
    """The lifecycle has no such transition from the current stage."""

    default_code = "illegal_move"
    way: tuple[str, ...] = ()
    """The slugs of the stages through which allowed transitions lead to the target, which is the last one."""


class ConflictError(DomainError):
    """Another object conflicts, such as an open request for the same target: `existing`."""

    default_code = "conflict"

    def __init__(  # the keyword arguments of DomainError and one more
        self,
        detail: str,
        *,
        existing: object = None,
        code: str = "",
        who_can: Iterable[str] = (),
        requirements: Sequence[object] = (),
        rule: str = "",
    ) -> None:
        super().__init__(detail, code=code, who_can=who_can, requirements=requirements, rule=rule)
        self.existing = existing


class StaleRevisionError(ConflictError):
    """The row was changed since it was read (If-Match): `existing` is the current row."""

    default_code = "stale_revision"


@dataclass(frozen=True)
class FieldError:
    """One input error: its place (RFC 6901 JSON pointer), a stable code, and a message with the rule and the remedy."""

    pointer: str
    code: str
    detail: str


class ValidationFailedError(DomainError):
    """The input breaks rules; every error that was found is listed."""

    default_code = "invalid_input"

    def __init__(self, errors: Iterable[FieldError], *, code: str = "") -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(error.detail for error in self.errors), code=code)
