"""Number formats: measured values, differences, counts, sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from django import template

register = template.Library()


@register.filter
def num(value: float | None) -> str:
    """A measured value with four significant figures, avoiding exponents where possible."""
    if value is None:
        return "–"
    number = float(value)
    if number == 0:
        return "0"
    if not math.isfinite(number):
        return str(number)
    size = abs(number)
    if size >= 1000:
        return f"{number:,.0f}".replace("-", "−")
    if size < 0.0001:
        return f"{number:.2e}".replace("-", "−")
    places = max(0, 3 - math.floor(math.log10(size)))
    text = f"{number:.{min(places, 7)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def shared_places(values: Iterable[float | None]) -> int:
    """Common decimals of several values: four significant figures of the smallest, at most six, no trailing zeros."""
    sizes = [abs(value) for value in values if value]
    texts = [f"{size:.{min(6, max(0, 3 - math.floor(math.log10(size))))}f}" for size in sizes]
    return max((len(text.rstrip("0").partition(".")[2]) for text in texts), default=0)


@register.filter
def decimals(value: float | None, places: int) -> str:
    """A number with a fixed number of decimals, so that compared numbers align."""
    if value is None:
        return "–"
    return f"{value:,.{places}f}".replace("-", "−")


@register.filter
def decimals_signed(value: float | None, places: int) -> str:
    """A difference with fixed decimals and its sign."""
    text = decimals(value, places)
    return f"+{text}" if value is not None and value > 0 else text


@register.filter
def signed(value: float | None) -> str:
    """A difference with its sign: "+0.012", "−0.0023", "±0"."""
    if value is None:
        return "–"
    if float(value) == 0:
        return "±0"
    return num(value) if value < 0 else f"+{num(value)}"


@register.filter
def grouped(value: int) -> str:
    """48213 → "48,213"."""
    return f"{value:,}"


@register.filter
def size(value: int) -> str:
    """Bytes in a readable unit: "18.4 MB" (1 MB = 10⁶ bytes)."""
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"
