"""Passkeys (Web Authentication): enrolment, names, removal, and verification of an assertion over a challenge.

The relying party is the host of `PUBLIC_URL`, and its origin the only accepted one. An assertion counts only with the
verification of the user by the device (flag UV), so that it has two components: the device, and a PIN or a biometric.

Source: https://www.w3.org/TR/webauthn-2/ 7.1 and 7.2, carried out by `fido2`; 21 CFR 11.200(a).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from audit import recorder
from audit.actions import Action
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from registry.actions import (
    PERSON_PASSKEY_ENROLLED,
    PERSON_PASSKEY_REMOVED,
    PERSON_PASSKEY_RENAMED,
    PERSON_PASSKEY_USED,
)
from registry.exceptions import (
    ConflictError,
    FieldError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.json_text import parse_json
from registry.models import IS_CURRENT, Passkey, User
from registry.validation import ErrorCollector

MAX_NAME = 80
MAX_PASSKEYS = 20
MAX_RESPONSE = 20_000
ENROLMENT_MINUTES = 15
_SALT = "registry.passkeys"
_ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA, RS256: what the verifier of exported decisions knows."""
_REQUIRED = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class PasskeyOffer:
    """The options of an enrolment for the browser, as JSON, and the signed state for the form."""

    options: str
    ticket: str


@dataclass(frozen=True)
class VerifiedAssertion:
    """An assertion that was verified: the passkey, and what a verifier elsewhere needs."""

    passkey: Passkey
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    sign_count: int
    rp_id: str
    origin: str


def relying_party() -> tuple[str, str]:
    """Return the RP ID and the accepted origin. Browsers accept no IP address: this machine is called localhost."""
    parts = urlsplit(settings.PUBLIC_URL)
    host = "localhost" if parts.hostname in {"127.0.0.1", "::1"} else parts.hostname or "localhost"
    return host, f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def passkeys_of(person: User) -> list[Passkey]:
    """Return the passkeys of an account, the oldest first. One query."""
    return list(Passkey.objects.filter(IS_CURRENT, account=person).order_by("opened_at", "pk"))


def begin_enrolment(person: User) -> PasskeyOffer:
    """Return the options with which a browser makes a new passkey for the person."""
    options, state = _server().register_begin(
        PublicKeyCredentialUserEntity(id=person.uid.encode(), name=person.username, display_name=person.name),
        credentials=_descriptors(passkeys_of(person)),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=_REQUIRED,
    )
    ticket = signing.dumps([person.uid, state["challenge"]], salt=_SALT)
    return PasskeyOffer(json.dumps(dict(options)["publicKey"]), ticket)


def enrol(*, actor: Actor, person: User, ticket: str, response: str, name: str) -> Passkey:
    """Store a passkey of one's own account. The caller has verified the password.

    Args:
        actor: the person, signed in.
        person: the account.
        ticket: of `begin_enrolment`.
        response: the registration response of the browser, as JSON.
        name: the person's own name for it.

    Raises:
        PermissionDeniedError: the actor is not the person, signed in.
        InvalidStateError: the enrolment has expired, or the account has `MAX_PASSKEYS`.
        ConflictError: the passkey is enrolled already.
        ValidationFailedError: the name is empty, or the response is not one for this enrolment.
    """
    _require_self(actor, person)
    faults = ErrorCollector()
    faults.clean_line("/name", name, MAX_NAME, required=True)
    faults.raise_if_any()
    try:
        uid, challenge = signing.loads(ticket, salt=_SALT, max_age=timedelta(minutes=ENROLMENT_MINUTES))
    except (signing.BadSignature, ValueError, TypeError):
        uid, challenge = "", ""
    if uid != person.uid:
        raise InvalidStateError("This enrolment has expired: load the page and begin again.", code="enrolment_expired")
    try:
        data = _server().register_complete(
            {"challenge": challenge, "user_verification": _REQUIRED},
            parse_json(response[:MAX_RESPONSE], unique_names=True),
        )
        credential = data.credential_data
        assert credential is not None
        pem, key_id = _public_key(credential.public_key)
    except Exception as fault:  # fido2 raises many kinds for malformed input
        raise ValidationFailedError(
            [FieldError("/passkey", "wrong_passkey", "The passkey was not made for this page. Load it and try again.")]
        ) from fault
    try:
        with transaction.atomic():
            person = User.objects.get_for_update(person.pk)
            if Passkey.objects.filter(IS_CURRENT, account=person).count() >= MAX_PASSKEYS:
                raise InvalidStateError(
                    f"An account has at most {MAX_PASSKEYS} passkeys: remove one first.", code="too_many_passkeys"
                )
            event = _record(PERSON_PASSKEY_ENROLLED, actor, person, data={"key_id": key_id, "public_key": pem})
            return Passkey.objects.create(
                account=person,
                name=name.strip(),
                credential_id=credential.credential_id,
                credential=bytes(credential),
                public_key=pem,
                key_id=key_id,
                sign_count=data.counter,
                opened_at=event.happened_at,
                opened_event=event.event_id,
            )
    except IntegrityError as fault:
        raise ConflictError("This passkey is enrolled already.", code="already_enrolled") from fault


