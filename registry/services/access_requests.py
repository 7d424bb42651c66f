"""Access requests: requesting a role on a model, and the answer of a person who may grant it.

A request does not reveal whether a model exists that the requester may not see: a request for a name without a model is
stored in the same way and lapses. Only an answer reveals it, and giving one is the decision of the model's owner.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from audit import clock, recorder
from audit.actions import Action
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef
from registry import access
from registry.access import Permission, Role
from registry.access.grants import ACCESS_KEEPER, create_grant, lock
from registry.access.permissions import ORGANISATION_ONLY
from registry.actions import (
    ACCESS_DENIED,
    ACCESS_GRANTED,
    ACCESS_LAPSED,
    ACCESS_REQUESTED,
    ACCESS_WITHDRAWN,
)
from registry.exceptions import ConflictError, InvalidStateError, NotFoundError, PermissionDeniedError
from registry.models import IS_CURRENT, AccessRequest, Grant, RegisteredModel, User, active_grants_q
from registry.selectors.access_requests import can_see_access_request
from registry.services.uniqueness import translate_unique_violation
from registry.validation import ErrorCollector

LONGEST = timedelta(days=180)
"""Longest duration for which a role may be requested."""
USUAL = timedelta(days=90)
"""Duration requested if the caller names no end."""
ANSWER_DEADLINE = timedelta(days=30)
"""How long a request waits for an answer before it lapses."""
MOST_OPEN = 20
"""Open requests a person may have at a time, so that requests cannot be used to search for model names."""

ROLES = tuple(role for role in Role if role not in ORGANISATION_ONLY)
"""The roles that may be requested."""


@transaction.atomic
def create_access_request(
    *, actor: Actor, slug: str, role: Role | str, purpose: str, until: datetime | None = None
) -> AccessRequest:
    """Request a role on the model of that name, whether or not there is one.

    Args:
        actor: the person who requests, or a token of theirs.
        slug: the name of the model.
        role: one of `ROLES`.
        purpose: why it is needed; recorded, and visible to everyone who sees the model.
        until: when the role ends, at most `LONGEST` from now; None for `USUAL` from now.

    Returns:
        The open request.

    Raises:
        PermissionDeniedError: the actor is a process, a service account, or a token without `models:read` or limited to
            other models.
        ValidationFailedError: slug, purpose, end or role breaks a rule.
        ConflictError: the person has this role without an end, or an open request for this model.
        InvalidStateError: the person has `MOST_OPEN` open requests.
    """
    person = access.require_person(actor)
    access.require_scope(actor, "models:read")
    if person.kind != User.Kind.PERSON:
        raise PermissionDeniedError(
            "A service account cannot request a role: a person who may grant roles on the model grants it one.",
            code="person_required",
        )
    if actor.models is not None and slug not in actor.models:
        raise PermissionDeniedError(
            f"This token is limited to other models: {', '.join(sorted(actor.models))}.", code="token_limited"
        )
    requested, why, end = _checked(slug, role, purpose, until)
    # Serialises the requests of a person: the limits below count the open ones.
    User.objects.get_for_update(person.pk)
    waiting = AccessRequest.objects.filter(IS_CURRENT, person=person)
    existing = waiting.filter(slug=slug).first()
    if existing is not None:
        raise ConflictError(
            f"Your request {existing.pk} for {slug} waits for an answer: withdraw it before you request again.",
            code="already_asked",
            existing=existing,
        )
    if waiting.count() >= MOST_OPEN:
        raise InvalidStateError(
            f"{MOST_OPEN} of your requests wait for an answer: withdraw those you no longer need.", code="too_many_open"
        )
    model = RegisteredModel.objects.filter(slug=slug).first()
    lasting = Grant.objects.filter(
        active_grants_q(clock.now()),
        user=person,
        model=model,
        role=requested,
        model__isnull=False,
        expires_at__isnull=True,
    )
    if lasting.exists():
        raise ConflictError(f"You are {requested} on {slug} already, without an end.", code="already_granted")
    request = AccessRequest(uid=uuid4(), person=person, model=model, slug=slug, role=requested, purpose=why, until=end)
    event = _append(
        ACCESS_REQUESTED,
        actor,
        request,
        why,
        [
            Change("state", None, AccessRequest.REQUESTED),
            Change("role", None, str(requested)),
            Change("until", None, end.isoformat()),
        ],
    )
    request.opened_at, request.opened_event = event.happened_at, event.event_id
    with translate_unique_violation("/model", "A request of yours for this model waits already."):
        request.save(force_insert=True)
    return request


@transaction.atomic
def grant(
    *, actor: Actor, request: AccessRequest, until: datetime | None = None, reason: str | None = None
) -> AccessRequest:
    """Grant the requested role: the answer and the grant in one transaction.

    Args:
        actor: the person who grants it.
        request: the open request.
        until: an earlier end; None for the requested one.
        reason: kept with the events; a standard text if None.

    Raises:
        NotFoundError: the request, or its model, is not visible to the actor.
        PermissionDeniedError: the actor made the request, or does not have GRANT_ROLE on the model.
        InvalidStateError: the request was answered, or its requested end has passed.
        ValidationFailedError: the end is later than requested or in the past, or the account is deactivated.
        ConflictError: the person has the role without an end.
    """
    faults = ErrorCollector()
    why = faults.reason_if_given(reason) or "granted as it was asked for"
    faults.raise_if_any()
    request = _locked_to_answer(actor, request)
    if request.until <= clock.now():
        raise InvalidStateError("The requested time has passed: deny the request, or let it lapse.", code="over")
    if until is not None and until > request.until:
        faults.add("/until", "too_long", "The end cannot be later than requested: give an earlier time.")
    if until is not None and until <= clock.now():
        faults.add("/until", "past", "This time is in the past: give a future time.")
    if request.person.is_deactivated():
        faults.add("", "inactive", f"{request.person}'s account is deactivated: deny the request.")
    faults.raise_if_any()
    _close(actor, request, AccessRequest.Outcome.GRANTED, ACCESS_GRANTED, why)
    create_grant(
        actor=actor,
        role=Role(request.role),
        model=request.model,
        user=request.person,
        group=None,
        reason=f"asked for: {request.purpose}"[:5000],
        expires_at=until or request.until,
        answering=request,
    )
    return request


@transaction.atomic
def deny(*, actor: Actor, request: AccessRequest, reason: str) -> AccessRequest:
    """Deny the request, with the reason.

    Raises:
        NotFoundError: the request, or its model, is not visible to the actor.
        PermissionDeniedError: the actor made the request, or does not have GRANT_ROLE on the model.
        InvalidStateError: the request was answered.
        ValidationFailedError: the reason is empty.
    """
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    request = _locked_to_answer(actor, request)
    return _close(actor, request, AccessRequest.Outcome.DENIED, ACCESS_DENIED, why)


@transaction.atomic
def withdraw(*, actor: Actor, request: AccessRequest) -> AccessRequest:
    """Withdraw one's own request.

    Raises:
        NotFoundError: the request is not visible to the actor.
        PermissionDeniedError: the request belongs to another person.
        InvalidStateError: the request was answered.
    """
    _require_known(actor, request)
    if request.person.uid != actor.person:
        raise PermissionDeniedError(
            "Only the requester can withdraw a request; those who grant roles here can deny it.", code="somebody_elses"
        )
    access.require_person(actor)
    request = _locked(request)
    return _close(actor, request, AccessRequest.Outcome.WITHDRAWN, ACCESS_WITHDRAWN, "")


def overdue_ids() -> list[int]:
    """Return the keys of the requests that were not answered in time, oldest first; at most 200."""
    late = AccessRequest.objects.filter(
        IS_CURRENT, Q(opened_at__lte=clock.now() - ANSWER_DEADLINE) | Q(until__lte=clock.now())
    )
    return list(late.order_by("opened_at").values_list("pk", flat=True)[:200])


@transaction.atomic
def expire(request_id: int) -> bool:
    """Close a request that was not answered in time, as a named process. Idempotent.

    Returns:
        False if there is nothing to close.
    """
    request = AccessRequest.objects.select_related("model").filter(pk=request_id).first()
    if request is None:
        return False
    lock(request.model, None, None)
    request = _reread(request)
    now = clock.now()
    if request.closed_at is not None or (request.opened_at > now - ANSWER_DEADLINE and request.until > now):
        return False
    _close(ACCESS_KEEPER, request, AccessRequest.Outcome.LAPSED, ACCESS_LAPSED, "")
    return True


def _require_known(actor: Actor, request: AccessRequest) -> None:
    access.require_scope(actor, "models:read")
    if not can_see_access_request(actor, request):
        raise NotFoundError("There is no access request with this number that you may see.")


def _checked(slug: str, role: Role | str, purpose: str, until: datetime | None) -> tuple[Role, str, datetime]:
    faults = ErrorCollector()
    faults.model_slug("/model", slug)
    why = faults.clean_text("/purpose", purpose.strip(), 5_000, required=True)
    now = clock.now()
    end = until if until is not None else now + USUAL
    if end <= now:
        faults.add("/until", "past", "This time is in the past: give a future time.")
    elif end > now + LONGEST:
        faults.add("/until", "too_long", f"At most {LONGEST.days} days ahead; request again when they have passed.")
    if role not in ROLES:
        faults.add("/role", "unknown_role", f"This role cannot be requested; these can: {', '.join(ROLES)}.")
    faults.raise_if_any()
    return Role(role), why, end


def _locked_to_answer(actor: Actor, request: AccessRequest) -> AccessRequest:
    """Return the open request, locked, after all permission checks."""
    if request.person.uid == actor.person:
        raise PermissionDeniedError(
            "You cannot answer your own request: another person must answer it.", code="self_grant"
        )
    _require_known(actor, request)
    if request.model is None:
        raise NotFoundError(access.model_not_found_message(request.slug))
    lock(request.model, None, None)
    access.require_permission(actor, Permission.GRANT_ROLE, request.model)
    return _locked(request)


def _locked(request: AccessRequest) -> AccessRequest:
    if request.model is not None:
        lock(request.model, None, None)
    now = _reread(request)
    if now.closed_at is not None:
        raise InvalidStateError(
            f"This request is {now.state} already: nothing is left to answer.", code="already_answered"
        )
    return now


def _reread(request: AccessRequest) -> AccessRequest:
    rows = AccessRequest.objects.select_for_update(no_key=True, of=("self",)).select_related("person", "model")
    return rows.get(pk=request.pk)


def _close(
    actor: Actor, request: AccessRequest, outcome: AccessRequest.Outcome, action: Action, answer: str
) -> AccessRequest:
    event = _append(action, actor, request, answer or None, [Change("state", AccessRequest.REQUESTED, str(outcome))])
    request.outcome, request.answer, request.answered_by = outcome, answer, actor.id
    request.closed_at, request.closed_event = event.happened_at, event.event_id
    request.save(update_fields=["outcome", "answer", "answered_by", "closed_at", "closed_event"])
    return request


def _append(action: Action, actor: Actor, request: AccessRequest, reason: str | None, changes: list[Change]) -> Event:
    """Record the event in the stream of the model if there is one: only users who may see the model can read that
    stream.
    """
    model = request.model
    place = [ObjectRef("model", str(model.uid))] if model is not None else []
    return recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("access_request", str(request.uid)),
        stream=f"model:{model.uid}" if model is not None else "organisation",
        related_objects=[ObjectRef("person", request.person.uid), *place],
        changes=changes,
        data={"role": str(request.role), "person": request.person.uid},
        reason=reason,
    )
