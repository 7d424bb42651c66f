"""Times in a policy: how long an approval is valid, a waiting time, freeze windows. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

MAX_WINDOWS = 50


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name}: name one of the IANA database, such as Europe/Paris") from None
    return name


class FreezeWindow(BaseModel):
    """A period in which no request is promoted. Approvals can be given, and the request is promoted when it ends.

    `from` and `until` are local times in `zone`, without an offset; `until` is not part of the period.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(min_length=3, max_length=120, strip_whitespace=True)]
    begins: datetime = Field(alias="from")
    until: datetime
    zone: Annotated[str, StringConstraints(max_length=60), AfterValidator(_known_zone)] = "UTC"

    @model_validator(mode="after")
    def _is_a_period(self) -> FreezeWindow:
        if self.begins.tzinfo is not None or self.until.tzinfo is not None:
            raise ValueError(
                "write `from` and `until` without an offset, such as 2026-12-20T18:00; `zone` names the zone"
            )
        if self.until <= self.begins:
            raise ValueError("`until` must be after `from`")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = serialise(self)
        begins = written.pop("begins")
        return {**written, "from": begins}

    @property
    def start(self) -> datetime:
        """The beginning, with its zone."""
        return self.begins.replace(tzinfo=ZoneInfo(self.zone))

    @property
    def end(self) -> datetime:
        """The first moment after the period, with its zone."""
        return self.until.replace(tzinfo=ZoneInfo(self.zone))

    def includes(self, moment: datetime) -> bool:
        """Return whether a moment is in the period."""
        return self.start <= moment < self.end

    @property
    def words(self) -> str:
        """Name and period, such as "Year end: 2026-12-20 18:00 to 2027-01-04 08:00 (Europe/Paris)"."""
        return f"{self.name}: {self.begins:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} ({self.zone})"


def frozen_until(windows: Sequence[FreezeWindow], moment: datetime) -> tuple[FreezeWindow, ...]:
    """Return the windows that include a moment or follow one that does without a gap, in the order of their ends."""
    found: list[FreezeWindow] = []
    end = moment
    while following := [window for window in windows if window not in found and window.includes(end)]:
        found += following
        end = max(window.end for window in following)
    return tuple(sorted(found, key=lambda window: window.end))


def approval_expiry(signed_at: datetime, valid_days: int | None) -> datetime | None:
    """Return when an approval ceases to count; None if its policy sets no limit."""
    return None if valid_days is None else signed_at + timedelta(days=valid_days)


def describe_hours(count: int) -> str:
    """Return a number of hours as text, in days where it is a whole number of them."""
    if count % 24 == 0 and count >= 48:
        return f"{count // 24} days"
    return f"{count} hour{'s' if count != 1 else ''}"
