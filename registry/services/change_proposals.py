"""Changes of governance that need two people: one proposes, a second confirms with a signature, then they take effect.

A module that owns such a change registers a `ChangeKind` (`change_kinds`) with the function that applies it. `propose`
records the proposal; `confirm` checks the second person, closes the proposal and applies the change in one transaction.
Exempt are processes of the set-up until it is confirmed, and an instance that declares a single officer; both are shown
on every page (`registry.selectors.instance`).

Source: dual authorisation, NIST SP 800-53 rev. 5, AC-3(2) and CM-5(4); signature manifestations, 21 CFR 11.50.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet

from audit import canonical, clock, recorder
from audit.actions import Action
from audit.actor import Actor, ActorKind, process
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access, selectors
from registry.actions import CHANGE_CONFIRMED, CHANGE_EXPIRED, CHANGE_PROPOSED, CHANGE_REJECTED, CHANGE_WITHDRAWN
from registry.exceptions import ConflictError, InvalidStateError, NotFoundError, PermissionDeniedError
from registry.models import IS_CURRENT, AccountControl, ChangeProposal, RegisteredModel, User
from registry.selectors import account_controls
from registry.services import sign_in
from registry.services.change_kinds import ChangeKind, kind_of, officers
from registry.services.uniqueness import translate_unique_violation
from registry.validation import ErrorCollector

LIFETIME = timedelta(days=30)
"""How long a proposal waits for its second person."""
MEANING = "I have reviewed the proposed change and confirm that it takes effect."
"""The meaning of the confirming decision signature, shown with it (21 CFR 11.50(a)(3))."""
EXPIRY = process("change-expiry")
"""The actor that closes proposals that were not confirmed in time."""


def is_exempt(actor: Actor) -> bool:
    """Return whether changes of the actor take effect without a second person: a process, while the set-up is
    unconfirmed.
    """
    return actor.kind is ActorKind.PROCESS and selectors.instance().setup_confirmed_at is None


def require_exempt(actor: Actor, what: str) -> None:
    """Require that the actor is exempt from the second person.

    Args:
        actor: the actor of the change.
        what: begins the error message.

    Raises:
        PermissionDeniedError: the actor is not exempt ("second_person_required").
    """
    if not is_exempt(actor):
        raise PermissionDeniedError(
            f"{what} needs a second person: propose the change, and another officer confirms it.",
            code="second_person_required",
        )


@transaction.atomic
def propose(
    *,
    actor: Actor,
    kind: ChangeKind,
    subject: ObjectRef,
    title: str,
    payload: Mapping[str, Any],
    reason: str,
    model: RegisteredModel | None = None,
) -> ChangeProposal:
    """Record a proposed change; if the instance declares a single officer, apply it at once.

    The caller has checked that the actor may propose the change and that it is possible now.

    Args:
        actor: the person who proposes, or a token of theirs.
        kind: the registered kind.
        subject: the object of the change; it has one open proposal of a kind at a time.
        title: one line that describes the effect, up to 300 characters; part of what is signed.
        payload: the arguments of the change as JSON; part of what is signed.
        reason: kept with the proposal and the event.
        model: the registered model concerned, if any.

    Returns:
        The proposal; closed as confirmed if a single officer decided.

    Raises:
        PermissionDeniedError: the actor is neither a person nor a token of one.
        ValidationFailedError: the reason is empty or the title too long.
        ConflictError: such a change is already proposed for the subject (`existing`).
    """
    person = access.require_person(actor)
    faults = ErrorCollector()
    why = faults.reason(reason)
    line = faults.clean_line("/title", title, 300, required=True)
    faults.raise_if_any()
    waiting = {"kind": kind.name, "subject_type": subject.type, "subject_id": subject.id}
    existing = ChangeProposal.objects.filter(IS_CURRENT, **waiting).first()
    if existing is not None and existing.expires_at <= clock.now():
        _close(existing, ChangeProposal.Outcome.EXPIRED, CHANGE_EXPIRED, actor=EXPIRY)
        existing = None
    if existing is not None:
        raise _already_proposed(existing)
    uid = uuid4()
    digest = canonical.digest({**waiting, "title": line, "payload": dict(payload)})
    event = recorder.record_event(
        CHANGE_PROPOSED,
        actor=actor,
        target=ObjectRef("change_proposal", str(uid)),
        stream=_stream(model),
        related_objects=[subject, *_place(model)],
        changes=[Change("state", None, ChangeProposal.PROPOSED), Change("title", None, PrivateValue(line))],
        data={"kind": kind.name, "digest": digest},
        reason=why,
    )
    made = ChangeProposal(
        uid=uid,
        **waiting,
        model=model,
        title=line,
        payload=dict(payload),
        digest=digest,
        reason=why,
        proposed_by=person,
        proposed_with=access.token_of(actor),
        single_officer=False,
        expires_at=event.happened_at + LIFETIME,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )
    made.single_officer = _decides_alone(actor, made)
    with translate_unique_violation("/", f"Such a change of {subject.type} {subject.id} is proposed already."):
        made.save(force_insert=True)
    if made.single_officer:
        _carry_out(made, actor, person, comment=f"{SINGLE}: {why}"[:10_000])
    return made


SINGLE = "Single officer"
"""Prefix of the comment of a confirmation without a second person."""


def confirm(*, actor: Actor, proposal: ChangeProposal, digest: str, password: str, comment: str = "") -> ChangeProposal:
    """Confirm a proposed change as its second person and apply it.

    Args:
        actor: the second person, in a session.
        proposal: the proposal.
        digest: the digest of the proposal that the person read.
        password: the person's password, checked again for this signature (21 CFR 11.200(a)).
        comment: kept with the signature; may be empty.

    Raises:
        NotFoundError: the proposal is not visible to the actor.
        PermissionDeniedError: the actor is not a person in a session, proposed the change, or is excluded from
            confirming it.
        InvalidStateError: the proposal was answered or expired; or the change is no longer possible.
        ConflictError: `digest` is not that of the proposal.
        ValidationFailedError: wrong or missing password, or a comment that is too long.
    """
    person = _require_confirmer(actor, proposal)
    sign_in.reauthenticate(person, password, pointer="/password")
    with transaction.atomic():
        found = _locked(proposal)
        _require_confirmer(actor, found)
        faults = ErrorCollector()
        given = faults.clean_text("/comment", comment.strip(), 10_000)
        faults.raise_if_any()
        if digest != found.digest:
            raise ConflictError(
                "This proposal is not the one you read: read it again before you confirm it.",
                code="proposal_changed",
                existing=found,
            )
        return _carry_out(found, actor, person, comment=given)


@transaction.atomic
def reject(*, actor: Actor, proposal: ChangeProposal, comment: str) -> ChangeProposal:
    """Reject a proposed change; nothing takes effect. No password is needed.

    Raises:
        NotFoundError: the proposal is not visible to the actor.
        PermissionDeniedError: the actor is not a person in a session, proposed the change, or is excluded from
            confirming it.
        InvalidStateError: the proposal was answered or expired.
        ValidationFailedError: the comment is empty.
    """
    person = _require_confirmer(actor, proposal)
    found = _locked(proposal)
    faults = ErrorCollector()
    given = faults.reason(comment, "/comment")
    faults.raise_if_any()
    return _close(
        found, ChangeProposal.Outcome.REJECTED, CHANGE_REJECTED, actor=actor, comment=given, signed_name=person.name
    )


@transaction.atomic
def withdraw(*, actor: Actor, proposal: ChangeProposal, reason: str) -> ChangeProposal:
    """Withdraw one's own proposal.

    Raises:
        NotFoundError: the proposal is not visible to the actor.
        PermissionDeniedError: another person proposed it.
        InvalidStateError: it was answered.
        ValidationFailedError: the reason is empty.
    """
    selectors.require_visible_proposal(actor, proposal)
    if access.require_person(actor).pk != proposal.proposed_by_id:
        raise PermissionDeniedError(
            "The person who proposed a change withdraws it; another officer may reject it.",
            code="not_yours",
            who_can=(proposal.proposed_by.name,),
        )
    found = _locked(proposal)
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    return _close(found, ChangeProposal.Outcome.WITHDRAWN, CHANGE_WITHDRAWN, actor=actor, comment=why)


def expired() -> list[int]:
    """Return the keys of the open proposals that have expired, oldest first; at most 200."""
    late = ChangeProposal.objects.filter(IS_CURRENT, expires_at__lte=clock.now())
    return list(late.order_by("opened_at").values_list("pk", flat=True)[:200])


@transaction.atomic
def expire(proposal_id: int) -> None:
    """Close an expired proposal. Does nothing if it was answered."""
    found = ChangeProposal.objects.get_for_update(proposal_id)
    if found.closed_at is None and found.expires_at <= clock.now():
        _close(found, ChangeProposal.Outcome.EXPIRED, CHANGE_EXPIRED, actor=EXPIRY)


def can_confirm(actor: Actor, proposal: ChangeProposal) -> access.Allowed | access.Denied:
    """Return whether the actor may confirm the proposal now, with the reason if not."""
    if actor.kind is not ActorKind.PERSON:
        return access.Denied(
            lambda _: "No token and no process confirms a change: a person signs in and gives the password again.",
            code="tokens_do_not_decide",
        )
    if proposal.closed_at is not None or proposal.expires_at <= clock.now():
        return access.Denied(lambda _: f"{proposal} is {proposal.state} already.", code="proposal_closed")
    kind = kind_of(proposal)

    def others() -> tuple[str, ...]:
        return tuple(confirmers_of(proposal).order_by("name").values_list("name", flat=True)[:5])

    if actor.person == proposal.proposed_by.uid:
        return access.Denied(
            lambda _: "You proposed this change, so a second person has to confirm it.",
            others,
            code="separation_of_duties",
            rule="SoD-9",
        )
    reason = excluded_from(proposal).get(actor.person or "")
    if reason is not None:
        return access.Denied(
            lambda _: f"You cannot confirm this change: {reason}.",
            others,
            code="separation_of_duties",
            rule="SoD-9",
        )
    if not kind.confirmers(proposal).filter(uid=actor.person).exists():
        return access.Denied(
            lambda _: f"A change of this kind is confirmed by {kind.needed}.", others, code="not_a_confirmer"
        )
    return access.Allowed()


def confirmers_of(proposal: ChangeProposal) -> QuerySet[User]:
    """Return the people who may confirm a proposal, after exclusions."""
    kind = kind_of(proposal)
    barred = [proposal.proposed_by.uid, *excluded_from(proposal)]
    return kind.confirmers(proposal).filter(is_active=True).exclude(uid__in=barred)


def excluded_from(proposal: ChangeProposal) -> dict[str, str]:
    """Return why people may not confirm a proposal, by uid.

    These are the exclusions of its kind, and people whose signature could be the proposer's: one person could act as
    both accounts, or the proposer made the account.
    """
    proposer, since = proposal.proposed_by.uid, proposal.opened_at
    candidates = set(kind_of(proposal).confirmers(proposal).values_list("uid", flat=True)) - {proposer}
    controls = account_controls.controls_of({proposer, *candidates})
    behind = account_controls.controllers(controls.get(proposer, ()), since) | _behind_token(proposal)
    found: dict[str, str] = {}
    for uid in candidates:
        controllers = account_controls.controllers(controls.get(uid, ()), since)
        if proposer in controllers | account_controls.makers(controls.get(uid, ())):
            found[uid] = "your account was made, or its sign-in was set, by the person who proposed it"
        elif uid in behind:
            found[uid] = "you could act as the account that proposed it"
        elif controllers & behind:
            found[uid] = "one account could act as you and as the person who proposed it"
    return found | dict(kind_of(proposal).excluded(proposal))


def _behind_token(proposal: ChangeProposal) -> frozenset[str]:
    """Return the uids of those who issued or received the token that proposed the change."""
    if proposal.proposed_with_id is None:
        return frozenset()
    held = AccountControl.objects.filter(token_id=proposal.proposed_with_id)
    return frozenset(held.values_list("person__uid", flat=True))


def waiting_for(actor: Actor) -> list[ChangeProposal]:
    """Return the open proposals that the actor may confirm, oldest first."""
    waiting = ChangeProposal.objects.filter(IS_CURRENT, expires_at__gt=clock.now()).select_related(
        "proposed_by", "model"
    )
    return [proposal for proposal in waiting.order_by("pk") if can_confirm(actor, proposal)]


def _decides_alone(actor: Actor, proposal: ChangeProposal) -> bool:
    """Return whether the proposer is the only officer of an instance that declares a single one, and is not excluded by
    the kind. As soon as there is a second officer, two are needed.
    """
    return (
        actor.kind is ActorKind.PERSON
        and selectors.instance().single_officer
        and actor.person not in kind_of(proposal).excluded(proposal)
        and list(officers().values_list("pk", flat=True)[:2]) == [proposal.proposed_by_id]
    )


def _require_confirmer(actor: Actor, proposal: ChangeProposal) -> User:
    selectors.require_visible_proposal(actor, proposal)
    if proposal.closed_at is not None or proposal.expires_at <= clock.now():
        raise _answered(proposal)
    answer = can_confirm(actor, proposal)
    if isinstance(answer, access.Denied):
        raise answer.refusal()
    return access.require_person(actor)


def _locked(proposal: ChangeProposal) -> ChangeProposal:
    """Return the open proposal, locked after its model (lock order: model first). Raises InvalidStateError if it is
    closed.
    """
    if proposal.model_id is not None:
        RegisteredModel.objects.get_for_update(proposal.model_id)
    try:
        found = ChangeProposal.objects.get_for_update(proposal.pk)
    except ChangeProposal.DoesNotExist:
        raise NotFoundError(f"There is no change proposal C{proposal.pk}.") from None
    if found.closed_at is not None:
        raise _answered(found)
    return found


def _answered(proposal: ChangeProposal) -> InvalidStateError:
    word = proposal.get_outcome_display().lower() if proposal.outcome else "expired"
    return InvalidStateError(
        f"{proposal} was {word}: propose the change again if it is still needed.", code="proposal_closed"
    )


def _already_proposed(existing: ChangeProposal) -> ConflictError:
    return ConflictError(
        f"{existing} proposes such a change already ({existing.title}): confirm, reject or withdraw that one first.",
        code="already_proposed",
        existing=existing,
    )


def _carry_out(proposal: ChangeProposal, actor: Actor, person: User, *, comment: str) -> ChangeProposal:
    changed = kind_of(proposal).apply(actor, proposal)
    return _close(
        proposal,
        ChangeProposal.Outcome.CONFIRMED,
        CHANGE_CONFIRMED,
        actor=actor,
        comment=comment,
        signed_name=person.name,
        signed_meaning=MEANING,
        controllers=sorted(account_controls.controllers_of(person.uid, clock.now())),
        related=changed,
    )


def _close(
    proposal: ChangeProposal,
    outcome: str,
    action: Action,
    *,
    actor: Actor,
    comment: str = "",
    signed_name: str = "",
    signed_meaning: str = "",
    controllers: Sequence[str] = (),
    related: Sequence[ObjectRef] = (),
) -> ChangeProposal:
    subject = ObjectRef(proposal.subject_type, proposal.subject_id)
    event = recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("change_proposal", str(proposal.uid)),
        stream=_stream(proposal.model),
        related_objects=[subject, *_place(proposal.model), *(ref for ref in related if ref != subject)],
        changes=[
            Change("state", ChangeProposal.PROPOSED, outcome),
            *([Change("comment", None, PrivateValue(comment))] if comment else []),
            *([Change("signed_name", None, PrivateValue(signed_name))] if signed_name else []),
        ],
        data={
            "kind": proposal.kind,
            "digest": proposal.digest,
            "proposed_by": proposal.proposed_by.uid,
            "single_officer": proposal.single_officer,
            **({"meaning": signed_meaning} if signed_meaning else {}),
            **({"account_controlled_by": list(controllers)} if controllers else {}),
        },
    )
    proposal.outcome, proposal.comment, proposal.closed_by = outcome, comment, actor.id
    proposal.signed_name, proposal.signed_meaning = signed_name, signed_meaning
    proposal.closed_at, proposal.closed_event = event.happened_at, event.event_id
    columns = ["outcome", "comment", "closed_by", "signed_name", "signed_meaning", "closed_at", "closed_event"]
    proposal.save(update_fields=columns)
    return proposal


def _stream(model: RegisteredModel | None) -> str:
    return f"model:{model.uid}" if model is not None else "organisation"


def _place(model: RegisteredModel | None) -> list[ObjectRef]:
    return [ObjectRef("model", str(model.uid))] if model is not None else []
