"""Locked environments: pinned packages, and the differences between two. Pure.

Reads requirements files with or without hashes (pip freeze, pip-compile, uv), conda environments in YAML, conda's
explicit lists, and the TOML locks of uv, Poetry and PDM. A line that pins nothing is kept as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from packaging.version import Version

from registry import yaml_reader

MAX_PACKAGES = 5_000
"""Maximum number of packages compared by name; a longer lock is compared by lines."""
MAX_YAML = 256 * 1024
"""Maximum characters of YAML that are parsed; a longer lock is compared by lines."""
MAX_LINE = 2_000

# Possessive quantifiers where two adjacent parts match the same characters, so that matching takes linear time.
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*+)(?<![._-])\s*+(?:\[[^\]]{0,200}\]\s*+)?"
    r"(?:(?P<exact>={2,3})\s*+(?P<version>[^\s;,#]++)|(?P<at>@)\s*+(?P<url>\S++)|(?P<range>[<>!~=][^;#]*+))?"
    r"\s*+(?:;[^#]*+)?(?:#.*)?"
)
_CONDA = re.compile(r"(?:(?P<channel>[\w./:-]+)::)?(?P<name>[A-Za-z0-9._-]++)(?P<rest>(?:\s|[<>=!~]).*)?", re.DOTALL)
_PINNED = re.compile(r"(?:={1,2}\s*+)?([0-9][^\s=<>!~,*]*+)(?:[=\s]\s*+\S++)?")
_EXPLICIT = re.compile(r"https?://\S++")
_ARCHIVE = re.compile(r"(?P<name>[A-Za-z0-9._-]+)-(?P<version>[^-]+)-[^-]+\.(?:conda|tar\.bz2)")
_TOML_MEMBER = re.compile(r"(name|version)\s*+=\s*+(\"[^\"\\]*+\"|'[^']*+')\s*+(?:#.*)?")
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True)
class Package:
    """A package pinned in a lock. `version` is empty if it is named without one; several versions are joined by
    commas.
    """

    name: str
    version: str


@dataclass(frozen=True)
class LockFile:
    """A parsed lock. `form` is its format: requirements, conda, conda-explicit, toml-lock, none or text."""

    form: str = "none"
    packages: dict[str, Package] = field(default_factory=dict)
    other: tuple[str, ...] = ()
    """Lines without a recognised pin: options, links, and unknown notations."""

    @property
    def readable(self) -> bool:
        return self.form not in ("text",)


@dataclass(frozen=True)
class PackageChange:
    """A package in one lock or both.

    `kind` is added, removed, upgraded, downgraded, changed or same. `major` is True if the first number of the version
    changed, or, below 1.0, the second.
    """

    name: str
    before: str | None
    after: str | None
    kind: str
    major: bool = False


def read_lock(text: str) -> LockFile:
    """Parse a lock file of any supported tool."""
    if not text.strip():
        return LockFile()
    lock = _toml(text) or _conda_yaml(text) or _lines(text)
    return lock if len(lock.packages) <= MAX_PACKAGES else LockFile("text", other=tuple(_stripped(text)))


def lock_fault(text: str) -> str:
    """Return why a text written as a conda environment cannot be parsed; empty if it can, and for any other text,
    which is compared by lines.
    """
    if "dependencies:" not in text or _toml(text) is not None:
        return ""
    if len(text) > MAX_YAML:
        return f"it is a conda environment of more than {MAX_YAML:,} characters"
    try:
        yaml_reader.read(text)
    except yaml_reader.YamlUnreadableError as fault:
        return str(fault)
    return ""


def package_changes(before: LockFile, after: LockFile) -> Iterator[PackageChange]:
    """Yield every package of either lock, by name."""
    for name in sorted(before.packages.keys() | after.packages.keys()):
        was, now = before.packages.get(name), after.packages.get(name)
        shown = (now or was or Package(name, "")).name
        if was is None or now is None:
            kind = "removed" if now is None else "added"
            yield PackageChange(shown, was.version if was else None, now.version if now else None, kind)
        else:
            yield PackageChange(shown, was.version, now.version, *_moved(was.version, now.version))


def _moved(was: str, now: str) -> tuple[str, bool]:
    if was == now:
        return "same", False
    try:
        old, new = Version(was), Version(now)
    except ValueError:
        return "changed", False
    if old == new:
        return "same", False
    major = old.epoch != new.epoch or old.major != new.major or (old.major == 0 and old.minor != new.minor)
    return ("upgraded" if new > old else "downgraded"), major


def _stripped(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()[:MAX_LINE]


def normalize_name(name: str) -> str:
    """Return a project's name in the form that indexes compare (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


