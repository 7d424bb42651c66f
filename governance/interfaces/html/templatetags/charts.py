"""Charts rendered on the server as SVG. Every number is also shown as text or in the label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from django import template
from django.utils.safestring import SafeString

from governance.interfaces.html.svg import canvas, element

register = template.Library()

Direction = Literal["min", "max"]


def linear_scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return the linear function that maps low to start and high to end."""
    span = (high - low) or 1
    return lambda value: start + (value - low) / span * (end - start)


def beyond(value: float, limit: float | None, direction: str) -> bool:
    """Whether a value violates its limit ("min": lower bound; "max": upper bound)."""
    return limit is not None and (value < limit if direction == "min" else value > limit)


@register.simple_tag
def sparkline(
    values: Sequence[float],
    *,
    limit: float | None = None,
    direction: Direction = "min",
    label: str = "",
    width: int = 76,
    height: int = 20,
) -> SafeString:
    """A small trend, oldest first, with a dashed limit line and a dot at the last value; empty below two values."""
    if len(values) < 2:
        return SafeString("")
    bounds = [*values, limit] if limit is not None else list(values)
    low, high = min(bounds), max(bounds)
    pad = (high - low) * 0.12 or 0.01
    x, y = linear_scale(0, len(values) - 1, 3, width - 5), linear_scale(low - pad, high + pad, height - 3, 3)
    parts = []
    if limit is not None:
        parts.append(element("line", class_="spark-limit", x1=2, x2=width - 2, y1=y(limit), y2=y(limit)))
    if len(values) > 1:
        parts.append(
            element("polyline", class_="spark-line", points=point_list([(x(i), y(v)) for i, v in enumerate(values)]))
        )
    parts.append(element("circle", class_="spark-dot", cx=x(len(values) - 1), cy=y(values[-1]), r=2.4))
    bad = beyond(values[-1], limit, direction)
    return canvas(*parts, width=width, height=height, class_="spark is-bad" if bad else "spark", label=label)


@register.simple_tag
def dotplot(
    champion: float | None,
    candidate: float | None,
    *,
    limit: float | None = None,
    direction: Direction = "min",
    label: str = "",
    width: int = 190,
    height: int = 26,
) -> SafeString:
    """Champion and candidate on one axis, with the range that a policy forbids tinted."""
    drawn = [v for v in (champion, candidate, limit) if v is not None]
    if not drawn:
        return SafeString("")
    low, high = min(drawn), max(drawn)
    pad = (high - low) * 0.35 or abs(high) * 0.05 or 0.05
    edge, middle = 6, height / 2
    x = linear_scale(low - pad, high + pad, edge, width - edge)
    parts = [element("line", class_="dp-axis", x1=edge, x2=width - edge, y1=middle, y2=middle)]
    if limit is not None:
        at = x(limit)
        start, end = (edge, at) if direction == "min" else (at, width - edge)
        parts += [
            element("rect", class_="dp-zone", x=start, y=middle - 7, width=max(0.0, end - start), height=14, rx=2),
            element("line", class_="dp-limit", x1=at, x2=at, y1=middle - 9, y2=middle + 9),
        ]
    if champion is not None and candidate is not None:
        parts.append(element("line", class_="dp-move", x1=x(champion), x2=x(candidate), y1=middle, y2=middle))
    if champion is not None:
        parts.append(element("circle", class_="dp-champ", cx=x(champion), cy=middle, r=4))
    if candidate is not None:
        at = x(candidate)
        turn = f"rotate(45 {at:.1f} {middle:.1f})"
        parts.append(
            element("rect", class_="dp-cand", x=at - 4, y=middle - 4, width=8, height=8, rx=1.2, transform=turn)
        )
    return canvas(*parts, width=width, height=height, class_="dotplot", label=label)


@register.simple_tag
def segbar(*, met: int, waived: int, failed: int, total: int, label: str = "", width: int = 190) -> SafeString:
    """The requirements of a gate, one segment each: met, waived, failed, remaining."""
    if not total:
        return SafeString("")
    gap, height = 3, 6
    each = (width - gap * (total - 1)) / total
    kinds = ["ok"] * met + ["waived"] * waived + ["bad"] * failed
    kinds += ["todo"] * (total - len(kinds))
    parts = [
        element("rect", class_=f"seg {kind}", x=i * (each + gap), y=0, width=each, height=height, rx=2)
        for i, kind in enumerate(kinds[:total])
    ]
    return canvas(*parts, width=width, height=height, class_="segbar", label=label, preserveAspectRatio="none")


@register.simple_tag
def linechart(
    points: Sequence[tuple[str, float]],
    *,
    limit: float | None = None,
    direction: Direction = "min",
    label: str = "",
    width: int = 252,
    height: int = 150,
) -> SafeString:
    """A line chart of values by version, oldest first, with a dashed limit line and the last value labelled."""
    if not points:
        return SafeString("")
    left, right, top, bottom = 46, 52, 10, 22
    values = [v for _, v in points]
    bounds = [*values, limit] if limit is not None else values
    low, high = min(bounds), max(bounds)
    pad = (high - low) * 0.15 or abs(high) * 0.05 or 0.05
    low, high = low - pad, high + pad
    x, y = linear_scale(0, max(len(points) - 1, 1), left, width - right), linear_scale(low, high, height - bottom, top)
    parts: list[SafeString] = []
    for step in range(4):
        value = low + (high - low) * step / 3
        parts += [
            element("line", class_="lc-g", x1=left, x2=width - right, y1=y(value), y2=y(value)),
            element("text", f"{value:.3g}", class_="lc-t", x=left - 7, y=y(value) + 3.5, text_anchor="end"),
        ]
    every = max(1, -(-len(points) // 4))
    end = len(points) - 1
    for i, (name, _) in enumerate(points):
        if i == end or (i % every == 0 and end - i >= every * 0.6):
            parts.append(element("text", name, class_="lc-t", x=x(i), y=height - 6, text_anchor="middle"))
    if limit is not None:
        parts += [
            element("line", class_="lc-l", x1=left, x2=width - right, y1=y(limit), y2=y(limit)),
            element("text", "limit", class_="lc-lt", x=width - right + 5, y=y(limit) + 3.5),
        ]
    placed = [(x(i), y(v)) for i, v in enumerate(values)]
    if len(placed) > 1:
        parts.append(element("polyline", class_="lc-s s1", points=point_list(placed)))
    last = len(placed) - 1
    for i, (px, py) in enumerate(placed):
        bad = beyond(values[i], limit, direction)
        parts.append(
            element("circle", class_=f"lc-p {'bad' if bad else 's1'}", cx=px, cy=py, r=3.2 if i == last else 2.4)
        )
    near_limit = limit is not None and abs(y(limit) - placed[-1][1]) < 12
    shift = (-6 if placed[-1][1] <= y(limit or 0) else 12) if near_limit else 3.5
    parts.append(element("text", f"{values[-1]:.3g}", class_="lc-n", x=placed[-1][0] + 7, y=placed[-1][1] + shift))
    return canvas(*parts, width=width, height=height, class_="lc", label=label)


def point_list(pairs: Sequence[tuple[float, float]]) -> str:
    """Return the attribute `points` of a polyline."""
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs)
