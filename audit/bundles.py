"""Writing bundles: folders with events, proofs and openings that `audit.verifier` verifies. No database access.

| file | content |
| --- | --- |
| `checkpoint` | the signed checkpoint to which everything refers |
| `entries.jsonl` | the exact bytes of the events, one a line, in the order of the log |
| `checkpoints/<size>` `tile/…` | earlier checkpoints; leaf hashes and nodes (complete log only) |
| `proofs/<event id>.tlog-proof` `consistency/<size>` | proofs of events, of earlier checkpoints (selections only) |
| `private.jsonl` | values that open commitments, where the reader may see them |
| `attachments.jsonl` | files whose digests events name |
| `README.md` `policy.template` `verifier.py` `SHA256SUMS` | for the reader |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from audit import merkle, notes, verifier

MANIFEST = "SHA256SUMS"
ENTRIES = "entries.jsonl"
PRIVATE = "private.jsonl"
ATTACHMENTS = "attachments.jsonl"


@dataclass(frozen=True, slots=True)
class Opening:
    """A private value of an event, with the salt that opens its commitment."""

    pointer: str
    field: str
    salt: bytes
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of the log.

    Args:
        index: its place in the log.
        event: its id.
        leaf: its exact bytes.
        leaf_hash: the hash that the log stored when it was sequenced, which differs from that of altered bytes.
        openings: its private values that are included, sorted by pointer.
    """

    index: int
    event: str
    leaf: bytes
    leaf_hash: bytes
    openings: Sequence[Opening] = ()


