"""The vocabulary of permissions: permissions, roles that give them, token scopes that they need. Pure."""

from enum import StrEnum


class Permission(StrEnum):
    """A permission on one registered model and everything under it. Values are Django's permission codenames."""

    VIEW = "view_registeredmodel"
    EDIT = "change_registeredmodel"
    REGISTER_VERSION = "register_version"
    REQUEST_PROMOTION = "request_promotion"
    DECIDE = "decide_promotion"
    GRANT_ROLE = "grant_role"


class OrgPermission(StrEnum):
    """A permission on the organisation as a whole."""

    REGISTER_MODEL = "register_model"
    READ_AUDIT = "read_audit"
    MANAGE_POLICIES = "manage_policies"
    MANAGE_GROUPS = "manage_groups"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_WEBHOOKS = "manage_webhooks"


class Role(StrEnum):
    """A named set of permissions, granted to a person or a group.

    The first six may be granted on one model or organisation-wide; the last three only organisation-wide.
    """

    VIEWER = "viewer"
    REGISTRAR = "registrar"
    DEVELOPER = "developer"
    VALIDATOR = "validator"
    APPROVER = "approver"
    OWNER = "owner"
    AUDITOR = "auditor"
    OFFICER = "officer"
    ADMINISTRATOR = "administrator"


ORGANISATION_ONLY = frozenset({Role.AUDITOR, Role.OFFICER, Role.ADMINISTRATOR})

GOVERNING_ROLES = frozenset({Role.OFFICER, Role.ADMINISTRATOR})
"""The roles that change who governs: granted by two people."""

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.REGISTRAR: frozenset({Permission.VIEW, Permission.REGISTER_VERSION}),
    Role.DEVELOPER: frozenset(
        {Permission.VIEW, Permission.EDIT, Permission.REGISTER_VERSION, Permission.REQUEST_PROMOTION}
    ),
    Role.VALIDATOR: frozenset({Permission.VIEW, Permission.DECIDE}),
    Role.APPROVER: frozenset({Permission.VIEW, Permission.DECIDE}),
    Role.OWNER: frozenset(
        {
            Permission.VIEW,
            Permission.EDIT,
            Permission.REGISTER_VERSION,
            Permission.REQUEST_PROMOTION,
            Permission.GRANT_ROLE,
        }
    ),
    Role.AUDITOR: frozenset({Permission.VIEW}),
    Role.OFFICER: frozenset({Permission.VIEW}),
    Role.ADMINISTRATOR: frozenset({Permission.VIEW, Permission.GRANT_ROLE}),
}
"""Permissions of a role on the model on which it is granted; on every model if it is granted organisation-wide."""

ROLE_ORG_PERMISSIONS: dict[Role, frozenset[OrgPermission]] = {
    Role.AUDITOR: frozenset({OrgPermission.READ_AUDIT}),
    Role.OFFICER: frozenset(
        {
            OrgPermission.READ_AUDIT,
            OrgPermission.MANAGE_POLICIES,
            OrgPermission.MANAGE_GROUPS,
            OrgPermission.MANAGE_WEBHOOKS,
        }
    ),
    Role.ADMINISTRATOR: frozenset({OrgPermission.MANAGE_PEOPLE, OrgPermission.MANAGE_WEBHOOKS}),
}

SUPERUSER_PERMISSIONS = frozenset({Permission.VIEW, Permission.GRANT_ROLE})
SUPERUSER_ORG_PERMISSIONS = frozenset({OrgPermission.MANAGE_PEOPLE, OrgPermission.MANAGE_WEBHOOKS})

SCOPES = (
    "models:read",
    "models:write",
    "versions:write",
    "checks:write",
    "signals:write",
    "promotions:write",
    "promotions:execute",
    "comments:write",
    "notifications:write",
    "audit:read",
    "webhooks:admin",
)
"""The scopes that a token may have."""

SCOPE_FOR: dict[Permission, str | None] = {
    Permission.VIEW: "models:read",
    Permission.EDIT: "models:write",
    Permission.REGISTER_VERSION: "versions:write",
    Permission.REQUEST_PROMOTION: "promotions:write",
    Permission.DECIDE: None,
    Permission.GRANT_ROLE: None,
}
"""The scope that a token needs; None if no token may, whatever its scopes."""

REPORT_SCOPE = "checks:write"
"""The scope with which a token reports results of the checks it names; its account needs REGISTER_VERSION."""

COMMENT_SCOPE = "comments:write"
"""The scope with which a token comments; its account needs VIEW."""

NOTIFICATION_SCOPE = "notifications:write"
"""The scope with which a token marks its person's notifications as read and changes their settings."""

ORG_SCOPE_FOR: dict[OrgPermission, str | None] = {
    OrgPermission.REGISTER_MODEL: "models:write",
    OrgPermission.READ_AUDIT: "audit:read",
    OrgPermission.MANAGE_POLICIES: None,
    OrgPermission.MANAGE_GROUPS: None,
    OrgPermission.MANAGE_PEOPLE: None,
    OrgPermission.MANAGE_WEBHOOKS: "webhooks:admin",
}

PERMISSION_LABELS: dict[Permission | OrgPermission, str] = {
    Permission.VIEW: "see the model",
    Permission.EDIT: "edit the model",
    Permission.REGISTER_VERSION: "add versions, files, metrics and evidence",
    Permission.REQUEST_PROMOTION: "ask for a promotion",
    Permission.DECIDE: "decide on a promotion request",
    Permission.GRANT_ROLE: "assign and revoke roles on the model",
    OrgPermission.REGISTER_MODEL: "register a model",
    OrgPermission.READ_AUDIT: "read the audit log of the organisation",
    OrgPermission.MANAGE_POLICIES: "publish policies",
    OrgPermission.MANAGE_GROUPS: "change reviewer groups",
    OrgPermission.MANAGE_PEOPLE: "administer accounts and organisation-wide roles",
    OrgPermission.MANAGE_WEBHOOKS: "manage the organisation's webhooks",
}
"""How messages name the permission, after "to"."""


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """Return the roles that give a permission on a model, in the order of `Role`."""
    return tuple(role for role in Role if permission in ROLE_PERMISSIONS[role])


def roles_with_in_organisation(permission: OrgPermission) -> tuple[Role, ...]:
    """Return the organisation-wide roles that give a permission there."""
    return tuple(role for role in Role if permission in ROLE_ORG_PERMISSIONS.get(role, ()))
