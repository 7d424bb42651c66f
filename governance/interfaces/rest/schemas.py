"""Strict pydantic base models and types of request and response bodies.

Request bodies accept no unknown members and no type conversion. Response bodies contain every member, except where a
schema says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic_core import PydanticCustomError

from governance.interfaces.rest.problem import Problem
from governance.policies import Requirement
from registry import moments
from registry.models import User

Shape = TypeVar("Shape", bound=BaseModel)
Item = TypeVar("Item")

MAX_PAGE = 100


class RequestBody(BaseModel):
    """Base of JSON request bodies."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class QueryParams(BaseModel):
    """Base of query strings: values are converted from text; unknown parameters are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ResponseBody(BaseModel):
    """Base of response bodies. Every member is always present, unless a subclass says otherwise."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


def _digits(value: Any) -> Any:
    """Accept one notation only. Python would also parse " 7", "+7", "1_000" and "7.0"."""
    if isinstance(value, str) and not re.fullmatch(r"0|[1-9][0-9]{0,17}", value):
        raise PydanticCustomError("int_parsing", "Write a whole number in decimal digits.")
    return value


def _moment(value: Any) -> Any:
    """Require RFC 3339 with a time zone. Pydantic would also accept numbers as seconds and dates as midnights."""
    try:
        return moments.read_moment(value if isinstance(value, str) else "")
    except moments.MomentError as error:
        raise PydanticCustomError("datetime_parsing", "{reason}", {"reason": str(error)}) from None


def _day(value: Any) -> Any:
    """Require an RFC 3339 date."""
    try:
        return moments.read_day(value if isinstance(value, str) else "")
    except moments.MomentError as error:
        raise PydanticCustomError("date", "{reason}", {"reason": str(error)}) from None


def _visible(value: Any) -> Any:
    if isinstance(value, str) and "\x00" in value:
        raise PydanticCustomError("characters", "Text must not contain NUL.")
    return value


IntQuery = Annotated[int, BeforeValidator(_digits)]
"""A whole number in a query string."""

DateTimeQuery = Annotated[datetime, BeforeValidator(_moment)]
"""A date and time in a query string or a request body."""

Day = Annotated[date, BeforeValidator(_day)]
"""A date in a query string or a request body."""

TextQuery = Annotated[str, BeforeValidator(_visible), Field(min_length=1, max_length=500)]
"""Text in a query string."""

UtcDateTime = Annotated[
    datetime, PlainSerializer(lambda m: m.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"))
]
"""A date and time in a response: UTC, microseconds, with Z."""


class PageQuery(QueryParams):
    """The page of a list."""

    limit: IntQuery = Field(50, ge=1, le=MAX_PAGE, description="Maximum items per page.")
    cursor: TextQuery | None = Field(None, description="`next` of the previous page; omit it for the first page.")


class Page(ResponseBody, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class PersonResponse(ResponseBody):
    """A person or service account. `id` is its identifier in the audit log."""

    id: str
    username: str
    name: str

    @classmethod
    def of(cls, user: User) -> PersonResponse:
        return cls(id=user.uid, username=user.username, name=user.name)

    @classmethod
    def maybe(cls, user: User | None) -> PersonResponse | None:
        return cls.of(user) if user is not None else None


class FieldError(ResponseBody):
    """A validation error. `offset` and `length` are given only for errors inside a text, such as a query."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    pointer: str = Field(
        description="A JSON pointer (RFC 6901) into the body, `?name` for a query parameter, or the name of a header."
    )
    code: str
    detail: str
    offset: int | None = Field(
        default=None, description="For an error inside a text, such as a query: index of its first character, from 0."
    )
    length: int | None = Field(default=None, description="Number of characters.")
    allowed: list[str] = Field(default=[], description="Allowed values at this position.")
    meant: str = Field(default="", description="Suggested correction.")


class RequirementResponse(ResponseBody):
    """A requirement of the policy: its state, the remedy, and who can fulfil it."""

    id: str
    kind: str = Field(description="check, approval, condition or file")
    title: str
    state: str = Field(description="met, waived, waiting, failed or later")
    required: bool
    detail: str
    how_to_fulfil: str
    who_can: list[str]

    @classmethod
    def of(cls, requirement: object) -> RequirementResponse:
        """Build from a policy requirement, or from the path of a missing file."""
        if isinstance(requirement, Requirement):
            return cls(
                id=requirement.id,
                kind=requirement.kind,
                title=requirement.title,
                state=str(requirement.state),
                required=requirement.required,
                detail=requirement.detail,
                how_to_fulfil=requirement.how_to_fulfil,
                who_can=list(requirement.who_can),
            )
        return cls(
            id=f"file:{requirement}",
            kind="file",
            title=str(requirement),
            state="waiting",
            required=True,
            detail="not stored",
            how_to_fulfil="Upload it",
            who_can=[],
        )


class ExistingRequestResponse(BaseModel):
    """The object that a request conflicts with."""

    type: str
    id: int
    revision: int
    state: str | None = None
    url: str


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="URL of the page that explains this type of error.")
    title: str
    status: int
    detail: str = Field(description="The rule and the remedy.")
    code: str = Field(description="Stable identifier of the type, for programs.")
    request_id: str
    errors: list[FieldError] = Field(default=[], description="Validation errors.")
    requirements: list[RequirementResponse] = Field(default=[], description="Unmet requirements of a policy.")
    who_can: list[str] = Field(default=[], description="Names of people who can help.")
    rule: str = Field(default="", description="Identifier of the rule, such as SoD-2.")
    existing: ExistingRequestResponse | None = Field(default=None, description="The conflicting object.")
    way: list[str] = Field(
        default=[], description="Slugs of the stages through which allowed transitions lead to the requested one."
    )


def read(shape: type[Shape], given: Any, prefix: str = "") -> Shape:
    """Validate input against a schema.

    Args:
        shape: the schema.
        given: parsed JSON, or the query parameters.
        prefix: "" for a body, whose pointers begin with "/"; "?" for a query string.

    Raises:
        Problem: 400 with every validation error and its pointer.
    """
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        raise invalid(
            [
                {
                    "pointer": _pointer(e["loc"], prefix),
                    "code": _CODES.get(e["type"], e["type"]),
                    "detail": _detail(e, shape),
                }
                for e in error.errors(include_url=False)
            ]
        ) from None


def invalid(errors: list[Mapping[str, str]]) -> Problem:
    """The problem for input that does not match the schema of the operation."""
    count = "One error" if len(errors) == 1 else f"{len(errors)} errors"
    first = errors[0]
    return Problem(
        400,
        "invalid_request",
        f"{count}; the first at {first['pointer'] or 'the top'}: {first['detail']}",
        errors=errors,
    )


_CODES = {"missing": "required", "extra_forbidden": "unknown_field"}


def _pointer(loc: tuple[int | str, ...], prefix: str) -> str:
    if prefix:
        return prefix + ".".join(str(step) for step in loc)
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in loc)


def _detail(error: Any, shape: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        if len(error["loc"]) == 1:
            return f"There is no such member. Allowed members: {', '.join(shape.model_fields)}."
        return "There is no such member."
    if error["type"] == "missing":
        return "This member is required."
    message = str(error["msg"]).removeprefix("Value error, ")
    return message if message.endswith(".") else message + "."