class BundleWriter:
    """Writes the files of a bundle and, at the end of its block, the list of their digests.

    Raises:
        OSError: a file cannot be written.
        FileExistsError: the folder exists.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            lines = (f"{digest}  {name}\n" for name, digest in sorted(self._digests.items()))
            (self.folder / MANIFEST).write_bytes("".join(lines).encode())

    def write(self, name: str, content: bytes | str) -> str:
        """Write a file. Returns its SHA-256."""
        return self.write_pieces(name, [content.encode() if isinstance(content, str) else content])

    def write_pieces(self, name: str, pieces: Iterable[bytes]) -> str:
        """Write a file piece by piece. Returns its SHA-256."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        hashed = hashlib.sha256()
        with place.open("xb") as file:
            for piece in pieces:
                hashed.update(piece)
                file.write(piece)
        self._digests[name] = hashed.hexdigest()
        return hashed.hexdigest()

    def write_complete(
        self,
        checkpoint: str,
        entries: Iterable[Entry],
        *,
        earlier: Mapping[int, str] | None = None,
        with_entry_tiles: bool = False,
    ) -> int:
        """Write the complete log up to a checkpoint: events, hash tiles, earlier checkpoints.

        Args:
            checkpoint: the signed note.
            entries: all events of the checkpoint in order.
            earlier: signed notes by size.
            with_entry_tiles: whether the events are written as tlog-tiles bundles, too, for other tools.

        Returns:
            The number of events.
        """
        size = notes.parse_checkpoint(notes.parse(checkpoint).text).size
        self.write("checkpoint", checkpoint)
        for each, note in sorted((earlier or {}).items()):
            self.write(f"checkpoints/{each}", note)
        tiles = _TileWriter(self, size, with_entry_tiles=with_entry_tiles)
        count = self._write_entries(entries, tiles.add)
        tiles.finish()
        return count

    def write_selection(
        self,
        checkpoint: str,
        entries: Iterable[Entry],
        read: merkle.ReadSubtree,
        *,
        consistency_from: Sequence[int] = (),
    ) -> int:
        """Write some events, each with its proof.

        Args:
            checkpoint: the signed note.
            entries: events of the checkpoint in ascending order.
            read: reads the stored tree.
            consistency_from: sizes of earlier checkpoints that the reader holds.

        Returns:
            The number of events.
        """
        size = notes.parse_checkpoint(notes.parse(checkpoint).text).size
        self.write("checkpoint", checkpoint)
        (self.folder / "proofs").mkdir()
        for old in sorted(set(consistency_from)):
            if 0 < old < size:
                proof = merkle.consistency_proof(old, size, read)
                self.write(f"consistency/{old}", notes.consistency_request(old, proof, checkpoint))

        def prove(entry: Entry) -> None:
            path = tuple(merkle.inclusion_proof(entry.index, size, read))
            self.write(f"proofs/{entry.event}.tlog-proof", str(notes.Proof(entry.index, path, checkpoint)))

        return self._write_entries(entries, prove)

    def write_attachments(self, attached: Iterable[tuple[str, str]]) -> None:
        """Write the list of attached files that events name.

        Args:
            attached: the id of the event and the name of a file that was written already.
        """
        rows = [{"event": event, "path": name, "sha256": self._digests[name]} for event, name in attached]
        if rows:
            self.write(ATTACHMENTS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def write_for_reader(self, readme: str, origin: str) -> None:
        """Write what a reader needs to begin: README, template of a policy, the verifier."""
        self.write("README.md", readme)
        self.write("policy.template", _POLICY.format(origin=origin))
        self.write("verifier.py", Path(verifier.__file__).read_bytes())

    def _write_entries(self, entries: Iterable[Entry], each: Callable[[Entry], None]) -> int:
        """Write entries and their openings side by side. The file of openings exists only if there are any."""
        count, entries_hash, private_hash = 0, hashlib.sha256(), hashlib.sha256()
        private: BinaryIO | None = None
        try:
            with (self.folder / ENTRIES).open("xb") as file:
                for entry in entries:
                    line = entry.leaf + b"\n"
                    entries_hash.update(line)
                    file.write(line)
                    each(entry)
                    for opening in entry.openings:
                        private = private or (self.folder / PRIVATE).open("xb")
                        row = _opening_line(entry.event, opening)
                        private_hash.update(row)
                        private.write(row)
                    count += 1
        finally:
            if private is not None:
                private.close()
        self._digests[ENTRIES] = entries_hash.hexdigest()
        if private is not None:
            self._digests[PRIVATE] = private_hash.hexdigest()
        return count


class _TileWriter:
    """Writes the hash tiles of a tree from its leaf hashes, with one unfinished tile of each level in memory."""

    def __init__(self, bundle: BundleWriter, size: int, *, with_entry_tiles: bool) -> None:
        self._bundle = bundle
        self._size = size
        self._levels: list[list[bytes]] = [[]]
        self._numbers = [0]
        self._leaves: list[bytes] | None = [] if with_entry_tiles else None

    def add(self, entry: Entry) -> None:
        self._append(0, entry.leaf_hash)
        if self._leaves is not None:
            self._leaves.append(len(entry.leaf).to_bytes(2, "big") + entry.leaf)
            if len(self._leaves) == merkle.TILE_WIDTH:
                self._write_leaves(entry.index // merkle.TILE_WIDTH)

    def finish(self) -> None:
        for level, hashes in enumerate(self._levels):
            if hashes:
                self._write(level, len(hashes))
        if self._leaves:
            self._write_leaves(self._size // merkle.TILE_WIDTH)

    def _append(self, level: int, hashed: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._numbers.append(0)
        self._levels[level].append(hashed)
        if len(self._levels[level]) == merkle.TILE_WIDTH:
            root = merkle.root_of(self._levels[level])
            self._write(level, merkle.TILE_WIDTH)
            self._append(level + 1, root)

    def _write(self, level: int, width: int) -> None:
        self._bundle.write(merkle.tile_path(level, self._numbers[level], width), b"".join(self._levels[level]))
        self._numbers[level] += 1
        self._levels[level].clear()

    def _write_leaves(self, number: int) -> None:
        assert self._leaves is not None
        self._bundle.write(merkle.tile_path("entries", number, len(self._leaves)), b"".join(self._leaves))
        self._leaves.clear()


def _opening_line(event: str, opening: Opening) -> bytes:
    row = {
        "event": event,
        "pointer": opening.pointer,
        "field": opening.field,
        "salt": opening.salt.hex(),
        "value": opening.value,
    }
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


_POLICY = """\
# Template of a policy for verifier.py (C2SP tlog-policy).
#
# Write the public key of the log into the first line below. Get it from the operator of the log by another way than
# this bundle: from their web site, from a letter, by telephone. A key that comes with a bundle proves nothing.
#
# log {origin}+XXXXXXXX+XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX
#
# If independent witnesses cosign the log, list them and say how many of them you require, instead of `quorum none`:
# witness NAME KEY
# group witnesses 2 NAME NAME NAME
# quorum witnesses
quorum none
"""
