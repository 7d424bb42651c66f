"""Reviewer groups: their names, and who is a member during which period."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from django.contrib.auth.models import Group
from django.db import transaction

from audit import clock, leaf, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access
from registry.actions import GROUP_CREATED, GROUP_UPDATED, MEMBERSHIP_ADDED, MEMBERSHIP_REMOVED
from registry.exceptions import ConflictError, NotFoundError, PermissionDeniedError
from registry.models import IS_CURRENT, Grant, Membership, ReviewerGroup, User, active_grants_q
from registry.services import change_proposals
from registry.services.look_alikes import refuse_look_alike
from registry.services.uniqueness import translate_unique_violation
from registry.validation import ErrorCollector


@transaction.atomic
def create_group(
    *, actor: Actor, slug: str, name: str, description: str = "", reason: str | None = None
) -> ReviewerGroup:
    """Create an empty reviewer group.

    Args:
        actor: an officer or a process.
        slug: the name that policies use; fixed.
        name: the display name.
        description: free text.
        reason: kept with the event, if given.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_GROUPS.
        ValidationFailedError: a field breaks a rule, or slug or name is taken or looks like another one.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
    faults = ErrorCollector()
    group = ReviewerGroup(
        uid=uuid4(),
        slug=faults.group_slug("/slug", slug),
        name=faults.name("/name", name, 150),
        description=faults.clean_text("/description", description, 5_000),
        created_at=clock.now(),
    )
    if ReviewerGroup.objects.filter(slug=slug).exists():
        faults.add("/slug", "taken", f"There is a group “{slug}” already: choose another slug.")
    _refuse_name(faults, group.name, None)
    slugs = ReviewerGroup.objects.values_list("slug", flat=True)
    refuse_look_alike(faults, "/slug", slug, slugs, "the slug of a group")
    why = faults.reason_if_given(reason)
    faults.raise_if_any()
    recorder.record_event(
        GROUP_CREATED,
        actor=actor,
        target=ObjectRef("group", str(group.uid)),
        stream=f"group:{group.uid}",
        changes=[
            Change("slug", None, group.slug),
            *(Change(f, None, PrivateValue(getattr(group, f))) for f in ("name", "description") if getattr(group, f)),
        ],
        reason=why,
    )
    with translate_unique_violation("/slug", f"There is a group “{slug}” or one of that name already: choose another."):
        group.save(force_insert=True)
    return group


def _refuse_name(faults: ErrorCollector, name: str, group: ReviewerGroup | None) -> None:
    """Group names are unique regardless of case and look-alikes, because people read policies and decisions by them."""
    others = Group.objects.exclude(pk=group.pk) if group is not None else Group.objects.all()
    if others.filter(name__iexact=name).exists():
        faults.add("/name", "taken", f"There is a group named “{name}” already: choose another name.")
    refuse_look_alike(faults, "/name", name, others.values_list("name", flat=True), "the name of a group")


