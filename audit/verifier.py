#!/usr/bin/env python3
"""Verify an export of an audit log, without the product that wrote it and without a network.

One file, standard library only, Python 3.9 or newer. Read it before you trust it.

    python verifier.py BUNDLE --policy FILE [--trusted NOTE]... [--require PART,...]
    python verifier.py EVENT.tlog-proof --event EVENT.json --policy FILE

BUNDLE is an unpacked bundle (a folder). The policy names the public key of the log, and of witnesses if there are any
(C2SP tlog-policy). Get it from the operator of the log by another way than the bundle: keys inside a bundle are never
used. NOTE is a checkpoint that you kept from an earlier day, or that a third party kept: it is what makes a rewritten
log detectable. PART is one of leaves, proofs, streams, canonical, tiles, openings, attachments; a required part that is
missing is a failure.

Exit status: 0 verified · 1 failed · 2 malformed input or wrong usage · 3 consistent and signed, but compared with
nothing outside: the holder of the log's key could have rewritten it.

Sources: RFC 9162 (Merkle tree), RFC 8032 (Ed25519), RFC 8785 (canonical JSON), C2SP signed-note, tlog-checkpoint,
tlog-cosignature, tlog-policy, tlog-proof, tlog-tiles.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import functools
import hashlib
import hmac
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, NoReturn

VERIFIED, FAILED, MALFORMED, UNANCHORED = range(4)
PARTS = ("leaves", "proofs", "streams", "canonical", "tiles", "openings", "attachments")

MAX_LEAF_BYTES = 65535
MAX_NOTE_BYTES = 1000000
MAX_SIGNATURES = 64
MAX_STREAMS = 1000000
CHUNK = 1 << 20
TILE_WIDTH = 256
MANIFEST = "SHA256SUMS"
EMPTY_ROOT = hashlib.sha256(b"").digest()

LOG_KEY, WITNESS_KEY = 0x01, 0x04

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,17})\Z")
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
# In canonical JSON `stream` and `type` are the last members of an event. A quotation mark inside a string is escaped,
# so these bytes cannot be part of a string.
_STREAM = re.compile(rb',"stream":\{"id":"([A-Za-z0-9_.:/-]{1,200})","seq":([1-9][0-9]{0,15})\},"type":"[a-z.]+/1"\}\Z')
_STREAM_BEGINS, _STREAM_ENDS = b',"stream":{"id":"', b'%d},"type":"audit.event/1"}'
_EVENT_ID = re.compile(rb'[{,]"id":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})","log":"')
_LOG_NAME = re.compile(rb'[0-9a-f]","log":"([^"\\]{1,200})","object":\{')
_NUMBER_AT_END = re.compile(r"/[0-9]{1,9}\Z")
_KEY = re.compile(r"[a-z][a-z0-9_]*\Z")


class MalformedError(Exception):
    """The input has not the form that it must have."""


class FailedError(Exception):
    """A statement that the input makes is not true. `index` and `event` name the first bad event, where known."""

    def __init__(self, message: str, index: int | None = None, event: str = "") -> None:
        super().__init__(message)
        self.index = index
        self.event = event


class Report:
    """What was proved and what was not."""

    def __init__(self) -> None:
        self.proved: list[str] = []
        self.not_proved: list[str] = []
        self.parts: set[str] = set()
        self.is_anchored = False
        self.summary = ""


# --- Ed25519, RFC 8032 section 5.1 ---

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int, int, int]


def _add(a: Point, b: Point) -> Point:
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e, f = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    g, h = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    p, q, r, s = f - e, h - g, h + g, f + e
    return p * q % _P, r * s % _P, q * r % _P, p * s % _P


def _multiply(factor: int, point: Point) -> Point:
    product = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            product = _add(product, point)
        point = _add(point, point)
        factor >>= 1
    return product


def _recover_x(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    squared = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if squared == 0:
        return None if sign else 0
    x = pow(squared, (_P + 3) // 8, _P)
    if (x * x - squared) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - squared) % _P:
        return None
    return _P - x if x & 1 != sign else x


def _decompress(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


def _compress(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, _P - 2, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE_X = _recover_x(_BASE_Y, 0) or 0
_BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


@functools.lru_cache(maxsize=512)
def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the signature over the message was made with the key to this public key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, scalar = _decompress(public), int.from_bytes(signature[32:], "little")
    if key is None or scalar >= _L or _compress(_multiply(8, key)) == _compress((0, 1, 1, 0)):
        return False
    factor = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    x, y, z, t = key
    expected = _add(_multiply(scalar, _BASE), _multiply(factor, (_P - x, y, z, _P - t)))
    return _compress(expected) == signature[:32]


# --- Merkle tree, RFC 9162 section 2 ---


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A Merkle tree that grows leaf by leaf. It keeps one hash for each power of two in its size."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[tuple[int, bytes]] = []

    def append(self, hashed: bytes, height: int = 0) -> None:
        """Append the root of a complete subtree of 2**height leaves, where one fits."""
        self.size += 1 << height
        edge = self._edge
        while edge and edge[-1][0] == height:
            hashed = hashlib.sha256(b"\x01" + edge.pop()[1] + hashed).digest()
            height += 1
        edge.append((height, hashed))

    def extend(self, hashes: list[bytes]) -> None:
        """Append leaf hashes."""
        for hashed in hashes:
            self.append(hashed)

    def root(self) -> bytes:
        """Return the root."""
        if not self._edge:
            return EMPTY_ROOT
        folded = self._edge[-1][1]
        for _, hashed in reversed(self._edge[:-1]):
            folded = node_hash(hashed, folded)
        return folded


def root_of_tile(hashes: list[bytes]) -> bytes:
    """Return the root of a power of two of hashes."""
    sha256 = hashlib.sha256
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs)]
    return hashes[0]


def verify_inclusion(hashed: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether the proof shows that the leaf with this hash is leaf `index` of the tree. Section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    node, last = index, size - 1
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            hashed = node_hash(step, hashed)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            hashed = node_hash(hashed, step)
        node >>= 1
        last >>= 1
    return last == 0 and hashed == root


def verify_consistency(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether the proof shows that the second tree continues the first. Section 2.1.4.2."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    steps = list(proof)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node >>= 1
        last >>= 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            new = node_hash(new, step)
        node >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


# --- keys, notes, policies (C2SP) ---


def decode64(text: str, what: str) -> bytes:
    """Return the bytes of canonical base64."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError(f"{what} is not base64.") from None
    if base64.b64encode(data).decode() != text:
        raise MalformedError(f"{what} is not canonical base64.")
    return data


class Key(NamedTuple):
    """A public key: `name+id+base64(type || key)`."""

    name: str
    id: bytes
    type: int
    public: bytes

    @property
    def label(self) -> str:
        """The name and the id, for messages."""
        return f"{printable(self.name)} (key {self.id.hex()})"


