"""CPU time and memory of the verifier for a complete log: `python -m tests.bench.verifying [EVENTS]`.

Limits for 1,000,000 events: 5 seconds of CPU and 100 MB.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from audit import bundles, leaf, merkle, notes, verifier
from tests.audit import own_log

STREAMS = 10_000
PADDING = "x" * 120


def events(count: int) -> Iterator[bundles.Entry]:
    """Events of about 540 bytes in many streams."""
    head, _, tail = own_log.event(0, "model:STREAM", 1, digest=PADDING).partition(b"-8000-000000000000")
    tail = tail.replace(b"model:STREAM", b"model:%036d").replace(b'"seq":1', b'"seq":%d')
    for number in range(count):
        made = b"%s-8000-%012d%s" % (head, number, tail % (number % STREAMS, number // STREAMS + 1))
        yield bundles.Entry(number, "", made, leaf.leaf_hash(made))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        root = merkle.root_of(entry.leaf_hash for entry in events(count))
        text = str(notes.Checkpoint(own_log.ORIGIN, count, root))
        checkpoint = str(notes.Note(text, (notes.sign(text, own_log.KEY, own_log.ORIGIN),)))
        with bundles.BundleWriter(folder / "bundle") as bundle:
            bundle.write_complete(checkpoint, events(count))
        size = (folder / "bundle" / "entries.jsonl").stat().st_size
        (folder / "note").write_text(checkpoint)
        policy = own_log.policy(folder)
        command = [sys.executable, "-I", verifier.__file__, str(folder / "bundle"), "--policy", str(policy)]
        child = os.posix_spawn(sys.executable, [*command, "--trusted", str(folder / "note")], os.environ)
        _, status, used = os.wait4(child, 0)
        print(
            f"{count:,} events, {size / 1e6:.0f} MB: exit {os.waitstatus_to_exitcode(status)}, "
            f"{used.ru_utime + used.ru_stime:.2f} s CPU, {used.ru_maxrss / 1024:.0f} MB"
        )


if __name__ == "__main__":
    main()
