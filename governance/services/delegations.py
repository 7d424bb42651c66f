"""Delegations of decisions: a member of reviewer groups grants one with their signature, and it is revoked or ends."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction

from audit import clock, leaf, recorder
from audit.actions import Action
from audit.actor import Actor, ActorKind, process
from audit.recorder import ObjectRef
from governance import task_queue
from governance.actions import DELEGATION_ENDED, DELEGATION_GRANTED, DELEGATION_REVOKED
from governance.models import Delegation, PromotionRequest
from governance.selectors.delegations import can_see_delegation
from registry import access, selectors
from registry.exceptions import ConflictError, NotFoundError, PermissionDeniedError
from registry.models import IS_CURRENT, Membership, RegisteredModel, User
from registry.services import sign_in
from registry.validation import ErrorCollector

LONGEST = timedelta(days=90)
"""Longest period of a delegation: who is away for longer leaves the group, and an officer adds another member."""
EARLIEST = timedelta(days=365)
"""How far ahead a delegation may begin."""
MEANING = (
    "I delegate my decisions to {name}, within this scope and period. A decision that {name} signs takes my place."
)
"""The meaning of the signature of a delegation.

Source: 21 CFR 11.50(a)(3).
"""
TIERS = (1, 2, 3)

KEEPER = process("access-keeper")
BATCH_SIZE = 200


def grant_delegation(
    *,
    actor: Actor,
    delegate: str,
    groups: Collection[str] = (),
    models: Collection[str] = (),
    tiers: Collection[int] = (),
    valid_from: datetime | None = None,
    valid_until: datetime,
    reason: str = "",
    password: str,
) -> Delegation:
    """Delegate the actor's decisions as a member of reviewer groups to another person for a period.

    The delegate gets no permission: a decision counts only where the delegate may view the model, the delegator is a
    reviewer of the request at that time, and no rule of the separation of duties excludes either of them. Delegations
    do not form chains: a person who delegates in a period does not decide for others in it.

    Args:
        actor: the delegator, signed in; tokens and processes cannot delegate.
        delegate: user name of the person who decides.
        groups: slugs of reviewer groups of the actor; empty for all of them.
        models: names of models; empty for all.
        tiers: risk tiers; empty for all.
        valid_from: the beginning, with time zone; None for now.
        valid_until: the end, with time zone; at most `LONGEST` after the beginning.
        reason: why; kept with the event.
        password: the actor's password, entered for this signature, with the code of a second factor if there is one.

    Returns:
        The delegation.

    Raises:
        PermissionDeniedError: the actor is no signed-in person (`tokens_do_not_decide`), a superuser, or in no
            reviewer group (`not_a_reviewer`).
        ValidationFailedError: a field breaks a rule, or the password is missing or wrong.
        ConflictError: it would form a chain or a circle (`delegation_chain`), or there is one between the two already
            in this period (`already_delegated`).
    """
    person = access.require_person(actor)
    if actor.kind is not ActorKind.PERSON:
        raise PermissionDeniedError(
            "Tokens and processes cannot delegate: a reviewer signs in and enters the password again.",
            code="tokens_do_not_decide",
        )
    memberships = Membership.effective_or_later(clock.now()).filter(user=person)
    held = set(memberships.values_list("group__slug", flat=True))
    if not held or person.is_superuser:
        raise PermissionDeniedError(
            "You are in no reviewer group, or a superuser, so there is no decision to delegate.", code="not_a_reviewer"
        )
    begins = clock.now() if valid_from is None else valid_from
    faults = ErrorCollector()
    to = _checked_delegate(faults, person, delegate)
    for slug in sorted(set(groups) - held):
        faults.add("/groups", "not_a_member", f"You are not a member of {slug}: you delegate only your own decisions.")
    chosen = _checked_models(faults, actor, to, models)
    if wrong := sorted(set(tiers) - set(TIERS)):
        faults.add("/tiers", "unknown_tier", f"There is no tier {wrong[0]}: the tiers are 1, 2 and 3.")
    _check_period(faults, valid_from, valid_until)
    why = faults.clean_text("/reason", reason.strip(), 5_000)
    faults.raise_if_any()
    assert to is not None  # otherwise there is a fault
    # Verified before the locks are taken: password hashing takes a tenth of a second.
    method = sign_in.reauthenticate(person, password, pointer="/password")
    with transaction.atomic():
        for pk in sorted((person.pk, to.pk)):
            User.objects.get_for_update(pk)
        _require_no_chain(person, to, begins, valid_until)
        scope = (sorted(set(groups)), chosen, sorted(set(tiers)))
        return _create(actor, person, to, scope, begins, valid_until, why, method)


def _checked_delegate(faults: ErrorCollector, person: User, username: str) -> User | None:
    found = selectors.account_by_username(username.strip()) if username.strip() else None
    if found is None or not found.is_active:
        faults.add("/delegate", "unknown_person", f"There is no active account with the user name “{username}”.")
    elif found.pk == person.pk:
        faults.add("/delegate", "to_oneself", "Name another person: you decide for yourself without a delegation.")
    elif found.kind != User.Kind.PERSON:
        faults.add("/delegate", "service_account", "A service account does not decide: name a person.")
    elif found.is_superuser:
        faults.add("/delegate", "superuser", "A superuser does not decide (SoD-4): name another person.")
    else:
        return found
    return None


def _checked_models(
    faults: ErrorCollector, actor: Actor, delegate: User | None, names: Collection[str]
) -> list[RegisteredModel]:
    """Return the models of these names that the actor sees; a fault for each other one, and for each that the delegate
    may not view.
    """
    found = {model.slug: model for model in access.visible_models(actor).filter(slug__in=set(names))}
    for name in sorted(set(names) - found.keys()):
        faults.add("/models", "unknown_model", f"There is no model “{name}” that you can see.")
    for slug, model in sorted(found.items()):
        if delegate is not None and not access.filter_users_with_permission([delegate], access.Permission.VIEW, model):
            faults.add(
                "/models",
                "cannot_view",
                f"{delegate.name} may not view {slug}, so no decision of theirs counts there: an owner of the model "
                "can make them a viewer.",
            )
    return [found[slug] for slug in sorted(found)]


def _check_period(faults: ErrorCollector, valid_from: datetime | None, valid_until: datetime) -> None:
    now = clock.now()
    for pointer, moment in (("/valid_from", valid_from), ("/valid_until", valid_until)):
        if moment is not None and moment.utcoffset() is None:
            faults.add(pointer, "no_time_zone", "Give the moment with its time zone.")
    faults.raise_if_any()
    begins = now if valid_from is None else valid_from
    if begins < now:
        faults.add("/valid_from", "backdated", "A delegation begins now or later: leave the day out to begin now.")
    elif begins > now + EARLIEST:
        faults.add("/valid_from", "too_far_ahead", f"A delegation begins within {EARLIEST.days} days.")
    if valid_until <= max(begins, now):
        faults.add("/valid_until", "ends_before_it_begins", "A delegation ends after it begins, and in the future.")
    elif valid_until > begins + LONGEST:
        faults.add("/valid_until", "too_long", f"A delegation lasts at most {LONGEST.days} days.")


def _require_no_chain(person: User, to: User, begins: datetime, ends: datetime) -> None:
    """Raise ConflictError if the delegation would overlap one that makes it a chain, a circle or a duplicate."""
    overlapping = Delegation.objects.filter(
        closed_at__isnull=True, valid_from__lt=ends, valid_until__gt=max(begins, clock.now())
    )
    onwards = overlapping.filter(delegator=to).select_related("delegate").first()
    if onwards is not None:
        back = "you" if onwards.delegate_id == person.pk else onwards.delegate.name
        raise ConflictError(
            f"{to.name} delegates to {back} in this period, and a delegation is not passed on: choose another person "
            "or other days.",
            code="delegation_chain",
        )
    received = overlapping.filter(delegate=person).select_related("delegator").first()
    if received is not None:
        raise ConflictError(
            f"You decide for {received.delegator.name} in this period, so you cannot delegate in it: choose other "
            "days, or end that delegation first.",
            code="delegation_chain",
        )
    existing = overlapping.filter(delegator=person, delegate=to).first()
    if existing is not None:
        raise ConflictError(
            f"You delegate to {to.name} in this period already: revoke that delegation to grant another one.",
            code="already_delegated",
            existing=existing,
        )


def _create(
    actor: Actor,
    person: User,
    to: User,
    scope: tuple[list[str], list[RegisteredModel], list[int]],
    begins: datetime,
    ends: datetime,
    reason: str,
    method: str,
) -> Delegation:
    groups, models, tiers = scope
    uid = uuid4()
    meaning = MEANING.format(name=to.name)
    event = recorder.record_event(
        DELEGATION_GRANTED,
        actor=actor,
        target=ObjectRef("delegation", str(uid)),
        stream=f"person:{person.uid}",
        related_objects=[
            ObjectRef("person", person.uid),
            ObjectRef("person", to.uid),
            *(ObjectRef("model", str(model.uid)) for model in models),
        ],
        data={
            "delegate": to.uid,
            "groups": groups,
            "models": [str(model.uid) for model in models],
            "tiers": tiers,
            "valid_from": leaf.timestamp(begins),
            "valid_until": leaf.timestamp(ends),
            "method": method,
            "signed_name": recorder.PrivateValue(person.name),
            "meaning": recorder.PrivateValue(meaning),
        },
        reason=reason or None,
    )
    return Delegation.objects.create(
        uid=uid,
        delegator=person,
        delegate=to,
        groups=groups,
        model_uids=[str(model.uid) for model in models],
        tiers=tiers,
        valid_from=begins,
        valid_until=ends,
        reason=reason,
        signed_name=person.name,
        signed_meaning=meaning,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )


def revoke_delegation(*, actor: Actor, uid: UUID, reason: str = "") -> Delegation:
    """End a delegation from now on. Decisions that the delegate signed in the delegator's place on open requests are
    invalidated.

    Args:
        actor: the delegator, the delegate, or an officer who manages reviewer groups; signed in.
        uid: the delegation.
        reason: why; required of an officer.

    Returns:
        The closed delegation.

    Raises:
        NotFoundError: there is no such delegation that the actor can see.
        PermissionDeniedError: the actor may see but not revoke it.
        ValidationFailedError: the reason is missing or breaks a rule.
        ConflictError: it has ended already (`delegation_ended`).
    """
    person = access.require_person(actor)
    with transaction.atomic():
        found = Delegation.objects.select_related("delegator", "delegate").filter(uid=uid).first()
        if found is None or not can_see_delegation(actor, found):
            raise NotFoundError("There is no such delegation that you can see.")
        if actor.kind is not ActorKind.PERSON:
            raise PermissionDeniedError(
                "Tokens cannot revoke a delegation: sign in and revoke it on the page.", code="tokens_do_not_decide"
            )
        own = person.pk in (found.delegator_id, found.delegate_id)
        if not own:
            access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
        faults = ErrorCollector()
        why = faults.clean_text("/reason", reason.strip(), 5_000, required=not own)
        faults.raise_if_any()
        locked = _lock(found.pk)
        if locked.closed_at is not None or locked.valid_until <= clock.now():
            raise ConflictError("This delegation has ended already.", code="delegation_ended", existing=found)
        _close(actor, locked, DELEGATION_REVOKED, why)
        return locked


def expired_delegation_ids() -> list[int]:
    """Return the keys of delegations whose period is over and whose rows are open; at most `BATCH_SIZE`."""
    ended = Delegation.objects.filter(IS_CURRENT, valid_until__lte=clock.now()).order_by("valid_until", "pk")
    return list(ended.values_list("pk", flat=True)[:BATCH_SIZE])


@transaction.atomic
def close_expired_delegation(delegation_id: int) -> bool:
    """Close a delegation whose period is over, with its event. Idempotent.

    Returns:
        False if there is nothing to close.
    """
    locked = _lock(delegation_id)
    if locked.closed_at is not None or locked.valid_until > clock.now():
        return False
    _close(KEEPER, locked, DELEGATION_ENDED, "")
    return True


def _lock(delegation_id: int) -> Delegation:
    rows = Delegation.objects.select_related("delegator", "delegate").select_for_update(no_key=True, of=("self",))
    return rows.get(pk=delegation_id)


def _close(actor: Actor, delegation: Delegation, action: Action, reason: str) -> None:
    event = recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("delegation", str(delegation.uid)),
        stream=f"person:{delegation.delegator.uid}",
        related_objects=[
            ObjectRef("person", delegation.delegator.uid),
            ObjectRef("person", delegation.delegate.uid),
        ],
        data={"delegate": delegation.delegate.uid},
        reason=reason or None,
    )
    delegation.closed_at, delegation.closed_event = event.happened_at, event.event_id
    delegation.save(update_fields=["closed_at", "closed_event"])
    # The decisions stop counting now; evaluating the requests again records that they lapsed.
    signed = delegation.decisions.filter(lapsed_at__isnull=True, request__state__in=PromotionRequest.LIVE)
    for number in signed.order_by("request_id").values_list("request_id", flat=True):
        task_queue.enqueue_on_commit(task_queue.SETTLE_REQUEST, number)
