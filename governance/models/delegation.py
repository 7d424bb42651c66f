"""Delegations: a member of reviewer groups lets another person decide in their place for a period."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models import RegisteredModel, TemporalModel
from registry.models.base import closed_event_constraint


class Delegation(TemporalModel):
    """A signed delegation of decisions, from one event to another.

    `valid_from` and `valid_until` limit it within that time. It has no effect after `valid_until`, whether or not its
    row is closed. Empty `groups`, `model_uids` and `tiers` stand for all of them.
    """

    delegator = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="delegations_received")
    groups = models.JSONField(default=list, blank=True, help_text="slugs of reviewer groups; empty for all")
    model_uids = models.JSONField(default=list, blank=True, help_text="uids of models; empty for all")
    tiers = models.JSONField(default=list, blank=True, help_text="risk tiers; empty for all")
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    reason = models.TextField(blank=True)
    signed_name = models.CharField(max_length=200)
    signed_meaning = models.TextField()

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="delegation_span",
                condition=Q(valid_until__gt=F("valid_from")),
                violation_error_code="ends_before_it_begins",
            ),
            models.CheckConstraint(
                name="delegation_to_another", condition=~Q(delegate=F("delegator")), violation_error_code="to_oneself"
            ),
            closed_event_constraint("delegation_closed_with_event"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="delegation_by", fields=["delegator"], condition=Q(closed_at__isnull=True)),
            models.Index(name="delegation_to", fields=["delegate"], condition=Q(closed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator}"

    @property
    def title(self) -> str:
        """The delegation in words: "delegation of 20 Nov 2026 until 28 Nov 2026", in UTC."""
        begins, ends = self.valid_from.astimezone(UTC), (self.valid_until - timedelta(microseconds=1)).astimezone(UTC)
        return f"delegation of {begins.day} {begins:%b %Y} until {ends.day} {ends:%b %Y}"

    @classmethod
    def open_after(cls, moment: datetime) -> models.QuerySet["Delegation"]:
        """Return the delegations that are in effect at `moment` or begin after it."""
        return cls.objects.filter(closed_at__isnull=True, valid_until__gt=moment)

    def is_in_effect(self, moment: datetime) -> bool:
        """Return whether the delegation is in effect at that time."""
        ended = self.closed_at is not None and self.closed_at <= moment
        return not ended and self.opened_at <= moment and self.valid_from <= moment < self.valid_until

    def covers(self, model: RegisteredModel) -> bool:
        """Return whether the delegation is for decisions on this model with its present risk tier."""
        named = not self.model_uids or str(model.uid) in self.model_uids
        return named and (not self.tiers or model.risk_tier in self.tiers)
