"""`visible_models` as an SQL condition, for queries that must be a single statement.

A property test compares it with `visible_models`.
"""

from dataclasses import dataclass
from typing import Any

from audit import clock
from audit.actor import Actor
from registry.access.actors import has_scope
from registry.access.facts_sql import (
    group_row,
    is_effective_member,
    is_organisation_grant,
    permission_key,
    person_row,
)
from registry.access.permissions import Permission, roles_with


@dataclass(frozen=True)
class VisibilityClause:
    """The SQL condition that limits a query, in which `m` is registry_registeredmodel, to models visible to the actor.

    Attributes:
        tables: common table expressions for the WITH clause.
        condition: the condition.
        parameters: the parameters of both, named sight_….
    """

    tables: str
    condition: str
    parameters: dict[str, Any]


THERE = "m.deleted_at IS NULL"
"""A deleted model is visible to no actor."""
EMPTY_CTE = "sight_person AS (SELECT 1)"
"""For a condition that needs no table, if the query begins with WITH."""

_TABLES = f"""
sight_person AS MATERIALIZED (
    SELECT id, is_superuser FROM registry_user WHERE uid = %(sight_person)s AND is_active
), sight_groups AS MATERIALIZED (
    SELECT b.group_id FROM registry_membership b, sight_person p
     WHERE b.user_id = p.id AND {is_effective_member("b", "sight_now")}
), sight_right AS MATERIALIZED (
    {permission_key("sight_view")}
), sight_all AS MATERIALIZED (
    SELECT p.is_superuser OR EXISTS (
        SELECT FROM registry_grant g
         WHERE {is_organisation_grant("g", "sight_now")} AND g.role = ANY (%(sight_roles)s)
           AND (g.user_id = p.id OR g.group_id IN (SELECT group_id FROM sight_groups))) AS everything
      FROM sight_person p
)"""

_RIGHT = "= (SELECT id FROM sight_right)"
_CONDITION = f"""(
    (SELECT everything FROM sight_all)
    OR (SELECT TRUE {person_row("m.id", "= (SELECT id FROM sight_person)", _RIGHT, now="sight_now")} LIMIT 1)
    OR (SELECT TRUE {group_row("m.id", "IN (SELECT group_id FROM sight_groups)", _RIGHT, now="sight_now")} LIMIT 1)
)"""
"""Scalar subqueries, not EXISTS: the planner may hash EXISTS over all visible models to test a single one."""


def visibility_clause(actor: Actor) -> VisibilityClause:
    """Return the SQL condition for the models visible to the actor, for a query about one model or with a limited
    token.

    For long lists use `registry.access.visibility_lists.visibility_clause_for_list`.
    """
    if not has_scope(actor, "models:read"):
        return VisibilityClause(EMPTY_CTE, "FALSE", {})
    limit = f"{THERE} AND m.slug = ANY (%(sight_slugs)s)" if actor.models is not None else THERE
    slugs = {"sight_slugs": sorted(actor.models)} if actor.models is not None else {}
    if actor.person is None:
        return VisibilityClause(EMPTY_CTE, limit, slugs)
    return VisibilityClause(
        _TABLES,
        f"{limit} AND {_CONDITION}",
        {
            "sight_person": actor.person,
            "sight_now": clock.now(),
            "sight_view": str(Permission.VIEW),
            "sight_roles": [str(role) for role in roles_with(Permission.VIEW)],
            **slugs,
        },
    )
