"""Verification of a stored decision signature, by the function of the client that verifies the exported file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from audit import leaf
from governance import client
from governance.decision_signatures.recording import export_document
from governance.models import Decision, Packet, SignatureRecord


@dataclass(frozen=True)
class SignatureVerification:
    """The result of a verification.

    Attributes:
        proof: "passkey", "attestation", or "" if nothing is proved.
        proves: what the signature proves, in words.
        failure: why it does not hold, or why there is none; empty if it holds.
        statement: the signed statement; empty if it cannot be read.
        decision_key: key id of the decision key; empty if nothing is proved.
        passkey: key id of the passkey, if one signed.
    """

    proof: str
    proves: str
    failure: str
    statement: dict[str, Any]
    decision_key: str
    passkey: str


_NOT_ATTESTED = (
    "This decision was recorded before decision signatures were attested. Its record is the event of the audit log."
)


def record_of(decision: Decision) -> SignatureRecord | None:
    """Return the signature record of a decision; None for a decision of an earlier release."""
    return getattr(decision, "signature_record", None)


def verify_stored(decision: Decision) -> SignatureVerification:
    """Verify the signature of a decision: cryptographically, against the packet, the stored decision and the period of
    the key.
    """
    record = record_of(decision)
    if record is None:
        return SignatureVerification("", "", _NOT_ATTESTED, {}, "", "")
    packet = Packet.objects.filter(request_id=decision.request_id, digest=decision.packet_digest).first()
    try:
        found = client.verify_decision(
            export_document(record),
            [client.read_spki(record.key.public_key)],
            packet=bytes(packet.body) if packet is not None else None,
        )
    except client.VerificationError as fault:
        return SignatureVerification("", "", str(fault), {}, "", "")
    differing = _differing(decision, record, found["statement"])
    failure = f"The signed statement differs from the decision in: {', '.join(differing)}." if differing else ""
    if packet is None:
        failure = "The evidence package that was signed is not stored."
    return SignatureVerification(
        proof="" if failure else found["proof"],
        proves="" if failure else found["proves"],
        failure=failure,
        statement=found["statement"],
        decision_key=found["decision_key"],
        passkey=found["passkey"] or "",
    )


def _differing(decision: Decision, record: SignatureRecord, statement: dict[str, Any]) -> list[str]:
    """Return the members of the statement that are not those of the stored decision."""
    stated = statement["predicate"]
    expected = {
        "decision": str(decision.uid),
        "event": str(decision.event),
        "request": decision.request_id,
        "signer": {"uid": decision.person.uid, "name": decision.signed_name},
        "on_behalf_of": decision.on_behalf_of.uid if decision.on_behalf_of is not None else None,
        "outcome": decision.outcome,
        "meaning": decision.signed_meaning,
        "method": decision.signed_method,
        "signed_at": leaf.timestamp(decision.signed_at),
    }
    found = [name for name, value in expected.items() if stated.get(name) != value]
    if statement["subject"][0]["digest"]["sha256"] != decision.packet_digest:
        found.append("packet")
    key = record.key
    if decision.signed_at < key.valid_from or (key.valid_until is not None and decision.signed_at >= key.valid_until):
        found.append("period of the decision key")
    return found
