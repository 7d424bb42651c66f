"""The store of bytes, known by their SHA-256: a folder, or a bucket that speaks S3 (COUNTERSIGN_STORAGE).

Bytes appear under their digest whole or not at all, and what is there is never replaced by other bytes. Memory stays
flat whatever the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from registry.storage.base import (
    ABANDONED_AFTER,
    CHUNK,
    Accept,
    BlobInfo,
    BlobStore,
    BlobTooLargeError,
    PresignedUpload,
    StorageUnavailableError,
    StoredBlob,
    Stream,
)
from registry.storage.bucket import S3Settings
from registry.storage.filesystem import FilesystemStore

__all__ = [
    "ABANDONED_AFTER",
    "CHUNK",
    "Accept",
    "BlobInfo",
    "BlobStore",
    "BlobTooLargeError",
    "PresignedUpload",
    "S3Settings",
    "StorageUnavailableError",
    "StoredBlob",
    "Stream",
    "exists",
    "open_blob",
    "open_file",
    "path_of",
    "store",
    "write",
]


def store() -> BlobStore:
    """The store the settings name."""
    if settings.COUNTERSIGN_STORAGE == "s3":
        assert settings.COUNTERSIGN_S3 is not None, "the settings' reader sees to it"
        return _bucket(settings.COUNTERSIGN_S3)
    return FilesystemStore.at(Path(settings.COUNTERSIGN_STORAGE_DIR))


@lru_cache(maxsize=4)
def _bucket(bucket: S3Settings) -> BlobStore:
    # Loading boto3 takes a third of a second, and most installations need none of it.
    from registry.storage.s3 import S3Store  # noqa: PLC0415

    return S3Store(bucket)


def write(stream: Stream, *, limit: int, accept: Callable[[StoredBlob], None] | None = None) -> StoredBlob:
    """Store what the stream yields and say what it was.

    Args:
        stream: read until it is at its end.
        limit: the most bytes it may have.
        accept: called with what was written before it is kept; raises to have it thrown away.

    Raises:
        BlobTooLargeError: past the limit; and whatever `accept` or the stream raises. Then nothing is left behind.
        OSError: the disk refuses, or, as StorageUnavailableError, the bucket.
    """
    return store().write(stream, limit=limit, accept=accept)


def open_file(sha256: str) -> BinaryIO:
    """Stored bytes, to be closed by whoever asked. Raises FileNotFoundError where they are not stored,
    StorageUnavailableError."""
    return store().open(sha256)


@contextmanager
def open_blob(sha256: str) -> Iterator[BinaryIO]:
    """Read stored bytes. Raises FileNotFoundError where they are not stored, StorageUnavailableError."""
    with store().open(sha256) as file:
        yield file


def exists(sha256: str, size: int) -> bool:
    """Whether bytes of that digest and size are stored; does not read them."""
    return store().size(sha256) == size


def path_of(sha256: str) -> Path:
    """Where the folder keeps the bytes. Raises FileNotFoundError where it does not; for tests and operators."""
    place = FilesystemStore.at(Path(settings.COUNTERSIGN_STORAGE_DIR)).place(sha256)
    if not place.is_file():
        raise FileNotFoundError(place)
    return place
