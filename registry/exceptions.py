"""Named refusals of the registry and of what stands on it. No HTTP in them: the front doors translate.

Each carries `code` (stable, for programs), `detail` (a sentence: the rule and the way out), `who_can` (names of those
who can help) and `requirements` (what is unmet, where a policy refused).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar


class DomainError(Exception):
    """Anything the product refuses by a rule. `rule` names the rule where it has a name of its own ("SoD-2")."""

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
    """Absent, or invisible to whoever asks: the same answer, so that it tells nothing."""

    default_code = "not_found"


class PermissionDeniedError(DomainError):
    """ "You may not": a missing role, a missing scope, a separation of duties."""

    default_code = "not_permitted"
    ask: tuple[str, str] | None = None
    """The model and the role that would do, where asking for one is the way out."""


class InvalidStateError(DomainError):
    """ "Not possible now": the state of things does not allow it; the same person may do it later."""

    default_code = "not_now"


class InvalidTransitionError(InvalidStateError):
    """The lifecycle has no such move from where the version is."""

    default_code = "illegal_move"
    way: tuple[str, ...] = ()
    """The slugs of the stages through which allowed moves lead there, the one that was meant last."""


class ConflictError(DomainError):
    """Something is in the way, such as an open request for the same target: `existing`."""

    default_code = "conflict"

    def __init__(  # the keywords of Refusal and one more
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
    """The row was changed since it was read (If-Match): `existing` is the row as it is now."""

    default_code = "stale_revision"


@dataclass(frozen=True)
class FieldError:
    """One fault of the input: where (RFC 6901 JSON pointer), a stable code, and the rule with its way out."""

    pointer: str
    code: str
    detail: str


class ValidationFailedError(DomainError):
    """What was given breaks a rule of form; every fault found is listed."""

    default_code = "invalid_input"

    def __init__(self, errors: Iterable[FieldError], *, code: str = "") -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(error.detail for error in self.errors), code=code)
