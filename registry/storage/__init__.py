"""The blob store: bytes addressed by their SHA-256, in a folder or in an S3 bucket (COUNTERSIGN_STORAGE).

Bytes appear under their digest completely or not at all, and existing bytes are never overwritten with other bytes.
Memory use does not depend on the size.
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
    """Return the store that the settings name."""
    if settings.COUNTERSIGN_STORAGE == "s3":
        assert settings.COUNTERSIGN_S3 is not None, "the settings' reader sees to it"
        return _bucket(settings.COUNTERSIGN_S3)
    return FilesystemStore.at(Path(settings.COUNTERSIGN_STORAGE_DIR))


@lru_cache(maxsize=4)
def _bucket(bucket: S3Settings) -> BlobStore:
    # Loading boto3 takes a third of a second, and most installations do not need it.
    from registry.storage.s3 import S3Store  # noqa: PLC0415  # boto3 is imported where a bucket is configured

    return S3Store(bucket)


def write(stream: Stream, *, limit: int, accept: Callable[[StoredBlob], None] | None = None) -> StoredBlob:
    """Store the bytes of a stream.

    Args:
        stream: read to its end.
        limit: maximum size in bytes.
        accept: called with digest and size before the bytes are kept; raises to discard them.

    Returns:
        Digest and size of the stored bytes.

    Raises:
        BlobTooLargeError: the stream exceeds the limit; nothing is kept, as with any error of `accept` or of the
            stream.
        OSError: the disk fails, or, as StorageUnavailableError, the bucket.
    """
    return store().write(stream, limit=limit, accept=accept)


def open_file(sha256: str) -> BinaryIO:
    """Open stored bytes; the caller closes the file.

    Raises:
        FileNotFoundError: they are not stored.
        StorageUnavailableError: the store is unavailable.
    """
    return store().open(sha256)


@contextmanager
def open_blob(sha256: str) -> Iterator[BinaryIO]:
    """Open stored bytes and close them after the block.

    Raises:
        FileNotFoundError: they are not stored.
        StorageUnavailableError: the store is unavailable.
    """
    with store().open(sha256) as file:
        yield file


def exists(sha256: str, size: int) -> bool:
    """Return whether bytes of this digest and size are stored; does not read them."""
    return store().size(sha256) == size


def path_of(sha256: str) -> Path:
    """Return the path of stored bytes in the folder, for tests and operators.

    Raises:
        FileNotFoundError: they are not stored there.
    """
    place = FilesystemStore.at(Path(settings.COUNTERSIGN_STORAGE_DIR)).place(sha256)
    if not place.is_file():
        raise FileNotFoundError(place)
    return place
