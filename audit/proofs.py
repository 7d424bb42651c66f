"""Proofs of single events and between checkpoints, from the stored tree, as values and as C2SP text."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from django.db import connection

from audit import merkle, notes, tree

POLL = 0.05
"""Seconds between two looks while a receipt is waited for."""


@dataclass(frozen=True, slots=True)
class EventProof:
    """A proof that an event is in the tree of the latest checkpoint."""

    event_id: uuid.UUID
    index: int
    leaf_hash: bytes
    path: tuple[bytes, ...]
    checkpoint: tree.SignedHead

    @property
    def text(self) -> str:
        """The proof in the format of C2SP tlog-proof."""
        return str(notes.Proof(self.index, self.path, self.checkpoint.note))


def prove_event(event_id: uuid.UUID) -> EventProof | None:
    """Return the proof of an event; None while no signed checkpoint covers it."""
    index, checkpoint = tree.index_of(event_id), tree.latest_checkpoint()
    if index is None or checkpoint is None or index >= checkpoint.size:
        return None
    read = tree.subtree_reader()
    path = tuple(merkle.inclusion_proof(index, checkpoint.size, read))
    return EventProof(event_id, index, read(0, index), path, checkpoint)


def wait_for_proof(event_id: uuid.UUID, seconds: float) -> EventProof | None:
    """Return the proof of a committed event, waiting at most so many seconds; None if it is still pending.

    Inside a transaction nothing is waited for: its events are not visible to the sequencer before it commits.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = prove_event(event_id)
        if found is not None or connection.in_atomic_block or time.monotonic() >= deadline:
            return found
        time.sleep(POLL)


def prove_consistency(first: int, second: int) -> list[bytes]:
    """Return the proof that the tree of `first` events is the beginning of the tree of `second` events.

    Raises:
        ValueError: the sizes are not 0 <= first <= second <= size of the tree.
    """
    if second > tree.size():
        raise ValueError(f"The tree has {tree.size()} events, not {second}.")
    return merkle.consistency_proof(first, second, tree.subtree_reader())