class _Found:
    def __init__(self) -> None:
        self.pins: dict[str, tuple[str, set[str]]] = {}
        self.other: list[str] = []

    def pin(self, name: str, version: str) -> None:
        self.pins.setdefault(normalize_name(name), (name, set()))[1].add(version)

    def lock(self, form: str) -> LockFile:
        packages = {
            key: Package(name, ", ".join(sorted(v for v in versions if v))) for key, (name, versions) in
            self.pins.items()
        }  # fmt: skip
        return LockFile(form, packages, tuple(self.other))


# --- requirements, pip freeze, conda list --explicit


def _lines(text: str) -> LockFile:
    found = _Found()
    explicit = False
    for line in _logical(text):
        if line == "@EXPLICIT":
            explicit = True
        elif (archive := _archive(line)) is not None:
            explicit = True
            found.pin(archive["name"], archive["version"])
        elif not _requirement(found, line):
            found.other.append(line)
    if not found.pins:
        return LockFile("text", other=tuple(_stripped(text)))
    return found.lock("conda-explicit" if explicit else "requirements")


def _archive(line: str) -> re.Match[str] | None:
    """Match the package archive at the end of a conda URL, if there is one."""
    url = _EXPLICIT.match(line)
    return _ARCHIVE.fullmatch(url[0].partition("#")[0].rpartition("/")[2]) if url is not None else None


def _logical(text: str) -> Iterator[str]:
    """Yield lines without comments and hashes, with continued lines joined."""
    held = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("#"):
            continue
        if line.endswith("\\"):
            held += line[:-1].strip() + " "
            continue
        line, held = held + line, ""
        line = line.split(" --hash", 1)[0].split(" #", 1)[0].strip()
        if line and not line.startswith("--hash"):
            yield line[:MAX_LINE]
    if held.strip():
        yield held.split(" --hash", 1)[0].strip()[:MAX_LINE]


def _requirement(found: _Found, line: str) -> bool:
    match = _REQUIREMENT.fullmatch(line)
    if match is None:
        return False
    found.pin(match["name"], match["version"] or match["url"] or (match["range"] or "").strip())
    return True


# --- conda environments


def _conda_yaml(text: str) -> LockFile | None:
    if "dependencies:" not in text or len(text) > MAX_YAML:
        return None
    try:
        document = yaml_reader.read(text)
    except yaml_reader.YamlUnreadableError:
        return None
    listed = document.get("dependencies") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return None
    found = _Found()
    for entry in listed:
        if isinstance(entry, str):
            _conda_entry(found, entry)
        elif isinstance(entry, dict) and isinstance(entry.get("pip"), list):
            for line in entry["pip"]:
                if not isinstance(line, str):
                    found.other.append("an entry that is no package")
                elif not _requirement(found, line.strip()[:MAX_LINE]):
                    found.other.append(line[:MAX_LINE])
        else:
            found.other.append("an entry that is no package")
    return found.lock("conda")


def _conda_entry(found: _Found, entry: str) -> None:
    match = _CONDA.fullmatch(entry.strip()[:MAX_LINE])
    if match is None:
        found.other.append(entry[:MAX_LINE])
        return
    rest = (match["rest"] or "").strip()
    # name=1.2.3=build and "name 1.2.3 build" are pins; ranges such as >=1.2 are kept as written.
    pinned = _PINNED.fullmatch(rest)
    found.pin(match["name"], pinned[1] if pinned else rest)


# --- uv, Poetry, PDM


def _toml(text: str) -> LockFile | None:
    """Parse the packages of a TOML lock line by line.

    These tools write one assignment per line; a TOML parser takes quadratic time for a long dotted key.
    """
    lines = [line.strip() for line in text.splitlines()]
    if "[[package]]" not in lines:
        return None
    found = _Found()
    inside = False
    given: dict[str, str] = {}
    for line in [*lines, "["]:
        if line.startswith("["):
            if inside and "name" in given:
                found.pin(given["name"], given.get("version", ""))
            elif inside:
                found.other.append("a package without a name")
            inside, given = line == "[[package]]", {}
        elif inside and (member := _TOML_MEMBER.fullmatch(line)) is not None:
            given.setdefault(member[1], member[2][1:-1][:MAX_LINE])
    return found.lock("toml-lock")
