"""When the next periodic review of a model is due. Pure."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last of the month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def next_review_date(last: date, tier: int, every: Mapping[int, int]) -> date:
    """When a review is due that follows what happened on `last`, for a tier with its months."""
    return add_months(last, every[tier])
