"""Grants: a role given to a person or a group, on one model or on the whole organisation.

`Grant` is the truth: dated, with its events. Guardian's direct foreign-key tables below hold what follows from the
open grants of one model, one row a permission, so that a permission question is one indexed look-up. Both are written
by `registry.access` alone; a property test holds them equal.
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from registry.models.base import OPEN, Dated, closed_with_its_event
from registry.models.registered_model import RegisteredModel
from registry.models.reviewer_group import ReviewerGroup


class Grant(Dated):
    """That a role was given, from one event to another. Exactly one of `user` and `group` is set; `model` empty means
    the whole organisation. Role names are those of `registry.access.Role`."""

    user = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="grants")
    group = models.ForeignKey(ReviewerGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="grants")
    model = models.ForeignKey(RegisteredModel, null=True, blank=True, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=40)
    granted_by = models.CharField(max_length=40, help_text="pseudonymous id of the actor")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="grant_to_one_subject",
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
            ),
            models.UniqueConstraint(
                name="grant_one_open",
                fields=["user", "group", "model", "role"],
                condition=OPEN,
                nulls_distinct=False,
                violation_error_code="already_granted",
            ),
            closed_with_its_event("grant_closed_with_event"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="grant_on_model", fields=["model", "role"], condition=OPEN),
            models.Index(name="grant_of_user", fields=["user", "role"], condition=OPEN),
            models.Index(name="grant_of_group", fields=["group", "role"], condition=OPEN),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.user or self.group} on {self.model or 'the organisation'}"


class ModelUserPermission(UserObjectPermissionBase):
    """Guardian's row for a person on a registered model."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)


class ModelGroupPermission(GroupObjectPermissionBase):
    """Guardian's row for a group on a registered model."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)
