"""The signature of a decision: authentication again by password, code or passkey, and the statement that is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core import signing as django_signing

from audit import clock
from audit.actor import Actor
from governance import decision_signatures
from governance.models import Decision, Delegation, PasskeyAssertion, PromotionRequest
from registry.exceptions import ConflictError, FieldError, InvalidStateError, ValidationFailedError
from registry.models import User
from registry.services import passkeys, sign_in
from registry.services.passkeys import VerifiedAssertion

TICKET_MINUTES = 5
"""Time between the preparation of a statement and its signature with a passkey."""
_SALT = "governance.promotions.signing"

SIGNATURE_MEANINGS = {
    Decision.Outcome.APPROVE: "I have reviewed the evidence and approve.",
    Decision.Outcome.REQUEST_CHANGES: "I have reviewed the evidence and ask for changes before this is promoted.",
    Decision.Outcome.REJECT: "I have reviewed the evidence and reject this request.",
}
"""The meaning of each signature, shown beside it.

Source: 21 CFR 11.50(a)(3).
"""
CONDITIONAL_MEANING = "I have reviewed the evidence and approve, under the conditions that are named."
"""The meaning of the signature of an approval with conditions."""


@dataclass(frozen=True)
class DecisionSignature:
    """The password that the person enters again for one decision. Never stored and not part of the repr.

    It is verified in `decide`, so that no interface can omit it. Source: 21 CFR 11.200(a).
    """

    password: str = field(repr=False)


@dataclass(frozen=True)
class PasskeySignature:
    """The signature of a decision with a passkey.

    Attributes:
        ticket: of the prepared statement (`PreparedStatement`).
        assertion: the authentication response of the browser, as JSON.
    """

    ticket: str
    assertion: str


@dataclass(frozen=True)
class ApprovalCondition:
    """A condition under which a person approves: it becomes a finding of the source `decision`.

    Attributes:
        title: what is to be done, in one line.
        due: the last day on which it is not late.
        severity: a value of `Finding.Severity`.
        owner: who is to do it; the owner of the model if None.
    """

    title: str
    due: date
    severity: str = "medium"
    owner: User | None = None


@dataclass(frozen=True)
class DecisionDraft:
    """What a person is about to decide. All of it is part of the signed statement."""

    request: PromotionRequest
    person: User
    outcome: Decision.Outcome
    packet_digest: str
    comment: str
    conditions: Sequence[ApprovalCondition]
    delegation: Delegation | None

    @property
    def meaning(self) -> str:
        """The meaning of the signature, for a delegate with the delegation."""
        meaning = CONDITIONAL_MEANING if self.conditions else SIGNATURE_MEANINGS[self.outcome]
        if self.delegation is not None:
            meaning += f" I decide for {self.delegation.delegator.name}, by {self.delegation.title}."
        return meaning


@dataclass(frozen=True)
class Authentication:
    """How the person was authenticated again, and the identifiers that the statement names.

    Attributes:
        decision: uid of the decision to be written.
        event: id of its event.
        at: time of the signature.
        method: how.
        key_ids: key ids of the person's passkeys, for a signature with one.
        assertion: the verified assertion, for a signature with a passkey.
        signed_digest: SHA-256 of the statement that the passkey signed; empty for other methods.
    """

    decision: UUID
    event: UUID
    at: datetime
    method: Decision.SignatureMethod
    key_ids: Sequence[str] = ()
    assertion: VerifiedAssertion | None = None
    signed_digest: bytes = b""


@dataclass(frozen=True)
class PreparedStatement:
    """A statement for a passkey to sign: the options for the browser, and the ticket that comes back with them."""

    options: dict[str, Any]
    ticket: str
    statement: bytes


def statement_of(draft: DecisionDraft, given: Authentication) -> bytes:
    """Return the canonical statement of a decision."""
    return decision_signatures.encode_statement(
        decision_signatures.SignedFacts(
            log=settings.COUNTERSIGN_LOG_ORIGIN,
            decision=given.decision,
            event=given.event,
            request=draft.request.pk,
            model=draft.request.model.slug,
            version=draft.request.version.number,
            packet_digest=draft.packet_digest,
            signer=draft.person.uid,
            name=draft.person.name,
            on_behalf_of=draft.delegation.delegator.uid if draft.delegation is not None else "",
            outcome=str(draft.outcome),
            meaning=draft.meaning,
            comment=draft.comment,
            conditions=[(str(condition.due), condition.title.strip()) for condition in draft.conditions],
            signed_at=given.at,
            method=str(given.method),
            passkeys=given.key_ids,
        )
    )


def prepare(draft: DecisionDraft) -> PreparedStatement:
    """Prepare the statement of a decision for a signature with one of the person's passkeys. Nothing is written.

    Raises:
        InvalidStateError: the person has no passkey ("no_passkey").
    """
    rows = passkeys.passkeys_of(draft.person)
    if not rows:
        raise InvalidStateError("You have no passkey: enrol one on your profile.", code="no_passkey")
    uid, event, now = uuid4(), uuid4(), clock.now()
    key_ids = [row.key_id for row in rows]
    given = Authentication(uid, event, now, Decision.SignatureMethod.PASSKEY, key_ids)
    statement = statement_of(draft, given)
    ticket = django_signing.dumps([draft.person.uid, str(uid), str(event), now.isoformat()], salt=_SALT)
    options = passkeys.request_options(rows, hashlib.sha256(statement).digest())
    return PreparedStatement(options, ticket, statement)


def authenticate(draft: DecisionDraft, signature: DecisionSignature | PasskeySignature) -> Authentication:
    """Authenticate the person again for a decision. Call it outside a transaction: a failure must stay recorded.

    Raises:
        ValidationFailedError: the password or the code is wrong, or the passkey did not sign this decision.
        PermissionDeniedError and InvalidStateError: as `sign_in.reauthenticate`; the prepared statement has expired
            ("statement_expired").
    """
    if isinstance(signature, DecisionSignature):
        method = sign_in.reauthenticate(draft.person, signature.password, pointer="/password")
        return Authentication(uuid4(), uuid4(), clock.now(), Decision.SignatureMethod(method))
    try:
        signer, uid, event, at = django_signing.loads(
            signature.ticket, salt=_SALT, max_age=timedelta(minutes=TICKET_MINUTES)
        )
    except (django_signing.BadSignature, ValueError, TypeError):
        signer = ""
    if signer != draft.person.uid or Decision.objects.filter(uid=uid).exists():
        raise InvalidStateError(
            f"A statement is signed with a passkey within {TICKET_MINUTES} minutes, once: sign again.",
            code="statement_expired",
        )
    key_ids = [row.key_id for row in passkeys.passkeys_of(draft.person)]
    given = Authentication(
        UUID(uid), UUID(event), datetime.fromisoformat(at), Decision.SignatureMethod.PASSKEY, key_ids
    )
    digest = hashlib.sha256(statement_of(draft, given)).digest()
    assertion = sign_in.reauthenticate_by_passkey(draft.person, signature.assertion, challenge=digest)
    if assertion is None:
        raise ValidationFailedError(
            [FieldError("/password", "wrong_passkey", "The passkey did not sign this decision; nothing was signed.")]
        )
    return Authentication(
        given.decision, given.event, given.at, given.method, key_ids, assertion=assertion, signed_digest=digest
    )


def require_signed(given: Authentication, statement: bytes) -> None:
    """Require that the passkey signed this statement, which is built again under the locks.

    Raises:
        ConflictError: a fact of it changed since ("statement_changed").
    """
    if given.assertion is not None and hashlib.sha256(statement).digest() != given.signed_digest:
        raise ConflictError(
            "Something that your signature states changed while you signed: decide again.", code="statement_changed"
        )


def record_assertion(actor: Actor, decision: Decision, given: Authentication) -> None:
    """Store the assertion of a passkey with the decision, in its transaction."""
    found = given.assertion
    if found is None:
        return
    passkeys.record_use(actor=actor, person=decision.person, assertion=found)
    PasskeyAssertion.objects.create(
        decision=decision,
        passkey=found.passkey,
        authenticator_data=found.authenticator_data,
        client_data=found.client_data,
        signature=found.signature,
        sign_count=found.sign_count,
        rp_id=found.rp_id,
        origin=found.origin,
    )
