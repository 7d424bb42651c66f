"""Grants: a role granted to a person or a group, on one model or on the whole organisation.

`Grant` is authoritative: temporal, with its events. The direct foreign-key tables below are derived from the open
grants of one model, one row per permission, so that a permission check is one indexed look-up. Only `registry.access`
writes both; a property test compares them. Guardian's functions read the two views at the end of this module, which
hold every permission.

A grant may have an end. It has no effect from that time on, whether or not its row is closed: every query compares the
end with the clock. A guardian row has the latest end of its grants, so the same comparison applies there, and no job
has to run in time to end a permission.
"""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from registry.models.access_request import AccessRequest
from registry.models.base import IS_CURRENT, TemporalModel, closed_event_constraint
from registry.models.registered_model import RegisteredModel
from registry.models.reviewer_group import ReviewerGroup


def not_expired_q(moment: datetime) -> Q:
    """Return the condition for rows without an end, or with an end after that time."""
    return Q(expires_at__isnull=True) | Q(expires_at__gt=moment)


def active_grants_q(moment: datetime) -> Q:
    """Return the condition for the grants in force now, with `moment` as the current time: not closed and not
    expired.
    """
    return IS_CURRENT & not_expired_q(moment)


class Grant(TemporalModel):
    """A role was granted, from one event to another.

    Exactly one of `user` and `group` is set; an empty `model` means the whole organisation. Role names are those of
    `registry.access.Role`. `expires_at` is the time at which the role ends; the row is closed some time after it, with
    its own event.
    """

    user = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="grants")
    group = models.ForeignKey(ReviewerGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="grants")
    model = models.ForeignKey(RegisteredModel, null=True, blank=True, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=40)
    granted_by = models.CharField(max_length=40, help_text="pseudonymous id of the actor")
    expires_at = models.DateTimeField(null=True, blank=True)
    answers = models.OneToOneField(
        AccessRequest,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="grant",
        help_text="what it granted",
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="grant_to_one_subject",
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
            ),
            models.UniqueConstraint(
                name="grant_one_open",
                fields=["user", "group", "model", "role"],
                condition=IS_CURRENT,
                nulls_distinct=False,
                violation_error_code="already_granted",
            ),
            models.CheckConstraint(
                name="grant_ends_after_it_begins",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=models.F("opened_at")),
                violation_error_code="ends_before_it_begins",
            ),
            closed_event_constraint("grant_closed_with_event"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="grant_on_model", fields=["model", "role"], condition=IS_CURRENT),
            models.Index(name="grant_of_user", fields=["user", "role"], condition=IS_CURRENT),
            models.Index(name="grant_of_group", fields=["group", "role"], condition=IS_CURRENT),
            models.Index(
                name="grant_ending", fields=["expires_at"], condition=IS_CURRENT & Q(expires_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.user or self.group} on {self.model or 'the organisation'}"

    @classmethod
    def effective(cls, moment: datetime) -> models.QuerySet["Grant"]:
        """Return the grants in force at `moment`: opened and not closed by then, and not expired."""
        return cls.objects.filter(
            Q(closed_at__isnull=True) | Q(closed_at__gt=moment), not_expired_q(moment), opened_at__lte=moment
        )


class ModelUserPermission(UserObjectPermissionBase):
    """The stored permission of a person on a registered model, from the grants on this model to this person alone."""

    enabled = False  # guardian reads EffectiveUserPermission

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)
    expires_at = models.DateTimeField(null=True, blank=True)


class ModelGroupPermission(GroupObjectPermissionBase):
    """The stored permission of a group on a registered model, from the grants on this model to this group."""

    enabled = False  # guardian reads EffectiveGroupPermission

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)
    expires_at = models.DateTimeField(null=True, blank=True)


class EffectiveUserPermission(UserObjectPermissionBase):
    """A database view of the permissions that people have now on registered models, for guardian's functions.

    There is a row for every reason: a grant on the model or the organisation, to the person or to a group, and the
    permissions of a superuser. Read-only. The view compares times with the clock of the database.
    """

    id = models.BigIntegerField(primary_key=True)
    content_object = models.ForeignKey(
        RegisteredModel, on_delete=models.DO_NOTHING, related_name="effective_user_permissions"
    )
    user = models.ForeignKey("registry.User", on_delete=models.DO_NOTHING, related_name="effective_permissions")
    permission = models.ForeignKey(
        "auth.Permission", on_delete=models.DO_NOTHING, related_name="effective_user_permissions"
    )

    class Meta:
        managed = False
        db_table = "registry_effective_user_permission"


class EffectiveGroupPermission(GroupObjectPermissionBase):
    """A database view without rows, for guardian's functions: EffectiveUserPermission has the permissions that members
    have through groups, because some depend on the member (SoD-4, SoD-5).
    """

    id = models.BigIntegerField(primary_key=True)
    content_object = models.ForeignKey(
        RegisteredModel, on_delete=models.DO_NOTHING, related_name="effective_group_permissions"
    )
    group = models.ForeignKey("auth.Group", on_delete=models.DO_NOTHING, related_name="effective_permissions")
    permission = models.ForeignKey(
        "auth.Permission", on_delete=models.DO_NOTHING, related_name="effective_group_permissions"
    )

    class Meta:
        managed = False
        db_table = "registry_effective_group_permission"
