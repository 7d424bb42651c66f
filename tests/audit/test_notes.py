"""Signed notes: published vectors, and what is refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle, notes
from audit.exceptions import BadNoteError
from audit.leaf import leaf_hash
from tests.audit.test_leaf import GOLDEN

ORIGIN = "registry.example/audit/1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VKEY = "registry.example/audit/1+8818281a+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
NOTE = """registry.example/audit/1
3
TOUd97waruk1vtH6HnwoCvQs6dklbCKD/SreYu3jFt8=

— registry.example/audit/1 iBgoGo3eWHEPCVfxzDbW++J8IW2kaCAzuliT7OKegi56NRWpWOVrvSGlmtkOcAgD60w2n1pDUiuj4WhgqNysmFdulgg=
"""


def test_the_golden_checkpoint_and_its_proofs() -> None:
    hashes = [leaf_hash(leaf.encode()) for _, leaf, _ in GOLDEN]
    read = merkle.subtree_of_hashes(hashes)
    text = str(notes.Checkpoint(ORIGIN, 3, merkle.root_of(hashes)))
    assert str(notes.Note(text, (notes.sign(text, KEY, ORIGIN),))) == NOTE
    assert str(notes.public_key(KEY, ORIGIN)) == VKEY
    assert [*map(notes.encode64, merkle.inclusion_proof(1, 3, read))] == [
        "SDGkiaA8IpEt99sRJrZgZu9yn5H7Iq8EllRfN93g0cs=",
        "kCyJuZxts7yF4Bu9Syy4Wbp1nKMFANhJwapGq5kSCK4=",
    ]
    assert [*map(notes.encode64, merkle.consistency_proof(1, 3, read))] == [
        "JBexi/LcAtjTaDpwA88RM+WrID2UzhS0VjDXluvro1Q=",
        "kCyJuZxts7yF4Bu9Syy4Wbp1nKMFANhJwapGq5kSCK4=",
    ]


def test_the_key_of_the_specification() -> None:
    text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    assert str(notes.VerificationKey.parse(text)) == text


def test_a_note_is_verified_by_the_keys_that_the_reader_trusts() -> None:
    witness = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    note = notes.parse(NOTE)
    both = notes.Note(
        note.text, (*note.signatures, notes.cosign(note.text, witness, "witness.example/1", 1_700_000_000))
    )
    log = notes.VerificationKey.parse(VKEY)
    cosigner = notes.VerificationKey.parse(str(notes.public_key(witness, "witness.example/1", notes.COSIGNATURE)))
    assert notes.verify(notes.parse(str(both)), [log, cosigner]) == {VKEY: None, str(cosigner): 1_700_000_000}
    assert notes.verify(both, [cosigner]) == {str(cosigner): 1_700_000_000}
    with pytest.raises(BadNoteError, match="None of the known keys"):
        notes.verify(note, [cosigner])
    assert notes.parse_checkpoint(note.text) == notes.Checkpoint(ORIGIN, 3, notes.decode64(NOTE.split("\n")[2]))


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_no_altered_note_verifies(at: int, character: str) -> None:
    altered = NOTE[:at] + character + NOTE[at + 1 :]
    if altered == NOTE:
        return
    with pytest.raises(BadNoteError):
        notes.verify(notes.parse(altered), [notes.VerificationKey.parse(VKEY)])


@given(st.text())
@pytest.mark.parametrize(
    "read",
    [
        notes.parse,
        notes.parse_checkpoint,
        notes.parse_proof,
        notes.VerificationKey.parse,
        notes.parse_consistency_request,
    ],
)
def test_other_texts_are_refused(read: object, text: str) -> None:
    with pytest.raises(BadNoteError):
        read(text)  # type: ignore[operator]  # the readers have many types


def test_proofs_and_requests_are_read_as_they_are_written() -> None:
    path = (bytes(32), bytes(range(32)))
    proof = notes.Proof(5, path, NOTE)
    assert notes.parse_proof(str(proof)) == proof
    assert notes.parse_proof(str(notes.Proof(0, (), NOTE))) == notes.Proof(0, (), NOTE)
    assert notes.parse_proof(str(proof).replace("\nindex", "\nextra AAAA\nindex")) == proof
    assert notes.parse_consistency_request(notes.consistency_request(7, path, NOTE)) == (7, list(path), NOTE)
    assert notes.parse_consistency_request(notes.consistency_request(0, [], NOTE)) == (0, [], NOTE)
    for broken in (str(proof).replace("index 5", "index 05"), str(proof).replace("index 5", "5"), str(proof)[:-1]):
        with pytest.raises(BadNoteError):
            notes.parse_proof(broken)
