"""The stores an operator has named, and nothing else: which of them a version's source lies in, and what is there.

`COUNTERSIGN_SOURCES` is a list of objects:

    {"kind": "folder", "prefix": "file:///mnt/mlruns", "path": "/data/mlruns"}
    {"kind": "s3", "bucket": "ml-models", "prefix": "churn/", "endpoint": "", "region": "", "access_key": "…",
     "secret_key": "…"}
    {"kind": "mlflow", "url": "https://mlflow.example", "token": "…"}   or "username" and "password"

A tracking server answers for `mlflow-artifacts:`, `runs:/…` and `models:/m-…`; where it says that the files lie in a
folder or a bucket, that has to be named as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from registry.storage import Stream

MOST_FILES = 100_000
"""Entries of a folder that are looked at; a version has far fewer."""


class CopyError(Exception):
    """What lies at the source cannot be copied, now or ever; the message says why and what to do."""


class RetryableCopyError(CopyError):
    """The store is away; another attempt may succeed."""


@dataclass(frozen=True)
class SourceFile:
    """A file at a source: its path below it, its size in bytes where that is known, and how to read it."""

    path: str
    size: int | None
    open: Callable[[], AbstractContextManager[Stream]]


@dataclass(frozen=True)
class FolderSource:
    """A folder that is mounted here."""

    prefix: str
    path: str


@dataclass(frozen=True)
class S3Source:
    """A bucket that speaks S3, or a part of one."""

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
    """The sources of the settings. Raises ValueError, naming the entry, for what is none."""
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
        raise ValueError(f"{where} must say its kind: {', '.join(_KINDS)}")
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
    """What follows a prefix, where the uri is it or lies below it; None elsewhere."""
    stem = prefix.rstrip("/")
    if uri.rstrip("/") == stem:
        return ""
    return uri[len(stem) + 1 :].strip("/") if uri.startswith(f"{stem}/") else None


def is_covered(uri: str, sources: Sequence[Source]) -> bool:
    """Whether some source may hold what lies there. Asks nobody."""
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
    """The files below a source. Raises CopyError."""
    from governance.integrations.source_sync import bucket, folder, tracking  # noqa: PLC0415 (each stands on the values above)

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
    """file:///a, file:/a and /a are one place."""
    return "/" + uri.removeprefix("file:").lstrip("/") if uri.startswith(("file:", "/")) else uri


def _key(uri: str, source: S3Source) -> str | None:
    name, _, key = uri.partition("://")[2].partition("/")
    inside = not source.prefix or relative_path(key, source.prefix) is not None
    return key.strip("/") if name == source.bucket and inside else None
