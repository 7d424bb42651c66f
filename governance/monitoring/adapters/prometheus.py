"""Prometheus text exposition format 0.0.4, pushed by a monitor or an exporter. Pure.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re
from datetime import datetime

from governance.monitoring.adapters.collecting import Collector, UnreadableReportError, read_time
from governance.monitoring.reports import KINDS

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*\"((?:[^\"\\\n]|\\.)*)\"[ \t]*(,|(?=\}))")
_END = re.compile(r"[ \t]*\}")
_ESCAPED = re.compile(r"\\(.)")
_MEANINGS = {"n": "\n"}


def read(body: bytes) -> Collector:
    """Read samples as technical signals, their labels as slices.

    The labels `kind` (one of the kinds of signals), `dataset` and `sample_size` (a whole number) describe the signal
    and are not part of the slice. Buckets of histograms are not stored; their sum and count are.

    Args:
        body: the text in UTF-8.

    Raises:
        UnreadableReportError: it is not such a text.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise UnreadableReportError(f"The text is UTF-8; byte {fault.start} is not.") from None
    found = Collector()
    histograms: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        where = f"line {number}"
        stripped = line.strip(" \t\r")
        if stripped.startswith("#"):
            words = stripped.split(maxsplit=3)
            if words[1:2] == ["TYPE"] and words[3:] == ["histogram"]:
                histograms.add(words[2])
        elif stripped:
            _sample(found, where, stripped, histograms)
    if not found.signals and not found.unread_total:
        raise UnreadableReportError('The text has no sample; a line is `name{label="value"} 1.5`.')
    return found


def _sample(found: Collector, where: str, line: str, histograms: set[str]) -> None:
    name = _NAME.match(line)
    if name is None:
        found.skip(where, "it does not begin with the name of a metric")
        return
    labels, rest = _labels(line[name.end() :])
    if labels is None:
        found.skip(where, 'its labels are not written as {name="value", …}')
        return
    words = rest.split()
    if len(words) not in (1, 2):
        found.skip(where, "a value, and at most a time in milliseconds, follow the name")
        return
    if name[0].removesuffix("_bucket") in histograms and name[0].endswith("_bucket"):
        found.skip(where, "buckets of a histogram are not stored; its sum and count are")
        return
    at: datetime | None = None
    if len(words) == 2:
        at = read_time(int(words[1])) if re.fullmatch(r"-?[0-9]{1,15}", words[1]) else None
        if at is None:
            found.skip(where, "its time is not in milliseconds since 1970")
            return
    kind = labels.pop("kind") if labels.get("kind") in KINDS else "technical"
    size = labels.pop("sample_size") if re.fullmatch(r"[0-9]{1,15}", labels.get("sample_size", "")) else None
    found.add(
        where,
        name[0],
        _value(words[0]),
        kind=kind,
        dataset=labels.pop("dataset", ""),
        labels=labels,
        sample_size=int(size) if size is not None else None,
        at=at,
    )


def _labels(text: str) -> tuple[dict[str, str] | None, str]:
    """Return the labels and the text after them; None if they are malformed."""
    text = text.lstrip(" \t")
    if not text.startswith("{"):
        return {}, text
    labels: dict[str, str] = {}
    place = 1
    while (end := _END.match(text, place)) is None:
        label = _LABEL.match(text, place)
        if label is None or label[1] in labels:
            return None, ""
        labels[label[1]] = _ESCAPED.sub(lambda escaped: _MEANINGS.get(escaped[1], escaped[1]), label[2])
        place = label.end()
    return labels, text[end.end() :]


def _value(word: str) -> object:
    try:
        return float(word)
    except ValueError:
        return word
