"""What a store of bytes is, whatever it is made of: a folder, or a bucket."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

CHUNK = 256 * 1024
"""Bytes read at a time."""

ABANDONED_AFTER = 24 * 60 * 60
"""Seconds after which what an upload left half done belongs to nobody any more."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Stream(Protocol):
    """What can be stored: anything that reads bytes."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class StoredBlob:
    """What was stored: its SHA-256 in hexadecimal and its size in bytes."""

    sha256: str
    size: int


Accept = Callable[[StoredBlob], None]


@dataclass(frozen=True)
class BlobInfo:
    """A blob as the store has it; `age` in seconds by the store's own clock."""

    sha256: str
    size: int
    age: float


@dataclass(frozen=True)
class PresignedUpload:
    """Where a file is sent without passing through us: PUT it to `url` with these headers within `seconds`."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    seconds: int


class BlobTooLargeError(Exception):
    """The stream went on past the limit; nothing was kept."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit:,} bytes.")
        self.limit = limit


class StorageUnavailableError(OSError):
    """The store does not answer, or refuses us. Nothing was changed; it may be different in a moment."""


class BlobStore(Protocol):
    """A store of bytes known by their SHA-256. Bytes appear under their digest whole or not at all."""

    def write(self, stream: Stream, *, limit: int, accept: Accept | None = None) -> StoredBlob:
        """Store what the stream yields; see `registry.storage.write`."""

    def open(self, sha256: str) -> BinaryIO:
        """Stored bytes, to be closed by whoever asked. Raises FileNotFoundError where they are not stored."""

    def size(self, sha256: str) -> int | None:
        """How many bytes are stored under the digest; None where none are. Does not read them."""

    def presign_upload(self, place: str, sha256: str, size: int) -> PresignedUpload | None:
        """Where a file can be sent past us, to lie at `place` until it is taken in; None where it has to come to us."""

    def list_received(self, folder: str) -> dict[str, int]:
        """What was sent to places below a folder, by its last name, with its size."""

    def ingest(self, place: str, *, accept: Accept, pulse: Callable[[], None]) -> StoredBlob:
        """Read what lies at `place`, and keep it under its digest if `accept` does not raise. It stays at the place,
        too, until `discard`. Raises FileNotFoundError where nothing lies there.

        Args:
            accept: called with what was found before it is kept; raises where it is not to be.
            pulse: called between chunks; raises to end it.
        """

    def discard(self, place: str) -> None:
        """Remove what lies at a place, if anything does. Does not raise: what is left is swept away some day."""

    def blobs(self) -> Iterator[BlobInfo]:
        """Every blob there is."""

    def remove(self, sha256: str) -> None:
        """Remove a blob; nothing happens where there is none. Only `registry.services.garbage_collection` may."""

    def delete_abandoned(self, *, older_than: float, pretend: bool) -> int:
        """Remove what uploads left half done more than `older_than` seconds ago; returns how many there were."""

    def check_health(self) -> None:
        """Raises OSError where nothing can be stored."""


def digest(sha256: str) -> str:
    """The same, held to be a digest: a name that climbs is none. Raises ValueError."""
    if not _DIGEST.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256 in hexadecimal.")
    return sha256
