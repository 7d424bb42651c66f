"""Granting and revoking roles: temporal grants with their events. `stored_permissions` derives rows from them."""

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet

from audit import clock, recorder
from audit.actions import Action
from audit.actor import Actor, process
from audit.models import Event
from audit.recorder import Change, ObjectRef
from registry.access.groups import is_member
from registry.access.permissions import (
    GOVERNING_ROLES,
    ORGANISATION_ONLY,
    ROLE_PERMISSIONS,
    OrgPermission,
    Permission,
    Role,
)
from registry.access.policy import require_in_organisation, require_permission
from registry.access.stored_permissions import is_expired, sync_stored_permissions
from registry.actions import GRANT_EXPIRED, GRANT_GIVEN, GRANT_REVOKED
from registry.exceptions import ConflictError, InvalidStateError, PermissionDeniedError
from registry.models import (
    IS_CURRENT,
    AccessRequest,
    Grant,
    Membership,
    RegisteredModel,
    ReviewerGroup,
    User,
    active_grants_q,
)
from registry.validation import ErrorCollector

ACCESS_KEEPER = process("access-keeper")
"""The actor that closes expired grants."""


@transaction.atomic
def grant_role(
    *,
    actor: Actor,
    role: Role | str,
    model: RegisteredModel | None = None,
    user: User | None = None,
    group: ReviewerGroup | None = None,
    reason: str,
    expires_at: datetime | None = None,
) -> Grant:
    """Grant a role to a person or a group, on one model or, if `model` is None, organisation-wide.

    A person grants a governing role only with a second one: use `registry.services.governing.give_role`.

    Args:
        actor: the person or process that grants it.
        role: the role.
        model: the model; None for the whole organisation.
        user: the account that receives the role; exactly one of `user` and `group`.
        group: the group that receives the role.
        reason: kept with the event.
        expires_at: the time at which the role ends; None for no end.

    Returns:
        The grant.

    Raises:
        ValidationFailedError: the role is unknown or cannot be granted there or to that account, not exactly one
            subject is given, the end has passed, or the reason is empty.
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not grant roles here, grants one to themselves, or needs a second person.
        ConflictError: the role is already granted (`existing`).
    """
    given, why = _checked(role, model, user, group, reason, expires_at)
    lock(model, user, group)
    _require_giver(actor, model)
    _refuse_to_oneself(actor, user, group)
    if is_governing(given, model) and actor.person is not None:
        raise PermissionDeniedError(
            f"The role {given} needs a second person: propose it, and another officer confirms it.",
            code="second_person_required",
        )
    return create_grant(actor=actor, role=given, model=model, user=user, group=group, reason=why, expires_at=expires_at)


def grant_on(model: RegisteredModel, uid: UUID) -> Grant | None:
    """Return a grant on a model, closed or not, with its holder; None if there is none."""
    return Grant.objects.filter(model=model, uid=uid).select_related("model", "user", "group").first()


def check_organisation_role(
    *,
    actor: Actor,
    role: Role | str,
    user: User | None = None,
    group: ReviewerGroup | None = None,
    reason: str,
    expires_at: datetime | None = None,
) -> None:
    """Check that the actor may grant an organisation-wide role and that it is possible now. Writes nothing.

    Args and Raises: see `grant_role`.
    """
    given, _ = _checked(role, None, user, group, reason, expires_at)
    _require_giver(actor, None)
    _refuse_to_oneself(actor, user, group)
    existing = next((g for g in _current_grants(None, user, group) if g.role == given and not is_expired(g)), None)
    if existing is not None:
        raise _held_already(existing)


def _refuse_to_oneself(actor: Actor, user: User | None, group: ReviewerGroup | None) -> None:
    if user is not None and user.uid == actor.person:
        raise PermissionDeniedError(
            "You cannot assign a role to yourself: ask another person who may assign it.", code="self_grant"
        )
    if group is not None and actor.person is not None and is_member(User.objects.get(uid=actor.person), group):
        raise PermissionDeniedError(
            f"You belong to {group.name}, and cannot assign a role to it: ask another person.",
            code="self_grant",
        )


def _held_already(existing: Grant) -> ConflictError:
    return ConflictError(
        f"{existing.user or existing.group} holds the role {existing.role} already{_until(existing)}.",
        code="already_granted",
        existing=existing,
    )


def is_governing(role: Role | str, model: RegisteredModel | None) -> bool:
    """Return whether a role governs the organisation, so that two people grant it."""
    return model is None and role in GOVERNING_ROLES