def parse_key(text: str) -> Key:
    """Read a key of a policy. A type that this file does not verify is accepted; its signatures do not count."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    material = decode64(encoded, f"The key {printable(text)}")
    if not name or len(material) < 2:
        raise MalformedError(f"{printable(text)} is not a key: name+id+base64.")
    computed = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    if computed.hex() != key_id:
        raise MalformedError(f"The key of {printable(name)} has the id {computed.hex()}, not {printable(key_id)}.")
    if material[0] in (LOG_KEY, WITNESS_KEY) and len(material) != 33:
        raise MalformedError(f"The Ed25519 key of {printable(name)} has not 32 bytes.")
    return Key(name, computed, material[0], material[1:])


class Group(NamedTuple):
    """Members of a quorum, and how many of them are needed."""

    needed: int
    members: list[str]


class Policy:
    """The keys that are trusted, and which witnesses must have cosigned. Source: C2SP tlog-policy."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()
        if any((ord(c) < 0x20 and c not in "\t\n") or ord(c) == 0x7F for c in text):
            raise MalformedError("The policy contains control characters.")
        for number, line in enumerate(text.split("\n"), 1):
            words = line.replace("\t", " ").split(" ")
            words = [word for word in words if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                self._read(words)
            except MalformedError as fault:
                raise MalformedError(f"Line {number} of the policy: {fault}") from None
        self._require_complete()

    def _require_complete(self) -> None:
        if self.quorum is None:
            raise MalformedError("The policy has no line `quorum`; write `quorum none` if there are no witnesses.")
        if not self.logs:
            raise MalformedError(
                "The policy names no log. Write the public key of the log, which its operator publishes outside the "
                "bundle: log NAME+ID+KEY"
            )

    def _read(self, words: list[str]) -> None:
        kind, rest = words[0], words[1:]
        if kind == "log" and len(rest) in (1, 2):
            key = parse_key(rest[0])
            if key.type != LOG_KEY:
                raise MalformedError("the key of a log is an Ed25519 key of type 01.")
            if any(key.public == other.public for other in self.logs):
                raise MalformedError("this key is listed already.")
            self.logs.append(key)
        elif kind == "witness" and len(rest) in (2, 3):
            self._name(rest[0])
            key = parse_key(rest[1])
            if any(key.public == other.public for other in self.witnesses.values()):
                raise MalformedError("this key is listed already.")
            self.witnesses[rest[0]] = key
        elif kind == "group" and len(rest) >= 3:
            self._read_group(rest)
        elif kind == "quorum" and len(rest) == 1:
            if self.quorum is not None:
                raise MalformedError("there is a quorum already.")
            if rest[0] != "none" and rest[0] not in self.witnesses and rest[0] not in self.groups:
                raise MalformedError(f"{printable(rest[0])} is defined on no line above.")
            self.quorum = rest[0]
        else:
            raise MalformedError("a line is log KEY, witness NAME KEY, group NAME COUNT MEMBER… or quorum NAME.")

    def _read_group(self, rest: list[str]) -> None:
        self._name(rest[0])
        members = rest[2:]
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise MalformedError(f"{printable(member)} is defined on no line above.")
            if member in self._members:
                raise MalformedError(f"{printable(member)} is a member already.")
            self._members.add(member)
        words_of_count = {"all": len(members), "any": 1}
        needed = words_of_count.get(rest[1]) or (int(rest[1]) if _DECIMAL.match(rest[1]) else 0)
        if not 1 <= needed <= len(members):
            raise MalformedError(f"a group needs all, any, or 1 to {len(members)} of its members.")
        self.groups[rest[0]] = Group(needed, members)

    def _name(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise MalformedError(f"the name {printable(name)} is taken.")

    def is_satisfied(self, name: str, cosigned: set[str]) -> bool:
        """Return whether a witness or group has witnessed, given the names of the witnesses that cosigned."""
        if name in self.witnesses:
            return name in cosigned
        group = self.groups[name]
        return sum(self.is_satisfied(member, cosigned) for member in group.members) >= group.needed


class Checkpoint(NamedTuple):
    """A checkpoint whose signatures were verified."""

    origin: str
    size: int
    root: bytes
    key: Key
    witnesses: dict[str, int]
    """Witnesses of the policy that cosigned, with the time in seconds since 1970."""
    note: bytes


def verify_checkpoint(note: bytes, policy: Policy, what: str) -> Checkpoint:
    """Verify a checkpoint against a policy.

    Raises:
        MalformedError: it is no checkpoint.
        FailedError: no log of the policy signed it, a signature of a known key is wrong, or the quorum is not met.
    """
    body, lines = _split_note(note, what)
    checkpoint = body.split("\n")
    if len(checkpoint) != 4 or checkpoint[3] or not checkpoint[0] or not _DECIMAL.match(checkpoint[1]):
        raise MalformedError(f"{what} has not the three lines origin, size and root.")
    origin, size, root = checkpoint[0], int(checkpoint[1]), decode64(checkpoint[2], f"The root of {what}")
    if len(root) != 32:
        raise MalformedError(f"The root of {what} has not 32 bytes.")
    signer: Key | None = None
    witnesses: dict[str, int] = {}
    named = {(key.name, key.id): ("", key) for key in policy.logs}
    named.update({(key.name, key.id): (name, key) for name, key in policy.witnesses.items()})
    for name, key_id, signature in lines:
        witness, key = named.get((name, key_id), ("", None))
        if key is None:
            continue
        if key.type == LOG_KEY and not witness:
            if not verify_ed25519(key.public, body.encode(), signature):
                raise FailedError(f"The signature of {key.label} on {what} is wrong.")
            if key.name == origin:
                signer = key
        elif key.type == WITNESS_KEY and witness:
            seconds = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{body}".encode()
            if not verify_ed25519(key.public, message, signature[8:]):
                raise FailedError(f"The cosignature of {key.label} on {what} is wrong.")
            witnesses[witness] = seconds
    if signer is None:
        raise FailedError(
            f"{what}, of the log {printable(origin)}, is signed by no log of the policy "
            f"({', '.join(key.label for key in policy.logs)})."
        )
    assert policy.quorum is not None
    if policy.quorum != "none" and not policy.is_satisfied(policy.quorum, set(witnesses)):
        raise FailedError(
            f"{what} is not cosigned as the policy requires (quorum {printable(policy.quorum)}); "
            f"{len(witnesses)} of its witnesses cosigned."
        )
    return Checkpoint(origin, size, root, signer, witnesses, note)


def _split_note(note: bytes, what: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Return the text of a note, and of each signature line the name, the key id and the signature."""
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise MalformedError(f"{what} is not UTF-8.") from None
    if any(ord(c) < 0x20 and c != "\n" for c in text):
        raise MalformedError(f"{what} contains control characters.")
    body, found, tail = text.rpartition("\n\n")
    if not found or not body or not tail.endswith("\n"):
        raise MalformedError(f"{what} is not text, an empty line and signature lines.")
    lines = []
    for line in tail[:-1].split("\n"):
        words = line.split(" ")
        if len(words) != 3 or words[0] != "—" or not words[1]:
            raise MalformedError(f"{what} has a line after its text that is no signature.")
        data = decode64(words[2], f"A signature of {what}")
        if len(data) < 5:
            raise MalformedError(f"{what} has a signature without a key id.")
        lines.append((words[1], data[:4], data[4:]))
    if len(lines) > MAX_SIGNATURES:
        raise MalformedError(f"{what} has more than {MAX_SIGNATURES} signatures.")
    return body + "\n", lines


class Proof(NamedTuple):
    """A proof of one event, as text. Source: C2SP tlog-proof."""

    position: int
    """Index of the event in the log."""
    path: list[bytes]
    note: bytes


def parse_proof(data: bytes, what: str) -> Proof:
    """Read a proof. Its checkpoint is not verified."""
    head, found, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise MalformedError(f"{what} is not ASCII.") from None
    if lines[0] != "c2sp.org/tlog-proof@v1" or not found:
        raise MalformedError(f"{what} does not begin with the line c2sp.org/tlog-proof@v1.")
    if len(lines) > 1 and lines[1].startswith("extra "):
        decode64(lines[1][6:], f"The extra data of {what}")
        del lines[1]
    if len(lines) < 2 or not lines[1].startswith("index ") or not _DECIMAL.match(lines[1][6:]):
        raise MalformedError(f"{what} has no line `index`.")
    return Proof(int(lines[1][6:]), _hashes(lines[2:], what), note)


def _hashes(lines: list[str], what: str) -> list[bytes]:
    hashes = [decode64(line, f"A hash of {what}") for line in lines]
    if len(hashes) > 63 or any(len(hashed) != 32 for hashed in hashes):
        raise MalformedError(f"{what} has more than 63 hashes, or one that has not 32 bytes.")
    return hashes


# --- canonical JSON and commitments ---


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _refuse(text: str) -> NoReturn:
    raise ValueError("a number is not an integer")


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def parse_json(data: bytes) -> Any:
    """Parse JSON of the log: no floats, no repeated keys.

    Raises:
        ValueError: it is not such JSON. (Also where nested too deep.)
    """
    try:
        return json.loads(data.decode(), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def parse_event(data: bytes) -> dict[str, Any]:
    """Parse an event and compare it with its canonical form (RFC 8785, in the domain of the log).

    Raises:
        ValueError: it is no event, or its bytes are not canonical.
    """
    value = parse_json(data)
    if not isinstance(value, dict) or not all(isinstance(value.get(name), str) for name in ("id", "log", "type", "at")):
        raise ValueError("it is no event")
    _require_domain(value, 0)
    if _encode(value).encode() != data:
        raise ValueError("its bytes are not canonical")
    return value


def _require_domain(value: Any, depth: int) -> None:
    if depth > 32:
        raise ValueError("it is nested too deep")
    if isinstance(value, dict):
        for key, member in value.items():
            if not _KEY.match(key):
                raise ValueError("a key has other characters than a-z, 0-9 and _")
            _require_domain(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _require_domain(member, depth + 1)
    elif isinstance(value, int) and not -(2**53) < value < 2**53:
        raise ValueError("an integer exceeds 2^53-1")
    elif isinstance(value, str) and "\x00" in value:
        raise ValueError("a text contains NUL")


def commitment_at(event: dict[str, Any], pointer: str) -> str | None:
    """Return the commitment at a JSON pointer of an event; None if there is none."""
    place: Any = event
    for step in pointer.split("/")[1:]:
        if isinstance(place, list) and _DECIMAL.match(step) and int(step) < len(place):
            place = place[int(step)]
        elif isinstance(place, dict):
            place = place.get(step)
        else:
            return None
    found = place.get("commit") if isinstance(place, dict) else None
    return found if isinstance(found, str) else None


class Opening(NamedTuple):
    """A private value with the salt that opens its commitment."""

    event: str
    pointer: str
    field: str
    salt: bytes
    value: str

    def opens(self, event: dict[str, Any]) -> bool:
        """Return whether the event commits to this value at this place."""
        message = _encode([self.event, self.field, self.value]).encode("utf-8", "surrogatepass")
        computed = "hmac-sha256:" + hmac.new(self.salt, message, hashlib.sha256).hexdigest()
        return self.event == event["id"] and commitment_at(event, self.pointer) == computed


# --- the bundle ---


class Folder:
    """The files of a bundle: regular files only, each read with a limit."""

    def __init__(self, path: str) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        """Return whether there is something of this name."""
        return os.path.lexists(os.path.join(self.path, *name.split("/")))

    def open(self, name: str) -> BinaryIO:
        """Open a regular file."""
        return open_regular(os.path.join(self.path, *name.split("/")), name)

    def read(self, name: str, limit: int = MAX_NOTE_BYTES) -> bytes:
        """Return the bytes of a file of at most `limit` bytes."""
        with self.open(name) as file:
            return read_limited(file, limit, name)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none if there is no such folder."""
        try:
            return sorted(os.listdir(os.path.join(self.path, folder)))
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            raise MalformedError(f"{folder} is not a folder.") from None

    def all_files(self) -> Iterator[str]:
        """Yield the names of all files, with / between folders."""
        for place, folders, files in os.walk(self.path, onerror=_raise):
            for name in folders:
                if os.path.islink(os.path.join(place, name)):
                    raise MalformedError(f"{printable(name)} is a symbolic link.")
            folders.sort()
            inside = os.path.relpath(place, self.path).replace(os.sep, "/")
            for name in sorted(files):
                yield name if inside == "." else f"{inside}/{name}"


def _raise(error: OSError) -> NoReturn:
    raise error


def open_regular(path: str, name: str) -> BinaryIO:
    """Open a file that is neither a link nor a device nor a pipe, which could block or lead elsewhere."""
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        raise FailedError(f"{printable(name)} is missing.") from None
    except ValueError:
        raise MalformedError(f"{printable(name)} is not a file name.") from None
    if not stat.S_ISREG(kind):
        raise MalformedError(f"{printable(name)} is not a regular file.")
    return open(path, "rb")


def read_limited(file: BinaryIO, limit: int, name: str) -> bytes:
    """Return the rest of a file of at most `limit` bytes."""
    data = file.read(limit + 1)
    if len(data) > limit:
        raise MalformedError(f"{printable(name)} has more than {limit:,} bytes.")
    return data


def lines_of(file: BinaryIO, name: str, limit: int, hashed: Any = None) -> Iterator[list[bytes]]:
    """Yield the lines of a file, without their newlines, some at a time.

    Args:
        file: read to its end.
        name: for messages.
        limit: longest line.
        hashed: a hash object that gets the bytes that are read.
    """
    rest, number = b"", 0
    while True:
        data = file.read(CHUNK)
        if not data:
            break
        if hashed is not None:
            hashed.update(data)
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        if len(rest) > limit or (lines and max(map(len, lines)) > limit):
            raise MalformedError(f"{name} has a line of more than {limit:,} bytes, after line {number + 1}.")
        number += len(lines)
        if lines:
            yield lines
    if rest:
        raise MalformedError(f"{name} does not end with a newline.")


class Verification:
    """One verification of a bundle."""

    def __init__(self, folder: Folder, policy: Policy, trusted: list[tuple[str, bytes]], required: set[str]) -> None:
        self.folder = folder
        self.policy = policy
        self.trusted_notes = trusted
        self.required = required
        self.report = Report()
        self.digests: dict[str, str] = {}
        """SHA-256 of files that were read as a whole on the way."""
        self.streams: dict[bytes, int] = {}
        self.names: set[str] = set()
        """Names of the log in its events, other than that of the checkpoint."""
        self.openings: _Openings | None = None
        self.fault: Exception | None = None
        """The first event that is not as it must be; reported unless the tree shows an earlier cause."""

    def run(self) -> Report:
        """Verify everything. Raises MalformedError or FailedError for the first fault."""
        try:
            return self._run()
        finally:
            if self.openings is not None:
                self.openings.close()

    def _run(self) -> Report:
        self.checkpoint = verify_checkpoint(self.folder.read("checkpoint"), self.policy, "The checkpoint")
        checkpoint = self.checkpoint
        self.trusted = [verify_checkpoint(note, self.policy, name) for name, note in self.trusted_notes]
        for (name, _), old in zip(self.trusted_notes, self.trusted):
            if not is_name_of_one_log(old.origin, checkpoint.origin):
                raise FailedError(f"{name} is of another log, {printable(old.origin)}.")
            if old.size > checkpoint.size:
                raise FailedError(
                    f"{name} has {old.size:,} events and the bundle {checkpoint.size:,}: events were removed from the "
                    "end, or the bundle is older than the checkpoint that you trust."
                )
        self.report.proved.append(
            f"The checkpoint of {checkpoint.size:,} events is signed by {checkpoint.key.label}, a key of the policy."
        )
        for name, seconds in sorted(checkpoint.witnesses.items()):
            self.report.proved.append(f"The witness {printable(name)} saw this checkpoint at {_time(seconds)}.")
        if self.folder.has("private.jsonl"):
            self.openings = _Openings(self.folder)
            self.openings.begin()
        self.attachments = self._attachments()
        if self.folder.has("proofs"):
            self._verify_partial()
        else:
            self._verify_full()
        self._end_of_openings()
        self._end_of_attachments()
        self._compare_manifest()
        self._state_anchor()
        missing = sorted(self.required - self.report.parts)
        if missing:
            raise FailedError(f"Required and not shown by this bundle: {', '.join(missing)}.")
        return self.report

    # every event

    def _verify_full(self) -> None:
        checkpoint, tree = self.checkpoint, Tree()
        wanted = self._signed_sizes()
        roots: dict[int, bytes] = {0: EMPTY_ROOT}
        stops = sorted(size for size in wanted if size)
        tiles = _Tiles(self.folder, checkpoint.size) if self.folder.has("tile") else None
        if tiles is None and "tiles" in self.required:
            raise FailedError("Required and not shown by this bundle: tiles.")
        hashed = hashlib.sha256()
        block: list[bytes] = []
        sha256 = hashlib.sha256
        with self.folder.open("entries.jsonl") as file:
            for lines in lines_of(file, "entries.jsonl", MAX_LEAF_BYTES, hashed):
                self._read_events(tree.size + len(block), lines)
                block += [sha256(b"\x00" + line).digest() for line in lines]
                if tree.size + len(block) > checkpoint.size + CHUNK:
                    break
                whole = len(block) - len(block) % TILE_WIDTH
                for begin in range(0, whole, TILE_WIDTH):
                    self._grow(tree, block[begin : begin + TILE_WIDTH], stops, roots, tiles)
                del block[:whole]
        self._grow(tree, block, stops, roots, tiles)
        self.digests["entries.jsonl"] = hashed.hexdigest()
        if roots.get(checkpoint.size) != checkpoint.root or tree.size != checkpoint.size:
            self._name_first_difference(tree.size, roots, wanted, tiles)
        if self.fault is not None:
            raise self.fault
        for (name, _), old in zip(self.trusted_notes, self.trusted):
            if roots[old.size] != old.root:
                raise FailedError(
                    f"The first {old.size:,} events have another root than {name}: the log was rewritten before event "
                    f"{old.size - 1}, or its key signed two logs."
                )
        for size, signed in wanted.items():
            if roots[size] != signed.root:
                raise FailedError(
                    f"The first {size:,} events have another root than checkpoints/{size}, which is signed."
                )
        if tiles is not None:
            tiles.finish()
            self.report.parts.add("tiles")
        self._state_full(tree.size, wanted)

    def _grow(
        self, tree: Tree, hashes: list[bytes], stops: list[int], roots: dict[int, bytes], tiles: _Tiles | None
    ) -> None:
        """Append leaf hashes; keep the root of each size in `stops`."""
        if tiles is not None and hashes:
            tiles.compare(tree.size, hashes)
        # Hashed level by level, which is faster than leaf by leaf. Blocks begin at full tiles.
        tile = root_of_tile(hashes) if len(hashes) == TILE_WIDTH else None
        if tile is not None and tiles is not None:
            tiles.above.append(tile)
        if tile is not None and not (stops and stops[0] < tree.size + TILE_WIDTH):
            tree.append(tile, 8)
            if stops and stops[0] == tree.size:
                roots[stops.pop(0)] = tree.root()
            return
        for each in hashes:
            tree.append(each)
            if stops and stops[0] == tree.size:
                roots[stops.pop(0)] = tree.root()

    def _read_events(self, index: int, lines: list[bytes]) -> None:
        """Compare the members of events that must fit each other. Keeps the first fault.

        The loop looks at bytes only, which takes a microsecond: JSON is parsed where that is asked for.
        """
        streams, log = self.streams, self._log_member
        is_parsed = "canonical" in self.required
        has_parts = is_parsed or self.openings is not None or bool(self.attachments)
        for line in lines:
            stream, _, rest = line[line.rfind(_STREAM_BEGINS) + len(_STREAM_BEGINS) :].partition(b'","seq":')
            at, last = line.find(log), streams.get(stream)
            if last is not None and rest == _STREAM_ENDS % (last + 1) and line[at - 43 : at - 36] == b',"id":"':
                streams[stream] = last + 1
                if has_parts:
                    self._read_parts(index, line, is_parsed)
            else:
                self._read_event(index, line, is_parsed)
            index += 1
        if len(streams) > MAX_STREAMS:
            raise MalformedError(f"The log has more than {MAX_STREAMS:,} streams.")

    def _read_event(self, index: int, line: bytes, is_parsed: bool) -> None:
        """Read the first event of a stream, and any event of which something does not fit."""
        found = _STREAM.search(line, max(0, len(line) - 300))
        if found is None or not event_id(line) or (self._log_member not in line and not self._is_former(line)):
            self._note_fault(index, line, "is not an event of this log")
            return
        stream, number = found.groups()
        if self.streams.get(stream, 0) != int(number) - 1:
            self._note_gap(index, line, stream, int(number))
        self.streams[stream] = int(number)
        self._read_parts(index, line, is_parsed)

    def _is_former(self, line: bytes) -> bool:
        """Return whether an event was recorded under another name of the log, before it was continued or after."""
        found = _LOG_NAME.search(line)
        name = found.group(1).decode("utf-8", "replace") if found is not None else ""
        if not is_name_of_one_log(name, self.checkpoint.origin):
            return False
        self.names.add(name)
        return True

    def _read_parts(self, index: int, line: bytes, is_parsed: bool) -> None:
        if is_parsed:
            try:
                parse_event(line)
            except ValueError as fault:
                self._note_fault(index, line, f"is not canonical JSON: {fault}")
                return
        event = event_id(line)
        if self.openings is not None:
            self.openings.verify(event, line)
        for digest in self.attachments.get(event, ()):
            if digest.encode() not in line:
                raise FailedError(f"The event {event} does not name the file {digest}.", index, event)
            self._named.add((event, digest))

    def _note_fault(self, index: int, line: bytes, what: str) -> None:
        if self.fault is None:
            self.fault = FailedError(f"Event {index}{_named(line)} {what}.", index, event_id(line))

    def _note_gap(self, index: int, line: bytes, stream: bytes, seq: int) -> None:
        last = self.streams.get(stream, 0)
        self._note_fault(
            index,
            line,
            f"has the number {seq} in its stream {stream.decode()}, after {last}: an event is missing or repeated",
        )

    @functools.cached_property
    def _log_member(self) -> bytes:
        return b'","log":' + _encode(self.checkpoint.origin).encode() + b',"object":{'

    def _signed_sizes(self) -> dict[int, Checkpoint]:
        """Return the checkpoints of the bundle and the trusted ones, by size."""
        wanted = {self.checkpoint.size: self.checkpoint}
        for name in self.folder.names("checkpoints"):
            signed = verify_checkpoint(
                self.folder.read(f"checkpoints/{name}"), _without_quorum(self.policy), f"checkpoints/{printable(name)}"
            )
            if (
                str(signed.size) != name
                or signed.origin != self.checkpoint.origin
                or signed.size > self.checkpoint.size
            ):
                raise FailedError(f"checkpoints/{printable(name)} is a checkpoint of another size or log.")
            other = wanted.setdefault(signed.size, signed)
            if other.root != signed.root:
                raise FailedError(f"The key of the log signed two roots for {signed.size:,} events.")
        for old in self.trusted:
            if wanted.setdefault(old.size, old).root != old.root:
                raise FailedError(
                    f"The key of the log signed two roots for {old.size:,} events: yours and the one in the bundle."
                )
        return wanted

    def _name_first_difference(
        self, count: int, roots: dict[int, bytes], wanted: dict[int, Checkpoint], tiles: _Tiles | None
    ) -> NoReturn:
        """Raise FailedError for entries that do not hash to the checkpoint, with the first event that differs."""
        checkpoint = self.checkpoint
        if tiles is not None and tiles.difference is not None and tiles.root() == checkpoint.root:
            index = tiles.difference
            line = self._line(index)
            raise FailedError(
                f"Event {index}{_named(line)} is not the event that the checkpoint commits to: it was changed, "
                f"removed, moved or added. Events 0 to {index - 1} are proven."
                if index
                else f"Event 0{_named(line)} is not the event that the checkpoint commits to.",
                index,
                event_id(line),
            )
        good = max([size for size, signed in wanted.items() if roots.get(size) == signed.root], default=0)
        if count < checkpoint.size and self.fault is None:
            raise FailedError(
                f"The bundle has {count:,} events and its checkpoint {checkpoint.size:,}. "
                f"The first {good:,} are proven by an earlier checkpoint.",
                good,
            )
        if isinstance(self.fault, FailedError) and (self.fault.index or 0) >= good:
            raise FailedError(
                f"{self.fault} The events do not hash to the checkpoint.", self.fault.index, self.fault.event
            )
        bad = min(
            [size for size, signed in wanted.items() if size > good and roots.get(size) != signed.root], default=count
        )
        raise FailedError(
            f"The events do not hash to the root of the checkpoint of {checkpoint.size:,} events. The first difference "
            f"is among events {good} to {max(good, min(bad, count) - 1)}"
            + ("." if tiles is None or tiles.difference is None else "; the hashes of the bundle were changed, too."),
            good,
        )

    def _line(self, index: int) -> bytes:
        """Return the entry with this index; empty if there is none."""
        with self.folder.open("entries.jsonl") as file:
            for lines in lines_of(file, "entries.jsonl", MAX_LEAF_BYTES):
                if index < len(lines):
                    return lines[index]
                index -= len(lines)
        return b""

    def _state_full(self, count: int, wanted: dict[int, Checkpoint]) -> None:
        report = self.report
        report.parts |= {"leaves", "streams"} | ({"canonical"} & self.required)
        report.summary = f"the complete log {printable(self.checkpoint.origin)} of {count:,} events"
        report.proved.append(
            f"The {count:,} events hash to the root of the checkpoint: none was changed, added, removed or moved after "
            "it was signed, and the bundle leaves none out."
        )
        report.proved.append(f"The {len(self.streams):,} streams are numbered from 1 without gaps.")
        others = len(set(wanted) - {self.checkpoint.size} - {old.size for old in self.trusted})
        if others:
            report.proved.append(f"{others:,} earlier checkpoints in the bundle are prefixes of this log.")
        if "canonical" in report.parts:
            report.proved.append("Every event is canonical JSON of the form that the log defines.")
        report.not_proved.append("Events recorded after this checkpoint: a newer bundle shows them.")

    # some events, each with its proof

    def _verify_partial(self) -> None:
        if "leaves" in self.required:
            raise FailedError("Required and not shown by this bundle: leaves. It has some events of the log, not all.")
        known: dict[bytes, Checkpoint] = {self.checkpoint.note: self.checkpoint}
        first: dict[bytes, int] = {}
        gaps, count, before = 0, 0, -1
        hashed = hashlib.sha256()
        with self.folder.open("entries.jsonl") as file:
            for lines in lines_of(file, "entries.jsonl", MAX_LEAF_BYTES, hashed):
                for line in lines:
                    index = self._verify_one(line, known, count)
                    if index <= before:
                        raise FailedError(
                            f"Event {index}{_named(line)} is not after event {before}.", index, event_id(line)
                        )
                    before, count = index, count + 1
                    stream, seq = self._place(index, line)
                    if stream in self.streams and self.streams[stream] != seq - 1:
                        gaps += 1
                    first.setdefault(stream, seq)
                    if self.streams.get(stream, 0) >= seq:
                        raise FailedError(
                            f"Event {index}{_named(line)} is out of order in its stream.", index, event_id(line)
                        )
                    self.streams[stream] = seq
                    self._read_parts(index, line, is_parsed=False)
        self.digests["entries.jsonl"] = hashed.hexdigest()
        proofs = self.folder.names("proofs")
        if len(proofs) != count:
            raise FailedError(f"The bundle has {count:,} events and {len(proofs):,} proofs.")
        self._verify_consistency()
        report = self.report
        report.parts |= {"proofs", "canonical"}
        report.summary = f"{count:,} events of the log {printable(self.checkpoint.origin)}"
        report.proved.append(
            f"Each of the {count:,} events is in the log at its index, byte for byte as in this bundle."
        )
        if not gaps and all(seq == 1 for seq in first.values()):
            report.parts.add("streams")
            shown = ", ".join(f"{s.decode()} 1 to {n:,}" for s, n in list(self.streams.items())[:4])
            more = f" and {len(self.streams) - 4:,} more" if len(self.streams) > 4 else ""
            report.proved.append(f"No event is left out before the last one shown of a stream ({shown}{more}).")
        else:
            report.not_proved.append(
                "That the bundle shows every event of the streams: it has some of them only, as is usual for a bundle "
                "about one request or a period."
            )
        report.not_proved.append(
            "That nothing newer was left out: only the complete log proves that (--require leaves)."
        )

    def _verify_one(self, line: bytes, known: dict[bytes, Checkpoint], count: int) -> int:
        """Verify the proof of an entry; return its index in the log."""
        try:
            event = parse_event(line)
        except ValueError as fault:
            raise FailedError(f"Line {count + 1} of entries.jsonl is no event of the log: {fault}.") from None
        if not re.match(r"[0-9a-f-]{36}\Z", event["id"]):
            raise FailedError(f"Line {count + 1} of entries.jsonl has no event id.")
        name = f"proofs/{event['id']}.tlog-proof"
        proof = parse_proof(self.folder.read(name), name)
        signed = known.get(proof.note)
        if signed is None:
            signed = verify_checkpoint(proof.note, self.policy, f"The checkpoint of {name}")
            if signed.size != self.checkpoint.size or signed.root != self.checkpoint.root:
                raise FailedError(f"{name} refers to another checkpoint than the bundle.", proof.position, event["id"])
        if event["log"] != signed.origin and not self._is_former(line):
            raise FailedError(f"The event {event['id']} is of another log.", proof.position, event["id"])
        if not verify_inclusion(leaf_hash(line), proof.position, signed.size, proof.path, signed.root):
            raise FailedError(
                f"The event {event['id']} is not event {proof.position} of the log: it was changed, or its proof is of "
                "another event.",
                proof.position,
                event["id"],
            )
        return proof.position

    def _place(self, index: int, line: bytes) -> tuple[bytes, int]:
        found = _STREAM.search(line, max(0, len(line) - 300))
        if found is None:
            raise FailedError(f"Event {index}{_named(line)} has no place in a stream.", index, event_id(line))
        return found.group(1), int(found.group(2))

    def _verify_consistency(self) -> None:
        """Verify that the checkpoint continues each trusted one, by the proofs in the bundle."""
        for (name, _), old in zip(self.trusted_notes, self.trusted):
            if old.size == self.checkpoint.size:
                if old.root != self.checkpoint.root:
                    raise FailedError(
                        f"The key of the log signed two roots for {old.size:,} events: {name} has another."
                    )
                continue
            if not old.size:
                continue
            proof = f"consistency/{old.size}"
            if not self.folder.has(proof):
                raise FailedError(
                    f"The bundle has no consistency proof from {name}: it needs the file {proof}. Export it again with "
                    "this checkpoint, or use a bundle of the complete log."
                )
            head = self.folder.read(proof).partition(b"\n\n")[0].decode("ascii", "replace").split("\n")
            if head[0] != f"old {old.size}":
                raise MalformedError(f"{proof} does not begin with the line old {old.size}.")
            steps = _hashes(head[1:], proof)
            if not verify_consistency(old.size, old.root, self.checkpoint.size, self.checkpoint.root, steps):
                raise FailedError(f"The log does not continue {name}: it was rewritten before event {old.size - 1}.")

    # parts beside the events

    def _end_of_openings(self) -> None:
        if self.openings is None:
            self.report.not_proved.append("Private values (names, reasons, addresses): the bundle has none of them.")
            return
        self.openings.finish()
        self.report.parts.add("openings")
        self.report.proved.append(
            f"{self.openings.count:,} private values are those that the events commit to. "
            "Others were erased or are left out."
        )

    def _attachments(self) -> dict[str, list[str]]:
        """Return the digests of attached files, by the event that names them, after comparing the files with them."""
        self._named: set[tuple[str, str]] = set()
        if not self.folder.has("attachments.jsonl"):
            return {}
        found: dict[str, list[str]] = {}
        with self.folder.open("attachments.jsonl") as file:
            for lines in lines_of(file, "attachments.jsonl", 10000):
                for line in lines:
                    row = _row(line, "attachments.jsonl", ("event", "path", "sha256"))
                    name, digest = _inside(row["path"]), row["sha256"]
                    if not _HEX64.match(digest):
                        raise MalformedError("attachments.jsonl has a digest that is no SHA-256.")
                    if self._digest(name) != digest:
                        raise FailedError(
                            f"{printable(name)} is not the file that event {row['event']} names.", None, row["event"]
                        )
                    found.setdefault(row["event"], []).append(digest)
        return found

    def _end_of_attachments(self) -> None:
        expected = {(event, digest) for event, digests in self.attachments.items() for digest in digests}
        if expected - self._named:
            event, digest = sorted(expected - self._named)[0]
            raise FailedError(
                f"The event {printable(event)}, which names the file {digest}, is not in the bundle.", None, event
            )
        if expected:
            self.report.parts.add("attachments")
            self.report.proved.append(
                f"{len(expected):,} attached files are the ones whose digests events of the log name."
            )

    def _digest(self, name: str) -> str:
        if name not in self.digests:
            hashed = hashlib.sha256()
            with self.folder.open(name) as file:
                for piece in iter(lambda: file.read(CHUNK), b""):
                    hashed.update(piece)
            self.digests[name] = hashed.hexdigest()
        return self.digests[name]

    def _compare_manifest(self) -> None:
        """Compare every file with SHA256SUMS. It is not signed: it detects damage of what nothing above covers."""
        listed: dict[str, str] = {}
        before = ""
        with self.folder.open(MANIFEST) as file:
            for lines in lines_of(file, MANIFEST, 5000):
                for line in lines:
                    digest, gap, name = line.decode("utf-8", "surrogateescape").partition("  ")
                    if not gap or not _HEX64.match(digest) or name <= before:
                        raise MalformedError(f"{MANIFEST} has a line that is no digest and name, or is not sorted.")
                    listed[_inside(name)], before = digest, name
        for name in self.folder.all_files():
            if name != MANIFEST and listed.pop(name, None) != self._digest(name):
                raise FailedError(f"{printable(name)} is not as {MANIFEST} lists it: it was damaged or added.")
        if listed:
            raise FailedError(f"{printable(sorted(listed)[0])} is listed in {MANIFEST} and missing.")
        self.report.proved.append(f"All files are as {MANIFEST} lists them. (That list is not signed.)")

    def _state_anchor(self) -> None:
        report, last = self.report, 0
        if self.names:
            report.not_proved.append(
                f"That the log was never interrupted: it has events under the names {_words(self.names)} and a "
                f"checkpoint under {printable(self.checkpoint.origin)}. It was continued after a "
                "restore; its event log.reopened says what was lost."
            )
        for (name, _), old in zip(self.trusted_notes, self.trusted):
            if old.size:
                report.proved.append(f"The log continues {name}, which you hold, of {old.size:,} events.")
                report.is_anchored, last = True, max(last, old.size)
        if self.policy.quorum != "none":
            report.is_anchored, last = True, self.checkpoint.size
        if not report.is_anchored:
            report.not_proved.append(
                "That the log was not rewritten: the holder of its key could have made another log with other events, "
                "sign it and export it. Compare with a checkpoint from outside (--trusted), or with witnesses."
            )
        elif last < self.checkpoint.size:
            report.not_proved.append(
                f"That the events from {last} on were not replaced before this checkpoint was made: the newest "
                "checkpoint that you hold is older than they are."
            )
        report.not_proved.append(
            "That what was recorded is true, and that an event was recorded for everything that happened before it "
            "entered the log."
        )


class _Tiles:
    """The hash tiles of a complete bundle, compared while the events are hashed."""

    def __init__(self, folder: Folder, size: int) -> None:
        self._folder = folder
        self._size = size
        self.above: list[bytes] = []
        """Roots of the full tiles of level 0, as computed from the events."""
        self.difference: int | None = None
        """The first event whose hash the tiles do not have."""

    def compare(self, begin: int, hashes: list[bytes]) -> None:
        """Compare the hashes of a tile of level 0."""
        if self.difference is not None:
            return
        number = begin // TILE_WIDTH
        if begin >= self._size:
            self.difference = begin
            return
        stored = self._read(0, number, self._size)
        if stored == b"".join(hashes):
            return
        for offset, hashed in enumerate(hashes):
            if stored[32 * offset : 32 * offset + 32] != hashed:
                self.difference = begin + offset
                return
        self.difference = begin + len(hashes)

    def _read(self, level: int, number: int, count: int) -> bytes:
        width = min(TILE_WIDTH, count - number * TILE_WIDTH)
        name = tile_path(level, number, width)
        data = self._folder.read(name, 32 * TILE_WIDTH)
        if len(data) != 32 * width:
            raise FailedError(f"{name} has not {width} hashes.")
        return data

    def root(self) -> bytes | None:
        """Return the root of the tree of the hashes in level 0; None where tiles are missing."""
        tree = Tree()
        try:
            for number in range((self._size + TILE_WIDTH - 1) // TILE_WIDTH):
                data = self._read(0, number, self._size)
                tree.extend([data[at : at + 32] for at in range(0, len(data), 32)])
        except FailedError:
            return None
        return tree.root()

    def finish(self) -> None:
        """Verify the higher levels against level 0, which equals the events."""
        if self.difference is not None:
            raise FailedError(
                f"{tile_path(0, self.difference // TILE_WIDTH, TILE_WIDTH)} has other hashes than the events."
            )
        level, hashes = 1, self.above
        while hashes:
            above: list[bytes] = []
            for number in range((len(hashes) + TILE_WIDTH - 1) // TILE_WIDTH):
                part = hashes[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
                if self._read(level, number, len(hashes)) != b"".join(part):
                    raise FailedError(f"{tile_path(level, number, len(part))} has other hashes than the level below.")
                if len(part) == TILE_WIDTH:
                    above.append(root_of_tile(part))
            level, hashes = level + 1, above


def tile_path(level: int, number: int, width: int) -> str:
    """Return the path of a tile. Source: C2SP tlog-tiles."""
    number, group = divmod(number, 1000)
    path = f"{group:03}"
    while number:
        number, group = divmod(number, 1000)
        path = f"x{group:03}/{path}"
    return f"tile/{level}/{path}" + (f".p/{width}" if width < TILE_WIDTH else "")


class _Openings:
    """private.jsonl, read beside the entries: its lines are in the order of the events."""

    def __init__(self, folder: Folder) -> None:
        self.count = 0
        self._file = folder.open("private.jsonl")
        self._lines = (
            line for lines in lines_of(self._file, "private.jsonl", 4 * MAX_LEAF_BYTES + 1000) for line in lines
        )
        self._next: Opening | None = None

    def begin(self) -> None:
        """Read the first line."""
        self._next = self._read()

    def _read(self) -> Opening | None:
        line = next(self._lines, None)
        if line is None:
            return None
        row = _row(line, "private.jsonl", ("event", "pointer", "field", "salt", "value"))
        if not _HEX64.match(row["salt"]):
            raise MalformedError("private.jsonl has a salt that is not 32 bytes in hexadecimal.")
        return Opening(row["event"], row["pointer"], row["field"], bytes.fromhex(row["salt"]), row["value"])

    def verify(self, event: str, line: bytes) -> None:
        """Verify the openings of an event, which are the next ones if there are any."""
        if self._next is None or self._next.event != event:
            return
        try:
            body = parse_event(line)
        except ValueError as fault:
            raise FailedError(f"The event {event} is not canonical JSON: {fault}.", None, event) from None
        seen: set[str] = set()
        while self._next is not None and self._next.event == event:
            if self._next.pointer in seen or not self._next.opens(body):
                raise FailedError(
                    f"private.jsonl has a value at {printable(self._next.pointer)} to which the event {event} does not "
                    "commit.",
                    None,
                    event,
                )
            seen.add(self._next.pointer)
            self.count += 1
            self._next = self._read()

    def finish(self) -> None:
        """Raise FailedError if openings are left."""
        if self._next is not None:
            raise FailedError(
                f"private.jsonl has a value of the event {printable(self._next.event)}, which is not at that place.",
                None,
                self._next.event,
            )

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _row(line: bytes, name: str, members: Sequence[str]) -> dict[str, str]:
    try:
        row = parse_json(line)
    except ValueError:
        raise MalformedError(f"{name} has a line that is not JSON.") from None
    if not isinstance(row, dict) or set(row) != set(members) or not all(isinstance(v, str) for v in row.values()):
        raise MalformedError(f"{name} has a line without the texts {', '.join(members)}.")
    return row


def _inside(name: str) -> str:
    """Return a file name inside the bundle. Raises MalformedError for another one."""
    steps = name.split("/")
    if not name or "\\" in name or "\x00" in name or any(step in ("", ".", "..") for step in steps) or ":" in steps[0]:
        raise MalformedError(f"{printable(name)} is not the name of a file in the bundle.")
    return name


def _without_quorum(policy: Policy) -> Policy:
    """Return the policy without its quorum: earlier checkpoints may have been kept before witnesses cosigned."""
    relaxed = Policy.__new__(Policy)
    relaxed.__dict__.update(policy.__dict__, quorum="none")
    return relaxed


def is_name_of_one_log(name: str, other: str) -> bool:
    """Return whether two names differ at most in the number at their end, which grows when a log is continued."""
    return name == other or _NUMBER_AT_END.sub("", name) == _NUMBER_AT_END.sub("", other)


def _words(names: set[str]) -> str:
    return ", ".join(printable(name) for name in sorted(names)[:8])


def event_id(line: bytes) -> str:
    """Return the id of an event in its bytes; empty if it has none."""
    found = _EVENT_ID.search(line)
    return found.group(1).decode() if found is not None else ""


def _named(line: bytes) -> str:
    found = event_id(line)
    return f" ({found})" if found else ""


def _time(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} seconds after 1970"


def printable(text: str) -> str:
    """Return text without control characters, for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])


def verify_receipt(proof: bytes, event: bytes, policy: Policy, trusted: list[tuple[str, bytes]]) -> Report:
    """Verify the proof of one event, without a bundle."""
    report = Report()
    parsed = parse_proof(proof, "The proof")
    signed = verify_checkpoint(parsed.note, policy, "The checkpoint of the proof")
    if not verify_inclusion(leaf_hash(event), parsed.position, signed.size, parsed.path, signed.root):
        raise FailedError(
            f"The event is not event {parsed.position} of the log {printable(signed.origin)}.", parsed.position
        )
    report.summary = f"one event of the log {printable(signed.origin)}"
    report.parts.add("proofs")
    report.proved.append(
        f"The event is event {parsed.position} of {signed.size:,} in the log {printable(signed.origin)}, signed by "
        f"{signed.key.label}, a key of the policy."
    )
    for name, seconds in sorted(signed.witnesses.items()):
        report.proved.append(f"The witness {printable(name)} saw this checkpoint at {_time(seconds)}.")
    for name, note in trusted:
        old = verify_checkpoint(note, policy, name)
        if old.size != signed.size or old.origin != signed.origin:
            raise FailedError(f"{name} is not the checkpoint of the proof; use a bundle to compare the two.")
        if old.root != signed.root:
            raise FailedError(f"The key of the log signed two roots for {old.size:,} events: {name} has another.")
        report.is_anchored = True
    report.is_anchored = report.is_anchored or policy.quorum != "none"
    if not report.is_anchored:
        report.not_proved.append("That the log still contains the event: compare with a checkpoint from outside.")
    return report


# --- command line ---


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        prog="verifier.py",
        description=(__doc__ or "").partition("\n\n    ")[0],
        epilog="Exit status: 0 verified, 1 failed, 2 malformed or wrong usage, 3 consistent but compared with nothing "
        "outside.",
    )
    parser.add_argument("bundle", help="the folder of a bundle, or a file with the proof of one event")
    parser.add_argument("--policy", required=True, metavar="FILE", help="keys that you trust (C2SP tlog-policy)")
    parser.add_argument("--trusted", action="append", default=[], metavar="NOTE", help="a checkpoint that you kept")
    parser.add_argument("--require", default="", metavar="PART,…", help=f"parts that must be shown: {', '.join(PARTS)}")
    parser.add_argument("--event", metavar="FILE", help="the record of the event, for the proof of one event")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    report, index, event, message = Report(), None, "", ""
    try:
        report = _run(options)
        status = VERIFIED if report.is_anchored else UNANCHORED
    except FailedError as fault:
        status, message, index, event = FAILED, str(fault), fault.index, fault.event
    except MalformedError as fault:
        status, message = MALFORMED, str(fault)
    except (OSError, ValueError, RecursionError, MemoryError, OverflowError) as fault:
        status, message = MALFORMED, f"The input cannot be read ({type(fault).__name__}: {printable(str(fault))})."
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    try:
        _print(options.json, status, report, message, index, event)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _run(options: argparse.Namespace) -> Report:
    required = {part for part in options.require.split(",") if part}
    if required - set(PARTS):
        raise MalformedError(f"--require knows {', '.join(PARTS)}, not {printable(sorted(required - set(PARTS))[0])}.")
    policy = Policy(_given(options.policy).decode("utf-8", "surrogateescape"))
    trusted = [(printable(os.path.basename(path)), _given(path)) for path in options.trusted]
    if os.path.isdir(options.bundle):
        if options.event:
            raise MalformedError("--event is for the proof of one event, not for a bundle.")
        return Verification(Folder(options.bundle), policy, trusted, required).run()
    if not options.event:
        raise MalformedError("BUNDLE is not a folder: unpack it, or give the record of the event with --event.")
    report = verify_receipt(_given(options.bundle), _given(options.event), policy, trusted)
    if required - report.parts:
        raise FailedError(f"Required and not shown by one proof: {', '.join(sorted(required - report.parts))}.")
    return report


def _given(path: str) -> bytes:
    """Return the bytes of a file that the user names, which may be a link."""
    try:
        with open(os.path.realpath(path), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise MalformedError(f"{printable(path)} is not a regular file.")
            return read_limited(file, MAX_NOTE_BYTES, path)
    except OSError as fault:
        raise MalformedError(f"{printable(path)} cannot be read: {fault.strerror or fault}.") from None


def _print(as_json: bool, status: int, report: Report, message: str, index: int | None, event: str) -> None:
    word = ("verified", "failed", "malformed", "unanchored")[status]
    if as_json:
        shown = {
            "status": word,
            "summary": report.summary,
            "proved": report.proved,
            "not_proved": report.not_proved,
            "fault": message or None,
            "index": index,
            "event": event or None,
        }
        print(json.dumps(shown, indent=2))
        return
    if message:
        print(f"{word.upper()}: {message}")
        return
    if status == VERIFIED:
        print(f"VERIFIED: {report.summary}.")
    else:
        print(f"UNANCHORED: {report.summary} is consistent and signed, and was compared with nothing outside.")
    print("Proved:")
    for line in report.proved:
        print(f"  + {line}")
    print("Not proved:")
    for line in report.not_proved:
        print(f"  - {line}")


if __name__ == "__main__":
    # Exit before the interpreter frees millions of small objects one by one.
    _status = main()
    sys.stdout.flush()
    sys.exit(_status)
