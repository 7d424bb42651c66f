"""The store of bytes: a folder where each file is named by its SHA-256.

A file appears under its name whole or not at all: bytes are hashed while they are written to a temporary file, which
is made durable and then renamed. Memory stays flat whatever the size. What a crash leaves is a temporary file, which
nobody reads and which is swept away a day later.
"""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from django.conf import settings

CHUNK = 256 * 1024
"""Bytes read at a time."""

ABANDONED_AFTER = 24 * 60 * 60
"""Seconds after which a temporary file belongs to no upload any more."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_swept: set[Path] = set()


class Stream(Protocol):
    """What can be stored: anything that reads bytes."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class StoredBlob:
    """What was stored: its SHA-256 in hexadecimal and its size in bytes."""

    sha256: str
    size: int


class TooLarge(Exception):
    """The stream went on past the limit; nothing was kept."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit:,} bytes.")
        self.limit = limit


def write(stream: Stream, *, limit: int, accept: Callable[[StoredBlob], None] | None = None) -> StoredBlob:
    """Store what the stream yields and say what it was.

    Args:
        stream: read in chunks of 256 KiB until it is at its end.
        limit: the most bytes it may have.
        accept: called with what was written before it is kept; raises to have it thrown away.

    Raises:
        TooLarge: past the limit; and whatever `accept` or the stream raises. Then nothing is left behind.
        OSError: the disk refuses.
    """
    root = _root()
    descriptor, name = tempfile.mkstemp(prefix="upload-", dir=root / "tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            digest, size = hashlib.sha256(), 0
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > limit:
                    raise TooLarge(limit)
                digest.update(chunk)
                file.write(chunk)
            blob = StoredBlob(digest.hexdigest(), size)
            if accept is not None:
                accept(blob)
            file.flush()
            os.fchmod(file.fileno(), 0o440)
            os.fsync(file.fileno())
        target = _place(root, blob.sha256)
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(target.parent.parent)
            _sync_folder(root)
        # Also where the name exists: the bytes were hashed a moment ago, those on the disk perhaps a year ago.
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    return blob


@contextmanager
def open_blob(sha256: str) -> Iterator[BinaryIO]:
    """Read stored bytes. Raises FileNotFoundError where they are not stored."""
    with _place(_root(), sha256).open("rb") as file:
        yield file


def path_of(sha256: str) -> Path:
    """Where the bytes are, for a reader in another process. Raises FileNotFoundError where they are not stored."""
    place = _place(_root(), sha256)
    if not place.is_file():
        raise FileNotFoundError(place)
    return place


def exists(sha256: str, size: int) -> bool:
    """Whether bytes of that digest and size are stored; does not read them."""
    try:
        return _place(_root(), sha256).stat().st_size == size
    except FileNotFoundError:
        return False


def sweep(*, older_than: float = ABANDONED_AFTER) -> int:
    """Remove temporary files of uploads that ended in a crash more than `older_than` seconds ago; returns how many."""
    removed = 0
    # The age of a file is told by the file system's clock, not by the product's, which tests and demonstration set.
    oldest = time.time() - older_than
    for temporary in (_root() / "tmp").iterdir():
        with suppress(FileNotFoundError):
            if temporary.stat().st_mtime < oldest:
                temporary.unlink()
                removed += 1
    return removed


def _root() -> Path:
    root = Path(settings.COUNTERSIGN_STORAGE_DIR)
    if root not in _swept:
        (root / "tmp").mkdir(parents=True, exist_ok=True)
        _swept.add(root)
        sweep()
    return root


def _place(root: Path, sha256: str) -> Path:
    if not _DIGEST.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256 in hexadecimal.")
    return root / sha256[:2] / sha256[2:4] / sha256


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: the name lives in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