@transaction.atomic
def grant_confirmed_role(
    *,
    actor: Actor,
    role: Role | str,
    user: User | None = None,
    group: ReviewerGroup | None = None,
    reason: str,
    expires_at: datetime | None = None,
) -> Grant:
    """Grant an organisation-wide role that a second officer, the actor, confirmed.

    Only for `registry.services.governing`, which checks who may propose and who may confirm.

    Raises:
        ValidationFailedError: see `grant_role`.
        ConflictError: see `grant_role`.
    """
    given, why = _checked(role, None, user, group, reason, expires_at)
    lock(None, user, group)
    return create_grant(actor=actor, role=given, model=None, user=user, group=group, reason=why, expires_at=expires_at)


def create_grant(
    *,
    actor: Actor,
    role: Role,
    model: RegisteredModel | None,
    user: User | None,
    group: ReviewerGroup | None,
    reason: str,
    expires_at: datetime | None = None,
    answering: AccessRequest | None = None,
    of_new_model: bool = False,
    following: Event | None = None,
) -> Grant:
    """Write a grant, its event and the guardian rows, without permission checks. The caller holds the lock.

    For `grant_role`, for `registry.services.models`, where registering a model creates its owner, and for
    `registry.services.access_requests`.

    Args:
        actor: the actor of the event.
        role: the role.
        model: the model; None for the whole organisation.
        user: the account, or
        group: the group that receives the role.
        reason: kept with the event.
        expires_at: the time at which the role ends; None for no end.
        answering: the access request that is granted. A role that was to end is then renewed: the old grant is closed.
        of_new_model: the model was created in this transaction, so it has no grants yet.
        following: the last event of the stream; see `previous_event` of `recorder.record_event`.

    Raises:
        ConflictError: the role is already granted (`existing`).
    """
    current = [] if of_new_model else _current_grants(model, user, group)
    existing = next((grant for grant in current if grant.role == role), None)
    if existing is not None:
        if is_expired(existing):
            close_grant(ACCESS_KEEPER, existing, GRANT_EXPIRED, "its time was over")
        elif answering is not None and existing.expires_at is not None:
            close_grant(actor, existing, GRANT_REVOKED, "renewed: another grant of the same role takes its place")
        else:
            raise _held_already(existing)
    uid = uuid4()
    event = _append(
        GRANT_GIVEN,
        actor,
        uid,
        role,
        model,
        user,
        group,
        reason,
        before=None,
        after=str(role),
        expires_at=expires_at,
        following=following,
    )
    grant = Grant.objects.create(
        uid=uid,
        role=role,
        model=model,
        user=user,
        group=group,
        granted_by=actor.id,
        expires_at=expires_at,
        answers=answering,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )
    sync_stored_permissions(model, user, group, [*current, grant], of_new_model=of_new_model)
    return grant


@transaction.atomic
def revoke_role(*, actor: Actor, grant: Grant, reason: str) -> Grant:
    """Revoke a grant. Other grants of the subject stay.

    Raises:
        ValidationFailedError: the reason is empty.
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not grant roles here.
        InvalidStateError: it is already revoked or expired, or the model would have no active owner.
    """
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    lock(grant.model, grant.user, grant.group)
    _require_giver(actor, grant.model)
    grant = locked(grant.pk)
    if grant.closed_at is not None or is_expired(grant):
        raise InvalidStateError("This role is already revoked or expired.", code="already_revoked")
    _keep_an_owner(grant)
    close_grant(actor, grant, GRANT_REVOKED, why)
    return grant


def close_grant(actor: Actor, grant: Grant, action: Action, reason: str) -> None:
    """Close a grant with its event, without permission checks. The caller holds the locks and has re-read the row."""
    role = Role(grant.role)
    event = _append(
        action, actor, grant.uid, role, grant.model, grant.user, grant.group, reason, before=str(role), after=None
    )
    grant.closed_at, grant.closed_event = event.happened_at, event.event_id
    grant.save(update_fields=["closed_at", "closed_event"])
    sync_stored_permissions(grant.model, grant.user, grant.group, _current_grants(grant.model, grant.user, grant.group))


def locked(pk: int) -> Grant:
    """Return the grant as it is now, locked until the transaction ends."""
    return (
        Grant.objects.select_for_update(no_key=True, of=("self",)).select_related("model", "user", "group").get(pk=pk)
    )