@transaction.atomic
def update_group(
    *, actor: Actor, group: ReviewerGroup, name: str | None = None, description: str | None = None, reason: str
) -> ReviewerGroup:
    """Change a group's name and description; None keeps a field. The slug is fixed, because policies use it.

    If nothing differs, nothing is written.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_GROUPS.
        ValidationFailedError: a field breaks a rule, or the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
    group = ReviewerGroup.objects.select_for_update(no_key=True, of=("self",)).get(pk=group.pk)
    faults = ErrorCollector()
    why = faults.reason(reason)
    given: dict[str, str] = {}
    if name is not None:
        given["name"] = faults.name("/name", name, 150)
        _refuse_name(faults, given["name"], group)
    if description is not None:
        given["description"] = faults.clean_text("/description", description, 5_000)
    faults.raise_if_any()
    changed = {field: value for field, value in given.items() if getattr(group, field) != value}
    if not changed:
        return group
    recorder.record_event(
        GROUP_UPDATED,
        actor=actor,
        target=ObjectRef("group", str(group.uid)),
        stream=f"group:{group.uid}",
        changes=[
            Change(field, PrivateValue(getattr(group, field)) if getattr(group, field) else None, PrivateValue(value))
            for field, value in changed.items()
        ],
        reason=why,
    )
    for field, value in changed.items():
        setattr(group, field, value)
    with translate_unique_violation("/name", f"There is a group named “{group.name}” already: choose another name."):
        group.save(update_fields=list(changed))
    return group


Calling = Callable[[ReviewerGroup], bool]
_calling: list[Calling] = []


def register_calling(calls_upon: Calling) -> Calling:
    """Register a function that returns whether something outside the registry, such as a policy, requires a group."""
    _calling.append(calls_upon)
    return calls_upon


def is_governing(group: ReviewerGroup) -> bool:
    """Return whether membership of a group changes who governs: it has a governing role, or something requires it."""
    roles = [str(role) for role in access.GOVERNING_ROLES]
    holds = Grant.objects.filter(active_grants_q(clock.now()), group=group, model__isnull=True, role__in=roles)
    return holds.exists() or any(calls_upon(group) for calls_upon in _calling)


@transaction.atomic
def add_member(
    *,
    actor: Actor,
    group: ReviewerGroup,
    user: User,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    deputy: bool = False,
    reason: str,
    proposed_by: User | None = None,
) -> Membership:
    """Add a person to a group from `valid_from` until `valid_until`.

    A person adds to a governing group only with a second one: use `registry.services.governing.add_member`. A
    membership never begins before it is recorded, because membership is also evaluated for past times.

    Args:
        actor: an officer or a process.
        group: the group.
        user: the person.
        valid_from: the beginning, with time zone; None for now.
        valid_until: the end, with time zone; None for no end.
        deputy: whether the person is a deputy: informed by the escalation of a policy, and otherwise a member.
        reason: kept with the event.
        proposed_by: the proposer, if `registry.services.governing` applies a confirmed proposal.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_GROUPS, adds themselves, or needs a second person.
        ValidationFailedError: a time breaks a rule, the account is deactivated, or the reason is empty.
        ConflictError: the person has an open membership that has not expired (`existing`).
    """
    if proposed_by is None and is_governing(group):
        access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
        change_proposals.require_exempt(actor, f"Membership of {group.name}")
    _lock_group(group)
    why, existing = check_membership(
        actor=actor, group=group, user=user, valid_from=valid_from, valid_until=valid_until, reason=reason
    )
    begins = valid_from or clock.now()
    uid = uuid4()
    ended = [ObjectRef("membership", str(existing.uid))] if existing is not None else []
    event = recorder.record_event(
        MEMBERSHIP_ADDED,
        actor=actor,
        target=ObjectRef("membership", str(uid)),
        stream=f"group:{group.uid}",
        related_objects=[ObjectRef("group", str(group.uid)), ObjectRef("person", user.uid), *ended],
        data={
            **({"proposed_by": proposed_by.uid} if proposed_by is not None else {}),
            **({"deputy": True} if deputy else {}),
            "valid_from": leaf.timestamp(begins),
            "valid_until": leaf.timestamp(valid_until) if valid_until is not None else None,
        },
        reason=why,
    )
    if existing is not None:  # it has expired; now it is closed so that a new one can be opened
        existing.closed_at, existing.closed_event = event.happened_at, event.event_id
        existing.save(update_fields=["closed_at", "closed_event"])
    return Membership.objects.create(
        uid=uid,
        group=group,
        user=user,
        valid_from=begins,
        valid_until=valid_until,
        deputy=deputy,
        proposed_by=proposed_by,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )


def check_membership(
    *,
    actor: Actor,
    group: ReviewerGroup,
    user: User,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    reason: str,
) -> tuple[str, Membership | None]:
    """Check that the actor may add a membership and that it is possible now. Writes nothing.

    Returns:
        The cleaned reason, and the expired open membership that has to be closed, if any.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_GROUPS, or adds themselves.
        ValidationFailedError: see `add_member`.
        ConflictError: see `add_member`.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
    if user.uid == actor.person:
        raise PermissionDeniedError(
            "You cannot add yourself to a reviewer group: ask another officer.", code="self_grant"
        )
    faults = ErrorCollector()
    why = faults.reason(reason)
    now = clock.now()
    for pointer, moment in (("/valid_from", valid_from), ("/valid_until", valid_until)):
        if moment is not None and moment.utcoffset() is None:
            faults.add(pointer, "no_time_zone", "Give the moment with its time zone.")
    faults.raise_if_any()
    if valid_from is not None and valid_from < now:
        faults.add("/valid_from", "backdated", "A membership begins now or later: leave the moment out to begin now.")
    if valid_until is not None and valid_until <= max(valid_from or now, now):
        faults.add("/valid_until", "ends_before_it_begins", "A membership ends after it begins, and in the future.")
    if user.is_deactivated():
        faults.add("/user", "inactive", "This account is deactivated: reactivate it first.")
    faults.raise_if_any()
    existing = Membership.objects.filter(IS_CURRENT, group=group, user=user).first()
    if existing is not None and (existing.valid_until is None or existing.valid_until > now):
        raise ConflictError(
            f"{user} is entered in {group.name} already; remove that membership first to enter another span.",
            code="already_a_member",
            existing=existing,
        )
    return why, existing


@transaction.atomic
def remove_member(*, actor: Actor, group: ReviewerGroup, user: User, reason: str) -> Membership:
    """End the membership of a person in a group, from now on.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_GROUPS.
        ValidationFailedError: the reason is empty.
        NotFoundError: the person has no open membership.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_GROUPS)
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    _lock_group(group)
    membership = Membership.objects.filter(IS_CURRENT, group=group, user=user).first()
    if membership is None:
        raise NotFoundError(f"{user} is not entered in {group.name}.")
    event = recorder.record_event(
        MEMBERSHIP_REMOVED,
        actor=actor,
        target=ObjectRef("membership", str(membership.uid)),
        stream=f"group:{group.uid}",
        related_objects=[ObjectRef("group", str(group.uid)), ObjectRef("person", user.uid)],
        reason=why,
    )
    membership.closed_at, membership.closed_event = event.happened_at, event.event_id
    membership.save(update_fields=["closed_at", "closed_event"])
    return membership


def _lock_group(group: ReviewerGroup) -> None:
    ReviewerGroup.objects.select_for_update(no_key=True, of=("self",)).get(pk=group.pk)
