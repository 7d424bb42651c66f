"""The log as static files in the layout of C2SP tlog-tiles: ``checkpoint``, ``tile/…`` and ``tile/entries/…``.

The checkpoint is written last, so each file that it covers exists. After a crash the same files are written again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from audit import merkle, notes
from audit.durable_files import write_durably
from audit.exceptions import BadNoteError

ReadTile = Callable[[int, int, int], bytes]
"""Returns the hashes of the tile (level, number, width), joined."""
ReadLeaves = Callable[[int, int], Iterable[bytes]]
"""Returns the leaves from one index to another."""


def publish(folder: Path, note: str, read_tile: ReadTile, read_leaves: ReadLeaves) -> None:
    """Write what the checkpoint covers and the folder lacks, then the checkpoint.

    Args:
        folder: the files of a log are in the folder of its origin below it.

    Raises:
        OSError: the folder cannot be written; the next call continues.
    """
    checkpoint = notes.parse_checkpoint(notes.parse(note).text)
    target = folder / checkpoint.origin
    done = published_size(target)
    for level, number, width in merkle.new_tiles(done, checkpoint.size):
        _write(target / merkle.tile_path(level, number, width), read_tile(level, number, width))
        if level == 0:
            begin = number * merkle.TILE_WIDTH
            bundle = entry_bundle(read_leaves(begin, begin + width))
            _write(target / merkle.tile_path("entries", number, width), bundle)
        if width == merkle.TILE_WIDTH:
            for kind in (level, "entries") if level == 0 else (level,):
                shutil.rmtree(target / f"{merkle.tile_path(kind, number)}.p", ignore_errors=True)
    _write(target / "checkpoint", note.encode())


def published_size(target: Path) -> int:
    """Return the size of the checkpoint in a folder; 0 without one."""
    try:
        return notes.parse_checkpoint(notes.parse((target / "checkpoint").read_text()).text).size
    except (OSError, UnicodeDecodeError, BadNoteError):
        return 0


def entry_bundle(leaves: Iterable[bytes]) -> bytes:
    """Return leaves as an entry bundle: each with its length in two bytes before it."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, data)
