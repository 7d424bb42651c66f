"""THE permission matrix: the only place that asks permission, and the only one that gives and takes roles.

The whole vocabulary is here; nothing else in the product looks at a grant to decide what somebody may do.
"""

from registry.access.actors import (
    actor_for,
    has_scope,
    person_of,
    require_person,
    require_scope,
    require_signer,
    token_of,
)
from registry.access.ending import close_ended, ended_grants
from registry.access.explaining import Bar, Explanation, Path, Rights, explain, rights_of, rights_on, who_can_give
from registry.access.grants import (
    check_organisation_role,
    grant_confirmed_role,
    grant_role,
    is_governing,
    revoke_role,
)
from registry.access.groups import effective_groups, is_member
from registry.access.matrix import (
    Allowed,
    Denied,
    absent_model,
    asked_once,
    can,
    can_in_organisation,
    grants_behind,
    holders,
    holders_among,
    holders_in_organisation,
    models_for,
    once,
    require,
    require_in_organisation,
    visible_to,
    who_can_assign,
)
from registry.access.reach import found_in, visible_along
from registry.access.vocabulary import GOVERNING_ROLES, SCOPES, OrgPermission, Permission, Role, roles_with

__all__ = [
    "GOVERNING_ROLES",
    "SCOPES",
    "Allowed",
    "Bar",
    "Denied",
    "Explanation",
    "OrgPermission",
    "Path",
    "Permission",
    "Rights",
    "Role",
    "absent_model",
    "actor_for",
    "asked_once",
    "can",
    "can_in_organisation",
    "check_organisation_role",
    "close_ended",
    "effective_groups",
    "ended_grants",
    "explain",
    "found_in",
    "grant_confirmed_role",
    "grant_role",
    "grants_behind",
    "has_scope",
    "holders",
    "holders_among",
    "holders_in_organisation",
    "is_governing",
    "is_member",
    "models_for",
    "once",
    "person_of",
    "require",
    "require_in_organisation",
    "require_person",
    "require_scope",
    "require_signer",
    "revoke_role",
    "rights_of",
    "rights_on",
    "roles_with",
    "token_of",
    "visible_along",
    "visible_to",
    "who_can_assign",
    "who_can_give",
]
