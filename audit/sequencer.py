"""The process of the sequencer: it appends pending events, signs the tree head, publishes it, leaves it at anchors.

Several may run on one host with one folder of the signer: the lock of a row orders the batches, a lock of the folder
the signatures. No network is used while a transaction is open; anchors have a thread of their own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

from audit import actions, merkle, notes, publishing, services, signer, tree
from audit.actor import Actor, process
from audit.anchors import Anchor
from audit.exceptions import AnchorError, SignerHaltedError
from audit.models import Event
from audit.recorder import ObjectRef, record_event

log = logging.getLogger(__name__)

PERIOD = 0.2
"""Seconds between two looks at the queue."""
HALTED_PERIOD = 5.0
"""Seconds between two attempts of a halted signer: the database or the folder may have been restored meanwhile."""
SWEEP_PERIOD = 600.0
"""Seconds between two searches for events that are not in the queue."""
ACTOR = process("sequencer")


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the process: the last signed size, and why it does not sign or publish, empty if it does."""

    signed_size: int = 0
    halted: str = ""
    publishing: str = ""
    anchoring: str = ""


@dataclass
class Sequencer:
    """One sequencer. :meth:`step` does what is due and returns; :meth:`run` repeats it.

    Args:
        keeper: the signer.
        origin: name of the log, used by the signer at its first start.
        folder: where the static files are published; None for nowhere.
        anchors: where checkpoints are left.
        anchor_period: seconds between two anchors at one place.
    """

    keeper: signer.Signer
    origin: str
    folder: Path | None = None
    anchors: Sequence[Anchor] = ()
    anchor_period: float = 60.0
    after_each_step: Callable[[str], None] = lambda _: None
    status: Status = field(default_factory=Status)
    _frontier: merkle.Frontier | None = None
    _known_keys: tuple[str, ...] = ()
    _published: str = ""

    def prepare(self) -> signer.State:
        """Make key and state at the first start, and append events that are neither in the tree nor in the queue.

        Raises:
            SignerHaltedError: state and database do not fit together.
        """
        state = self.keeper.prepare(self.origin, has_checkpoints=tree.latest_checkpoint() is not None)
        self.keeper.check(tree.size())
        while found := tree.sweep():
            log.warning("%d events were not in the queue and have been appended", found)
        return state

    def step(self) -> int:
        """Append one batch if events wait, then sign and publish if the tree has grown.

        Returns:
            The number of events that were appended.

        Raises:
            SignerHaltedError: the tree does not continue what was signed. Nothing was appended if it is older.
        """
        size = tree.size()
        self.keeper.check(size)
        appended = 0
        if tree.has_pending():
            self._frontier, appended = tree.append_batch(self._frontier, after_each_step=self.after_each_step)
            size = self._frontier.size
        if size != self.status.signed_size:
            self._sign()
        self._publish()
        return appended

    def run(self, stop: threading.Event, note: Callable[[Status], None] = lambda _: None) -> None:
        """Repeat :meth:`step` until `stop` is set.

        Args:
            stop: ends the loop.
            note: called with the status after each round, to make it known.
        """
        anchoring = threading.Thread(target=self._keep_anchoring, args=(stop,), name="anchors", daemon=True)
        anchoring.start()
        prepared, rounds = False, 0
        while not stop.is_set():
            pause = PERIOD
            try:
                rounds += 1
                if not prepared or rounds * PERIOD > SWEEP_PERIOD:
                    self.prepare()
                    prepared, rounds = True, 0
                if self.step() == tree.BATCH:
                    pause = 0.0
                self.status = replace(self.status, halted="")
            except SignerHaltedError as halt:
                if str(halt) != self.status.halted:
                    log.critical("the signer has halted: %s", halt)
                self.status = replace(self.status, halted=str(halt))
                prepared, pause = False, HALTED_PERIOD
            except (OperationalError, InterfaceError) as error:
                log.warning("the database is not available: %s", error)
                connection.close()
                self._frontier, pause = None, 1.0
            note(self.status)
            stop.wait(pause)
        anchoring.join(timeout=5)

    def anchor(self) -> str:
        """Leave the latest checkpoint at each anchor that does not have it.

        Returns:
            What failed, in words; empty if nothing did.
        """
        head = tree.latest_checkpoint()
        failed = []
        for place in self.anchors if head is not None else ():
            assert head is not None
            if tree.is_anchored(place.place, head.origin, head.size):
                continue
            try:
                evidence = place.anchor(head.note, _prove)
            except AnchorError as error:
                failed.append(f"{place.place}: {error}")
                log.warning("a checkpoint was not left at %s: %s", place.place, error)
                continue
            self.after_each_step("anchored")
            tree.add_anchor(head.origin, head.size, place.kind, place.place, evidence)
        return "; ".join(failed)

    def _sign(self) -> None:
        signed = self.keeper.sign(_read_head, _prove)
        if signed is None:
            return
        if signed.keys != self._known_keys:
            for vkey in reversed(signed.keys):
                tree.add_key(vkey, signed.origin)
            self._known_keys = signed.keys
        tree.add_checkpoint(signed.origin, signed.size, signed.note)
        self.after_each_step("stored")
        self.status = replace(self.status, signed_size=signed.size)

    def _publish(self) -> None:
        """Publish the last checkpoint. A folder that cannot be written delays nothing else."""
        if self.folder is None:
            return
        state = self.keeper.state()
        if state is None or not state.note or state.note == self._published:
            return
        try:
            publishing.publish(self.folder, state.note, tree.tile, tree.leaves)
        except OSError as error:
            if not self.status.publishing:
                log.error("the log is not published in %s: %s", self.folder, error)
            self.status = replace(self.status, publishing=str(error))
            return
        self._published = state.note
        self.after_each_step("published")
        self.status = replace(self.status, publishing="")

    def _keep_anchoring(self, stop: threading.Event) -> None:
        while self.anchors and not stop.is_set():
            try:
                close_old_connections()
                failed = self.anchor()
                self.status = replace(self.status, anchoring=failed)
            except Exception:
                log.exception("anchoring failed")
            stop.wait(self.anchor_period)
        connection.close()


