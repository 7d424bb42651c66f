"""Collect the results of scanning one file, and the rule for paths that a file names. Pure."""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Callable
from functools import wraps

from governance.checks.base import Severity
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.report import (
    Effect,
    EffectKind,
    FileScan,
    Reference,
    Scan,
    ScanFinding,
    Scanner,
    Verdict,
    worst,
)

MAX_FINDINGS = 200
MAX_EFFECTS = 1_000
MAX_REFERENCES = 100_000
MAX_SHOWN = 120
"""Maximum characters of a text from the file that a message quotes."""

_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:")


def shown(text: object) -> str:
    """Return a text from a file as a short quotation without control characters."""
    raw = str(text)
    return repr(raw if len(raw) <= MAX_SHOWN else raw[:MAX_SHOWN] + "…")


def leads_out(path: str) -> str | None:
    """Return why a path that a file names leads out of the version, as words that follow it; None if it does not.

    Source: ONNX, docs/ExternalData.md: a location is relative to the folder of the model, without `..`.
    """
    if not path or path != path.strip():
        return "is empty or begins or ends with a space"
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path:
        return "contains a backslash, which some systems read as a folder"
    if _SCHEME.match(path) or _DRIVE.match(path):
        return "names a drive, an address or a protocol"
    if ".." in path.split("/"):
        return "leads out of its folder by '..'"
    if path.startswith("~") or "$" in path or "*" in path:
        return "contains a character that programs replace by something else"
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in path):
        return "contains a control character"
    return None


def collected(form: Format) -> Callable[[Callable[[Scan, Collector], None]], Scanner]:
    """Make a scanner from a function that collects findings: a broken file keeps its format and earlier findings.

    Args:
        form: the format of the file.
    """

    def make(collect: Callable[[Scan, Collector], None]) -> Scanner:
        @wraps(collect)
        def scanner(scan: Scan) -> FileScan:
            found = Collector(form)
            try:
                collect(scan, found)
            except Malformed as fault:
                found.unreadable("unreadable_file", f"The file {fault}, so what loading it would do cannot be judged.")
            except (struct.error, ValueError, IndexError, OverflowError, RecursionError):
                message = f"The file breaks the structure of {form}, so what loading it would do cannot be judged."
                found.unreadable("unreadable_file", message)
            return found.result()

        return scanner

    return make


class Collector:
    """The findings, effects and references of one file, and the verdict that follows from them.

    The lists are limited; the verdict considers everything.
    """

    def __init__(self, form: Format) -> None:
        self.format = form
        self.verdict = Verdict.SAFE
        self._findings: dict[tuple[str, str, str], ScanFinding] = {}
        self._effects: dict[Effect, None] = {}
        self._references: dict[str, Reference] = {}

    def find(
        self,
        code: str,
        message: str,
        where: str = "",
        *,
        severity: Severity = Severity.HIGH,
        verdict: Verdict = Verdict.UNSAFE,
    ) -> None:
        """Add a finding; the verdict becomes the worst so far."""
        self.verdict = worst((self.verdict, verdict))
        if len(self._findings) < MAX_FINDINGS:
            self._findings.setdefault((code, message, where), ScanFinding(code, message, severity, where))

    def note(self, code: str, message: str, where: str = "") -> None:
        """Add information that does not change the verdict."""
        self.find(code, message, where, severity=Severity.INFO, verdict=Verdict.SAFE)

    def unreadable(self, code: str, message: str, where: str = "") -> None:
        """Add a finding on content that readers may read differently."""
        self.find(code, message, where, verdict=Verdict.UNREADABLE)

    def effect(self, kind: EffectKind, subject: str, where: str = "", *, allowed: bool = True) -> None:
        """Add an effect of loading."""
        if len(self._effects) < MAX_EFFECTS:
            self._effects.setdefault(Effect(kind, subject[:MAX_SHOWN], where, allowed))

    def imports(self, name: str, where: str, *, allowed: bool) -> None:
        """Add an import."""
        self.effect(EffectKind.IMPORTS, name, where, allowed=allowed)

    def executes(self, what: str, where: str) -> None:
        """Add code that loading executes and nothing allows."""
        self.effect(EffectKind.EXECUTES, what, where, allowed=False)

    def reads(self, place: str, where: str) -> None:
        """Add a place outside the version that loading reads."""
        self.effect(EffectKind.READS, place, where, allowed=False)

    def refer(self, path: str, where: str, what: str) -> None:
        """Add a path that the file names as its data; a path that leads out of the version is a finding.

        Args:
            path: as written in the file.
            where: the place in the file.
            what: what the path names, such as "external data".
        """
        reason = leads_out(path)
        if reason is not None:
            self.reads(path, where)
            self.find(
                "reference_outside",
                f"The path {shown(path)} of {what} {reason}, so loading reads a file that the fingerprint does not "
                "cover. Store the data in the version and refer to it by a path relative to the folder of this file.",
                where,
                severity=Severity.CRITICAL,
            )
        elif len(self._references) >= MAX_REFERENCES:
            self.unreadable("too_many_references", f"The file refers to more than {MAX_REFERENCES:,} files.", where)
        else:
            self._references.setdefault(path, Reference(path, where))

    def include(self, part: FileScan, place: str) -> None:
        """Add the result of scanning a part of the file."""
        inside = part.within(place)
        self.verdict = worst((self.verdict, part.verdict))
        for finding in inside.findings:
            self.find(finding.code, finding.message, finding.where, severity=finding.severity, verdict=Verdict.SAFE)
        for effect in inside.effects:
            self.effect(effect.kind, effect.subject, effect.where, allowed=effect.allowed)
        for reference in inside.references:
            self._references.setdefault(reference.path, reference)

    def result(self) -> FileScan:
        """Return the result."""
        return FileScan(
            self.format,
            self.verdict,
            tuple(self._findings.values()),
            tuple(self._effects),
            tuple(self._references.values()),
        )
