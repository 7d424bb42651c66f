"""The facts that give a permission, as SQL conditions: each is stated here, and the statements are composed of them.

An account has a permission on a model by a row for the account, by a row for a group of which it is an effective
member, or by a role in the organisation. How a statement combines them (EXISTS, scalar subquery, list of keys) is
decided where it is planned; `registry.access` compares the results in a property test.

Arguments named `row` are aliases of tables, `now` the name of the parameter with the time; all others are SQL.
"""

from __future__ import annotations

from typing import Final

OF_MODELS: Final = "{content_type}.app_label = 'registry' AND {content_type}.model = 'registeredmodel'"


def is_unexpired(row: str, now: str = "now") -> str:
    """Return the condition that a row has not expired."""
    return f"({row}.expires_at IS NULL OR {row}.expires_at > %({now})s)"


def is_active_grant(row: str, now: str = "now") -> str:
    """Return the condition that a grant is in force."""
    return f"{row}.closed_at IS NULL AND {is_unexpired(row, now)}"


def is_organisation_grant(row: str, now: str = "now") -> str:
    """Return the condition that a grant is in force for all models."""
    return f"{is_active_grant(row, now)} AND {row}.model_id IS NULL"


def is_effective_member(row: str, now: str = "now") -> str:
    """Return the condition that a membership is in force."""
    return (
        f"{row}.opened_at <= %({now})s AND ({row}.closed_at IS NULL OR {row}.closed_at > %({now})s)"
        f" AND {row}.valid_from <= %({now})s AND ({row}.valid_until IS NULL OR {row}.valid_until > %({now})s)"
    )


def permission_key(parameter: str) -> str:
    """Return the query for the key of a permission on models. `parameter`: name of the parameter with its codename."""
    return (
        "SELECT p.id FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id"
        f" WHERE p.codename = %({parameter})s AND {OF_MODELS.format(content_type='c')}"
    )


def person_row(model: str, person: str, permission: str, *, row: str = "d", now: str = "now") -> str:
    """Return FROM and WHERE for the row that gives an account a permission on a model.

    Args:
        model: the key of the model.
        person: comparison with the key of the account, such as "= 5".
        permission: comparison with the key of the permission.
        row: alias of the table.
        now: name of the parameter with the time.
    """
    return (
        f"FROM registry_modeluserpermission {row} WHERE {row}.content_object_id = {model} AND {row}.user_id {person}"
        f" AND {row}.permission_id {permission} AND {is_unexpired(row, now)}"
    )


def group_row(model: str, groups: str, permission: str, *, row: str = "d", now: str = "now") -> str:
    """Return FROM and WHERE for the rows that give groups a permission on a model. `groups`: comparison with their
    keys; all else as for `person_row`.
    """
    return (
        f"FROM registry_modelgrouppermission {row} WHERE {row}.content_object_id = {model} AND {row}.group_id {groups}"
        f" AND {row}.permission_id {permission} AND {is_unexpired(row, now)}"
    )