@transaction.atomic
def rename(*, actor: Actor, person: User, key: int, name: str) -> None:
    """Rename a passkey of one's own account. Raises as `remove`, and ValidationFailedError for an empty name."""
    passkey = _own(actor, person, key)
    faults = ErrorCollector()
    faults.clean_line("/name", name, MAX_NAME, required=True)
    faults.raise_if_any()
    change = Change("passkey_name", PrivateValue(passkey.name), PrivateValue(name.strip()))
    _record(PERSON_PASSKEY_RENAMED, actor, person, changes=[change], data={"key_id": passkey.key_id})
    passkey.name = name.strip()
    passkey.save(update_fields=["name"])


@transaction.atomic
def remove(*, actor: Actor, person: User, key: int) -> None:
    """Remove a passkey of one's own account. The caller has verified the password. What it signed stays verifiable.

    Raises:
        PermissionDeniedError: the actor is not the person, signed in.
        NotFoundError: the account has no such passkey.
    """
    passkey = _own(actor, person, key)
    event = _record(PERSON_PASSKEY_REMOVED, actor, person, data={"key_id": passkey.key_id})
    passkey.closed_at, passkey.closed_event = event.happened_at, event.event_id
    passkey.save(update_fields=["closed_at", "closed_event"])


def request_options(passkeys: Sequence[Passkey], challenge: bytes) -> dict[str, Any]:
    """Return the options with which a browser signs a challenge with one of the passkeys, as JSON values."""
    options, _ = _server().authenticate_begin(_descriptors(passkeys), user_verification=_REQUIRED, challenge=challenge)
    found: dict[str, Any] = dict(options)["publicKey"]
    return found


def verify(person: User, response: str, challenge: bytes) -> VerifiedAssertion | None:
    """Verify an assertion of one of the person's passkeys over a challenge; nothing is written.

    Args:
        person: the account.
        response: the authentication response of the browser, as JSON.
        challenge: what had to be signed.

    Returns:
        The assertion; None if it does not hold, or its counter did not grow, which a copied passkey shows.
    """
    rp_id, origin = relying_party()
    state = {"challenge": websafe_encode(challenge), "user_verification": _REQUIRED}
    rows = {bytes(row.credential_id): row for row in passkeys_of(person)}
    try:
        given = parse_json(response[:MAX_RESPONSE], unique_names=True)
        credentials = [AttestedCredentialData(bytes(row.credential)) for row in rows.values()]
        used = _server().authenticate_complete(state, credentials, given)
        parsed = AuthenticationResponse.from_dict(given).response
    except Exception:  # fido2 raises many kinds for malformed input
        return None
    passkey, count = rows[used.credential_id], parsed.authenticator_data.counter
    if (count or passkey.sign_count) and count <= passkey.sign_count:
        return None
    return VerifiedAssertion(
        passkey=passkey,
        authenticator_data=bytes(parsed.authenticator_data),
        client_data=bytes(parsed.client_data),
        signature=bytes(parsed.signature),
        sign_count=count,
        rp_id=rp_id,
        origin=origin,
    )


def record_use(*, actor: Actor, person: User, assertion: VerifiedAssertion) -> None:
    """Record that the passkey signed, and keep its counter, in the transaction of what was signed.

    Raises:
        ConflictError: the passkey was removed or used since the assertion was verified.
    """
    passkey = Passkey.objects.select_for_update().filter(IS_CURRENT, pk=assertion.passkey.pk).first()
    if passkey is None or passkey.sign_count != assertion.passkey.sign_count:
        raise ConflictError("This passkey was removed or used in this moment: sign again.", code="passkey_changed")
    _record(PERSON_PASSKEY_USED, actor, person, data={"key_id": passkey.key_id})
    if assertion.sign_count != passkey.sign_count:
        passkey.sign_count = assertion.sign_count
        passkey.save(update_fields=["sign_count"])


def _server() -> Fido2Server:
    rp_id, origin = relying_party()
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name="Countersign", id=rp_id), verify_origin=lambda given: given == origin
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=alg) for alg in _ALGORITHMS
    ]
    return server


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=bytes(row.credential_id))
        for row in passkeys
    ]


def _public_key(key: CoseKey) -> tuple[str, str]:
    """Return the public key in PEM and its key id. Raises ValueError for an algorithm that is not allowed."""
    if key[3] not in _ALGORITHMS:
        raise ValueError(f"algorithm {key[3]}")
    public: Any
    if key[3] == -7:
        public = ec.EllipticCurvePublicNumbers(
            int.from_bytes(key[-2], "big"), int.from_bytes(key[-3], "big"), ec.SECP256R1()
        ).public_key()
    elif key[3] == -8:
        public = ed25519.Ed25519PublicKey.from_public_bytes(key[-2])
    else:
        public = rsa.RSAPublicNumbers(int.from_bytes(key[-2], "big"), int.from_bytes(key[-1], "big")).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, form).decode()
    return pem, hashlib.sha256(public.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def _own(actor: Actor, person: User, key: int) -> Passkey:
    _require_self(actor, person)
    found = Passkey.objects.select_for_update().filter(IS_CURRENT, account=person, pk=key).first()
    if found is None:
        raise NotFoundError("You have no such passkey.")
    return found


def _require_self(actor: Actor, person: User) -> None:
    if actor.scopes is not None or actor.person != person.uid:
        raise PermissionDeniedError(
            "A person enrols, renames and removes passkeys of their own account, signed in.", code="person_required"
        )


def _record(
    action: Action, actor: Actor, person: User, *, changes: Sequence[Change] = (), data: dict[str, Any]
) -> Event:
    return recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("person", person.uid),
        stream=f"person:{person.uid}",
        changes=changes,
        data=data,
    )
