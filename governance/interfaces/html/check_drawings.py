"""Drawings of what checks measured: groups with limits, the comparison with the champion, drift, contributions.

A check's measures are JSON whose form is documented in the docstring of its class. Measures of another form, such as
those of an older version of a check, give no drawing: the findings and the summary remain. Each drawing has the same
numbers as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import Any, Final

from django.utils.safestring import SafeString

from governance.interfaces.html.svg import canvas, element
from governance.interfaces.html.templatetags.charts import linear_scale

MOST_ROWS: Final = 25
"""Groups, limits or features that are drawn; the table has the same rows, and says how many there are."""
_LABEL: Final = 190
_ROW: Final = 24
_WIDTH: Final = 560
_KINDS: Final = {"holds": "ok", "fails": "bad", "open": "warn"}
_LIMITS: Final = {
    "demographic_parity_difference": "Demographic parity difference",
    "demographic_parity_ratio": "Demographic parity ratio",
    "equalized_odds_difference": "Equalised odds difference",
}
_RATES: Final = {
    "selection": "Favourable predictions",
    "true_positive": "True positive rate",
    "false_positive": "False positive rate",
}


@dataclass(frozen=True)
class Drawing:
    """A picture with its title, and the numbers in it as a table."""

    title: str
    picture: SafeString
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Interval:
    """A value with its bounds; `kind` is "ok", "bad", "warn" or "none", a CSS class and never the only sign."""

    label: str
    value: float | None
    lower: float
    upper: float
    kind: str = "none"


def drawings_of(slug: str, measures: object, champion: object = None) -> tuple[Drawing, ...]:
    """Return the drawings of a run's measures; empty for a check without drawings, and for measures of another form.

    Args:
        slug: slug of the check.
        measures: the measures of its run, as stored.
        champion: the measures of the same check on the champion.
    """
    if not isinstance(measures, Mapping):
        return ()
    try:
        if slug == "explanation.declared":
            return tuple(_contributions(measures, champion if isinstance(champion, Mapping) else {}))
        draw = _DRAWN.get(slug)
        return tuple(draw(measures)) if draw is not None else ()
    except (KeyError, TypeError, ValueError, AttributeError):
        return ()


def _groups(measures: Mapping[str, Any]) -> Iterator[Drawing]:
    for column in measures["columns"]:
        name = _text(column["name"])
        limits = [
            (_LIMITS.get(_text(one["measure"]), _text(one["measure"])), one, _number(one["limit"]))
            for one in column["limits"]
        ]
        for words, one, limit in limits:
            drawn = [Interval("Value and bounds", _maybe(one["value"]), _number(one["lower"]), _number(one["upper"]),
                              _KINDS.get(_text(one["verdict"]), "none"))]  # fmt: skip
            yield Drawing(
                f"{words} by {name}: {_text(one['verdict'])}",
                interval_chart(drawn, [(limit, "limit")], label=f"{words} by {name}, with its bounds and the limit"),
                ("Measure", "Value", "Lower bound", "Upper bound", "Limit", "Verdict"),
                ((words, _shown(one["value"]), _shown(one["lower"]), _shown(one["upper"]), _shown(limit),
                  _text(one["verdict"])),),
            )  # fmt: skip
        groups = column["groups"][:MOST_ROWS]
        for rate, words in _RATES.items():
            known = [(group, group[rate]) for group in groups if group[rate] is not None]
            if not known:
                continue
            drawn = [
                Interval(_text(group["name"]), _maybe(one["value"]), _number(one["lower"]), _number(one["upper"]),
                         "accent" if group["judged"] else "none")
                for group, one in known
            ]  # fmt: skip
            small = column.get("small_groups") or 0
            left_out = len(column["groups"]) - len(groups)
            notes = [
                *(
                    ["Groups that are too small to be judged are grey."]
                    if any(not g["judged"] for g, _ in known)
                    else []
                ),
                *([f"Groups with fewer than 10 rows that are not listed: {small}."] if small else []),
                *([f"Smaller groups that are not drawn: {left_out}."] if left_out > 0 else []),
            ]
            yield Drawing(
                f"{words} by {name}",
                interval_chart(drawn, (), label=f"{words} of each group of {name}, with bounds", low=0.0, high=1.0),
                ("Group", "Rows", "Rate", "Lower bound", "Upper bound", "Judged"),
                tuple(
                    (_text(group["name"]), _count(group["rows"]), _shown(one["value"]), _shown(one["lower"]),
                     _shown(one["upper"]), "yes" if group["judged"] else "no")
                    for group, one in known
                ),
                " ".join(notes),
            )  # fmt: skip


def _champion(measures: Mapping[str, Any]) -> Iterator[Drawing]:
    gain, tolerance, metric = measures["gain"], _number(measures["tolerance"]), _text(measures["metric"])
    number = _text(str(measures["champion"]["number"]))
    lower, upper = _number(gain["lower"]), _number(gain["upper"])
    kind = _KINDS.get(_text(measures["verdict"]), "none")
    yield Drawing(
        f"Gain of {metric} over version {number}: {_text(measures['verdict'])}",
        interval_chart(
            [Interval("Gain and bounds", _maybe(gain["value"]), lower, upper, kind)],
            [(-tolerance, "limit"), (0.0, "equal")],
            label=f"Gain of {metric} over version {number} with its bounds, and the least accepted gain",
        ),
        ("Metric", "This version", f"Version {number}", "Gain", "Lower bound", "Upper bound", "Least accepted",
         "Examples"),
        ((metric, _shown(measures["value"]), _shown(measures["champion"]["value"]), _shown(gain["value"]),
          _shown(lower), _shown(upper), _shown(-tolerance), _count(measures["rows"])),),
    )  # fmt: skip


def _drift(measures: Mapping[str, Any]) -> Iterator[Drawing]:
    histogram = measures["histogram"]
    edges = [_number(edge) for edge in histogram["edges"]]
    before = [_number(share) for share in histogram["reference"]]
    after = [_number(share) for share in histogram["current"]]
    if not len(before) == len(after) == len(edges) + 1:
        return
    psi = measures["psi"]
    yield Drawing(
        f"Distribution of the scores: PSI {_shown(psi['value'])}, limit {_shown(psi['limit'])}",
        histogram_chart(edges, before, after, label="Shares of reference and current scores in each bin"),
        ("Scores", "Reference", "Current"),
        tuple(
            (words, f"{100 * old:.1f} %", f"{100 * new:.1f} %")
            for words, old, new in zip(_bins(edges), before, after, strict=True)
        ),
        f"By chance the PSI reaches {_shown(psi['noise'])}. Outlined: reference. Filled: current.",
    )


def _contributions(measures: Mapping[str, Any], champion: Mapping[str, Any]) -> Iterator[Drawing]:
    every = measures["contributions"]
    theirs_by_name = {_text(one["name"]): _number(one["contribution"]) for one in champion.get("contributions", ())}
    drawn = [
        (name := _text(one["name"]), _number(one["contribution"]), theirs_by_name.get(name))
        for one in every[:MOST_ROWS]
    ]
    if not drawn:
        return
    compared = any(theirs is not None for _, _, theirs in drawn)
    left_out = len(every) - len(drawn)
    yield Drawing(
        "Contributions of features" + (" beside the champion" if compared else ""),
        bar_chart(drawn, label="Contribution of each feature"),
        ("Feature", "Contribution", *(("Champion", "Difference") if compared else ())),
        tuple(
            (name, _shown(value), *((_shown(theirs), _difference(value, theirs)) if compared else ()))
            for name, value, theirs in drawn
        ),
        " ".join([
            *(["Filled: this version. Outlined: the champion."] if compared else []),
            *([f"Further features that are not drawn: {left_out}."] if left_out > 0 else []),
        ]),
    )  # fmt: skip


_DRAWN: Mapping[str, Callable[[Mapping[str, Any]], Iterable[Drawing]]] = {
    "fairness.groups": _groups,
    "performance.champion": _champion,
    "stability.drift": _drift,
}


def interval_chart(
    intervals: Sequence[Interval],
    marks: Sequence[tuple[float, str]],
    *,
    label: str,
    low: float | None = None,
    high: float | None = None,
) -> SafeString:
    """Draw values with their bounds on one axis, one row each, and vertical marks such as a limit.

    Args:
        intervals: the values; bounds outside the axis are cut.
        marks: position and word of each mark.
        label: name of the picture for screen readers.
        low: beginning of the axis; None to derive it from the values.
        high: end of the axis.
    """
    ends = [end for one in intervals for end in (one.lower, one.upper)] + [at for at, _ in marks]
    first, last = (min(ends) if low is None else low), (max(ends) if high is None else high)
    if low is None or high is None:
        pad = (last - first) * 0.12 or abs(last) * 0.05 or 0.05
        first, last = first - pad, last + pad
    top = 16 if marks else 4
    height = top + len(intervals) * _ROW + 20
    x = linear_scale(first, last, _LABEL, _WIDTH - 60)

    def place(value: float) -> float:
        return x(min(max(value, first), last))

    parts: list[SafeString] = _axis(first, last, x, height, top)
    for at, word in marks:
        kind = "lc-l" if word == "limit" else "cd-z"
        parts.append(element("line", class_=kind, x1=place(at), x2=place(at), y1=top - 4, y2=height - 18))
        word_kind = "lc-lt" if word == "limit" else "lc-t"
        parts.append(element("text", word, class_=word_kind, x=place(at), y=top - 6, text_anchor="middle"))
    for row, one in enumerate(intervals):
        y = top + row * _ROW + _ROW / 2
        parts += [
            element("text", _short(one.label), class_="lc-t", x=_LABEL - 10, y=y + 4, text_anchor="end"),
            element("line", class_=f"cd-i {one.kind}", x1=place(one.lower), x2=place(one.upper), y1=y, y2=y),
        ]
        if one.value is not None:
            parts.append(element("circle", class_=f"cd-p {one.kind}", cx=place(one.value), cy=y, r=4))
            parts.append(element("text", f"{one.value:.4g}", class_="lc-t", x=_WIDTH - 52, y=y + 4))
    return canvas(*parts, width=_WIDTH, height=height, class_="lc cd", label=label)


def histogram_chart(
    edges: Sequence[float], before: Sequence[float], after: Sequence[float], *, label: str
) -> SafeString:
    """Draw two distributions over the same bins: the first outlined, the second filled.

    Args:
        edges: values that separate the bins, ascending, one fewer than there are bins.
        before: shares of the reference, 0 to 1.
        after: shares of the current values, 0 to 1.
        label: name of the picture for screen readers.
    """
    left, top, height = 46, 8, 190
    highest = max([*before, *after, 0.01])
    y = linear_scale(0, highest * 1.08, height - 22, top)
    wide = (_WIDTH - left - 12) / max(1, len(before))
    parts: list[SafeString] = []
    for step in range(4):
        value = highest * step / 3
        parts += [
            element("line", class_="lc-g", x1=left, x2=_WIDTH - 12, y1=y(value), y2=y(value)),
            element("text", f"{100 * value:.0f} %", class_="lc-t", x=left - 6, y=y(value) + 3.5, text_anchor="end"),
        ]
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        at = left + i * wide
        parts += [
            element("rect", class_="cd-a", x=at + 2, y=y(new), width=max(1.0, wide - 4), height=y(0) - y(new)),
            element("rect", class_="cd-b", x=at + 2, y=y(old), width=max(1.0, wide - 4), height=y(0) - y(old)),
        ]
    # Bins have equal widths in the picture; their edges are quantiles of the reference.
    every = max(1, round(len(edges) / 5))
    parts += [
        element("text", f"{edge:.3g}", class_="lc-t", x=left + (i + 1) * wide, y=height - 6, text_anchor="middle")
        for i, edge in enumerate(edges)
        if i % every == 0
    ]
    return canvas(*parts, width=_WIDTH, height=height, class_="lc cd", label=label)


def bar_chart(rows: Sequence[tuple[str, float, float | None]], *, label: str) -> SafeString:
    """Draw values as horizontal bars from zero, with the champion's value outlined.

    Args:
        rows: label, value, and the champion's value or None.
        label: name of the picture for screen readers.
    """
    every = [value for _, first, second in rows for value in (first, second) if value is not None]
    low, high = min([0.0, *every]), max([0.0, *every])
    pad = (high - low) * 0.06 or 1.0
    low, high = (low - pad if low < 0 else low), (high + pad if high > 0 else high)
    height = 4 + len(rows) * _ROW + 20
    x = linear_scale(low, high, _LABEL, _WIDTH - 60)
    parts = _axis(low, high, x, height, 4)
    for row, (name, value, theirs) in enumerate(rows):
        y = 4 + row * _ROW
        parts.append(element("text", _short(name), class_="lc-t", x=_LABEL - 10, y=y + 16, text_anchor="end"))
        parts.append(_bar("cd-a", x, value, y + 5, 14))
        if theirs is not None:
            parts.append(_bar("cd-b", x, theirs, y + 3, 18))
        parts.append(element("text", f"{value:.4g}", class_="lc-t", x=_WIDTH - 52, y=y + 16))
    return canvas(*parts, width=_WIDTH, height=height, class_="lc cd", label=label)


def _bar(kind: str, x: Callable[[float], float], value: float, y: float, height: float) -> SafeString:
    start, end = sorted((x(0), x(value)))
    return element("rect", class_=kind, x=start, y=y, width=max(1.0, end - start), height=height)


def _axis(low: float, high: float, x: Callable[[float], float], height: float, top: float) -> list[SafeString]:
    parts: list[SafeString] = []
    for value in _ticks(low, high):
        parts += [
            element("line", class_="lc-g", x1=x(value), x2=x(value), y1=top, y2=height - 18),
            element("text", f"{value:.4g}", class_="lc-t", x=x(value), y=height - 5, text_anchor="middle"),
        ]
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Return three to six round values within the axis."""
    span = high - low
    unit = 10.0 ** floor(log10(span / 4)) if span > 0 else 1.0
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor * 5 >= span)
    first = ceil(low / step)
    return [round(n * step, 12) for n in range(first, first + 7) if n * step <= high + step * 1e-9]


def _bins(edges: Sequence[float]) -> list[str]:
    """Describe the bins that these values separate."""
    if not edges:
        return ["all"]
    inner = [f"above {low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    return [f"up to {edges[0]:.4g}", *inner, f"above {edges[-1]:.4g}"]


def _number(value: object) -> float:
    """Return a finite number. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError("not a finite number")
    return float(value)


def _maybe(value: object) -> float | None:
    return None if value is None else _number(value)


def _count(value: object) -> str:
    return "not shown" if value is None else f"{int(_number(value)):,}"


def _shown(value: object) -> str:
    return "not shown" if value is None else f"{_number(value):.4g}"


def _difference(value: float, other: float | None) -> str:
    return _shown(None if other is None else value - other)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value[:200]


def _short(label: str) -> str:
    return label if len(label) <= 28 else f"{label[:27]}…"
