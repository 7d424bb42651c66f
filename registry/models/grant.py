"""Grants: a role given to a person or a group, on one model or on the whole organisation.

`Grant` is the truth: dated, with its events. Guardian's direct foreign-key tables below hold what follows from the
open grants of one model, one row a permission, so that a permission question is one indexed look-up. Both are written
by `registry.access` alone; a property test holds them equal.

A grant may have an end. It holds nothing from that moment on, whether or not anybody has closed the row yet: every
question compares the end with the clock. Guardian's row carries the latest end of the grants behind it, so that the
same comparison is made where the look-up is made, and no job has to run in time for a right to be over.
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
    """Rows whose end, if they have one, is still to come at that moment."""
    return Q(expires_at__isnull=True) | Q(expires_at__gt=moment)


def active_grants_q(moment: datetime) -> Q:
    """The grants that hold now, where `moment` is now: not closed, and not past their end."""
    return IS_CURRENT & not_expired_q(moment)


class Grant(TemporalModel):
    """That a role was given, from one event to another. Exactly one of `user` and `group` is set; `model` empty means
    the whole organisation. Role names are those of `registry.access.Role`. `expires_at` is the moment from which the
    role holds no more; the row is closed some time after it, with an event of its own."""

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
        """The grants that hold at `moment`: opened and not closed by then, and not past their end."""
        return cls.objects.filter(
            Q(closed_at__isnull=True) | Q(closed_at__gt=moment), not_expired_q(moment), opened_at__lte=moment
        )


class ModelUserPermission(UserObjectPermissionBase):
    """Guardian's row for a person on a registered model."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)
    expires_at = models.DateTimeField(null=True, blank=True)


class ModelGroupPermission(GroupObjectPermissionBase):
    """Guardian's row for a group on a registered model."""

    content_object = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE)
    expires_at = models.DateTimeField(null=True, blank=True)
