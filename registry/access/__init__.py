"""Permissions: the only package that checks permissions, and the only one that grants and revokes roles.

All of it is exported here; no other code reads grants to decide what a user may do.
"""

from registry.access.actors import (
    actor_for,
    has_scope,
    person_of,
    require_person,
    require_person_and_token,
    require_scope,
    token_of,
)
from registry.access.expiry import close_expired_grant, expired_grant_ids
from registry.access.explanations import (
    DenyReason,
    EffectivePermissions,
    Explanation,
    GrantPath,
    effective_permissions_of,
    effective_permissions_on,
    explain,
    users_who_can_grant,
)
from registry.access.grants import (
    check_organisation_role,
    grant_confirmed_role,
    grant_role,
    is_governing,
    revoke_role,
)
from registry.access.groups import effective_groups, is_member
from registry.access.permissions import GOVERNING_ROLES, SCOPES, OrgPermission, Permission, Role, roles_with
from registry.access.policy import (
    Allowed,
    Denied,
    _cached,
    cache_permission_checks,
    check_org_permission,
    check_permission,
    filter_users_with_permission,
    grants_conferring,
    holders_in_organisation,
    model_not_found_message,
    models_with_permission,
    names_who_can_assign,
    require_in_organisation,
    require_permission,
    users_with_permission,
    visible_models,
)
from registry.access.visibility_lists import exists_in, visible_models_for_list

__all__ = [
    "GOVERNING_ROLES",
    "SCOPES",
    "Allowed",
    "Denied",
    "DenyReason",
    "EffectivePermissions",
    "Explanation",
    "GrantPath",
    "OrgPermission",
    "Permission",
    "Role",
    "_cached",
    "actor_for",
    "cache_permission_checks",
    "check_org_permission",
    "check_organisation_role",
    "check_permission",
    "close_expired_grant",
    "effective_groups",
    "effective_permissions_of",
    "effective_permissions_on",
    "exists_in",
    "expired_grant_ids",
    "explain",
    "filter_users_with_permission",
    "grant_confirmed_role",
    "grant_role",
    "grants_conferring",
    "has_scope",
    "holders_in_organisation",
    "is_governing",
    "is_member",
    "model_not_found_message",
    "models_with_permission",
    "names_who_can_assign",
    "person_of",
    "require_in_organisation",
    "require_permission",
    "require_person",
    "require_person_and_token",
    "require_scope",
    "revoke_role",
    "roles_with",
    "token_of",
    "users_who_can_grant",
    "users_with_permission",
    "visible_models",
    "visible_models_for_list",
]
