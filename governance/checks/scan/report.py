"""The types of a scan: verdicts, findings, effects, references, and what a scanner receives. Pure.

A scanner is a function `(Scan) -> FileScan` for one format. It reads `scan.stream` and never loads, imports or
writes anything. Its memory does not grow with the size of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import IO

from governance.checks.base import Severity
from governance.checks.formats.names import Format


class Verdict(StrEnum):
    """Verdict on a file or an artifact; only SAFE passes. Later members outrank earlier ones."""

    SAFE = "safe"
    UNSUPPORTED = "unsupported"
    """The format is not one that this engine can judge."""
    UNREADABLE = "unreadable"
    """The file violates the rules of its format, so that readers may differ about its content."""
    UNSAFE = "unsafe"


_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that outranks the others; SAFE if there is none."""
    return max(verdicts, key=_RANK.__getitem__, default=Verdict.SAFE)


class EffectKind(StrEnum):
    """What loading does besides reading the file's own data."""

    IMPORTS = "imports"
    EXECUTES = "executes"
    READS = "reads"
    """Reads a file or an address outside the version."""


@dataclass(frozen=True, order=True)
class Effect:
    """One effect of loading: "imports sklearn.svm._classes.SVC", in words for people.

    `subject` is the qualified name, the path of the code, or the place that is read. `allowed` is whether the engine's
    list, the policy, or the format's own loader makes it harmless.
    """

    kind: EffectKind
    subject: str
    where: str = ""
    allowed: bool = True


@dataclass(frozen=True)
class ScanFinding:
    """One finding on a file.

    `where` is the place within the file: a member, a layer, a byte offset. `message` names what would be imported or
    executed, and what the author can do.
    """

    code: str
    message: str
    severity: Severity = Severity.HIGH
    where: str = ""


@dataclass(frozen=True)
class Reference:
    """A file that this file names as its data. The artifact must contain it, or the fingerprint does not cover it.

    `path` is as written in the file, relative to its folder. `where` is the place in the file.
    """

    path: str
    where: str = ""


@dataclass(frozen=True)
class FileScan:
    """Result of scanning one file. `members` are the files in a container, by name."""

    format: Format
    verdict: Verdict
    findings: tuple[ScanFinding, ...] = ()
    effects: tuple[Effect, ...] = ()
    references: tuple[Reference, ...] = ()
    members: tuple[tuple[str, FileScan], ...] = ()

    def within(self, place: str) -> FileScan:
        """Return the same result with `place` before each position, for a part of a larger file."""
        return replace(
            self,
            findings=tuple(replace(f, where=_join(place, f.where)) for f in self.findings),
            effects=tuple(replace(e, where=_join(place, e.where)) for e in self.effects),
            references=tuple(replace(r, where=_join(place, r.where)) for r in self.references),
        )


def _join(place: str, where: str) -> str:
    return f"{place}: {where}" if where else place


@dataclass(frozen=True)
class Options:
    """What a policy decides about a scan.

    Attributes:
        extra_allowed: exact qualified names that a pickle may import besides the engine's list.
        allowed_code: SHA-256 digests of code files that a policy allows, each with the reviewer's name.
        max_unpacked: maximum unpacked bytes of an artifact.
        max_ratio: maximum ratio of unpacked to packed bytes of a container.
        max_depth: maximum number of containers around a file.
    """

    extra_allowed: frozenset[str] = frozenset()
    allowed_code: Mapping[str, str] = field(default_factory=dict)
    max_unpacked: int = 20 << 30
    max_ratio: int = 200
    max_depth: int = 4


@dataclass(frozen=True)
class Scan:
    """What a scanner receives: one file, and how to scan a file within it.

    Attributes:
        stream: seekable, binary, positioned anywhere.
        size: its size in bytes.
        name: its path in the artifact, or the name of the member. Formats are not derived from it.
        options: the policy's options.
        depth: number of containers around the file.
        scan_part: scans a file within this one: `scan.scan_part(scan.part(stream, size, name))`.
    """

    stream: IO[bytes]
    size: int
    name: str
    options: Options
    depth: int
    scan_part: Callable[[Scan], FileScan]

    def part(self, stream: IO[bytes], size: int, name: str) -> Scan:
        """Return the scan of a file within this one."""
        return replace(self, stream=stream, size=size, name=name, depth=self.depth + 1)


Scanner = Callable[[Scan], FileScan]
"""Scans a file whose format is known."""
