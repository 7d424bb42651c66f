"""Reviewer groups and their temporal membership."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from registry.models.base import IS_CURRENT, TemporalModel, closed_event_constraint


class ReviewerGroup(Group):
    """A named group that policies use ("two of risk-team").

    It is also a Django group, because guardian's tables refer to those; only Membership determines who is a member.
    """

    slug = models.SlugField(max_length=80, unique=True)
    description = models.TextField(blank=True)
    uid = models.UUIDField(unique=True, editable=False)
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager["ReviewerGroup"]] = models.Manager()  # type: ignore[assignment]  # not the manager of Group

    def __str__(self) -> str:
        return self.name


class Membership(TemporalModel):
    """A person belongs to a group, from one event to another.

    `valid_from` and `valid_until` limit it within that time: a deputy for August is recorded in July and ends without
    another action.
    """

    group = models.ForeignKey(ReviewerGroup, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="memberships")
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)
    proposed_by = models.ForeignKey(
        "registry.User",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="who proposed it, where another officer confirmed and so entered it",
    )

    deputy = models.BooleanField(
        default=False,
        help_text="a deputy decides as every member, and is informed if the others do not decide in time",
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="membership_one_open",
                fields=["group", "user"],
                condition=IS_CURRENT,
                violation_error_code="already_a_member",
            ),
            models.CheckConstraint(
                name="membership_span",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=models.F("valid_from")),
                violation_error_code="ends_before_it_begins",
            ),
            closed_event_constraint("membership_closed_with_event"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="membership_of_user", fields=["user", "group"], condition=IS_CURRENT)
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"

    @classmethod
    def effective(cls, moment: datetime) -> models.QuerySet["Membership"]:
        """Return the memberships in force at `moment`: opened and not closed by then, and within their validity."""
        return cls.objects.filter(
            Q(closed_at__isnull=True) | Q(closed_at__gt=moment),
            Q(valid_until__isnull=True) | Q(valid_until__gt=moment),
            opened_at__lte=moment,
            valid_from__lte=moment,
        )

    @classmethod
    def effective_or_later(cls, moment: datetime) -> models.QuerySet["Membership"]:
        """Return the open memberships in force at `moment` or beginning after it."""
        return cls.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=moment), closed_at__isnull=True, opened_at__lte=moment
        )


class EffectiveMembership(models.Model):
    """A database view of the memberships in force now, in the form of the many-to-many relation that Django and
    guardian expect behind `User.groups`.

    Read-only; `registry.access` queries Membership itself, with the clock of the product.
    """

    id = models.BigIntegerField(primary_key=True)
    user = models.ForeignKey("registry.User", on_delete=models.DO_NOTHING, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.DO_NOTHING, related_name="+")

    class Meta:
        managed = False
        db_table = "registry_effective_membership"

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"