def lock(model: RegisteredModel | None, user: User | None, group: ReviewerGroup | None) -> None:
    """Lock the model, or for organisation-wide roles the subject, so that derived rows have one writer at a time."""
    if model is not None:
        RegisteredModel.objects.get_for_update(model.pk)
    elif user is not None:
        User.objects.get_for_update(user.pk)
    elif group is not None:
        ReviewerGroup.objects.select_for_update(no_key=True, of=("self",)).get(pk=group.pk)


def _checked(
    role: Role | str,
    model: RegisteredModel | None,
    user: User | None,
    group: ReviewerGroup | None,
    reason: str,
    expires_at: datetime | None,
) -> tuple[Role, str]:
    faults = ErrorCollector()
    why = faults.reason(reason)
    if (user is None) == (group is None):
        faults.add("/subject", "one_subject", "Name one subject: a person or a group.")
    if expires_at is not None and expires_at <= clock.now():
        faults.add("/expires_at", "past", "This time is in the past: give a future time, or none for no end.")
    try:
        given = Role(role)
    except ValueError:
        faults.add("/role", "unknown_role", f"Unknown role; the roles are: {', '.join(Role)}.")
        faults.raise_if_any()
        raise
    if model is not None and given in ORGANISATION_ONLY:
        faults.add("/role", "organisation_only", f"{given} is given for the whole organisation only: name no model.")
    if user is not None and user.is_deactivated():
        faults.add("/subject", "inactive", "This account is deactivated: reactivate it first.")
    if user is not None and user.kind == User.Kind.SERVICE and not _fit_for_machines(given):
        faults.add("/role", "service_account", f"A service account cannot be {given}: a person has to be.")
    faults.raise_if_any()
    return given, why


def _fit_for_machines(role: Role) -> bool:
    return Permission.DECIDE not in ROLE_PERMISSIONS[role] and role not in (Role.OFFICER, Role.ADMINISTRATOR)


def _until(grant: Grant) -> str:
    if grant.expires_at is None:
        return ": nothing is to be given"
    return f", until {grant.expires_at:%Y-%m-%d %H:%M} UTC: revoke that grant first, or wait until it ends"


def _require_giver(actor: Actor, model: RegisteredModel | None) -> None:
    if model is not None:
        require_permission(actor, Permission.GRANT_ROLE, model)
    else:
        require_in_organisation(actor, OrgPermission.MANAGE_PEOPLE)


def _keep_an_owner(grant: Grant) -> None:
    """Raise InvalidStateError if the model would have no active person as owner. A grant with an end does not
    replace one without.
    """
    if grant.model is None or grant.role != Role.OWNER:
        return
    others = Grant.objects.filter(active_grants_q(clock.now()), model=grant.model, role=Role.OWNER).exclude(pk=grant.pk)
    if grant.expires_at is None:
        others = others.filter(expires_at__isnull=True)
    if _of_active_accounts(Grant.objects.filter(pk=grant.pk)).exists() and not _of_active_accounts(others).exists():
        raise InvalidStateError(
            f"{grant.user or grant.group} is the last active owner of {grant.model.slug}: make another person owner "
            "without an end, then revoke this role.",
            code="last_owner",
        )


def _of_active_accounts(grants: QuerySet[Grant]) -> QuerySet[Grant]:
    """Return those through which at least one active person has the role."""
    people = User.objects.filter(is_active=True, kind=User.Kind.PERSON)
    members = Membership.effective(clock.now()).filter(user__in=people)
    return grants.filter(Q(user__in=people) | Q(group_id__in=members.values("group_id")))


def _append(
    action: Action,
    actor: Actor,
    uid: UUID,
    role: Role,
    model: RegisteredModel | None,
    user: User | None,
    group: ReviewerGroup | None,
    reason: str,
    *,
    before: str | None,
    after: str | None,
    expires_at: datetime | None = None,
    following: Event | None = None,
) -> Event:
    subject = ObjectRef("person", user.uid) if user is not None else ObjectRef("group", str(group.uid if group else ""))
    place = [ObjectRef("model", str(model.uid))] if model is not None else []
    ends = [Change("expires_at", None, expires_at.isoformat())] if expires_at is not None else []
    return recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("grant", str(uid)),
        stream=f"model:{model.uid}" if model is not None else "organisation",
        related_objects=[subject, *place],
        changes=[Change("role", before, after), *ends],
        data={"role": str(role), "subject": subject.as_leaf(), "model": str(model.uid) if model is not None else None},
        reason=reason,
        previous_event=following,
    )


def _current_grants(model: RegisteredModel | None, user: User | None, group: ReviewerGroup | None) -> list[Grant]:
    return list(Grant.objects.filter(IS_CURRENT, model=model, user=user, group=group))
