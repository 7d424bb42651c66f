"""The condition of `models_with_permission` as one SQL expression.

As nested Django subqueries the same condition takes several milliseconds to build and compile, in every query that
contains it.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import BooleanField, Expression, F

from registry.access.facts_sql import OF_MODELS, is_effective_member, is_organisation_grant, is_unexpired
from registry.access.permissions import SUPERUSER_PERMISSIONS, Permission, Role, roles_with

_RIGHT = f"""
    JOIN auth_permission reached_p ON reached_p.id = reached_d.permission_id
    JOIN django_content_type reached_c ON reached_c.id = reached_p.content_type_id
   WHERE reached_d.content_object_id = {{model}} AND reached_p.codename = %(permission)s
     AND {OF_MODELS.format(content_type="reached_c")}"""
_GROUPS = f"""
    SELECT reached_b.group_id FROM registry_membership reached_b
      JOIN registry_user reached_m ON reached_m.id = reached_b.user_id
     WHERE reached_m.uid = %(person)s
       AND {is_effective_member("reached_b")}"""
_MINE = f"""
    SELECT 1 FROM registry_grant reached_g LEFT JOIN registry_user reached_h ON reached_h.id = reached_g.user_id
     WHERE {is_organisation_grant("reached_g")}
       AND (reached_h.uid = %(person)s OR reached_g.group_id IN ({_GROUPS}))"""
# Use EXISTS, not `pk IN (subquery)`: the IN form materialises every visible key even for a single-model lookup.
_BY_GRANT = f"""
    EXISTS (SELECT 1 FROM registry_modeluserpermission reached_d
              JOIN registry_user reached_u ON reached_u.id = reached_d.user_id {_RIGHT}
               AND reached_u.uid = %(person)s AND {is_unexpired("reached_d")})
    OR EXISTS (SELECT 1 FROM registry_modelgrouppermission reached_d {_RIGHT}
                AND reached_d.group_id IN ({_GROUPS}) AND {is_unexpired("reached_d")})
    OR EXISTS ({_MINE} AND reached_g.role = ANY (%(roles)s))"""
_PERSON = "SELECT 1 FROM registry_user reached_a WHERE reached_a.uid = %(person)s AND reached_a.is_active"


class Reached(Expression):
    """Whether a person, by their active account, has a permission on the model of the row.

    Args:
        person: uid of the account.
        permission: the permission.
        now: the time at which grants and memberships must be in force.
    """

    conditional = True
    output_field = BooleanField()

    def __init__(self, person: str, permission: Permission, now: datetime) -> None:
        super().__init__()
        self._model: Any = F("pk")
        self._permission = permission
        self._values = {
            "person": person,
            "now": now,
            "permission": str(permission),
            "roles": [str(role) for role in roles_with(permission)],
            "administrator": str(Role.ADMINISTRATOR),
        }

    def get_source_expressions(self) -> list[Any]:
        return [self._model]

    def set_source_expressions(self, exprs: Any) -> None:
        (self._model,) = exprs

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the condition, with the column of the model's key as the surrounding query names it."""
        column, _ = compiler.compile(self._model)
        text, names = _condition(self._permission)
        return text.replace("{model}", column), tuple(self._values[name] for name in names)


@cache
def _condition(permission: Permission) -> tuple[str, tuple[str, ...]]:
    """Return the SQL with a placeholder for each value, and the names of the values in that order."""
    reached, person = _BY_GRANT, _PERSON
    if permission in SUPERUSER_PERMISSIONS:
        reached += f" OR EXISTS ({_PERSON} AND reached_a.is_superuser)"
    if permission is Permission.DECIDE:
        # Neither superusers nor administrators decide (SoD-4), and no service account.
        person += " AND NOT reached_a.is_superuser AND reached_a.kind = 'person'"
        reached = f"({reached}) AND NOT EXISTS ({_MINE} AND reached_g.role = %(administrator)s)"
    text = f"(EXISTS ({person}) AND ({reached}))"
    names = []
    parts = text.split("%(")
    for part in parts[1:]:
        name, _, _ = part.partition(")s")
        names.append(name)
    for name in set(names):
        text = text.replace(f"%({name})s", "%s")
    return text, tuple(names)
