"""The interface of a blob store, implemented by a folder and by a bucket."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

CHUNK = 256 * 1024
"""Bytes read at a time."""

ABANDONED_AFTER = 24 * 60 * 60
"""Seconds after which the remains of an upload count as abandoned."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Stream(Protocol):
    """A readable stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class StoredBlob:
    """The SHA-256 in hexadecimal and the size in bytes of stored bytes."""

    sha256: str
    size: int


Accept = Callable[[StoredBlob], None]


@dataclass(frozen=True)
class BlobInfo:
    """A blob in the store; `age` in seconds by the clock of the store."""

    sha256: str
    size: int
    age: float


@dataclass(frozen=True)
class PresignedUpload:
    """A presigned upload directly to object storage: PUT the file to `url` with these headers within `seconds`."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    seconds: int


class BlobTooLargeError(Exception):
    """The stream exceeds the limit; nothing was kept."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit:,} bytes.")
        self.limit = limit


class StorageUnavailableError(OSError):
    """The store does not respond, or refuses access. Nothing was changed; a later attempt may succeed."""


class BlobStore(Protocol):
    """A store of bytes addressed by their SHA-256. Bytes appear under their digest completely or not at all."""

    def write(self, stream: Stream, *, limit: int, accept: Accept | None = None) -> StoredBlob:
        """Store the bytes of a stream; see `registry.storage.write`."""

    def open(self, sha256: str) -> BinaryIO:
        """Open stored bytes; the caller closes the file. Raises FileNotFoundError if they are not stored."""

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes of the blob with this digest; None if there is none. Does not read it."""

    def presign_upload(self, place: str, sha256: str, size: int) -> PresignedUpload | None:
        """Return a presigned PUT for uploading directly to key `place`; None if the upload must go through the
        server.
        """

    def list_received(self, folder: str) -> dict[str, int]:
        """Return the files received under keys below a folder, by the last part of the key, with their sizes in
        bytes.
        """

    def ingest(self, place: str, *, accept: Accept, pulse: Callable[[], None]) -> StoredBlob:
        """Read the file at key `place`, and store it under its digest if `accept` does not raise. The file itself stays
        until `discard`.

        Args:
            place: the key of the received file.
            accept: called with digest and size before the bytes are kept; raises to refuse them.
            pulse: called between chunks; raises to abort.

        Raises:
            FileNotFoundError: there is no file at the key.
        """

    def discard(self, place: str) -> None:
        """Delete the file at a key, if there is one. Does not raise: `delete_abandoned` deletes what remains."""

    def blobs(self) -> Iterator[BlobInfo]:
        """Return all blobs."""

    def remove(self, sha256: str) -> None:
        """Delete a blob if it exists. Only `registry.services.garbage_collection` may call this."""

    def delete_abandoned(self, *, older_than: float, pretend: bool) -> int:
        """Delete the remains of uploads older than `older_than` seconds, or with `pretend` only count them;
        return their number.
        """

    def check_health(self) -> None:
        """Raise OSError if nothing can be stored."""


def digest(sha256: str) -> str:
    """Return the argument if it is a SHA-256 in hexadecimal, which excludes path traversal.

    Raises:
        ValueError: it is not.
    """
    if not _DIGEST.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256 in hexadecimal.")
    return sha256
