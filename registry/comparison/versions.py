"""Comparison of two versions in everything that decisions may depend on. Pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry import model_card as cards
from registry.comparison.bounds import MetricBound
from registry.comparison.dependencies import package_changes, read_lock
from registry.comparison.direction import Direction, better_direction
from registry.comparison.signature import SignatureChange, compare_signatures
from registry.comparison.text import Effort, TextDiff, compare_texts
from registry.comparison.types import (
    CardChange,
    Dataset,
    DatasetChange,
    DependencyChange,
    FileChange,
    MetricChange,
    MetricKey,
    SectionChange,
    ValueChange,
    VersionSnapshot,
)
from registry.datasets import Reference, identity

MAX_CARD = 256 * 1024
"""Maximum characters of a card that is compared by sections; a longer one is compared by lines."""
MAX_OTHER = 500
"""Maximum number of lock lines that are listed."""
MAX_VALUES = 2_000
"""Maximum number of parameters that are listed one by one."""

_STRENGTHS = ("weak", "medium", "strong")

Bounds = Callable[[MetricKey], MetricBound | None]
Directions = Callable[[MetricKey], Direction]


@dataclass(frozen=True)
class Comparison:
    """The differences of version `b` from version `a`. Pairs are always in the order `a`, `b`."""

    a: VersionSnapshot
    b: VersionSnapshot
    metrics: tuple[MetricChange, ...]
    parameters: tuple[ValueChange, ...]
    signature: SignatureChange
    card: CardChange
    data: tuple[DatasetChange, ...]
    dependencies: DependencyChange
    facts: tuple[ValueChange, ...]
    files: tuple[FileChange, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of differences of each kind, in the order of the page."""
        return {
            "metrics": sum(m.differs for m in self.metrics),
            "parameters": sum(p.differs for p in self.parameters),
            "signature": len(self.signature.changes),
            "card": self.card.count,
            "data": sum(d.differs for d in self.data),
            "dependencies": self.dependencies.count,
            "code": sum(f.differs for f in self.facts),
            "artifacts": sum(f.differs for f in self.files),
        }

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def compare(
    a: VersionSnapshot, b: VersionSnapshot, bounds: Bounds | None = None, directions: Directions | None = None
) -> Comparison:
    """Compare two versions, of one model or of two.

    Args:
        a: the first version.
        b: the second version.
        bounds: returns the limit of a metric, or None.
        directions: returns the better direction of a metric; by default it is derived from the name.
    """
    return Comparison(
        a=a,
        b=b,
        metrics=tuple(_metrics(a.metrics, b.metrics, bounds or (lambda _: None), directions or _by_name)),
        parameters=tuple(_values(_flat(a.parameters), _flat(b.parameters))),
        signature=compare_signatures(a.signature, b.signature),
        card=_card(a.card, b.card),
        data=tuple(_data(a.datasets, b.datasets)),
        dependencies=_dependencies(a.lock, b.lock),
        facts=tuple(_values(a.facts, b.facts)),
        files=tuple(_files(a, b)),
    )


def _metrics(
    before: Mapping[MetricKey, float], after: Mapping[MetricKey, float], bounds: Bounds, directions: Directions
) -> Iterator[MetricChange]:
    found = [
        MetricChange(*key, before.get(key), after.get(key), bounds(key), directions(key))
        for key in before.keys() | after.keys()
    ]
    yield from sorted(found, key=lambda m: (m.bound is None, m.name, m.dataset, m.slice))


def _by_name(key: MetricKey) -> Direction:
    return better_direction(key[0])


def _values(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ValueChange]:
    for name in [*before, *(n for n in after if n not in before)]:
        yield ValueChange(name, before.get(name), after.get(name))


