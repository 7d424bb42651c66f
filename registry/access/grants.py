"""Giving and taking roles: dated grants with their events, and guardian's rows that follow from them."""

from uuid import UUID, uuid4

from django.contrib.auth.models import Permission as PermissionRow
from django.db import transaction
from django.db.models import Q

from audit import recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, Thing
from registry.access.groups import is_member
from registry.access.matrix import require, require_in_organisation
from registry.access.vocabulary import (
    ORGANISATION_ONLY,
    ROLE_PERMISSIONS,
    OrgPermission,
    Permission,
    Role,
)
from registry.actions import GRANT_GIVEN, GRANT_REVOKED
from registry.exceptions import Conflict, NotNow, NotPermitted
from registry.models import (
    OPEN,
    Grant,
    ModelGroupPermission,
    ModelUserPermission,
    RegisteredModel,
    ReviewerGroup,
    User,
)
from registry.rules import Faults


@transaction.atomic
def grant_role(
    *,
    actor: Actor,
    role: Role | str,
    model: RegisteredModel | None = None,
    user: User | None = None,
    group: ReviewerGroup | None = None,
    reason: str,
) -> Grant:
    """Give a role to a person or a group, on one model or, where `model` is None, in the whole organisation.

    Raises InvalidInput for an unknown role, a role that cannot be given there or to that account, not exactly one
    subject, or no reason; NotFound and NotPermitted as `require` says, and where somebody would give themselves a role;
    Conflict, with `existing`, where the role is given already.
    """
    given, why = _checked(role, model, user, group, reason)
    _lock(model, user, group)
    _require_giver(actor, model)
    if user is not None and user.uid == actor.person:
        raise NotPermitted("Nobody gives themselves a role: ask another person who may give it.", code="self_grant")
    if group is not None and actor.person is not None:
        giver = User.objects.get(uid=actor.person)
        if is_member(giver, group):
            raise NotPermitted(
                f"You belong to {group.name}, and nobody gives themselves a role: ask another person who may give it.",
                code="self_grant",
            )
    return open_grant(actor=actor, role=given, model=model, user=user, group=group, reason=why)


def open_grant(
    *,
    actor: Actor,
    role: Role,
    model: RegisteredModel | None,
    user: User | None,
    group: ReviewerGroup | None,
    reason: str,
) -> Grant:
    """Write the grant, its event and what follows from it, with no question of permission: for `grant_role`, and for
    `registry.services.models`, where registering a model makes its owner. The caller holds the lock."""
    existing = Grant.objects.filter(OPEN, model=model, user=user, group=group, role=role).first()
    if existing is not None:
        raise Conflict(
            f"{existing.user or existing.group} holds the role {role} already: nothing is to be given.",
            code="already_granted",
            existing=existing,
        )
    uid = uuid4()
    event = _append(GRANT_GIVEN, actor, uid, role, model, user, group, reason, before=None, after=str(role))
    grant = Grant.objects.create(
        uid=uid,
        role=role,
        model=model,
        user=user,
        group=group,
        granted_by=actor.id,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )
    _follow(model, user, group)
    return grant


@transaction.atomic
def revoke_role(*, actor: Actor, grant: Grant, reason: str) -> Grant:
    """Take a role back. What the subject holds by other grants stays.

    Raises InvalidInput without a reason; NotFound and NotPermitted as `require` says; NotNow where it was taken
    already.
    """
    faults = Faults()
    why = faults.reason(reason)
    faults.refuse()
    _lock(grant.model, grant.user, grant.group)
    _require_giver(actor, grant.model)
    grant = (
        Grant.objects.select_for_update(no_key=True, of=("self",))
        .select_related("model", "user", "group")
        .get(pk=grant.pk)
    )
    if grant.closed_at is not None:
        raise NotNow("This role was taken back already: nothing is left to revoke.", code="already_revoked")
    role = Role(grant.role)
    event = _append(
        GRANT_REVOKED, actor, grant.uid, role, grant.model, grant.user, grant.group, why, before=str(role), after=None
    )
    grant.closed_at, grant.closed_event = event.happened_at, event.event_id
    grant.save(update_fields=["closed_at", "closed_event"])
    _follow(grant.model, grant.user, grant.group)
    return grant


