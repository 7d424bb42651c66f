"""Signed notes, checkpoints, cosignatures of witnesses and proofs of events as text. Pure functions.

Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.exceptions import BadNoteError

ED25519 = 0x01
COSIGNATURE = 0x04
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
MAX_SIGNATURES = 64
"""A verifier accepts at least 16 (signed-note) and limits the number."""
MAX_NOTE_CHARACTERS = 1_000_000

_SIGNATURE_LINE = re.compile(r"— (\S+) (\S+)")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key that verifies signature lines: ``name+id+base64(type || key)`` as text."""

    name: str
    type: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that a signature line names the key by."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the text of the key, for comparison by people."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode64(bytes([self.type]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerificationKey:
        """Read the text of a key.

        Raises:
            BadNoteError: another form, another type than Ed25519 and cosignature, or an id of another key.
        """
        name, plus, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        material = decode64(encoded)
        if not plus or not is_key_name(name) or len(material) != 33 or material[0] not in {ED25519, COSIGNATURE}:
            raise BadNoteError(
                "A verification key is written name+id+base64 with an Ed25519 key of type 01 (log) or 04 (witness)."
            )
        key = cls(name, material[0], material[1:])
        if key.key_id.hex() != key_id:
            raise BadNoteError(
                f"The key of {name} has the id {key.key_id.hex()}, not {key_id}: one of them was altered."
            )
        return key


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature of a note, not verified."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"— {self.name} {encode64(self.key_id + self.signature)}"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. ``text`` ends in a newline; nothing is verified yet."""

    text: str
    signatures: tuple[SignatureLine, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{line}\n" for line in self.signatures)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint states: the log, its size and the root of its tree."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof of one event: its index, the path to the root, and the signed checkpoint as text."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        return "\n".join([PROOF_HEADER, f"index {self.index}", *map(encode64, self.path), "", self.checkpoint])


def public_key(private: Ed25519PrivateKey, name: str, kind: int = ED25519) -> VerificationKey:
    """Return the key that verifies the signatures of a private key under this name."""
    return VerificationKey(name, kind, private.public_key().public_bytes_raw())


def sign(text: str, private: Ed25519PrivateKey, name: str) -> SignatureLine:
    """Return the signature line of a log over the text of a note. Ed25519 is deterministic: equal text, equal line."""
    return SignatureLine(name, public_key(private, name).key_id, private.sign(text.encode()))


def cosign(text: str, private: Ed25519PrivateKey, name: str, seconds: int) -> SignatureLine:
    """Return the cosignature of a witness over the text of a checkpoint.

    Args:
        seconds: time of the signature, seconds since 1970 UTC.
    """
    signature = private.sign(_cosigned(text, seconds))
    return SignatureLine(name, public_key(private, name, COSIGNATURE).key_id, seconds.to_bytes(8, "big") + signature)


def parse(note: str) -> Note:
    """Split a note into text and signature lines.

    Raises:
        BadNoteError: the form is not that of a signed note.
    """
    if len(note) > MAX_NOTE_CHARACTERS or any(ord(character) < 0x20 and character != "\n" for character in note):
        raise BadNoteError("A signed note has no control characters and at most a million characters.")
    text, found, lines = note.rpartition("\n\n")
    if not found or not text or not lines.endswith("\n"):
        raise BadNoteError("A signed note is text, an empty line and signature lines, each ending in a newline.")
    signatures = []
    for line in lines[:-1].split("\n"):
        matched = _SIGNATURE_LINE.fullmatch(line)
        signature = decode64(matched[2]) if matched else b""
        if matched is None or not is_key_name(matched[1]) or len(signature) < 5:
            raise BadNoteError("A signature line is '— name base64', and the base64 holds a key id and a signature.")
        signatures.append(SignatureLine(matched[1], signature[:4], signature[4:]))
    if len(signatures) > MAX_SIGNATURES:
        raise BadNoteError(f"A note has at most {MAX_SIGNATURES} signatures.")
    return Note(text + "\n", tuple(signatures))


def verify(note: Note, keys: Iterable[VerificationKey]) -> dict[str, int | None]:
    """Verify the signatures of known keys; those of unknown keys are ignored.

    Returns:
        The keys that signed, as text, each with the time of the cosignature in seconds, or None for a log.

    Raises:
        BadNoteError: a signature by a known key does not verify, or no known key signed.
    """
    known = {(key.name, key.key_id): key for key in keys}
    signed: dict[str, int | None] = {}
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        message, signature, seconds = note.text.encode(), line.signature, None
        if key.type == COSIGNATURE:
            seconds = int.from_bytes(line.signature[:8], "big")
            message, signature = _cosigned(note.text, seconds), line.signature[8:]
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise BadNoteError(f"The signature of {line.name} ({line.key_id.hex()}) does not verify.") from None
        signed[str(key)] = seconds
    if not signed:
        raise BadNoteError("None of the known keys signed the note.")
    return signed


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint (the note without its signatures). Extension lines are refused.

    Raises:
        BadNoteError: another form.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _DECIMAL.fullmatch(lines[1]):
        raise BadNoteError("A checkpoint has three lines: origin, size and root.")
    root = decode64(lines[2])
    if len(root) != 32:
        raise BadNoteError("The root of a checkpoint is the base64 of 32 bytes.")
    return Checkpoint(lines[0], int(lines[1]), root)


def parse_proof(text: str) -> Proof:
    """Read a proof of one event. The checkpoint in it is not verified; an ``extra`` line is ignored.

    Raises:
        BadNoteError: another form.
    """
    head, found, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    index = lines[1].removeprefix("index ") if len(lines) > 1 else ""
    path = tuple(decode64(line) for line in lines[2:])
    if not found or lines[0] != PROOF_HEADER or not _DECIMAL.fullmatch(index) or lines[1] == index:
        raise BadNoteError(f"A proof begins with the lines {PROOF_HEADER!r} and 'index N' and ends with a checkpoint.")
    if len(path) > 63 or any(len(step) != 32 for step in path):
        raise BadNoteError("A proof has at most 63 hashes, each the base64 of 32 bytes.")
    parse(checkpoint)
    return Proof(int(index), path, checkpoint)


def consistency_request(old_size: int, proof: Sequence[bytes], note: str) -> str:
    """Return the body of a request to a witness.

    Source: C2SP tlog-witness, add-checkpoint.
    """
    return "\n".join([f"old {old_size}", *map(encode64, proof), "", note])


def parse_consistency_request(body: str) -> tuple[int, list[bytes], str]:
    """Return old size, proof and note of a request to a witness.

    Raises:
        BadNoteError: another form.
    """
    head, found, note = body.partition("\n\n")
    first, *rest = head.split("\n")
    size = first.removeprefix("old ")
    proof = [decode64(line) for line in rest]
    if not found or size == first or not _DECIMAL.fullmatch(size):
        raise BadNoteError("A request begins with the line 'old SIZE' and ends with an empty line and a checkpoint.")
    if len(proof) > 63 or any(len(step) != 32 for step in proof):
        raise BadNoteError("A proof has at most 63 hashes, each the base64 of 32 bytes.")
    return int(size), proof, note


def is_key_name(name: str) -> bool:
    """Return whether a signature line can carry the name: not empty, no spaces, no plus."""
    return (
        bool(name) and "+" not in name and not any(character.isspace() or ord(character) < 0x20 for character in name)
    )


def encode64(data: bytes) -> str:
    """Return standard base64 as ASCII text."""
    return base64.b64encode(data).decode()


def decode64(text: str) -> bytes:
    """Return the bytes of standard base64.

    Raises:
        BadNoteError: the text is not the canonical base64 of any bytes.
    """
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise BadNoteError("A hash, key or signature is not base64.") from None
    if encode64(data) != text:
        raise BadNoteError("A hash, key or signature is not canonical base64.")
    return data


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
