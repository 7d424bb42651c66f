"""A log made without a database: events, key, checkpoints and bundles, for tests of the verifier."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import bundles, leaf, merkle, notes

ORIGIN = "registry.example/audit/1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""The key of the golden vectors."""
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SALT = bytes(range(32))


def event(number: int, stream: str, seq: int, *, log: str = ORIGIN, reason: str = "", digest: str = "") -> bytes:
    """The bytes of an event."""
    event_id = f"00000000-0000-4000-8000-{number:012}"
    body: dict[str, leaf.Json] = {
        "type": "audit.event/1",
        "log": log,
        "id": event_id,
        "at": f"2026-01-01T00:00:00.{number:06}Z",
        "action": "model.registered",
        "actor": {"id": "usr_01", "type": "user"},
        "object": {"id": "mdl_7", "type": "model"},
        "changes": [{"field": "title", "from": None, "to": f"grün {number}"}],
        "stream": {"id": stream, "seq": seq},
    }
    if reason:
        committed = leaf.commitment(salt=SALT, event_id=event_id, field="reason", value=reason)
        body["reason"] = {"commit": committed}
    if digest:
        body["data"] = {"packet": digest}
    return leaf.encode_leaf(body)


@dataclass
class OwnLog:
    """A log in memory. `hashes` are what the log stored: tampering with `leaves` does not change them."""

    leaves: list[bytes]
    hashes: list[bytes] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hashes = self.hashes or [leaf.leaf_hash(each) for each in self.leaves]

    @classmethod
    def of(cls, count: int, streams: int = 3) -> OwnLog:
        """A log of `count` events, every third with a private reason."""
        reasons = {n: f"reason {n} ✓" for n in range(count) if n % 3 == 0}
        made = [event(n, f"model:{n % streams}", n // streams + 1, reason=reasons.get(n, "")) for n in range(count)]
        return cls(made, reasons=reasons)

    def checkpoint(self, size: int | None = None, *, key: Ed25519PrivateKey = KEY, witness: bool = False) -> str:
        """A signed checkpoint of the stored hashes."""
        size = len(self.hashes) if size is None else size
        text = str(notes.Checkpoint(ORIGIN, size, merkle.root_of(self.hashes[:size])))
        lines = [notes.sign(text, key, ORIGIN)]
        if witness:
            lines.append(notes.cosign(text, WITNESS, "witness.example", 1_780_000_000))
        return str(notes.Note(text, tuple(lines)))

    def entries(self, indexes: Iterable[int] | None = None, *, openings: bool = True) -> list[bundles.Entry]:
        """Entries with the openings of their reasons."""
        found = []
        for index in range(len(self.leaves)) if indexes is None else indexes:
            number = int(self.leaves[index].split(b'"id":"00000000-0000-4000-8000-')[1][:12])
            opened = (
                [bundles.Opening("/reason", "reason", SALT, self.reasons[number])] if number in self.reasons else []
            )
            found.append(
                bundles.Entry(
                    index,
                    f"00000000-0000-4000-8000-{number:012}",
                    self.leaves[index],
                    self.hashes[index],
                    opened if openings else [],
                )
            )
        return found

    def write(self, folder: Path, *, checkpoint: str = "", earlier: Sequence[int] = ()) -> Path:
        """A bundle of the complete log."""
        with bundles.BundleWriter(folder) as bundle:
            signed = {size: self.checkpoint(size) for size in earlier}
            bundle.write_complete(checkpoint or self.checkpoint(), self.entries(), earlier=signed)
            bundle.write_for_reader("read me\n", ORIGIN)
        return folder

    def write_some(
        self, folder: Path, indexes: Iterable[int], *, old: Sequence[int] = (), attached: bytes = b""
    ) -> Path:
        """A bundle of some events, with a file that the event names whose record has its digest."""
        with bundles.BundleWriter(folder) as bundle:
            chosen = self.entries(indexes)
            bundle.write_selection(
                self.checkpoint(), chosen, merkle.subtree_of_hashes(self.hashes), consistency_from=old
            )
            if attached:
                digest = bundle.write("packets/one.json", attached)
                naming = [entry.event for entry in chosen if digest.encode() in entry.leaf]
                bundle.write_attachments([(each, "packets/one.json") for each in naming])
        return folder


def policy(folder: Path, *lines: str) -> Path:
    """A policy file with the log's key; without further lines there are no witnesses."""
    file = folder / "policy"
    key = notes.public_key(KEY, ORIGIN)
    file.write_text("\n".join([f"log {key}", *(lines or ("quorum none",))]) + "\n")
    return file


def witnessed_policy(folder: Path) -> Path:
    """A policy that requires the witness."""
    return policy(folder, f"witness w {notes.public_key(WITNESS, 'witness.example', notes.COSIGNATURE)}", "quorum w")


def sealed(folder: Path) -> None:
    """Write the list of digests again, as someone does who changed files and knows the format."""
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    files.pop(bundles.MANIFEST, None)
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {name}\n" for name, file in sorted(files.items())]
    (folder / bundles.MANIFEST).write_text("".join(lines))
