"""The attested statement of a decision: stored with it, exported, and verified without the server."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from audit import clock
from audit.models import Event
from governance import client, decision_signatures
from governance.models import Decision, DecisionKey, Packet
from registry.exceptions import InvalidStateError
from tests.governance.interfaces.web.scene import PageTest, decide

VECTOR = Path(__file__).parents[2] / "docs" / "decision-signature-vector.json"


def changed(document: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A copy of the file with other members; a function is applied to the member that is there."""
    copy = json.loads(json.dumps(document))
    for name, value in members.items():
        copy[name] = value(copy[name]) if callable(value) else value
    return dict(copy)


def restated(change: Callable[[dict[str, Any]], None]) -> Callable[[str], str]:
    """Change the statement and write it canonically again."""

    def written(encoded: str) -> str:
        statement = json.loads(base64.b64decode(encoded))
        change(statement)
        text = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return base64.b64encode(text.encode()).decode()

    return written


class TestAttestation(PageTest):
    """A decision signed with a password."""

    def test_a_decision_is_attested_and_verified_elsewhere(self) -> None:
        scene = self.scene
        made = decide(scene.request, scene.people.marta)
        record = decision_signatures.record_of(made)
        assert record is not None
        event = Event.objects.get(event_id=made.event)
        assert event.body["data"]["statement"] == hashlib.sha256(bytes(record.statement)).hexdigest()
        address = f"/promotions/{scene.request.pk}/decisions/{made.pk}/"
        page = self.read(scene.people.priya, address)
        page.has("Verified: attested by the server’s decision key.", record.key.key_id, scene.people.marta.name)
        self.read(scene.people.priya, f"/promotions/{scene.request.pk}/").has(
            record.key.key_id[:12], "re-authenticated by"
        )
        self.read(scene.people.priya, f"/promotions/{scene.request.pk}/packet/{made.packet_digest}/").has(
            record.key.key_id[:12]
        )
        self.read(scene.people.priya, "/decision-keys/").has(record.key.key_id, "in use")
        assert self.as_(scene.people.eve).get(address).status_code == 404

        document = json.loads(self.as_(scene.people.priya).get(f"{address}?download=1").content)
        pem = self.as_(scene.people.priya).get("/decision-keys/?download=1").content.decode()
        key = client.read_spki(pem)
        packet = bytes(Packet.objects.get(digest=made.packet_digest).body)
        found = client.verify_decision(document, [key], packet=packet)
        assert found["proof"] == "attestation"
        assert found["statement"]["predicate"]["method"] == "password"
        assert found["statement"]["predicate"]["signer"] == {
            "uid": scene.people.marta.uid,
            "name": scene.people.marta.name,
        }

        other = forms_of(Ed25519PrivateKey.generate())
        approve = restated(lambda s: s["predicate"].update(outcome="reject"))
        for wrong, keys, of in [
            (document, [other], packet),
            (document, [key], b"{}"),
            (changed(document, comment="I never looked."), [key], packet),
            (changed(document, statement=approve), [key], packet),
            (changed(document, attestation=lambda a: {**a, "payload": approve(a["payload"])}), [key], packet),
            (changed(document, assertion={}), [key], packet),
            (changed(document, format="countersign.decision/2"), [key], packet),
        ]:
            with pytest.raises(client.VerificationError):
                client.verify_decision(wrong, keys, packet=of)

    def test_commands_name_the_proof(self) -> None:
        made = decide(self.scene.request, self.scene.people.marta)
        out = io.StringIO()
        call_command("verify_decision", str(made.pk), "--json", stdout=out)
        found = json.loads(out.getvalue())
        assert (found["verified"], found["proof"]) == (True, "attestation")
        out = io.StringIO()
        call_command("decision_key", "--json", stdout=out)
        assert [key["key_id"] for key in json.loads(out.getvalue())["keys"]] == [found["decision_key"]]
        with pytest.raises(CommandError):
            call_command("verify_decision", "999999")

    def test_the_database_keeps_statement_and_attestation(self) -> None:
        made = decide(self.scene.request, self.scene.people.marta)
        for statement in (
            "UPDATE governance_signaturerecord SET attestation = '\\x00'",
            "UPDATE governance_signaturerecord SET statement = '\\x00'",
            "DELETE FROM governance_signaturerecord",
            "UPDATE governance_decisionkey SET public_key = 'another'",
            "DELETE FROM governance_decisionkey",
        ):
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        made.signed_meaning = "I did not look."
        assert "meaning" in decision_signatures.verify_stored(made).failure


