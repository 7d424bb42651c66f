"""What rules over several files note about single files: findings, effects, references, and code that loading runs."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from governance.checks.base import Severity
from governance.checks.scan.report import Effect, EffectKind, FileScan, Options, ScanFinding, Verdict, worst


@dataclass(frozen=True)
class Entry:
    """One file of a folder or of an archive.

    Attributes:
        path: its path in the folder, with slashes.
        scan: the result of scanning it alone.
        size: in bytes.
        sha256: of its content; may be empty for files that are not code.
        text: the content of a small configuration file, of which rules read references; empty for others.
    """

    path: str
    scan: FileScan
    size: int
    sha256: str
    text: bytes = b""


@dataclass
class _Note:
    verdict: Verdict = Verdict.SAFE
    findings: list[ScanFinding] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


class Notes:
    """Collects what rules find. Paths are those of entries.

    Args:
        entries: the files by path.
        options: the policy's options.
    """

    def __init__(self, entries: Mapping[str, Entry], options: Options) -> None:
        self.entries, self.options = dict(entries), options
        self.runs: dict[str, str] = {}
        """Path of a file that loading runs, and which file says so."""
        self._folders = {folder for path in entries for folder in _parents(path)}
        self._notes: dict[str, _Note] = {}

    def found(self, path: str, verdict: Verdict, finding: ScanFinding) -> None:
        """Add a finding to a file."""
        note = self._notes.setdefault(path, _Note())
        note.verdict = worst((note.verdict, verdict))
        if finding not in note.findings:
            note.findings.append(finding)

    def drop(self, path: str, is_judged: Callable[[ScanFinding], bool]) -> None:
        """Remove findings of the scanner of a single file that a rule judges with knowledge of the folder.

        Args:
            path: the file.
            is_judged: whether the rule judges what a finding is about. If it judges all of them, the file is safe
                unless a rule adds a finding.
        """
        scan = self.entries[path].scan
        kept = tuple(finding for finding in scan.findings if not is_judged(finding))
        if len(kept) == len(scan.findings):
            return
        verdict = scan.verdict if kept else Verdict.SAFE
        places = {finding.where for finding in scan.findings if is_judged(finding)}
        effects = tuple(effect for effect in scan.effects if effect.where not in places)
        scan = replace(scan, verdict=verdict, findings=kept, effects=effects)
        self.entries[path] = replace(self.entries[path], scan=scan)

    def effect(self, path: str, effect: Effect) -> None:
        """Add an effect of loading to a file."""
        effects = self._notes.setdefault(path, _Note()).effects
        if effect not in effects:
            effects.append(effect)

    def unreadable(self, path: str, code: str, message: str) -> None:
        """Add that a configuration file cannot be read, so that what it names is unknown."""
        self.found(path, Verdict.UNREADABLE, ScanFinding(code, message))

    def imports(self, path: str, name: str, where: str, allowed: bool, message: str) -> None:
        """Add that loading imports a module or class that a configuration file names."""
        allowed = allowed or name in self.options.extra_allowed
        self.effect(path, Effect(EffectKind.IMPORTS, name, where, allowed))
        if not allowed:
            self.found(path, Verdict.UNSAFE, ScanFinding("unknown_loader", message, Severity.CRITICAL, where))

    def refer(self, path: str, target: str, where: str = "", *, required: bool = True) -> list[str]:
        """Add a reference from a file to a file or folder of the artifact.

        Args:
            path: the file that contains the reference.
            target: as written, relative to the folder of `path`.
            where: the place in the file.
            required: whether loading fails if it is missing.

        Returns:
            The paths of the files that it names; empty if it is missing or leads out.
        """
        resolved = resolve(path, target)
        if resolved is None:
            message = (
                f"It refers to {_shown(target)}, which leads out of the version: the fingerprint does not cover what "
                "is there. Register a version that contains the file, and refer to it by a path within its folder."
            )
            self.effect(path, Effect(EffectKind.READS, _shown(target), where, allowed=False))
            self.found(path, Verdict.UNSAFE, ScanFinding("reference_outside", message, Severity.CRITICAL, where))
            return []
        if resolved in self.entries:
            return [resolved]
        if resolved in self._folders or resolved == ".":
            return [other for other in self.entries if resolved == "." or other.startswith(f"{resolved}/")]
        if required:
            message = (
                f"It refers to {_shown(target)}, which is not a file of the version: the fingerprint does not cover "
                "it. Register a version that contains the file."
            )
            self.found(path, Verdict.UNREADABLE, ScanFinding("reference_missing", message, Severity.HIGH, where))
        return []

    def refer_to_file(self, path: str, target: str, where: str = "") -> None:
        """Add a reference as `refer` does, to a file; a folder is no file that a reader can open."""
        named = self.refer(path, target, where)
        if named and named != [resolve(path, target)]:
            message = f"It refers to {_shown(target)}, which is a folder of the version and not a file."
            self.found(path, Verdict.UNREADABLE, ScanFinding("reference_missing", message, Severity.HIGH, where))

    def run(self, target: str, by: str) -> None:
        """Add that loading runs a file, because the file `by` says so."""
        self.runs.setdefault(target, by)

    def applied(self) -> list[tuple[str, FileScan]]:
        """Return the scan of each file with what was noted about it."""
        return [(path, self._with_note(entry)) for path, entry in self.entries.items()]

    def _with_note(self, entry: Entry) -> FileScan:
        note = self._notes.get(entry.path)
        if note is None:
            return entry.scan
        return replace(
            entry.scan,
            verdict=worst((entry.scan.verdict, note.verdict)),
            findings=(*entry.scan.findings, *note.findings),
            effects=(*entry.scan.effects, *note.effects),
        )


def resolve(path: str, target: str) -> str | None:
    """Return the path in the artifact that `target`, written in the file `path`, names; None if it leads out.

    Back slashes, drives and addresses lead out, because readers on some systems follow them.
    """
    if (
        not target
        or "\\" in target
        or "\0" in target
        or ":" in target.split("/", maxsplit=1)[0]
        or target.startswith(("/", "~"))
    ):
        return None
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return None if resolved == ".." or resolved.startswith(("../", "/")) else resolved


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _shown(target: str) -> str:
    text = target if target.isprintable() else ascii(target)
    return f"“{text[:200]}”"
