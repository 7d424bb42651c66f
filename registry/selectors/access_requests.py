"""Queries on access requests."""

from django.db.models import Q, QuerySet

from audit.actor import Actor
from registry import access
from registry.access import OrgPermission, Permission
from registry.exceptions import NotFoundError
from registry.models import IS_CURRENT, AccessRequest

_SHOWN = ("person", "model", "grant")


def can_see_access_request(actor: Actor, request: AccessRequest) -> bool:
    """Return whether the actor may read the request: its requester, those who may answer it, and readers of the
    audit log.
    """
    if request.person.uid == actor.person:
        return access.has_scope(actor, "models:read") and (actor.models is None or request.slug in actor.models)
    if access.check_org_permission(actor, OrgPermission.READ_AUDIT):
        return True
    return request.model is not None and bool(access.check_permission(actor, Permission.GRANT_ROLE, request.model))


def access_request(actor: Actor, number: int) -> AccessRequest:
    """Return the request with that number.

    Raises:
        NotFoundError: there is none visible to the actor.
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = AccessRequest.objects.select_related(*_SHOWN).filter(pk=number).first()
    if found is None or not can_see_access_request(actor, found):
        raise NotFoundError("There is no access request with this number that you may see.")
    return found


def access_requests(actor: Actor) -> QuerySet[AccessRequest]:
    """Return all requests visible to the actor, newest first: their own, those on models on which they grant roles, and
    all requests for readers of the audit log.

    Raises:
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = AccessRequest.objects.select_related(*_SHOWN).order_by("-pk")
    if access.check_org_permission(actor, OrgPermission.READ_AUDIT):
        return found
    return found.filter(
        _own(actor) | Q(model__in=access.models_with_permission(actor, Permission.GRANT_ROLE).values("pk"))
    )


def own_access_requests(actor: Actor) -> QuerySet[AccessRequest]:
    """Return the requests of the actor's person, newest first."""
    return AccessRequest.objects.select_related(*_SHOWN).filter(_own(actor)).order_by("-pk")


def access_requests_to_answer(actor: Actor) -> QuerySet[AccessRequest]:
    """Return the open requests that the actor may answer, oldest first, without their own."""
    models = access.models_with_permission(actor, Permission.GRANT_ROLE)
    found = AccessRequest.objects.filter(IS_CURRENT, model__in=models.values("pk")).exclude(person__uid=actor.person)
    return found.select_related(*_SHOWN).order_by("opened_at", "pk")


def _own(actor: Actor) -> Q:
    if not access.has_scope(actor, "models:read"):
        return Q(pk__in=())
    limited = Q(slug__in=actor.models) if actor.models is not None else Q()
    return Q(person__uid=actor.person) & limited
