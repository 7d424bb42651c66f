"""Scanning a large file: how long beside hashing it, and in how much memory.

    make bench

Each file is scanned in a process of its own, which has read nothing before; hashing and scanning read the file from the
page cache. Ratios are of one run; run it twice on an idle machine. COUNTERSIGN_BENCH_MEGABYTES sets the
size of the files.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np

PROJECT = Path(__file__).resolve().parents[2]
MEGABYTE = 1 << 20
SIZE = int(os.environ.get("COUNTERSIGN_BENCH_MEGABYTES", "1024")) * MEGABYTE
CEILING = 100 * MEGABYTE
LIMIT = 2.0
NUMBERS = 10_000_000

SCAN = """
import json, sys, time
from governance.checks.scan.dispatch import scan_stream
from governance.checks.scan.report import Options
path, size = sys.argv[1], int(sys.argv[2])
with open(path, "rb") as stream:
    started = time.perf_counter()
    found = scan_stream(stream, size, path, Options())
    seconds = time.perf_counter() - started
with open("/proc/self/status") as status:  # the maximum since exec; getrusage includes the memory of the parent
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
print(json.dumps([str(found.format), str(found.verdict), seconds, memory]))
"""


def main() -> None:
    """Write each file, hash it, scan it."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        for label, write in FILES.items():
            path = Path(name) / "file"
            write(path)
            _report(label, path, bounded=label in BOUNDED)
            path.unlink()


def _report(label: str, path: Path, *, bounded: bool) -> None:
    size = path.stat().st_size
    started = time.perf_counter()
    with path.open("rb") as stream:
        hashlib.file_digest(stream, "sha256")
    hashing = time.perf_counter() - started
    command = [sys.executable, "-c", SCAN, str(path), str(size)]
    form, verdict, seconds, memory = json.loads(subprocess.check_output(command, cwd=PROJECT, text=True))
    good = verdict == "safe" and memory < CEILING and (seconds < LIMIT * hashing or not bounded)
    print(
        f"{label:28} {size / MEGABYTE:7.0f} MiB  {form:10} {verdict:6} {seconds:6.2f} s ="
        f" {seconds / hashing:5.2f} times hashing ({hashing:.2f} s), {memory / MEGABYTE:.0f} MiB"
        f"{'' if good else '   MISSED'}",
        flush=True,
    )


def _random(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size, np.uint8)


def _write_pickle(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"\x80\x05\x8e" + struct.pack("<Q", SIZE))
        _random(SIZE).tofile(file)
        file.write(b".")


def _write_numbers(path: Path) -> None:
    path.write_bytes(pickle.dumps(list(range(NUMBERS)), 4))


def _write_torch(path: Path) -> None:
    from tests.governance.checks.scan import pickle_made, torch_made

    kind = pickle_made.line("torch", "ByteStorage")
    storage = b"(" + pickle_made.text("storage") + kind + pickle_made.text("0") + pickle_made.text("cpu")
    content = torch_made.state_dict(
        torch_made.tensor(storage + b"J" + struct.pack("<i", min(SIZE, (1 << 31) - 1)) + b"tQ")
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", content)
        archive.writestr("m/data/0", _random(SIZE).tobytes())
        archive.writestr("m/version", b"3\n")


def _write_npz(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), a=_random(SIZE))
    path.with_suffix(".npz").rename(path)


def _write_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, _random(SIZE))


def _write_objects(path: Path) -> None:
    file = io.BytesIO()
    np.save(file, np.array([b"x" * SIZE, None], object), allow_pickle=True)
    path.write_bytes(file.getvalue())


FILES: dict[str, Callable[[Path], None]] = {
    "pickle, one blob": _write_pickle,
    "joblib, 64 arrays": lambda path: joblib.dump(list(_random(SIZE).reshape(64, -1)), path),
    "joblib, zlib": lambda path: joblib.dump(_random(SIZE // 8), path, compress=("zlib", 1)),
    "npy": _write_npy,
    "npy of objects": _write_objects,
    "npz": _write_npz,
    "torch": _write_torch,
    f"pickle, {NUMBERS:,} numbers": _write_numbers,
}
BOUNDED = frozenset({"pickle, one blob", "joblib, 64 arrays", "npy", "npy of objects", "npz", "torch"})
"""Files whose content is mostly raw bytes: scanning takes at most twice the time of hashing."""


if __name__ == "__main__":
    main()
