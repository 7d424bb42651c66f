"""Verification keys: an officer proposes one, a second officer confirms it; one officer revokes it at once.

A key decides whose signatures pass, so adding one is a change of governance. Revoking one makes the gate stricter.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from registry import access, moments
from registry.access import OrgPermission
from registry.actions import VERIFICATION_KEY_ADDED, VERIFICATION_KEY_REVOKED
from registry.exceptions import ConflictError, InvalidStateError, NotFoundError
from registry.models import IS_CURRENT, ChangeProposal, RegisteredModel, VerificationKey
from registry.public_keys import ALGORITHMS, PublicKey, PublicKeyError, read_public_key
from registry.services import change_kinds, change_proposals
from registry.services.uniqueness import translate_unique_violation
from registry.validation import ErrorCollector


@transaction.atomic
def propose(
    *,
    actor: Actor,
    name: str,
    owner: str,
    public_key: str,
    purposes: Sequence[str],
    reason: str,
    model: RegisteredModel | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> ChangeProposal:
    """Propose a public key; it counts when a second officer has confirmed it.

    Args:
        actor: an officer.
        name: name of the key, which policies may use; unique among the keys that are not revoked.
        owner: the team or system that holds the private key.
        public_key: see `registry.public_keys.read_public_key`.
        purposes: of `VerificationKey.PURPOSES`, at least one.
        reason: kept with the proposal and the events.
        model: the model whose versions it signs; None for all.
        valid_from: beginning; None for the time of the confirmation.
        valid_until: end; None for no end.

    Returns:
        The proposal; confirmed if the instance declares a single officer.

    Raises:
        PermissionDeniedError: the actor may not manage policies.
        NotFoundError: the model is not visible to the actor.
        ValidationFailedError: a value breaks a rule; a private key is named, and nothing of it is kept.
        ConflictError: the key or its name is registered, or the key is already proposed.
    """
    access.require_in_organisation(actor, OrgPermission.MANAGE_POLICIES)
    if model is not None:
        access.require_permission(actor, access.Permission.VIEW, model)
    faults = ErrorCollector()
    cleaned = faults.name("/name", name, 120)
    held = faults.name("/owner", owner, 200)
    found = _read(faults, public_key)
    if not purposes or not set(purposes) <= set(VerificationKey.PURPOSES):
        faults.add("/purposes", "required", f"Choose one or both of: {', '.join(VerificationKey.PURPOSES)}.")
    begins = valid_from or clock.now()
    if valid_until is not None and valid_until <= max(begins, clock.now()):
        faults.add("/valid_until", "not_later", "The end is later than the beginning, and later than now.")
    faults.raise_if_any()
    assert found is not None
    _refuse_known(found.key_id, cleaned)
    scope = f"versions of {model.slug}" if model is not None else "all models"
    return change_proposals.propose(
        actor=actor,
        kind=KEY_ADDITION,
        subject=ObjectRef("verification_key", found.key_id),
        model=model,
        title=f"Add the verification key {cleaned} ({ALGORITHMS[found.algorithm]}, {found.key_id[:16]}…) for {scope}",
        payload={
            "name": cleaned,
            "owner": held,
            "purposes": sorted(set(purposes)),
            "algorithm": found.algorithm,
            "key_id": found.key_id,
            "public_key": found.pem,
            **({"model": model.slug} if model is not None else {}),
            **({"valid_from": valid_from.isoformat()} if valid_from is not None else {}),
            **({"valid_until": valid_until.isoformat()} if valid_until is not None else {}),
        },
        reason=reason,
    )


def _read(faults: ErrorCollector, text: str) -> PublicKey | None:
    try:
        return read_public_key(text)
    except PublicKeyError as error:
        faults.add("/public_key", error.code, error.detail)
        return None


def _refuse_known(key_id: str, name: str) -> None:
    known = VerificationKey.objects.filter(key_id=key_id).first()
    if known is not None:
        what = (
            "was revoked, and a revoked key is not added again: make a new one" if known.closed_at else "is registered"
        )
        raise ConflictError(f"This key {what} ({known.name}).", code="key_known", existing=known)
    same = VerificationKey.objects.filter(IS_CURRENT, name__iexact=name).first()
    if same is not None:
        raise ConflictError(
            f"A key named {same.name} is registered: choose another name, or revoke that key first.",
            code="key_name_taken",
            existing=same,
        )


def _add_proposed(actor: Actor, proposal: ChangeProposal) -> list[ObjectRef]:
    given = proposal.payload
    found = read_public_key(given["public_key"])
    _refuse_known(found.key_id, given["name"])
    until = moments.read_moment(given["valid_until"]) if "valid_until" in given else None
    now = clock.now()
    if until is not None and until <= now:
        raise InvalidStateError("The key has expired since it was proposed: propose it again.", code="key_expired")
    uid = uuid4()
    target = ObjectRef("verification_key", str(uid))
    event = recorder.record_event(
        VERIFICATION_KEY_ADDED,
        actor=actor,
        target=target,
        stream=_stream(proposal.model),
        related_objects=[ObjectRef("change_proposal", str(proposal.uid)), *_place(proposal.model)],
        changes=[Change("key_id", None, found.key_id)],
        data={
            "name": given["name"],
            "owner": given["owner"],
            "algorithm": found.algorithm,
            "purposes": given["purposes"],
            "valid_from": given.get("valid_from"),
            "valid_until": given.get("valid_until"),
            "proposed_by": proposal.proposed_by.uid,
        },
        reason=proposal.reason,
    )
    begins = moments.read_moment(given["valid_from"]) if "valid_from" in given else event.happened_at
    made = VerificationKey(
        uid=uid,
        name=given["name"],
        owner=given["owner"],
        model=proposal.model,
        algorithm=found.algorithm,
        public_key=found.pem,
        key_id=found.key_id,
        for_signatures="signature" in given["purposes"],
        for_provenance="provenance" in given["purposes"],
        valid_from=begins,
        valid_until=until,
        proposal=proposal,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )
    with translate_unique_violation("/", "This key, or one with this name, was registered meanwhile."):
        made.save(force_insert=True)
    return [target]


KEY_ADDITION = change_kinds.register_kind(
    change_kinds.ChangeKind(
        name="verification_key.addition",
        label="Verification key",
        needed="another officer",
        apply=_add_proposed,
    )
)


@transaction.atomic
def revoke(*, actor: Actor, key: VerificationKey, reason: str) -> VerificationKey:
    """Revoke a key for good: its signatures no longer count, and results that used it are stale.

    Raises:
        PermissionDeniedError: the actor may not manage policies, or is not a person.
        NotFoundError: the key is not visible to the actor.
        InvalidStateError: it is revoked already.
        ValidationFailedError: the reason is empty.
    """
    access.require_in_organisation(actor, OrgPermission.MANAGE_POLICIES)
    access.require_person(actor)
    if key.model is not None and not access.check_permission(actor, access.Permission.VIEW, key.model):
        raise NotFoundError("There is no such verification key.")
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    if key.model_id is not None:
        RegisteredModel.objects.get_for_update(key.model_id)
    found = VerificationKey.objects.get_for_update(key.pk)
    if found.closed_at is not None:
        raise InvalidStateError(f"The key {found.name} is revoked already.", code="key_revoked")
    event = recorder.record_event(
        VERIFICATION_KEY_REVOKED,
        actor=actor,
        target=ObjectRef("verification_key", str(found.uid)),
        stream=_stream(found.model),
        related_objects=_place(found.model),
        changes=[Change("state", "in_force", "revoked")],
        data={"name": found.name, "key_id": found.key_id},
        reason=why,
    )
    found.revoked_by, found.revocation_reason = actor.id, why
    found.closed_at, found.closed_event = event.happened_at, event.event_id
    found.save(update_fields=["revoked_by", "revocation_reason", "closed_at", "closed_event"])
    return found


def _stream(model: RegisteredModel | None) -> str:
    return f"model:{model.uid}" if model is not None else "organisation"


def _place(model: RegisteredModel | None) -> list[ObjectRef]:
    return [ObjectRef("model", str(model.uid))] if model is not None else []
