"""Who holds a role on a model that an approval rule can name: its owner, its validators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Q

from audit import clock
from audit import selectors as log
from audit.models import Event
from governance.policies import Joining
from governance.policies.approval_roles import OWNER, VALIDATORS, is_role
from registry import access
from registry.actions import MODEL_UPDATED
from registry.models import Grant, Membership, RegisteredModel, User, active_grants_q


@dataclass(frozen=True)
class RoleHolder:
    """A person with the roles that they hold on one model: when and by whom each was given."""

    user: User
    roles: Mapping[str, Joining]


Holders = Mapping[int, Mapping[int, RoleHolder]]
"""Holders by the primary key of the model and that of the person."""


def role_holders(models: Collection[RegisteredModel], called: Collection[str]) -> Holders:
    """Return who holds those of the called roles on models. At most six queries; none if no role is called.

    Args:
        models: the models, with their owners joined.
        called: the groups and roles that policies require.
    """
    roles = {name for name in called if is_role(name)}
    found: defaultdict[int, dict[int, RoleHolder]] = defaultdict(dict)
    if not roles or not models:
        return {}
    given: list[tuple[int, User, str, Joining]] = []
    if OWNER in roles:
        given += _owners(models)
    if VALIDATORS in roles:
        given += _validators(models)
    for model, user, role, joining in given:
        holder = found[model].get(user.pk) or RoleHolder(user, {})
        earlier = holder.roles.get(role)
        if earlier is None or joining.at < earlier.at:
            found[model][user.pk] = RoleHolder(user, {**holder.roles, role: joining})
    return found


def _owners(models: Collection[RegisteredModel]) -> list[tuple[int, User, str, Joining]]:
    """Return the active owners who can see their model. A later owner was named by the actor of that change; the
    owner since the registration was named by no one who could have had a request in mind.
    """
    people = User.objects.in_bulk_prepared({model.owner_id for model in models})
    able = access.users_with_permission_by_model(
        people.values(), access.Permission.VIEW, {model.pk for model in models}
    )
    named = _last_naming(models)
    return [
        (model.pk, owner, OWNER, named.get(model.pk, Joining(model.created_at, frozenset())))
        for model in models
        if (owner := people.get(model.owner_id or 0)) is not None and owner.is_active and owner.pk in able[model.pk]
    ]


def _last_naming(models: Collection[RegisteredModel]) -> dict[int, Joining]:
    """Return when and by whom the owner of each model was last changed. Models with their first owner are missing."""
    by_uid = {str(model.uid): model.pk for model in models}
    streams = [f"model:{uid}" for uid in by_uid]
    found: dict[int, Joining] = {}
    for event in Event.objects.filter(stream_id__in=streams, action=MODEL_UPDATED).order_by("-id"):
        key = by_uid.get(str(event.body["object"]["id"]))
        if key is not None and key not in found and any(c["field"] == "owner" for c in event.body.get("changes", ())):
            found[key] = Joining(event.happened_at, frozenset({event.actor_id}))
    return found


def _validators(models: Collection[RegisteredModel]) -> list[tuple[int, User, str, Joining]]:
    now = clock.now()
    held = Grant.objects.filter(
        active_grants_q(now), Q(model__in=models) | Q(model__isnull=True), role=access.Role.VALIDATOR
    ).select_related("user")
    grants = list(held)
    groups = {grant.group_id for grant in grants if grant.group_id is not None}
    rows = (
        list(Membership.effective(now).filter(group_id__in=groups).select_related("user", "proposed_by"))
        if groups
        else []
    )
    actors = log.actor_ids_by_event([row.opened_event for row in rows])
    found = []
    for grant in grants:
        on = [model.pk for model in models] if grant.model_id is None else [grant.model_id]
        people = [(grant.user, grant.opened_at, {grant.granted_by})] if grant.user is not None else []
        for row in rows:
            if row.group_id == grant.group_id:
                by = {grant.granted_by, actors.get(row.opened_event, "")}
                by |= {row.proposed_by.uid} if row.proposed_by is not None else set()
                people.append((row.user, max(grant.opened_at, row.opened_at), by))
        for user, at, given_by in people:
            if user.is_active:
                found += [(model, user, VALIDATORS, Joining(at, frozenset(given_by))) for model in on]
    return found
