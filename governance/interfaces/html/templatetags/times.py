"""Dates and times: exact in the user's time zone, UTC on hover."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit import clock

register = template.Library()


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _time(value: datetime, text: str, *, relative: bool = False) -> SafeString:
    moment = _utc(value)
    return format_html(
        '<time{} datetime="{}" title="{} UTC">{}</time>',
        SafeString(' class="rel"') if relative else "",
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        text,
    )


def written(value: datetime, *, seconds: bool = False, year: bool = True) -> str:
    """A time in the user's time zone: "18 Nov 2026, 09:12"."""
    local = timezone.localtime(value)
    day = f"{local.day} {local:%b %Y}" if year else f"{local.day} {local:%b}"
    return f"{day}, {local:%H:%M:%S}" if seconds else f"{day}, {local:%H:%M}"


@register.simple_tag
def moment(value: datetime | None, seconds: bool = False) -> SafeString:
    """An exact time in the user's time zone, UTC on hover. Used in records."""
    return _time(value, written(value, seconds=seconds)) if value else SafeString("–")


@register.simple_tag
def when(value: datetime | None) -> SafeString:
    """A time in a list; without the year if it is the current year."""
    if not value:
        return SafeString("–")
    this_year = timezone.localtime(clock.now()).year
    return _time(value, written(value, year=timezone.localtime(value).year != this_year))


@register.simple_tag
def clock_time(value: datetime) -> SafeString:
    """The time of day, below a heading with the date."""
    return _time(value, f"{timezone.localtime(value):%H:%M:%S}")


@register.filter
def day_of(value: datetime) -> date:
    """The date of a time in the user's time zone."""
    return timezone.localtime(value).date()


@register.filter
def long_day(value: date) -> str:
    """ "Today, 20 Nov 2026"."""
    text = f"{value.day} {value:%b %Y}"
    days = (timezone.localtime(clock.now()).date() - value).days
    return {0: f"Today, {text}", 1: f"Yesterday, {text}"}.get(days, text)


@register.simple_tag
def ago(value: datetime | None) -> SafeString:
    """The relative time as text; the exact time on hover and in print."""
    return _time(value, span(value), relative=True) if value else SafeString("–")


def span(value: datetime) -> str:
    """ "2 days ago", "in 3 hours", "just now"."""
    seconds = (clock.now() - value).total_seconds()
    size = abs(seconds)
    for unit, length in (("year", 31557600), ("month", 2629800), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if size >= length:
            n = math.floor(size / length)
            words_ = f"{n} {unit}{'' if n == 1 else 's'}"
            return f"{words_} ago" if seconds > 0 else f"in {words_}"
    return "just now" if seconds >= 0 else "in a moment"


@register.filter
def days_from_today(value: date | None) -> int | None:
    """Whole days from today to `value`; negative for past dates."""
    return (value - timezone.localtime(clock.now()).date()).days if value else None
