"""Due dates of periodic reviews. Pure."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later, or the last day of that month if it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def next_review_date(last: date, tier: int, every: Mapping[int, int]) -> date:
    """Return the due date of the review after `last`, for a tier with its interval in months."""
    return add_months(last, every[tier])
