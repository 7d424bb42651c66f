"""`visible_models` in a form for long lists: as fast on the last page of ten thousand models as on the first of ten.

In `visible_models` the planner may compute all visible models before it returns the first. Here one query runs first.
Global readers: no filter. Up to MAX_INLINE_IDS visible models: inline ids. More: a lookup per row along the index of
the list. A property test compares both.
"""

from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull

from audit import clock
from audit.actor import Actor
from audit.postgresql import prepared_statements
from registry.access.actors import has_scope
from registry.access.facts_sql import (
    group_row,
    is_effective_member,
    is_organisation_grant,
    is_unexpired,
    permission_key,
    person_row,
)
from registry.access.permissions import SUPERUSER_PERMISSIONS, Permission, roles_with
from registry.access.policy import _cached, visible_models
from registry.access.visibility_sql import EMPTY_CTE, THERE, VisibilityClause, visibility_clause
from registry.models import ModelGroupPermission, ModelUserPermission, RegisteredModel
from registry.models.grant import not_expired_q

MAX_INLINE_IDS = 500
"""Up to this number of visible models their ids are inlined. The limit, plus one, is a literal in the query text:
for a parameter the planner assumes a tenth of the table.
"""

_SCOPE = f"""
WITH person AS (
    SELECT id, is_superuser FROM registry_user WHERE uid = %(person)s AND is_active
), held AS (
    SELECT m.group_id FROM registry_membership m, person
     WHERE m.user_id = person.id AND {is_effective_member("m")}
), sought AS (
    {permission_key("permission")}
), reached AS (
    SELECT p.content_object_id FROM registry_modeluserpermission p
     WHERE p.user_id = (SELECT id FROM person) AND p.permission_id = (SELECT id FROM sought)
       AND {is_unexpired("p")}
    UNION ALL
    SELECT p.content_object_id FROM registry_modelgrouppermission p
     WHERE p.group_id = ANY (ARRAY (SELECT group_id FROM held)) AND p.permission_id = (SELECT id FROM sought)
       AND {is_unexpired("p")}
     LIMIT {MAX_INLINE_IDS + 1}
)
SELECT (SELECT id FROM person),
       (SELECT %(superuser)s AND is_superuser FROM person) OR EXISTS (
            SELECT FROM registry_grant g, person
             WHERE {is_organisation_grant("g")} AND g.role = ANY (%(roles)s)
               AND (g.user_id = person.id OR g.group_id IN (SELECT group_id FROM held))),
       ARRAY (SELECT group_id FROM held), (SELECT id FROM sought), ARRAY (SELECT content_object_id FROM reached)
"""

_LOOKED_UP = f"""(
    (SELECT TRUE {group_row("m.id", "= ANY (%(sight_groups)s)", "= %(sight_right)s", now="sight_now")} LIMIT 1)
    OR (SELECT TRUE {person_row("m.id", "= %(sight_person)s", "= %(sight_right)s", now="sight_now")} LIMIT 1)
)"""


def visible_models_for_list(actor: Actor) -> QuerySet[RegisteredModel]:
    """Return the models visible to the actor, for lists paged along an index.

    Runs one query now, and is valid only now: build it again for each page.
    """
    scope = _scope_of(actor)
    if scope is None:
        return visible_models(actor)
    now, (person, everything, groups, permission, keys) = scope
    models = RegisteredModel.objects.all()
    if person is None:
        return models.none()
    if everything:
        return models
    if len(keys) <= MAX_INLINE_IDS:
        return models.filter(pk__in=set(keys))
    here: dict[str, Any] = {"content_object_id": OuterRef("pk"), "permission_id": permission}
    direct = ModelUserPermission.objects.filter(not_expired_q(now), user_id=person, **here)
    by_group = ModelGroupPermission.objects.filter(not_expired_q(now), group_id__in=groups, **here)
    return models.filter(exists_in(by_group) | exists_in(direct))


def visibility_clause_for_list(actor: Actor) -> VisibilityClause:
    """Return the same as an SQL condition in which `m` is registry_registeredmodel: `visibility_clause` for long
    lists.
    """
    scope = _scope_of(actor)
    if scope is None:
        return visibility_clause(actor)
    now, (person, everything, groups, permission, keys) = scope
    if person is None or everything:
        return VisibilityClause(EMPTY_CTE, "FALSE" if person is None else THERE, {})
    if len(keys) <= MAX_INLINE_IDS:
        return VisibilityClause(
            EMPTY_CTE, f"{THERE} AND m.id = ANY (%(sight_keys)s)", {"sight_keys": sorted(set(keys))}
        )
    known = {"sight_person": person, "sight_groups": groups, "sight_right": permission, "sight_now": now}
    return VisibilityClause(EMPTY_CTE, f"{THERE} AND {_LOOKED_UP}", known)


def _scope_of(actor: Actor) -> tuple[datetime, tuple[Any, ...]] | None:
    """Return the facts that the list needs; None for a process, a token limited to models, or a token without
    `models:read`.
    """
    whose = actor.person
    if whose is None or actor.models is not None or not has_scope(actor, "models:read"):
        return None
    now = clock.now()
    return now, _cached(("visibility scope", whose), lambda: _query_scope(whose, now))


def _query_scope(person: str, now: datetime) -> tuple[Any, ...]:
    (row,) = prepared_statements.execute_prepared(
        _SCOPE,
        {
            "person": person,
            "now": now,
            "permission": str(Permission.VIEW),
            "superuser": Permission.VIEW in SUPERUSER_PERMISSIONS,
            "roles": [str(role) for role in roles_with(Permission.VIEW)],
        },
    )
    return row


def exists_in(rows: QuerySet[Any]) -> Q:
    """Return the condition that `rows` is not empty, as a scalar subquery that is evaluated per row of the outer query.

    With EXISTS the planner may compute all rows at once, which is slow if only one page is read.
    """
    return Q(IsNull(Subquery(rows.order_by().values("pk")[:1]), False))