def _flat(value: Any, path: str = "") -> dict[str, str]:
    """Return nested values by dotted name, sorted by name."""
    if isinstance(value, Mapping) and (value or not path):
        found: dict[str, str] = {}
        for key in sorted(value):
            found |= _flat(value[key], f"{path}.{key}" if path else str(key))
            if len(found) > MAX_VALUES:
                return {path or "parameters": _text(value)}
        return found
    return {path: _text(value)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


# --- the model card


def _card(before: str, after: str) -> CardChange:
    if max(len(before), len(after)) > MAX_CARD:
        diff = compare_texts(before, after, effort=Effort(words=0))
        return CardChange(sections=(_section("", before, after, diff),), unreadable="too long to be taken apart")
    try:
        old, new = cards.parse(before), cards.parse(after)
        metadata = tuple(_values(_metadata(old), _metadata(new)))
    except cards.ModelCardParseError as fault:
        diff = compare_texts(before, after)
        return CardChange(sections=(_section("", before, after, diff),), unreadable=str(fault))
    return CardChange(metadata, tuple(_sections(_parts(old), _parts(new))))


def _metadata(card: cards.Card) -> dict[str, str]:
    return {name: _text(cards.to_json_value(value)) for name, value in card.metadata.items()}


def _parts(card: cards.Card) -> dict[tuple[str, int], tuple[str, str]]:
    """Return the compared parts of a card: heading, and the Markdown under it."""
    shown = cards.top_sections(card)
    first = shown[0].line if shown else len(card.lines)
    opening = "\n".join(line for line in card.lines[:first]).strip("\n")
    found = {((), 0): ("", opening)} if opening.strip() else {}
    seen: Counter[Any] = Counter()
    for section in shown:
        name: Any = cards.normalised(section.title) or (section.title,)
        found[name, seen[name]] = (section.title, card.source(section))
        seen[name] += 1
    return found  # type: ignore[return-value]  # its keys mix two tuple types


def _sections(before: Mapping[Any, tuple[str, str]], after: Mapping[Any, tuple[str, str]]) -> Iterator[SectionChange]:
    effort = Effort()
    for key in [*after, *(k for k in before if k not in after)]:
        was, now = before.get(key), after.get(key)
        title = (now or was or ("", ""))[0]
        diff = compare_texts(was[1] if was else "", now[1] if now else "", effort=effort)
        kind = "added" if was is None else "removed" if now is None else "changed" if diff.changed else "same"
        yield SectionChange(title, kind, diff)


def _section(title: str, before: str, after: str, diff: TextDiff) -> SectionChange:
    kind = "same" if before == after else "added" if not before else "removed" if not after else "changed"
    return SectionChange(title, kind, diff)


# --- data


def _data(before: Sequence[Dataset], after: Sequence[Dataset]) -> Iterator[DatasetChange]:
    old, new = _by_role(before), _by_role(after)
    roles = {role: n for n, role in enumerate(("training", "validation", "evaluation"))}
    for key in sorted(old.keys() | new.keys(), key=lambda k: (roles.get(k[0], len(roles)), k)):
        was, now = old.get(key), new.get(key)
        yield DatasetChange(key[0], key[1], was, now, *_identity(was, now))


def _by_role(datasets: Sequence[Dataset]) -> dict[tuple[str, str, int], Dataset]:
    found: dict[tuple[str, str, int], Dataset] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for d in sorted(datasets, key=lambda d: (d.role, d.name, d.reference, d.uri, d.algorithm, d.digest)):
        found[d.role, d.name, seen[d.role, d.name]] = d
        seen[d.role, d.name] += 1
    return found


def _identity(was: Dataset | None, now: Dataset | None) -> tuple[str, str]:
    if was is None or now is None:
        return "other", "only in the second" if was is None else "only in the first"
    strength = ""
    if was.strength != now.strength:
        stronger = _rank(now.strength) > _rank(was.strength)
        strength = f"{'stronger' if stronger else 'weaker'} identity: {was.strength} → {now.strength}"
    if "weak" not in (was.strength, now.strength) and _known_by(was) == _known_by(now):
        if was.strength == now.strength == "strong":
            return "same", "the same bytes" + _beside(was, now)
        return "same", "; ".join(p for p in (f"the same {was.algorithm} identity" + _beside(was, now), strength) if p)
    if was.digest and now.digest and was.algorithm == now.algorithm:
        return "other", "; ".join(part for part in ("other data: the digests differ", strength) if part)
    if was == now:
        return "unproven", "the same label; no digest proves that the data are the same"
    return "unproven", strength or "another description; no digest proves whether the data are the same"


def _known_by(dataset: Dataset) -> str:
    return identity(Reference(dataset.name, dataset.reference, dataset.uri, dataset.algorithm, dataset.digest))


def _rank(strength: str) -> int:
    return _STRENGTHS.index(strength) if strength in _STRENGTHS else -1


def _beside(was: Dataset, now: Dataset) -> str:
    return "" if (was.reference, was.uri) == (now.reference, now.uri) else ", under another reference"


# --- environment and files


def _dependencies(before: str, after: str) -> DependencyChange:
    old, new = read_lock(before), read_lock(after)
    forms = (old.form, new.form)
    if not (old.readable and new.readable):
        return _by_lines(before, after, forms)
    other = tuple(_lines(Counter(old.other), Counter(new.other)))
    return DependencyChange(
        tuple(package_changes(old, new)), other[:MAX_OTHER], forms, left_out=max(0, len(other) - MAX_OTHER)
    )


def _by_lines(before: str, after: str, forms: tuple[str, str]) -> DependencyChange:
    def lines(text: str) -> Counter[str]:
        return Counter(line.strip()[:2_000] for line in text.splitlines() if line.strip())

    differing = [change for change in _lines(lines(before), lines(after)) if change.differs]
    return DependencyChange(
        (), tuple(differing[:MAX_OTHER]), forms, "lines", left_out=max(0, len(differing) - MAX_OTHER)
    )


def _lines(before: Counter[str], after: Counter[str]) -> Iterator[ValueChange]:
    """Yield lines regardless of their order, each once."""
    for line in sorted(before.keys() | after.keys()):
        was, now = line if before[line] else None, line if after[line] else None
        yield ValueChange("", was, now)


def _files(a: VersionSnapshot, b: VersionSnapshot) -> Iterator[FileChange]:
    gone: dict[str, list[str]] = defaultdict(list)
    for path, file in sorted(a.files.items()):
        if path not in b.files:
            gone[file.sha256].append(path)
    moved: dict[str, str] = {}
    for path, file in sorted(b.files.items()):
        if path not in a.files and gone.get(file.sha256):
            moved[path] = gone[file.sha256].pop(0)
    left = set(moved.values())
    for path in sorted((a.files.keys() | b.files.keys()) - left):
        was, now = a.files.get(moved.get(path, path)), b.files.get(path)
        if path in moved:
            yield FileChange(path, "moved", was, now, was_at=moved[path])
        elif was is None or now is None:
            yield FileChange(path, "added" if was is None else "removed", was, now)
        else:
            yield FileChange(path, "same" if was.sha256 == now.sha256 else "changed", was, now)
