"""Permissions in the admin site, from `registry.access`, each checked once per request.

Django's permission tables and `is_staff` have no effect here.
"""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from audit.actor import Actor
from registry import access
from registry.access import Allowed, Denied, OrgPermission
from registry.exceptions import PermissionDeniedError
from registry.models import User

SITE_PERMISSIONS = (
    OrgPermission.READ_AUDIT,
    OrgPermission.MANAGE_PEOPLE,
    OrgPermission.MANAGE_POLICIES,
    OrgPermission.MANAGE_GROUPS,
)
"""Any one of these gives access to the site: officers, auditors and administrators have one."""


class AdminPermissions:
    """The organisation permissions of one person, cached for one request."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self._answers: dict[OrgPermission, Allowed | Denied] = {}

    def may(self, permission: OrgPermission) -> Allowed | Denied:
        """Return whether the person has the permission."""
        if permission not in self._answers:
            self._answers[permission] = access.check_org_permission(self.actor, permission)
        return self._answers[permission]

    def require(self, permission: OrgPermission) -> None:
        """Raises PermissionDeniedError, naming who can help, if the person lacks the permission."""
        answer = self.may(permission)
        if isinstance(answer, Denied):
            raise answer.refusal()

    @property
    def has_site_access(self) -> bool:
        """Whether the person may enter the site."""
        return any(self.may(permission) for permission in SITE_PERMISSIONS)

    def require_entry(self) -> None:
        """Raises PermissionDeniedError if the person may not enter the site."""
        if not self.has_site_access:
            denied = self.may(SITE_PERMISSIONS[0])
            raise PermissionDeniedError(
                "The admin site is for compliance officers, auditors and administrators, and you hold none of these "
                "roles. An administrator can give you one.",
                code="no_admin_role",
                who_can=denied.who_can if isinstance(denied, Denied) else (),
            )


def actor_of(request: HttpRequest) -> Actor:
    """Return the signed-in person as an actor."""
    return permissions_of(request).actor


def person_of(request: HttpRequest) -> User:
    """Return the signed-in person. The site admits no one else."""
    return cast("User", request.user)


def permissions_of(request: HttpRequest) -> AdminPermissions:
    """Return the permissions of the signed-in person, cached on the request."""
    permissions = getattr(request, "admin_permissions", None)
    if not isinstance(permissions, AdminPermissions):
        permissions = AdminPermissions(access.actor_for(person_of(request)))
        request.admin_permissions = permissions  # type: ignore[attr-defined]  # kept on the request
    return permissions
