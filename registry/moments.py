"""Parsing of dates and times: one strict format, one range, for every interface.

Pure. Source of the format: RFC 3339 section 5.6. Every part of the product can store and calculate with the range;
Python's own range ends with the year 9999, which an offset can exceed.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999
LARGEST_OFFSET: Final = timedelta(hours=15, minutes=59)
"""The limit of PostgreSQL; the offsets of time zones are between -12:00 and +14:00."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:[0-5]\d)", re.ASCII)


class MomentError(ValueError):
    """The text or value is not an accepted date or time; the message has the rule and the format."""


def read_moment(text: str) -> datetime:
    """Parse a time with its offset from UTC.

    Args:
        text: RFC 3339, with capital T and Z, such as `2026-07-01T09:30:00Z` or `2026-07-01T11:30:00+02:00`.

    Returns:
        The time in UTC.

    Raises:
        MomentError: another format, no such day or time, an offset beyond 15:59, or a year outside 1900 to 2999.
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
    """Parse a date.

    Args:
        text: RFC 3339 `full-date`, such as `2027-03-31`.

    Returns:
        The date.

    Raises:
        MomentError: another format, no such day, or a year outside 1900 to 2999.
    """
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError:
        raise MomentError("Write a date as 2027-03-31.") from None
    return bounded_day(found)


def read_foreign_moment(text: str) -> datetime:
    """Parse a time written by another product: any format of ISO 8601; UTC if it has no offset.

    Args:
        text: from an export or another server.

    Returns:
        The time in UTC.

    Raises:
        MomentError: it is not a time, or outside the range.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise MomentError("A time must be written as ISO 8601.") from None
    return bounded(found if found.tzinfo is not None else found.replace(tzinfo=UTC))


def from_seconds(seconds: float) -> datetime:
    """Convert seconds since 1970 to a time.

    Args:
        seconds: may be fractional.

    Returns:
        The time in UTC.

    Raises:
        MomentError: it is not a finite number, or outside the range.
    """
    try:
        return bounded(datetime.fromtimestamp(seconds, tz=UTC))
    except MomentError:
        raise
    except (ValueError, OverflowError, OSError):
        raise MomentError(_OUT_OF_RANGE) from None


def bounded(moment: datetime) -> datetime:
    """Convert a time to UTC and check the range.

    Args:
        moment: with its time zone.

    Returns:
        The time in UTC.

    Raises:
        MomentError: it has no time zone or an offset beyond 15:59, or is outside the range.
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
    """Return the date after checking the range.

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