def reopen_log(*, actor: Actor, keeper: signer.Signer, former_origin: str, origin: str = "") -> Event:
    """Continue the log under a new name and key, after its database was restored from an older backup.

    The tree continues: the event ``log.reopened`` states the former name, its last signed size and note, so the loss
    stays visible, and a checkpoint of the former name that is not newer than the backup still fits.

    Args:
        actor: the administrator.
        keeper: the signer.
        former_origin: the name of the log in the settings, for a signer without a state.
        origin: the new name; by default the former one with the number at its end increased.

    Raises:
        SignerHaltedError: the new name was used before.
    """
    former = keeper.state()
    name = former.origin if former is not None else former_origin
    chosen = origin or signer.next_origin(name)
    if not notes.is_key_name(chosen) or "/" not in chosen:
        raise SignerHaltedError(
            f"{chosen!r} is no name of a log: write host and path, such as {signer.next_origin(name)}."
        )
    keeper.refuse_used_name(chosen)
    data = {
        "origin": chosen,
        "former_origin": name,
        "former_size": former.size if former is not None else None,
        "former_note": former.note if former is not None else None,
        "size": tree.size(),
    }
    with transaction.atomic():
        event = record_event(
            actions.LOG_REOPENED, actor=actor, target=ObjectRef("log", chosen), stream=services.LOG_STREAM, data=data
        )
    # After the commit: a crash here leaves the signer halted, and the command is repeated.
    keeper.reopen(chosen)
    return event


def rotate_key(*, actor: Actor, keeper: signer.Signer) -> Event:
    """Make a new key. Both keys sign until :func:`finish_rotation`, so that readers have time to learn the new one.

    Raises:
        SignerHaltedError: there is no key yet, or a rotation is not finished.
    """
    with transaction.atomic():
        state = keeper.add_key()
        new, former = state.keys
        return record_event(
            actions.KEY_ROTATED,
            actor=actor,
            target=ObjectRef("log", state.origin),
            stream=services.LOG_STREAM,
            data={"vkey": new, "former_vkey": former},
        )


def finish_rotation(*, actor: Actor, keeper: signer.Signer) -> Event:
    """Sign with the new key only, and delete the former one.

    Raises:
        SignerHaltedError: no rotation is open.
    """
    with transaction.atomic():
        before = keeper.state()
        state = keeper.drop_former_key()
        former = [vkey for vkey in (before.keys if before is not None else ()) if vkey not in state.keys]
        return record_event(
            actions.KEY_RETIRED,
            actor=actor,
            target=ObjectRef("log", state.origin),
            stream=services.LOG_STREAM,
            data={"vkey": state.keys[0], "former_vkey": former[0] if former else None},
        )


def _read_head() -> tuple[int, bytes]:
    head = tree.head()
    return (head.size, head.root) if head is not None else (0, merkle.EMPTY_ROOT)


def _prove(first: int, second: int) -> list[bytes]:
    return merkle.consistency_proof(first, second, tree.subtree_reader())