def forms_of(private: Any) -> bytes:
    return bytes(private.public_key().public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture
def own_key(tmp_path: Path, settings: Settings) -> Path:
    """A key file of the test alone."""
    path = tmp_path / "keys" / "decision.pem"
    settings.COUNTERSIGN_DECISION_KEY_PATH = path
    return path


class TestKey:
    """The key file, and the periods of keys."""

    def test_the_key_is_made_once_and_for_its_owner_only(self, own_key: Path, db: None) -> None:
        first, row = decision_signatures.register_current_key()
        assert own_key.stat().st_mode & 0o777 == 0o600
        assert "PRIVATE" not in row.public_key
        assert decision_signatures.register_current_key()[0].key_id == first.key_id
        assert DecisionKey.objects.get(key_id=first.key_id).valid_until is None

    def test_a_newer_key_ends_the_older_one_after_the_overlap(self, own_key: Path, db: None) -> None:
        first, _ = decision_signatures.register_current_key()
        older = own_key.read_bytes()
        second, row = decision_signatures.rotate_key()
        assert second.key_id != first.key_id
        ended = DecisionKey.objects.get(key_id=first.key_id).valid_until
        assert ended == row.valid_from + decision_signatures.OVERLAP
        own_key.write_bytes(older)
        assert decision_signatures.attesting_key()[0].key_id == first.key_id, "another machine has it still"
        with clock.freeze(ended + timedelta(seconds=1)), pytest.raises(InvalidStateError) as fault:
            decision_signatures.attesting_key()
        assert fault.value.code == "decision_key_ended"

    @pytest.mark.parametrize("fault", ["others", "no_key", "fingerprint", "absent"])
    def test_no_decision_is_signed_with_an_unusable_key(
        self, fault: str, own_key: Path, settings: Settings, db: None
    ) -> None:
        if fault != "absent":
            decision_signatures.register_current_key()
        if fault == "others":
            own_key.chmod(0o640)
        elif fault == "no_key":
            own_key.write_text("not a key")
        else:
            settings.COUNTERSIGN_DECISION_KEY_FINGERPRINT = "ab" * 32
        with pytest.raises(InvalidStateError) as refusal:
            decision_signatures.attesting_key()
        assert refusal.value.code == "decision_key_unavailable"
        with pytest.raises(CommandError, match=str(own_key)):
            call_command("decision_key")
        assert own_key.exists() is (fault != "absent"), "with a fingerprint no key is made"


def key_pairs() -> Iterator[tuple[bytes, Callable[[bytes], bytes]]]:
    ed25519 = Ed25519PrivateKey.generate()
    yield forms_of(ed25519), ed25519.sign
    p256 = ec.generate_private_key(ec.SECP256R1())
    yield forms_of(p256), lambda message: p256.sign(message, ec.ECDSA(hashes.SHA256()))
    of_rsa = rsa.generate_private_key(65537, 2048)
    yield forms_of(of_rsa), lambda message: of_rsa.sign(message, padding.PKCS1v15(), hashes.SHA256())


def test_signatures_are_verified_as_the_cryptography_library_makes_them() -> None:
    for key, sign in key_pairs():
        for message in (b"", b"statement", bytes(1000)):
            signature = sign(message)
            assert client.is_signature(key, signature, message)
            assert not client.is_signature(key, signature, message + b"x")
            assert not client.is_signature(key, signature + b"\0", message)
            for place in (0, len(signature) // 2, len(signature) - 1):
                flipped = bytearray(signature)
                flipped[place] ^= 4
                assert not client.is_signature(key, bytes(flipped), message)
        for end in range(0, len(key), 5):
            assert not client.is_signature(key[:end], sign(b""), b"")


def test_the_command_of_the_client_verifies_the_vector_of_the_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vector = json.loads(VECTOR.read_text())
    (tmp_path / "key.pem").write_text(vector["decision_key"])
    (tmp_path / "packet.json").write_bytes(base64.b64decode(vector["packet"]))
    for name, proof in (("attested", "attestation"), ("passkey", "passkey")):
        (tmp_path / "file.json").write_text(json.dumps(vector[name]))
        given = ["decision", "verify", str(tmp_path / "file.json"), "--key", str(tmp_path / "key.pem")]
        assert client.main([*given, "--packet", str(tmp_path / "packet.json"), "--json"]) == client.DONE
        assert json.loads(capsys.readouterr().out)["proof"] == proof
        assert client.main([*given, "--packet", str(tmp_path / "key.pem"), "--json"]) == client.UNVERIFIED
        capsys.readouterr()
    for content, status in (("{", client.BAD_INPUT), ("[]", client.UNVERIFIED), ('{"a": 1, "a": 2}', client.BAD_INPUT)):
        (tmp_path / "file.json").write_text(content)
        assert client.main([*given, "--json"]) == status


def test_decisions_of_earlier_releases_say_so() -> None:
    assert "before decision signatures" in decision_signatures.verify_stored(Decision()).failure
