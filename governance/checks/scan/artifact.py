"""Scan all files of a version, or of a local folder, as one artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from governance.checks.base import Severity
from governance.checks.formats.names import Format
from governance.checks.scan import folder, unpacking
from governance.checks.scan.dispatch import scan_stream
from governance.checks.scan.report import Effect, FileScan, Options, ScanFinding, Verdict, worst


@dataclass(frozen=True)
class ArtifactFile:
    """A file to scan.

    Attributes:
        path: its path in the artifact, with slashes.
        open: opens its content, seekable and binary; None if the content is not available.
        size: in bytes.
        sha256: of the content, in hexadecimal digits.
    """

    path: str
    open: Callable[[], AbstractContextManager[IO[bytes]]] | None
    size: int
    sha256: str

    @classmethod
    def at(cls, local: Path, path: str, size: int, sha256: str) -> Self:
        """Return a file of this machine."""
        return cls(path, lambda: local.open("rb"), size, sha256)


@dataclass(frozen=True)
class ArtifactScan:
    """Result of scanning an artifact.

    Attributes:
        verdict: the worst of the verdicts on files.
        kind: mlflow, huggingface, savedmodel or folder.
        files: the scan of each file, by path.
    """

    verdict: Verdict
    kind: str
    files: tuple[tuple[str, FileScan], ...]

    @property
    def findings(self) -> tuple[ScanFinding, ...]:
        """All findings, worst first, each with the path of its file before its place."""
        placed = [finding for path, found in self.files for finding in found.within(path).findings]
        if not self.files:
            placed.append(ScanFinding("no_files", "There are no files whose loading could be judged."))
        return tuple(sorted(placed, key=lambda finding: -_SEVERITIES.index(finding.severity)))

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What loading does, each once for each file: what is not allowed first."""
        found = dict.fromkeys(effect for path, file in self.files for effect in file.within(path).effects)
        return tuple(sorted(found, key=lambda effect: effect.allowed))


_SEVERITIES = tuple(Severity)


def scan_artifact(files: Iterable[ArtifactFile], options: Options) -> ArtifactScan:
    """Scan the files of an artifact.

    Args:
        files: its files; none is loaded.
        options: the policy's options.

    Returns:
        The result; UNREADABLE for an artifact without files.

    Raises:
        OSError: a file cannot be read, or unpacked content cannot be written to a temporary file.
    """
    with unpacking.bounded(options.max_unpacked):
        entries = [_entry(file, options) for file in files]
    if not entries:
        return ArtifactScan(Verdict.UNREADABLE, "folder", ())
    judged = folder.judge(entries, options)
    return ArtifactScan(worst(found.verdict for _, found in judged.files), judged.kind, judged.files)


def _entry(file: ArtifactFile, options: Options) -> folder.Entry:
    if file.open is None:
        missing = ScanFinding("file_missing", "The file is registered but not in storage. Restore it from a backup.")
        return folder.Entry(file.path, FileScan(Format.UNKNOWN, Verdict.UNREADABLE, (missing,)), file.size, file.sha256)
    with file.open() as stream:
        found = scan_stream(stream, file.size, file.path, options)
        text = b""
        if folder.is_configuration(file.path) and file.size <= folder.MAX_CONFIGURATION:
            stream.seek(0)
            text = stream.read(folder.MAX_CONFIGURATION)
    return folder.Entry(file.path, found, file.size, file.sha256, text)
