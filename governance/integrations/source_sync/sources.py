"""The stores an operator has configured: which of them contains a version's source, and its files.

`COUNTERSIGN_SOURCES` is a list of objects:

    {"kind": "folder", "prefix": "file:///mnt/mlruns", "path": "/data/mlruns"}
    {"kind": "s3", "bucket": "ml-models", "prefix": "churn/", "endpoint": "", "region": "", "access_key": "…",
     "secret_key": "…"}
    {"kind": "mlflow", "url": "https://mlflow.example", "token": "…"}   or "username" and "password"

A tracking server covers `mlflow-artifacts:`, `runs:/…` and `models:/m-…`. If it stores the files in a folder or a
bucket, that must be configured as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from registry.storage import Stream

MOST_FILES = 100_000
"""Maximum number of folder entries examined; a version has far fewer."""


class CopyError(Exception):
    """The source cannot be copied; the message says why and what to do."""


class RetryableCopyError(CopyError):
    """The store is unavailable; another attempt may succeed."""


@dataclass(frozen=True)
class SourceFile:
    """A file at a source: its relative path, its size in bytes if known, and a function to open it."""

    path: str
    size: int | None
    open: Callable[[], AbstractContextManager[Stream]]


@dataclass(frozen=True)
class FolderSource:
    """A mounted folder."""

    prefix: str
    path: str


@dataclass(frozen=True)
class S3Source:
    """An S3-compatible bucket, or a part of one."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Tracking:
    """An MLflow tracking server."""

    url: str
    token: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


Source = FolderSource | S3Source | Tracking
_KINDS: Mapping[str, type[Source]] = {"folder": FolderSource, "s3": S3Source, "mlflow": Tracking}


def parse(given: object) -> tuple[Source, ...]:
    """Parse the sources of the settings.

    Raises:
        ValueError: an entry is invalid; the message names it.
    """
    if not isinstance(given, list | tuple):
        raise ValueError("must be a JSON list of sources")
    return tuple(_one(index, entry) for index, entry in enumerate(given))


def _one(index: int, entry: Any) -> Source:
    if isinstance(entry, Source):
        return entry
    where = f"entry {index + 1}"
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise ValueError(f"{where} must be an object of texts")
    facts = dict(entry)
    kind = _KINDS.get(facts.pop("kind", ""))
    if kind is None:
        raise ValueError(f"{where} must have a kind: {', '.join(_KINDS)}")
    try:
        made = kind(**facts)
    except TypeError:
        raise ValueError(f"{where} has a field that a source of its kind has not, or lacks one") from None
    if isinstance(made, FolderSource) and not (made.prefix.startswith(("file:", "/")) and made.path.startswith("/")):
        raise ValueError(f"{where}: prefix begins with file: or /, path with /")
    if isinstance(made, Tracking) and not made.url.startswith(("https://", "http://")):
        raise ValueError(f"{where}: url begins with https:// or http://")
    return made


def relative_path(uri: str, prefix: str) -> str | None:
    """Return the rest of a URI after a prefix; empty if equal; None if it is not below the prefix."""
    stem = prefix.rstrip("/")
    if uri.rstrip("/") == stem:
        return ""
    return uri[len(stem) + 1 :].strip("/") if uri.startswith(f"{stem}/") else None


def is_covered(uri: str, sources: Sequence[Source]) -> bool:
    """Return whether a configured store may contain a URI. No request is made."""
    for source in sources:
        match source:
            case FolderSource() if relative_path(_file(uri), _file(source.prefix)) is not None:
                return True
            case S3Source() if uri.startswith(("s3://", "s3a://")) and _key(uri, source) is not None:
                return True
            case Tracking() if uri.startswith(("mlflow-artifacts:", "runs:/", "models:/m-")):
                return True
    return False


def files(uri: str, sources: Sequence[Source]) -> Iterator[SourceFile]:
    """Return the files below a source.

    Raises:
        CopyError: no configured store contains the source, or it cannot be read.
    """
    from governance.integrations.source_sync import bucket, folder, tracking  # noqa: PLC0415 (these modules import the value types above)

    for source in sources:
        match source:
            case FolderSource() if (rest := relative_path(_file(uri), _file(source.prefix))) is not None:
                return folder.files(source, rest)
            case S3Source() if uri.startswith(("s3://", "s3a://")) and (key := _key(uri, source)) is not None:
                return bucket.files(source, key)
            case Tracking() if uri.startswith(("mlflow-artifacts:", "runs:/", "models:/m-")):
                return tracking.files(source, uri, [s for s in sources if not isinstance(s, Tracking)])
    raise CopyError(f"No source that an operator has named holds {uri[:200]}: attach the files.")


def _file(uri: str) -> str:
    """Normalise file:///a, file:/a and /a to one form."""
    return "/" + uri.removeprefix("file:").lstrip("/") if uri.startswith(("file:", "/")) else uri


def _key(uri: str, source: S3Source) -> str | None:
    name, _, key = uri.partition("://")[2].partition("/")
    inside = not source.prefix or relative_path(key, source.prefix) is not None
    return key.strip("/") if name == source.bucket and inside else None
