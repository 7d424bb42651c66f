"""Dates and moments: one strict form, one range, nothing that the database or the calendar refuses later."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import moments


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01T09:30:00Z", datetime(2026, 7, 1, 9, 30, tzinfo=UTC)),
        ("2026-07-01T09:30:00.5Z", datetime(2026, 7, 1, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-07-01T11:30:00+02:00", datetime(2026, 7, 1, 9, 30, tzinfo=UTC)),
        ("2026-07-01T00:00:00+15:59", datetime(2026, 6, 30, 8, 1, tzinfo=UTC)),
        ("2026-07-01T00:00:00-15:59", datetime(2026, 7, 1, 15, 59, tzinfo=UTC)),
        ("1900-01-01T00:00:00Z", datetime(1900, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_into_utc(text: str, moment: datetime) -> None:
    found = moments.read_moment(text)

    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-07-01", "2026-07-01T09:30:00", "2026-07-01T09:30Z", "2026-07-01 09:30:00Z", "2026-07-01t09:30:00z",
        "1751362200", "2026-07-01T09:30:00+16:00", "2026-07-01T09:30:00-23:59", "2026-07-01T09:30:00+24:00",
        "2026-07-01T09:30:00+02:60", "2026-02-30T00:00:00Z", "2026-07-01T24:00:00Z", "2026-07-01T09:30:60Z",
        "0001-01-01T00:00:00+01:00", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "3000-01-01T00:00:00Z",
        "٢٠٢٦-07-01T09:30:00Z", " 2026-07-01T09:30:00Z", "2026-07-01T09:30:00Z\n", "2026-07-01T09:30:00.1234567Z",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(moments.MomentError):
        moments.read_moment(text)


@given(st.datetimes(timezones=st.timezones(), allow_imaginary=False) | st.datetimes())
def test_every_moment_is_taken_in_utc_or_refused(moment: datetime) -> None:
    try:
        found = moments.bounded(moment)
    except moments.MomentError:
        assert moment.tzinfo is None or not datetime(1900, 1, 2, tzinfo=UTC) < moment.replace(tzinfo=UTC) < datetime(
            2999, 12, 30, tzinfo=UTC
        )
    else:
        assert found == moment.astimezone(UTC)
        assert found.utcoffset() == timedelta(0)


@given(st.floats() | st.integers())
def test_every_number_of_seconds_is_a_moment_or_refused(seconds: float) -> None:
    with suppress(moments.MomentError):
        assert moments.FIRST_YEAR <= moments.from_seconds(seconds).year <= moments.LAST_YEAR


@pytest.mark.parametrize(
    "text",
    ["", "2026-02-30", "2026-7-1", "20260701", "2026-07-01T00:00:00Z", "1899-12-31", "3000-01-01", "２０２６-07-01"],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(moments.MomentError):
        moments.read_day(text)


def test_a_day_is_read() -> None:
    assert moments.read_day("2028-02-29") == date(2028, 2, 29)


def test_another_products_moment_may_lack_its_offset() -> None:
    assert moments.read_foreign_moment("2026-07-01 09:30:00") == datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
    for text in ("9999-12-31T23:59:59-23:00", "yesterday", "0001-01-01"):
        with pytest.raises(moments.MomentError):
            moments.read_foreign_moment(text)
