"""Attestation of a signed statement, and the file with which it is verified elsewhere."""

from __future__ import annotations

import base64
from typing import Any

from governance.checks.attestations.dsse import pre_authentication_encoding
from governance.decision_signatures.key_file import LocalKey
from governance.decision_signatures.statement import PAYLOAD_TYPE
from governance.models import Decision, DecisionKey, PasskeyAssertion, SignatureRecord

FORMAT = "countersign.decision/1"


def attest(decision: Decision, statement: bytes, key: tuple[LocalKey, DecisionKey]) -> SignatureRecord:
    """Sign the statement with the server's key and store both with the decision, in its transaction.

    Args:
        decision: the decision, just written.
        statement: the canonical statement.
        key: the key of this machine and its row.
    """
    local, row = key
    signature = local.sign(pre_authentication_encoding(PAYLOAD_TYPE, statement))
    return SignatureRecord.objects.create(decision=decision, statement=statement, key=row, attestation=signature)


def export_document(record: SignatureRecord) -> dict[str, Any]:
    """Return the file of a decision signature (docs/decision-signatures.md), which is verified without the server.

    The public key in it is a hint. A verifier takes the key from elsewhere.
    """
    statement = _base64(record.statement)
    assertion = PasskeyAssertion.objects.select_related("passkey").filter(decision=record.decision_id).first()
    return {
        "format": FORMAT,
        "statement": statement,
        "comment": record.decision.comment,
        "attestation": {
            "payloadType": PAYLOAD_TYPE,
            "payload": statement,
            "signatures": [{"keyid": record.key.key_id, "sig": _base64(record.attestation)}],
        },
        **({"assertion": _assertion(assertion)} if assertion is not None else {}),
        "decision_key": {"key_id": record.key.key_id, "public_key": record.key.public_key},
    }


def _assertion(found: PasskeyAssertion) -> dict[str, Any]:
    return {
        "credential_id": _base64(found.passkey.credential_id),
        "key_id": found.passkey.key_id,
        "public_key": found.passkey.public_key,
        "authenticator_data": _base64(found.authenticator_data),
        "client_data": _base64(found.client_data),
        "signature": _base64(found.signature),
        "sign_count": found.sign_count,
        "rp_id": found.rp_id,
        "origin": found.origin,
    }


def _base64(value: bytes | memoryview) -> str:
    return base64.b64encode(bytes(value)).decode()
