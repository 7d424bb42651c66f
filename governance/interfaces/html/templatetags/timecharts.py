"""Charts of values over time, rendered on the server as SVG. The page has the numbers as a table, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from django import template
from django.utils.safestring import SafeString

from governance.interfaces.html.svg import canvas, element
from governance.interfaces.html.templatetags.charts import beyond, linear_scale, point_list

register = template.Library()

DOTS: Final = 40
"""With more points, only values beyond a limit and the last one have a dot."""


class TimePoint(Protocol):
    """A value at a time."""

    @property
    def at(self) -> datetime: ...
    @property
    def value(self) -> float: ...


class TimeLimit(Protocol):
    """A bound; `direction` is "min" or "max"."""

    @property
    def limit(self) -> float: ...
    @property
    def warning(self) -> float | None: ...
    @property
    def direction(self) -> str: ...


@register.simple_tag
def timechart(
    points: Sequence[TimePoint],
    limits: Sequence[TimeLimit] = (),
    *,
    label: str = "",
    width: int = 360,
    height: int = 160,
) -> SafeString:
    """A line chart of values over time, oldest first, with the range that limits forbid tinted, and warnings dotted."""
    if not points:
        return SafeString("")
    left, right, top, bottom = 46, 52, 10, 22
    values = [point.value for point in points]
    bounds = [*values, *(limit.limit for limit in limits)]
    bounds += [limit.warning for limit in limits if limit.warning is not None]
    low, high = min(bounds), max(bounds)
    pad = (high - low) * 0.15 or abs(high) * 0.05 or 0.05
    low, high = low - pad, high + pad
    begin, end = points[0].at.timestamp(), points[-1].at.timestamp()
    x, y = linear_scale(begin, end, left, width - right), linear_scale(low, high, height - bottom, top)
    if begin == end:
        x = linear_scale(begin - 1, end + 1, left, width - right)
    parts: list[SafeString] = []
    for limit in limits:
        edge = top if limit.direction == "max" else y(limit.limit)
        tall = y(limit.limit) - top if limit.direction == "max" else height - bottom - y(limit.limit)
        parts.append(element("rect", class_="lc-z", x=left, y=edge, width=width - right - left, height=max(0.0, tall)))
    for step in range(4):
        value = low + (high - low) * step / 3
        parts += [
            element("line", class_="lc-g", x1=left, x2=width - right, y1=y(value), y2=y(value)),
            element("text", f"{value:.3g}", class_="lc-t", x=left - 7, y=y(value) + 3.5, text_anchor="end"),
        ]
    parts.append(element("text", f"{points[0].at:%d %b %Y}", class_="lc-t", x=left, y=height - 6))
    if begin != end:
        last_day = f"{points[-1].at:%d %b %Y}"
        parts.append(element("text", last_day, class_="lc-t", x=width - right, y=height - 6, text_anchor="end"))
    for limit in limits:
        parts += _lines_of(limit, y, left, width - right)
    placed = [(x(point.at.timestamp()), y(point.value)) for point in points]
    if len(placed) > 1:
        parts.append(element("polyline", class_="lc-s s1", points=point_list(placed)))
    last = len(placed) - 1
    for i, (px, py) in enumerate(placed):
        bad = any(beyond(values[i], limit.limit, limit.direction) for limit in limits)
        if bad or i == last or len(placed) <= DOTS:
            kind = f"lc-p {'bad' if bad else 's1'}"
            parts.append(element("circle", class_=kind, cx=px, cy=py, r=3.2 if i == last else 2.4))
    shift = 3.5
    for limit in limits:
        if abs(y(limit.limit) - placed[-1][1]) < 12:
            shift = -6 if placed[-1][1] <= y(limit.limit) else 12
    parts.append(element("text", f"{values[-1]:.3g}", class_="lc-n", x=placed[-1][0] + 7, y=placed[-1][1] + shift))
    return canvas(*parts, width=width, height=height, class_="lc", label=label)


def _lines_of(limit: TimeLimit, y: Callable[[float], float], left: float, end: float) -> list[SafeString]:
    """The line of a limit with its word, and the line of its warning."""
    lines = [
        element("line", class_="lc-l", x1=left, x2=end, y1=y(limit.limit), y2=y(limit.limit)),
        element("text", "limit", class_="lc-lt", x=end + 5, y=y(limit.limit) + 3.5),
    ]
    if limit.warning is not None:
        lines.append(element("line", class_="lc-w", x1=left, x2=end, y1=y(limit.warning), y2=y(limit.warning)))
    return lines
