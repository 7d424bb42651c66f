"""Roles on the model that an approval rule can name in place of a reviewer group. Pure: no database, no clock.

An approval rule with `role: owner` is stored with the group `role:owner`. The colon is not part of the slug of a group,
so the two cannot be confused, and everything that works with the groups of a policy works with its roles.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "role:"
OWNER: Final = "role:owner"
"""The person who is recorded as the owner of the model."""
VALIDATORS: Final = "role:validators"
"""The people with the role of validator on the model, or on every model."""
LABELS: Final = {OWNER: "the owner of the model", VALIDATORS: "the validators of the model"}
"""The roles with their names on pages and in messages."""
PATTERN: Final = r"^([a-z0-9][a-z0-9-]{0,79}|role:(owner|validators))$"
"""The slug of a reviewer group, or a role."""


def is_role(group: str) -> bool:
    """Return whether an approval rule names a role on the model, not a reviewer group."""
    return group.startswith(PREFIX)


def reviewers_label(group: str) -> str:
    """Return how pages and messages name a group or a role."""
    return LABELS.get(group, group)
