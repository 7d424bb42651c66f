"""`users_with_permission` and `holders_in_organisation` for given people, each as one prepared statement.

Every page and request runs them several times; compiling them with the Django ORM takes ten times as long as executing
them. Tests compare these, the query sets of `registry.access.policy` and `visible_models`.
"""

from collections.abc import Collection
from datetime import datetime

from audit.postgresql import prepared_statements
from registry.access.facts_sql import (
    is_active_grant,
    is_effective_member,
    is_organisation_grant,
    is_unexpired,
    permission_key,
    person_row,
)
from registry.access.permissions import (
    SUPERUSER_ORG_PERMISSIONS,
    SUPERUSER_PERMISSIONS,
    OrgPermission,
    Permission,
    Role,
    roles_with,
    roles_with_in_organisation,
)

_MAY = f"""
WITH person AS (
    SELECT id, is_superuser, kind FROM registry_user WHERE uid = ANY (%(people)s) AND is_active
), held AS (
    SELECT m.user_id, m.group_id FROM registry_membership m JOIN person ON person.id = m.user_id
     WHERE {is_effective_member("m")}
), everywhere AS (
    SELECT person.id AS user_id, g.role FROM registry_grant g, person
     WHERE {is_organisation_grant("g")} AND (g.role = ANY (%(roles)s) OR g.role = %(administrator)s)
       AND (g.user_id = person.id
            OR EXISTS (SELECT FROM held WHERE held.user_id = person.id AND held.group_id = g.group_id))
), sought AS (
    {permission_key("permission")}
)
SELECT person.id, model.id FROM person, registry_registeredmodel model
 WHERE model.id = ANY (%(models)s) AND model.deleted_at IS NULL
   AND ((%(superuser)s AND is_superuser)
     OR EXISTS (SELECT {person_row("model.id", "= person.id", "IN (SELECT id FROM sought)")})
     OR EXISTS (SELECT FROM registry_modelgrouppermission p JOIN held ON held.group_id = p.group_id
                 WHERE held.user_id = person.id AND p.content_object_id = model.id
                   AND p.permission_id IN (SELECT id FROM sought)
                   AND {is_unexpired("p")})
     OR EXISTS (SELECT FROM everywhere e WHERE e.user_id = person.id AND e.role = ANY (%(roles)s)))
   AND NOT (%(decides)s AND (is_superuser OR kind <> 'person'
                             OR EXISTS (SELECT FROM everywhere e
                                         WHERE e.user_id = person.id AND e.role = %(administrator)s)))
"""

_MAY_IN_ORGANISATION = f"""
WITH person AS (
    SELECT id, is_superuser FROM registry_user WHERE uid = %(person)s AND is_active
), held AS (
    SELECT m.group_id FROM registry_membership m JOIN person ON person.id = m.user_id
     WHERE {is_effective_member("m")}
), everywhere AS (
    SELECT g.role FROM registry_grant g, person
     WHERE {is_organisation_grant("g")}
       AND (g.user_id = person.id OR g.group_id IN (SELECT group_id FROM held))
)
SELECT EXISTS (
    SELECT FROM person
     WHERE (%(registering)s AND (
               NOT EXISTS (SELECT FROM everywhere WHERE role = %(auditor)s)
            OR EXISTS (SELECT FROM registry_grant g
                        WHERE {is_active_grant("g")} AND g.role <> %(auditor)s
                          AND (g.user_id = person.id OR g.group_id IN (SELECT group_id FROM held)))))
        OR (NOT %(registering)s AND (
               (%(superuser)s AND is_superuser)
            OR EXISTS (SELECT FROM everywhere WHERE role = ANY (%(roles)s))))
)
"""


def user_has_org_permission(person: str, permission: OrgPermission, now: datetime) -> bool:
    """Return whether the account with that uid is among the `holders_in_organisation` of the permission."""
    ((answer,),) = prepared_statements.execute_prepared(
        _MAY_IN_ORGANISATION,
        {
            "person": person,
            "now": now,
            "roles": [str(role) for role in roles_with_in_organisation(permission)],
            "superuser": permission in SUPERUSER_ORG_PERMISSIONS,
            "registering": permission is OrgPermission.REGISTER_MODEL,
            "auditor": str(Role.AUDITOR),
        },
    )
    return bool(answer)


def user_has_permission(person: str, permission: Permission, model_pk: int, now: datetime) -> bool:
    """Return whether the account with that uid is among the `users_with_permission` on that model."""
    return bool(ids_of_users_with_permission([person], permission, model_pk, now))


def ids_of_users_with_permission(
    people: Collection[str], permission: Permission, model_pk: int, now: datetime
) -> frozenset[int]:
    """Return the keys of those of the accounts, given by uid, that have the permission."""
    return frozenset(person for person, _ in users_and_models_with_permission(people, permission, [model_pk], now))


def users_and_models_with_permission(
    people: Collection[str],
    permission: Permission,
    models: Collection[int],
    now: datetime,
    *,
    decides: bool = False,
) -> frozenset[tuple[int, int]]:
    """Return which accounts have the permission on which models. One statement.

    Args:
        people: uids of the accounts.
        permission: the permission.
        models: primary keys of the models.
        now: when.
        decides: leave out superusers, administrators and service accounts, who never decide.

    Returns:
        Pairs of the primary keys of an account and a model.
    """
    found = prepared_statements.execute_prepared(
        _MAY,
        {
            "people": list(people),
            "permission": str(permission),
            "models": list(models),
            "now": now,
            "roles": [str(role) for role in roles_with(permission)],
            "administrator": str(Role.ADMINISTRATOR),
            "superuser": permission in SUPERUSER_PERMISSIONS,
            "decides": decides or permission is Permission.DECIDE,
        },
    )
    return frozenset(found)
