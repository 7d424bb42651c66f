"""The permissions of people and groups on one model, stored as rows that follow from their grants.

A permission check is one indexed look-up of such a row. Only `registry.access.grants` changes them; a property test
compares them with the grants.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from audit import clock
from audit.postgresql import prepared_statements
from registry.access.permissions import ROLE_PERMISSIONS, Role
from registry.models import Grant, ModelGroupPermission, ModelUserPermission, RegisteredModel, ReviewerGroup, User

_FOLLOW = """
    INSERT INTO {table} (permission_id, {subject}, content_object_id, expires_at)
    SELECT p.id, %(subject)s::bigint, %(model)s::bigint, sought.expires_at
      FROM unnest(%(codenames)s::text[], %(ends)s::timestamptz[]) AS sought (codename, expires_at)
      JOIN auth_permission p ON p.codename = sought.codename
      JOIN django_content_type c ON c.id = p.content_type_id
       AND c.app_label = 'registry' AND c.model = 'registeredmodel'
    RETURNING id"""
_FOLLOW_USER = _FOLLOW.format(table="registry_modeluserpermission", subject="user_id")
_FOLLOW_GROUP = _FOLLOW.format(table="registry_modelgrouppermission", subject="group_id")


def is_expired(grant: Grant) -> bool:
    """Return whether the end of the grant has passed, whether or not its row is closed."""
    return grant.expires_at is not None and grant.expires_at <= clock.now()


def sync_stored_permissions(
    model: RegisteredModel | None,
    user: User | None,
    group: ReviewerGroup | None,
    grants: Iterable[Grant],
    *,
    of_new_model: bool = False,
) -> None:
    """Make the stored permissions of a subject on a model equal to the union of its unexpired grants: one row for each
    permission, with the latest end.

    Args:
        model: the model; None for a role in the organisation, which has no stored permissions.
        user: the subject, if it is a person.
        group: the subject, if it is a group.
        grants: the open grants of the subject on the model.
        of_new_model: whether the model was created just now, so that no row exists.
    """
    if model is None:
        return
    ends = _ends(grants)
    if not of_new_model:
        ends = _differences(
            ends,
            ModelUserPermission.objects.filter(content_object=model, user=user)
            if user is not None
            else ModelGroupPermission.objects.filter(content_object=model, group=group),
        )
    if ends:
        prepared_statements.execute_prepared(
            _FOLLOW_USER if user is not None else _FOLLOW_GROUP,
            {
                "subject": user.pk if user is not None else group.pk if group is not None else None,
                "model": model.pk,
                "codenames": [str(codename) for codename in ends],
                "ends": list(ends.values()),
            },
        )


def _ends(grants: Iterable[Grant]) -> dict[str, datetime | None]:
    """Return the end of each permission of the subject: the latest one, None if one of the grants has no end."""
    ends: dict[str, datetime | None] = {}
    for grant in grants:
        if grant.closed_at is not None or is_expired(grant):
            continue
        end = grant.expires_at
        for permission in ROLE_PERMISSIONS[Role(grant.role)]:
            known = ends.get(permission, end)
            ends[permission] = max(known, end) if known is not None and end is not None else None
    return ends


def _differences(
    ends: dict[str, datetime | None],
    present: QuerySet[ModelUserPermission] | QuerySet[ModelGroupPermission],
) -> dict[str, datetime | None]:
    """Delete rows that are not needed, and update those with another end; return those to insert."""
    there = dict(present.values_list("permission__codename", "expires_at"))
    if there.keys() - ends.keys():
        present.exclude(permission__codename__in=list(ends)).delete()
    for codename, end in ends.items():
        if codename in there and there[codename] != end:
            present.filter(permission__codename=codename).update(expires_at=end)
    return {codename: end for codename, end in ends.items() if codename not in there}
