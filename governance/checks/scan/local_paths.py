"""Scan files and folders of this machine, each path as one artifact. Nothing is followed that leads elsewhere."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from governance.checks.base import Severity
from governance.checks.formats.names import Format
from governance.checks.scan.artifact import ArtifactFile, ArtifactScan, scan_artifact
from governance.checks.scan.report import Options, Verdict

PATH_UNUSABLE = "path_unusable"
"""Code of the finding on a path that cannot be scanned."""
_CHUNK = 1 << 20
_MAX_DIGESTED = 64 << 20
"""Larger files are not hashed: only a file of code needs its digest."""


class PathUnusableError(ValueError):
    """A path cannot be scanned; the message names it and the remedy."""


def scan_files(path: str, files: Iterable[ArtifactFile], options: Options | None = None) -> dict[str, Any]:
    """Scan the files that `files_at` returns for a path.

    Returns:
        {"path", "verdict", "format", "findings": [{"code", "message", "where", "severity"}]}.

    Raises:
        PathUnusableError: a file cannot be read any more, or the disk has no space for unpacked content.
    """
    try:
        found = scan_artifact(files, options or Options())
    except OSError as error:
        raise PathUnusableError(f"{shown(path)} cannot be scanned: {error.strerror or error}.") from None
    return as_json(path, found, alone=not os.path.isdir(path))


def scan_path(path: str) -> dict[str, Any]:
    """Scan a path as `scan_files` does. A path that cannot be scanned has the finding `PATH_UNUSABLE`."""
    try:
        return scan_files(path, files_at(path))
    except PathUnusableError as error:
        return unusable(path, error)


def unusable(path: str, error: Exception) -> dict[str, Any]:
    """Return the JSON object of a path that cannot be scanned; see `scan_files`."""
    finding = {"code": PATH_UNUSABLE, "message": str(error), "where": "", "severity": str(Severity.HIGH)}
    return {
        "path": shown(path),
        "verdict": str(Verdict.UNREADABLE),
        "format": str(Format.UNKNOWN),
        "findings": [finding],
    }


def is_unusable(result: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is that of a path that cannot be scanned."""
    return any(finding["code"] == PATH_UNUSABLE for finding in result["findings"])


def as_json(path: str, found: ArtifactScan, *, alone: bool) -> dict[str, Any]:
    """Return the result as a JSON object. If `alone`, the artifact is a single file, whose places need no path."""
    scans = found.files[0][1] if alone and found.files else None
    return {
        "path": path,
        "verdict": str(found.verdict),
        "format": str(scans.format) if scans is not None else found.kind,
        "findings": [
            {"code": f.code, "message": f.message, "where": f.where, "severity": str(f.severity)}
            for f in (scans.findings if scans is not None else found.findings)
        ],
    }


def files_at(path: str) -> list[ArtifactFile]:
    """Return the files of an artifact.

    Raises:
        PathUnusableError: see `paths_at`.
    """
    refuse_empty(path)
    return [_file(found, name) for name, found in paths_at(Path(path))]


def refuse_empty(path: str) -> None:
    """Refuse an empty path, which the operating system reads as the current folder. Raises PathUnusableError."""
    if not path:
        raise PathUnusableError("A path is empty: name a file or a folder.")


def paths_at(top: Path) -> Iterator[tuple[str, Path]]:
    """Return the file itself by its name, or all files below the folder by their path in it.

    Raises:
        PathUnusableError: the path, or a file below it, is missing, unreadable, a link, or no regular file.
    """
    if _kind(top) == "folder":
        yield from ((found.relative_to(top).as_posix(), found) for found in _below(top))
    else:
        yield top.name, top


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            entries = list(here.iterdir())
        except OSError as error:
            raise PathUnusableError(f"{shown(here)} cannot be read: {error.strerror or error}.") from None
        for path in entries:
            (waiting if _kind(path) == "folder" else found).append(path)
    return sorted(found)


def _kind(path: Path) -> str:
    """Return "folder" or "file". Raises PathUnusableError."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise PathUnusableError(f"The name {shown(path)} is not UTF-8: rename the file.") from None
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PathUnusableError(f"{shown(path)} cannot be read: {reason}.") from None
    if stat.S_ISLNK(mode):
        raise PathUnusableError(f"{shown(path)} is a symbolic link, and links are not followed: name what it leads to.")
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        raise PathUnusableError(f"{shown(path)} is no regular file (a pipe, a socket or a device): remove it.")
    return "file"


def _file(path: Path, name: str) -> ArtifactFile:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size <= _MAX_DIGESTED:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
    except OSError as error:
        raise PathUnusableError(f"{shown(path)} cannot be read: {error.strerror or error}.") from None
    return ArtifactFile.at(path, name, size, digest.hexdigest() if size <= _MAX_DIGESTED else "")


def shown(path: str | Path) -> str:
    """Return a path as text that can be printed."""
    text = str(path)
    return text if text.isprintable() else ascii(text)[1:-1]
