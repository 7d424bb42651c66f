"""The store of bytes: whole files under their digest, or nothing."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from pytest_django import Settings

from registry import storage


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: Settings) -> Path:
    """A store of this test's own."""
    settings.COUNTERSIGN_STORAGE_DIR = tmp_path / "store"
    return tmp_path / "store"


def files(store: Path) -> list[Path]:
    return sorted(path for path in store.rglob("*") if path.is_file())


class Endless:
    """As many zero bytes as one asks for, up to `size`."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int, /) -> bytes:
        given = min(size, self.left)
        self.left -= given
        return bytes(given)


def test_bytes_come_back_under_their_digest(store: Path) -> None:
    content = os.urandom(700_000)
    blob = storage.write(io.BytesIO(content), limit=1_000_000)
    assert blob == storage.StoredBlob(hashlib.sha256(content).hexdigest(), len(content))
    with storage.open_blob(blob.sha256) as file:
        assert file.read() == content
    assert storage.exists(blob.sha256, len(content))
    assert not storage.exists(blob.sha256, len(content) + 1)
    assert not storage.exists("0" * 64, 0)
    assert files(store) == [storage.path_of(blob.sha256)]


def test_the_same_bytes_are_stored_once_and_damage_is_repaired(store: Path) -> None:
    blob = storage.write(io.BytesIO(b"weights"), limit=100)
    damaged = storage.path_of(blob.sha256)
    damaged.chmod(0o600)
    damaged.write_bytes(b"rotten!")
    assert storage.write(io.BytesIO(b"weights"), limit=100) == blob
    assert files(store) == [damaged]
    assert damaged.read_bytes() == b"weights"


def test_stored_files_cannot_be_written(store: Path) -> None:
    blob = storage.write(io.BytesIO(b"x"), limit=1)
    assert stat.S_IMODE(storage.path_of(blob.sha256).stat().st_mode) == 0o440


def test_an_empty_file_is_a_file() -> None:
    assert storage.write(io.BytesIO(b""), limit=0).sha256 == hashlib.sha256(b"").hexdigest()


def test_nothing_is_left_of_a_file_that_is_too_large(store: Path) -> None:
    stream = Endless(10**12)
    with pytest.raises(storage.BlobTooLargeError):
        storage.write(stream, limit=1_000_000)
    assert files(store) == []
    assert stream.left > 10**12 - 2_000_000, "it stopped reading soon after the limit"


def test_nothing_is_left_where_the_caller_or_the_stream_refuses(store: Path) -> None:
    def refuse(blob: storage.StoredBlob) -> None:
        raise ValueError(blob.sha256)

    class Broken:
        def read(self, size: int, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ValueError, match=hashlib.sha256(b"x").hexdigest()):
        storage.write(io.BytesIO(b"x"), limit=10, accept=refuse)
    with pytest.raises(ConnectionResetError):
        storage.write(Broken(), limit=10)
    assert files(store) == []


def test_memory_stays_flat_whatever_the_size() -> None:
    storage.write(io.BytesIO(b"warm"), limit=10)
    tracemalloc.start()
    try:
        storage.write(Endless(64 * 1024**2), limit=64 * 1024**2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * storage.CHUNK


def test_only_a_digest_names_a_file() -> None:
    for name in ("../../etc/passwd", "", "A" * 64, "a" * 63):
        with pytest.raises(ValueError, match="no SHA-256"), storage.open_blob(name):
            pass


SLOW_UPLOAD = """
import sys, time
from django.conf import settings
settings.configure(COUNTERSIGN_STORAGE="folder", COUNTERSIGN_STORAGE_DIR=sys.argv[1])
from registry import storage
class Stalled:
    sent = 0
    def read(self, size):
        if self.sent < 3:
            self.sent += 1
            return bytes(size)
        print("stalled", flush=True)
        time.sleep(600)
storage.write(Stalled(), limit=10**9)
"""


def test_a_writer_that_is_killed_leaves_no_file_under_a_digest(store: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", SLOW_UPLOAD, str(store)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"stalled\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    left = files(store)
    assert [path.parent.name for path in left] == ["tmp"], "only an unfinished temporary file"
    folder = storage.store()
    assert folder.delete_abandoned(older_than=storage.ABANDONED_AFTER, pretend=False) == 0, (
        "it may still belong to somebody"
    )
    long_ago = time.time() - storage.ABANDONED_AFTER - 1
    os.utime(left[0], (long_ago, long_ago))
    assert folder.delete_abandoned(older_than=storage.ABANDONED_AFTER, pretend=True) == 1
    assert files(store) == left, "it was only looked"
    assert folder.delete_abandoned(older_than=storage.ABANDONED_AFTER, pretend=False) == 1
    assert files(store) == []
