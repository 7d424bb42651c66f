"""The packages that an environment lock pins, and what in it pins nothing. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from registry.comparison.dependencies import lock_fault, normalize_name, read_lock

MAX_LOCK = 8 << 20
"""Maximum bytes of a lock; one of 5,000 packages with hashes has about 2 MB."""
_PINNED = re.compile(r"[0-9][A-Za-z0-9.!+_-]{0,99}")
_LOCATION = re.compile(r"(?:-e|--editable)\b|(?:git|hg|svn|bzr)\+|\w{1,20}://|@\s|\.{1,2}/|/|file:", re.IGNORECASE)
_OPTIONS = (
    "-i", "--index-url", "--extra-index-url", "--no-index", "--pre", "--only-binary", "--no-binary", "--trusted-host",
    "--prefer-binary", "--find-links", "-f", "--require-hashes", "--use-feature",
)  # fmt: skip
"""Options of a requirements file that install nothing."""


class LockUnreadableError(ValueError):
    """A text is no lock of a supported tool; the message has the remedy."""


@dataclass(frozen=True)
class Pin:
    """A package at one version. `version` is as written; conda packages have versions that Python does not know."""

    name: str
    version: str

    @property
    def key(self) -> str:
        """The name in the form that indexes compare."""
        return normalize_name(self.name)


@dataclass(frozen=True)
class LockFault:
    """A line that pins nothing: `code` is unpinned, included_file, location or unreadable_line."""

    code: str
    message: str
    line: str


@dataclass(frozen=True)
class LockedPackages:
    """A lock, read: its pins and its faults."""

    form: str
    pins: tuple[Pin, ...]
    faults: tuple[LockFault, ...]


def read_locked_packages(raw: bytes) -> LockedPackages:
    """Read an environment lock.

    Args:
        raw: a requirements file, a conda environment, an explicit list of conda, or a lock of uv, Poetry or PDM.

    Raises:
        LockUnreadableError: it is none of these, is empty, or is too long.
    """
    if len(raw) > MAX_LOCK:
        raise LockUnreadableError(f"it has {len(raw):,} bytes; at most {MAX_LOCK:,} are read")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LockUnreadableError("it is not UTF-8 text") from None
    if not_yaml := lock_fault(text):
        raise LockUnreadableError(not_yaml)
    lock = read_lock(text)
    if lock.form == "none":
        raise LockUnreadableError("it is empty")
    if not lock.readable:
        raise LockUnreadableError("it pins no package. Write one line `name==version` for each, as pip freeze does")
    pins: list[Pin] = []
    faults: list[LockFault] = []
    for package in lock.packages.values():
        versions = [version.strip() for version in package.version.split(", ")] if package.version else [""]
        for version in versions:
            if _is_pin(version, conda=lock.form.startswith("conda")):
                pins.append(Pin(package.name, version))
            else:
                faults.append(_unpinned(package.name, version))
    faults += [fault for line in lock.other if (fault := _other(line)) is not None]
    return LockedPackages(lock.form, tuple(pins), tuple(faults))


def _is_pin(version: str, *, conda: bool) -> bool:
    if conda:
        return _PINNED.fullmatch(version) is not None
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


def _unpinned(name: str, written: str) -> LockFault:
    line = f"{name} {written}".strip()[:200]
    if _LOCATION.search(written):
        message = f"{name} is installed from a location ({written[:120]}). Pin a released version: {name}==VERSION."
        return LockFault("location", message, line)
    shown = f" ({written[:120]})" if written else ""
    return LockFault("unpinned", f"{name} is not pinned{shown}. Write {name}==VERSION.", line)


def _other(line: str) -> LockFault | None:
    word = line.partition("=")[0].split(maxsplit=1)[0] if line.strip("= ") else ""
    shown = line[:200]
    if word in _OPTIONS:
        return None
    if word in ("-r", "--requirement", "-c", "--constraint") or line.startswith(("-r", "-c")):
        return LockFault("included_file", f"“{shown}” includes another file, which is not part of the lock.", shown)
    if _LOCATION.match(line):
        return LockFault("location", f"“{shown}” installs from a location. Pin a released version.", shown)
    return LockFault("unreadable_line", f"“{shown}” pins no package. Write name==version.", shown)
