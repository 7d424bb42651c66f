"""The signer: the Ed25519 keys of the log and the last head that it signed, in a folder outside the database.

It signs a tree head only if a consistency proof shows that the head continues the last one. A database that was
restored from an older backup, or whose events were changed, can therefore not be signed over: the signer halts.

The folder contains ``state.json``, one file for each key (mode 0600), and a lock that several processes share.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import merkle, notes
from audit.durable_files import write_durably
from audit.exceptions import SignerHaltedError

Prove = Callable[[int, int], Sequence[bytes]]
"""Returns the consistency proof between two sizes of the stored tree."""
ReadHead = Callable[[], tuple[int, bytes]]
"""Returns size and root of the newest tree head of the database; size 0 for none."""

STATE = "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """What the signer remembers: the last head that it signed, with the note, and which keys sign."""

    origin: str
    size: int
    root: str
    note: str
    keys: tuple[str, ...]
    """Texts of the verification keys that sign, newest first."""
    former_notes: tuple[str, ...] = ()
    """The last note of each former origin."""


class Signer:
    """Signs heads of one log.

    Args:
        folder: outside the database and its backups; created with mode 0700.
    """

    def __init__(self, folder: Path, *, after_each_step: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self._after_each_step = after_each_step

    def prepare(self, origin: str, *, has_checkpoints: bool) -> State:
        """Return the state; at the first start make folder and key.

        Args:
            origin: name of the log, used at the first start only.
            has_checkpoints: whether the database has signed heads.

        Raises:
            SignerHaltedError: the database has signed heads and the folder has no state: it was lost or replaced.
        """
        with self._locked():
            if (self.folder / STATE).exists():
                return self._load()
            if has_checkpoints:
                raise SignerHaltedError(
                    f"The folder {self.folder} has no state of the signer, and the database has signed checkpoints. "
                    "Restore the folder from its backup. If it is lost, `manage.py reopen_log` continues the log under "
                    "a new name and key."
                )
            state = State(origin, 0, notes.encode64(merkle.EMPTY_ROOT), "", (self._make_key(origin),))
            self._save(state)
            return state

    def state(self) -> State | None:
        """Return the state, or None before the first start."""
        if not (self.folder / STATE).exists():
            return None
        with self._locked():
            return self._load()

    def check(self, size: int) -> None:
        """Compare the size of the stored tree with the last signed size.

        Raises:
            SignerHaltedError: the database is older than what was signed.
        """
        state = self._load()
        if size < state.size:
            raise _older(state, size)

    def sign(self, read_head: ReadHead, prove: Prove) -> State | None:
        """Sign the newest head, remember it durably, and return the state; None while the tree is empty.

        A repetition returns the same note, because the state has it and Ed25519 is deterministic.

        Args:
            read_head: called after the lock is held, so that the head is not older than the state.
            prove: makes the consistency proof from the stored tree.

        Raises:
            SignerHaltedError: the head does not continue the last signed one.
        """
        with self._locked():
            state = self._load()
            size, root = read_head()
            if size < state.size:
                raise _older(state, size)
            if size == 0:
                return None
            last_root = notes.decode64(state.root)
            if size == state.size:
                if root != last_root:
                    raise _inconsistent(state, size)
                return state
            try:
                proof = prove(state.size, size)
            except ValueError as error:
                raise _inconsistent(state, size) from error
            if not merkle.verify_consistency(state.size, last_root, size, root, proof):
                raise _inconsistent(state, size)
            text = str(notes.Checkpoint(state.origin, size, root))
            lines = tuple(notes.sign(text, self._read_key(vkey), state.origin) for vkey in state.keys)
            self._after_each_step("signed")
            signed = replace(state, size=size, root=notes.encode64(root), note=str(notes.Note(text, lines)))
            self._save(signed)
        self._after_each_step("remembered")
        return signed

    def add_key(self) -> State:
        """Make a new key that signs beside the present one.

        Raises:
            SignerHaltedError: there is no state, or a rotation is not finished.
        """
        with self._locked():
            state = self._load()
            if len(state.keys) > 1:
                raise SignerHaltedError("Two keys sign already: finish that rotation with --finish.")
            state = replace(state, keys=(self._make_key(state.origin), *state.keys))
            self._save(state)
            return state

    def drop_former_key(self) -> State:
        """End a rotation: the former key signs no more, and its file is deleted.

        Raises:
            SignerHaltedError: there is no state, or one key signs.
        """
        with self._locked():
            state = self._load()
            if len(state.keys) < 2:
                raise SignerHaltedError("One key signs, so no rotation is to be finished.")
            kept, *former = state.keys
            state = replace(state, keys=(kept,))
            self._save(state)
            for vkey in former:
                self._key_file(vkey).unlink(missing_ok=True)
            return state

    def reopen(self, origin: str) -> State:
        """Continue under a new name with a new key. The last note of the former name is kept in the state.

        Raises:
            SignerHaltedError: the name was used before.
        """
        self.refuse_used_name(origin)
        with self._locked():
            former = self._load() if (self.folder / STATE).exists() else None
            past = (*former.former_notes, former.note) if former and former.note else ()
            state = State(origin, 0, notes.encode64(merkle.EMPTY_ROOT), "", (self._make_key(origin),), past)
            self._save(state)
            return state

    def refuse_used_name(self, origin: str) -> None:
        """Raise SignerHaltedError if checkpoints were signed under this name before."""
        state = self.state()
        used = {notes.parse(note).text.split("\n")[0] for note in state.former_notes} if state else set()
        if state is not None and origin in {state.origin, *used}:
            raise SignerHaltedError(f"The name {origin} was used before; a continued log has a new name.")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _load(self) -> State:
        path = self.folder / STATE
        try:
            stored = json.loads(path.read_text())
            stored |= {name: tuple(stored[name]) for name in ("keys", "former_notes")}
            return State(**stored)
        except FileNotFoundError:
            raise SignerHaltedError(f"{path} is missing: start the sequencer once, or restore the folder.") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SignerHaltedError(f"{path} cannot be read ({error}): restore the folder from its backup.") from None

    def _save(self, state: State) -> None:
        write_durably(self.folder / STATE, json.dumps(asdict(state), indent=1).encode(), mode=0o600)

    def _make_key(self, origin: str) -> str:
        private = Ed25519PrivateKey.generate()
        vkey = str(notes.public_key(private, origin))
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_durably(self._key_file(vkey), pem, mode=0o600)
        return vkey

    def _read_key(self, vkey: str) -> Ed25519PrivateKey:
        path = self._key_file(vkey)
        try:
            if path.stat().st_mode & 0o077:
                raise SignerHaltedError(f"{path} can be read by other users: set its mode to 0600.")
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise SignerHaltedError(f"The key {path} cannot be read ({error}): restore it from its backup.") from None
        name = vkey.partition("+")[0]
        if not isinstance(key, Ed25519PrivateKey) or str(notes.public_key(key, name)) != vkey:
            raise SignerHaltedError(f"{path} is not the key {vkey}: restore it from its backup.")
        return key

    def _key_file(self, vkey: str) -> Path:
        return self.folder / f"{notes.VerificationKey.parse(vkey).key_id.hex()}.key"


def next_origin(origin: str) -> str:
    """Return the name of a continued log: the number at the end is increased, or "/2" is appended."""
    numbered = re.fullmatch(r"(.*/)([0-9]{1,9})", origin)
    return f"{numbered[1]}{int(numbered[2]) + 1}" if numbered else f"{origin}/2"


def _older(state: State, size: int) -> SignerHaltedError:
    return SignerHaltedError(
        f"The database has {size} events in its tree, and {state.size} were signed for {state.origin}: it was restored "
        f"from an older backup, or events were removed. Restore a newer database. If the events from {size} to "
        f"{state.size - 1} are lost, `manage.py reopen_log` continues the log under a new name; the loss stays visible."
    )


def _inconsistent(state: State, size: int) -> SignerHaltedError:
    return SignerHaltedError(
        f"The tree of {size} events does not continue the tree of {state.size} events that was signed for "
        f"{state.origin}: events before {state.size} were changed or reordered. Keep this database for an "
        "investigation and restore an unchanged one. `manage.py reopen_log` continues the log under a new name; the "
        "difference stays visible."
    )
