"""The statement that a decision signature signs: an in-toto statement in canonical JSON. Pure.

All values are strings, integers, lists and objects with ASCII keys, so that `json.dumps` with sorted keys writes the
RFC 8785 bytes and a verifier needs no library.

Source: 21 CFR 11.50(a) (printed name, date and time, meaning), 11.70 (linking to the record);
https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import canonical, leaf

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:countersign:decision:1"


@dataclass(frozen=True)
class SignedFacts:
    """What a decision signature states.

    Attributes:
        log: origin of the audit log, which names the installation.
        decision: uid of the decision.
        event: id of the event that records it.
        request: number of the promotion request.
        model: slug of the model.
        version: number of the version.
        packet_digest: SHA-256 of the packet that was shown, in hexadecimal.
        signer: uid of the person who signs.
        name: printed name of the person.
        on_behalf_of: uid of the member in whose place the person decides; empty for their own place.
        outcome: a value of `Decision.Outcome`.
        meaning: the meaning of the signature, in words.
        comment: the comment; only its digest is stated.
        conditions: conditions of an approval, as (due date, title).
        signed_at: time of the signature.
        method: a value of `Decision.SignatureMethod`.
        passkeys: key ids of the passkeys with which the person can sign the statement; empty for other methods.
    """

    log: str
    decision: UUID
    event: UUID
    request: int
    model: str
    version: int
    packet_digest: str
    signer: str
    name: str
    on_behalf_of: str
    outcome: str
    meaning: str
    comment: str
    conditions: Sequence[tuple[str, str]]
    signed_at: datetime
    method: str
    passkeys: Sequence[str] = ()


def encode_statement(facts: SignedFacts) -> bytes:
    """Return the canonical bytes of the statement, which are signed and attested."""
    predicate: dict[str, Any] = {
        "log": facts.log,
        "decision": str(facts.decision),
        "event": str(facts.event),
        "request": facts.request,
        "model": facts.model,
        "version": facts.version,
        "signer": {"uid": facts.signer, "name": facts.name},
        "outcome": facts.outcome,
        "meaning": facts.meaning,
        "comment_sha256": hashlib.sha256(facts.comment.encode()).hexdigest(),
        "conditions": [{"due": due, "title": title} for due, title in facts.conditions],
        "signed_at": leaf.timestamp(facts.signed_at),
        "method": facts.method,
    }
    if facts.on_behalf_of:
        predicate["on_behalf_of"] = facts.on_behalf_of
    if facts.passkeys:
        predicate["passkeys"] = sorted(facts.passkeys)
    return canonical.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": "packet", "digest": {"sha256": facts.packet_digest}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )
