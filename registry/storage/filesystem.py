"""A store in a folder, where each file is named by its SHA-256.

A file appears under its name completely or not at all: bytes are hashed while they are written to a temporary file,
which is synced to disk and then renamed. A crash leaves a temporary file, which is not read and is deleted a day later.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from registry.storage.base import (
    ABANDONED_AFTER,
    CHUNK,
    Accept,
    BlobInfo,
    BlobTooLargeError,
    PresignedUpload,
    StoredBlob,
    Stream,
    digest,
)

_swept: set[Path] = set()


class FilesystemStore:
    """A store in a folder of this machine, or of a file system shared by several machines."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def at(cls, root: Path) -> FilesystemStore:
        """Return the store in that folder; creates it and deletes abandoned files once per process."""
        folder = cls(root)
        if root not in _swept:
            folder.temporary.mkdir(parents=True, exist_ok=True)
            _swept.add(root)
            folder.delete_abandoned(older_than=ABANDONED_AFTER, pretend=False)
        return folder

    @property
    def temporary(self) -> Path:
        """The folder of files that are being written."""
        return self.root / "tmp"

    def place(self, sha256: str) -> Path:
        """Return the path of a blob, whether or not it exists. Raises ValueError for an invalid digest."""
        return self.root / digest(sha256)[:2] / sha256[2:4] / sha256

    def write(self, stream: Stream, *, limit: int, accept: Accept | None = None) -> StoredBlob:
        """See `BlobStore`."""
        descriptor, name = tempfile.mkstemp(prefix="upload-", dir=self.temporary)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                hashed, size = hashlib.sha256(), 0
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise BlobTooLargeError(limit)
                    hashed.update(chunk)
                    file.write(chunk)
                blob = StoredBlob(hashed.hexdigest(), size)
                if accept is not None:
                    accept(blob)
                file.flush()
                os.fchmod(file.fileno(), 0o440)
                os.fsync(file.fileno())
            target = self.place(blob.sha256)
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                _sync_folder(target.parent.parent)
                _sync_folder(self.root)
            # Overwrites an existing file too: these bytes were hashed just now, those on the disk perhaps a year ago.
            temporary.replace(target)
            _sync_folder(target.parent)
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise
        return blob

    def open(self, sha256: str) -> BinaryIO:
        """See `BlobStore`."""
        return self.place(sha256).open("rb")

    def size(self, sha256: str) -> int | None:
        """See `BlobStore`."""
        try:
            return self.place(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def presign_upload(self, place: str, sha256: str, size: int) -> PresignedUpload | None:
        """Return None: uploads go through the web process, which hashes them while streaming."""
        return None

    def list_received(self, folder: str) -> dict[str, int]:
        """Return nothing: there are no direct uploads."""
        return {}

    def ingest(self, place: str, *, accept: Accept, pulse: Callable[[], None]) -> StoredBlob:
        """Raise FileNotFoundError: there are no direct uploads."""
        raise FileNotFoundError(place)

    def discard(self, place: str) -> None:
        """Do nothing: there are no direct uploads."""

    def blobs(self) -> Iterator[BlobInfo]:
        """See `BlobStore`."""
        now = time.time()
        for file in self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):
                facts = file.stat()
                yield BlobInfo(file.name, facts.st_size, now - facts.st_mtime)

    def remove(self, sha256: str) -> None:
        """See `BlobStore`."""
        self.place(sha256).unlink(missing_ok=True)

    def delete_abandoned(self, *, older_than: float = ABANDONED_AFTER, pretend: bool = False) -> int:
        """See `BlobStore`."""
        found = 0
        # Ages use the clock of the file system, not the product's clock, which tests and the demonstration set.
        oldest = time.time() - older_than
        for temporary in self.temporary.iterdir():
            with suppress(FileNotFoundError):
                if temporary.stat().st_mtime < oldest:
                    if not pretend:
                        temporary.unlink()
                    found += 1
        return found

    def check_health(self) -> None:
        """See `BlobStore`."""
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".ready-", dir=self.root)
        os.close(descriptor)
        Path(name).unlink()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: the name is stored in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
