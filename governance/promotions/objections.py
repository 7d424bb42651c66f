"""Ending an objection: the person who requested changes resolves or withdraws it, with explanation and signature."""

from typing import Final
from uuid import uuid4

from django.db import transaction

from audit import clock
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from governance.actions import DECISION_WITHDRAWN
from governance.models import Decision, DiscussionThread, ThreadResolution
from governance.promotions.deciding import deciding_person, still_active
from governance.promotions.evaluation import reevaluate
from governance.promotions.locks import lock_promotion
from governance.promotions.recording import record_promotion_event, require_open
from governance.promotions.signing import DecisionSignature
from registry import access
from registry.exceptions import FieldError, InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import User
from registry.services import sign_in
from registry.validation import ErrorCollector

MAX_EXPLANATION: Final = 5_000

ENDING_MEANINGS: Final = {
    ThreadResolution.Kind.RESOLVED: "What I asked for is answered; my objection no longer blocks this request.",
    ThreadResolution.Kind.WITHDRAWN: "I withdraw my objection; it no longer blocks this request.",
}
"""The meaning of the signature that ends an objection. Source: 21 CFR 11.50(a)(3)."""


def end_objection(
    *, actor: Actor, decision: Decision, kind: str, explanation: str, signature: DecisionSignature
) -> ThreadResolution:
    """End one's own request for changes without new evidence, resolve its thread, and evaluate the request again.

    The decision lapses, so the person may decide again. Decisions of other people stay.

    Args:
        actor: the person who requested the changes, signed in; no other person, the requester included.
        decision: the decision to request changes.
        kind: a value of `ThreadResolution.Kind`: what was asked for is answered, or is no longer asked for.
        explanation: why; 1 to 5,000 characters.
        signature: the password, and the code if one is enrolled, entered for this.

    Returns:
        The resolution of the thread.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor is another person (`not_yours`), a token or a process, or deactivated.
        InvalidStateError: the request is closed, or the decision requested no changes or does not count any more
            (`no_objection`).
        ValidationFailedError: unknown kind, missing explanation or wrong password.
    """
    access.require_permission(actor, access.Permission.VIEW, decision.request.model)
    person = deciding_person(actor)
    _require_own(decision, person)
    if kind not in ThreadResolution.Kind.values:
        allowed = ", ".join(ThreadResolution.Kind.values)
        raise ValidationFailedError([FieldError("/kind", "unknown_kind", f"Choose one of: {allowed}.")])
    faults = ErrorCollector()
    explanation = faults.clean_text("/explanation", explanation.strip(), MAX_EXPLANATION, required=True)
    faults.raise_if_any()
    # Verified before the locks are taken: password hashing takes a tenth of a second.
    method = Decision.SignatureMethod(sign_in.reauthenticate(person, signature.password, pointer="/password"))
    with transaction.atomic():
        return _record(actor, person, decision, ThreadResolution.Kind(kind), explanation, method)


def _require_own(decision: Decision, person: User) -> None:
    if decision.person_id != person.pk:
        raise PermissionDeniedError(
            "Only the person who requested the changes can resolve or withdraw the objection.",
            code="not_yours",
            who_can=(decision.signed_name,),
        )


def _record(
    actor: Actor,
    person: User,
    decision: Decision,
    kind: ThreadResolution.Kind,
    explanation: str,
    method: Decision.SignatureMethod,
) -> ThreadResolution:
    locked = lock_promotion(decision.request_id)
    require_open(locked.request)
    person = still_active(person)
    decision = Decision.objects.get_for_update(decision.pk)
    if decision.outcome != Decision.Outcome.REQUEST_CHANGES or decision.lapsed_at is not None:
        raise InvalidStateError(
            "This decision does not block the request: it requested no changes, or it has ended already.",
            code="no_objection",
        )
    now = clock.now()
    thread = DiscussionThread.objects.filter(decision=decision).first()
    is_new = thread is None  # a decision from before there were threads
    if thread is None:
        thread = DiscussionThread(uid=uuid4(), model=locked.model, version=locked.version, request=locked.request,
                                  decision=decision, opened_by=person, opened_at=now)  # fmt: skip
    event = record_promotion_event(
        locked,
        DECISION_WITHDRAWN,
        actor=actor,
        target=ObjectRef("decision", str(decision.uid)),
        changes=[Change("objection", "in force", str(kind))],
        data={
            "packet": decision.packet_digest,
            "method": str(method),
            "meaning": ENDING_MEANINGS[kind],
        },
        private={"explanation": explanation, "signed_name": person.name},
        related=[ObjectRef("thread", str(thread.uid))],
    )
    if is_new:
        thread.save()
    decision.lapsed_at, decision.lapsed_event = now, event.event_id
    decision.save(update_fields=["lapsed_at", "lapsed_event"])
    resolution = ThreadResolution.objects.create(
        thread=thread, kind=kind, explanation=explanation, resolved_by=person, resolved_at=now, event=event.event_id
    )
    reevaluate(locked.request.pk, bump_revision=True)
    return resolution
