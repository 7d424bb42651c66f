"""Dates and moments: read strictly, in one form, within one range. The one reader of both for every interface.

Pure. Source of the form: RFC 3339 section 5.6. The range is what every part can store and calculate with: Python's own
range ends with the year 9999, which an offset passes.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999
LARGEST_OFFSET: Final = timedelta(hours=15, minutes=59)
"""What PostgreSQL accepts; the offsets of time zones lie between -12:00 and +14:00."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)


class MomentError(ValueError):
    """The text or value is no acceptable date or moment; the message names the rule and the form."""


def read_moment(text: str) -> datetime:
    """Read a moment with its offset from UTC.

    Args:
        text: RFC 3339, with capital T and Z, such as `2026-07-01T09:30:00Z` or `2026-07-01T11:30:00+02:00`.

    Returns:
        The moment in UTC.

    Raises:
        MomentError: another form, no such day or time, an offset beyond 15:59, or a year outside 1900 to 2999.
    """
    if not _MOMENT.fullmatch(text):
        raise MomentError("Write a moment as 2026-07-01T09:30:00Z.")
    try:
        return bounded(datetime.fromisoformat(text))
    except MomentError:
        raise
    except ValueError:
        raise MomentError("There is no such day or time: write a moment as 2026-07-01T09:30:00Z.") from None


def read_day(text: str) -> date:
    """Read a date.

    Args:
        text: RFC 3339 `full-date`, such as `2027-03-31`.

    Returns:
        The date.

    Raises:
        MomentError: another form, no such day, or a year outside 1900 to 2999.
    """
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError:
        raise MomentError("Write a date as 2027-03-31.") from None
    return bounded_day(found)


def read_foreign_moment(text: str) -> datetime:
    """Read a moment as other products write it: any form of ISO 8601; UTC where it names no offset.

    Args:
        text: of an export or another server.

    Returns:
        The moment in UTC.

    Raises:
        MomentError: it is no moment, or outside the range.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise MomentError("A time must be written as ISO 8601.") from None
    return bounded(found if found.tzinfo is not None else found.replace(tzinfo=UTC))


def from_seconds(seconds: float) -> datetime:
    """Read a moment that is given as seconds since 1970.

    Args:
        seconds: may be fractional.

    Returns:
        The moment in UTC.

    Raises:
        MomentError: it is no finite number, or outside the range.
    """
    try:
        return bounded(datetime.fromtimestamp(seconds, tz=UTC))
    except MomentError:
        raise
    except (ValueError, OverflowError, OSError):
        raise MomentError(_OUT_OF_RANGE) from None


def bounded(moment: datetime) -> datetime:
    """Convert a moment to UTC, where it lies in the range that every part can store.

    Args:
        moment: with its time zone.

    Returns:
        The moment in UTC.

    Raises:
        MomentError: it has no time zone or an offset beyond 15:59, or lies outside the range.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise MomentError("Give a moment with its offset from UTC: 2026-07-01T09:30:00Z.")
    if abs(offset) > LARGEST_OFFSET:
        raise MomentError("No time zone has that offset from UTC: write the moment as 2026-07-01T09:30:00Z.")
    try:
        found = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise MomentError(_OUT_OF_RANGE) from None
    bounded_day(found.date())
    return found


def bounded_day(day: date) -> date:
    """Return a date that lies in the range that every part can store.

    Args:
        day: any date.

    Returns:
        The same date.

    Raises:
        MomentError: the year is outside 1900 to 2999.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise MomentError(_OUT_OF_RANGE)
    return day


_OUT_OF_RANGE: Final = f"The year must lie between {FIRST_YEAR} and {LAST_YEAR}."
