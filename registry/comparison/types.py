"""Inputs and results of a comparison, as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from registry.comparison.bounds import MetricBound
from registry.comparison.dependencies import PackageChange
from registry.comparison.direction import Direction
from registry.comparison.text import TextDiff

MetricKey: TypeAlias = tuple[str, str, str]
"""Name of the metric, dataset on which it was measured, and slice of it; the last two may be empty."""


@dataclass(frozen=True)
class Dataset:
    """A dataset reference of a version."""

    role: str
    name: str
    reference: str = ""
    uri: str = ""
    algorithm: str = ""
    digest: str = ""
    strength: str = "weak"


@dataclass(frozen=True)
class File:
    """A file of a version: SHA-256 of its bytes, and size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class VersionSnapshot:
    """The compared facts of a version. `facts` are further lines, such as the commit."""

    model: str
    number: int
    fingerprint: str = ""
    metrics: Mapping[MetricKey, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    signature: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""
    datasets: Sequence[Dataset] = ()
    lock: str = ""
    files: Mapping[str, File] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricChange:
    """A metric of one or both versions. `direction` is the better one; a change is better or worse only if it is
    known.
    """

    name: str
    dataset: str
    slice: str
    before: float | None
    after: float | None
    bound: MetricBound | None = None
    direction: Direction = ""

    @property
    def delta(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def differs(self) -> bool:
        return self.before != self.after

    @property
    def kind(self) -> str:
        """added, removed, better, worse, changed or same."""
        if not self.differs:
            return "same"
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        if not self.direction:
            return "changed"
        return "better" if (self.after > self.before) == (self.direction == "higher") else "worse"

    @property
    def within(self) -> bool | None:
        """Whether the value of the second version is within the limit; None if there is no limit or no value."""
        return None if self.bound is None or self.after is None else self.bound.holds(self.after)


@dataclass(frozen=True)
class ValueChange:
    """A named value: a parameter, a fact, an entry of the front matter. None if a version does not have it.

    Values are text; other types are written as JSON.
    """

    name: str
    before: str | None
    after: str | None

    @property
    def differs(self) -> bool:
        return self.before != self.after

    @property
    def kind(self) -> str:
        if not self.differs:
            return "same"
        return "added" if self.before is None else "removed" if self.after is None else "changed"


@dataclass(frozen=True)
class SectionChange:
    """A section of the model card; `kind` is added, removed, changed or same. The text before the first heading
    has no title.
    """

    title: str
    kind: str
    text: TextDiff


@dataclass(frozen=True)
class CardChange:
    """The differences between two model cards. `unreadable` is the reason why front matter was compared as text."""

    metadata: tuple[ValueChange, ...] = ()
    sections: tuple[SectionChange, ...] = ()
    unreadable: str = ""

    @property
    def count(self) -> int:
        return sum(v.differs for v in self.metadata) + sum(s.kind != "same" for s in self.sections)


@dataclass(frozen=True)
class DatasetChange:
    """A dataset by role and name. `identity` is same, other or unproven, for the data themselves."""

    role: str
    name: str
    before: Dataset | None
    after: Dataset | None
    identity: str
    description: str

    @property
    def differs(self) -> bool:
        return self.before != self.after

    @property
    def kind(self) -> str:
        if not self.differs:
            return "same"
        return "added" if self.before is None else "removed" if self.after is None else "changed"


@dataclass(frozen=True)
class DependencyChange:
    """The differences between two locked environments.

    Attributes:
        forms: the format of each lock.
        other: the lines without a recognised pin, as text.
        how: "packages", or "lines" if a lock is too long or in an unknown format.
    """

    packages: tuple[PackageChange, ...] = ()
    other: tuple[ValueChange, ...] = ()
    forms: tuple[str, str] = ("none", "none")
    how: str = "packages"
    left_out: int = 0
    """Number of differing lines that are not listed."""

    @property
    def count(self) -> int:
        return sum(p.kind != "same" for p in self.packages) + sum(o.differs for o in self.other) + self.left_out

    @property
    def major(self) -> int:
        return sum(p.major for p in self.packages)


@dataclass(frozen=True)
class FileChange:
    """A file by path: added, removed, changed, moved (the same bytes under another path) or same."""

    path: str
    kind: str
    before: File | None
    after: File | None
    was_at: str = ""

    @property
    def differs(self) -> bool:
        return self.kind != "same"