def _checked(
    role: Role | str, model: RegisteredModel | None, user: User | None, group: ReviewerGroup | None, reason: str
) -> tuple[Role, str]:
    faults = Faults()
    why = faults.reason(reason)
    if (user is None) == (group is None):
        faults.add("/subject", "one_subject", "Name one subject: a person or a group.")
    try:
        given = Role(role)
    except ValueError:
        faults.add("/role", "unknown_role", f"Unknown role; the roles are: {', '.join(Role)}.")
        faults.refuse()
        raise
    if model is not None and given in ORGANISATION_ONLY:
        faults.add("/role", "organisation_only", f"{given} is given for the whole organisation only: name no model.")
    if user is not None and user.left():
        faults.add("/subject", "inactive", "This account is deactivated: reactivate it first.")
    if user is not None and user.kind == User.Kind.SERVICE and not _fit_for_machines(given):
        faults.add("/role", "service_account", f"A service account cannot be {given}: a person has to be.")
    faults.refuse()
    return given, why


def _fit_for_machines(role: Role) -> bool:
    return Permission.DECIDE not in ROLE_PERMISSIONS[role] and role not in (Role.OFFICER, Role.ADMINISTRATOR)


def _require_giver(actor: Actor, model: RegisteredModel | None) -> None:
    if model is not None:
        require(actor, Permission.GRANT_ROLE, model)
    else:
        require_in_organisation(actor, OrgPermission.MANAGE_PEOPLE)


def _lock(model: RegisteredModel | None, user: User | None, group: ReviewerGroup | None) -> None:
    """One writer at a time for what follows from the grants of a model, or for a subject's organisation-wide roles."""
    if model is not None:
        RegisteredModel.objects.select_for_update(no_key=True, of=("self",)).get(pk=model.pk)
    elif user is not None:
        User.objects.select_for_update(no_key=True, of=("self",)).get(pk=user.pk)
    elif group is not None:
        ReviewerGroup.objects.select_for_update(no_key=True, of=("self",)).get(pk=group.pk)


def _append(
    action: str,
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
) -> Event:
    subject = Thing("person", user.uid) if user is not None else Thing("group", str(group.uid if group else ""))
    place = [Thing("model", str(model.uid))] if model is not None else []
    return recorder.append(
        action,
        actor=actor,
        thing=Thing("grant", str(uid)),
        stream=f"model:{model.uid}" if model is not None else "organisation",
        related=[subject, *place],
        changes=[Change("role", before, after)],
        data={"role": str(role), "subject": subject.as_leaf(), "model": str(model.uid) if model is not None else None},
        reason=reason,
    )


def _follow(model: RegisteredModel | None, user: User | None, group: ReviewerGroup | None) -> None:
    """Make guardian's rows of this subject on this model equal to the union of its open grants there."""
    if model is None:
        return
    roles = Grant.objects.filter(OPEN, model=model, user=user, group=group).values_list("role", flat=True)
    wanted = {str(permission) for role in roles for permission in ROLE_PERMISSIONS[Role(role)]}
    rows = PermissionRow.objects.filter(
        Q(codename__in=wanted), content_type__app_label="registry", content_type__model="registeredmodel"
    )
    if user is not None:
        held = ModelUserPermission.objects.filter(content_object=model, user=user)
        held.exclude(permission__in=rows).delete()
        ModelUserPermission.objects.bulk_create(
            [ModelUserPermission(content_object=model, user=user, permission=row) for row in rows],
            ignore_conflicts=True,
        )
    if group is not None:
        held_by_group = ModelGroupPermission.objects.filter(content_object=model, group=group)
        held_by_group.exclude(permission__in=rows).delete()
        ModelGroupPermission.objects.bulk_create(
            [ModelGroupPermission(content_object=model, group=group, permission=row) for row in rows],
            ignore_conflicts=True,
        )
