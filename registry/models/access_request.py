"""Access requests: a person requests a role on a model."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import IS_CURRENT, TemporalModel
from registry.models.registered_model import RegisteredModel


class AccessRequest(TemporalModel):
    """A request of a person for a role on a model, until it is answered.

    The request is fixed; the answer is given once and closes the row. `slug` is the requested name, and `model` is
    empty if there is no such model: the requester cannot tell the two apart, because a request must not reveal whether
    a model exists that they may not see.
    """

    class Outcome(models.TextChoices):
        GRANTED = "granted", "Granted"
        DENIED = "denied", "Denied"
        WITHDRAWN = "withdrawn", "Withdrawn"
        LAPSED = "lapsed", "Lapsed"

    REQUESTED: ClassVar[str] = "asked"

    person = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="access_requests")
    model = models.ForeignKey(
        RegisteredModel, null=True, blank=True, on_delete=models.PROTECT, related_name="access_requests"
    )
    slug = models.CharField(max_length=200)
    role = models.CharField(max_length=40)
    purpose = models.TextField()
    until = models.DateTimeField(help_text="the requested end of the role")
    outcome = models.CharField(max_length=10, null=True, blank=True, choices=Outcome.choices)  # noqa: DJ001 (no answer)
    answer = models.TextField(null=True, blank=True)  # noqa: DJ001 (no answer yet)
    answered_by = models.CharField(  # noqa: DJ001 (no answer yet)
        max_length=40, null=True, blank=True, help_text="pseudonymous id of the actor"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="access_request_one_open",
                fields=["person", "slug"],
                condition=IS_CURRENT,
                violation_error_code="already_asked",
            ),
            models.CheckConstraint(
                name="access_request_answered_once",
                condition=Q(
                    closed_at__isnull=True,
                    closed_event__isnull=True,
                    outcome__isnull=True,
                    answer__isnull=True,
                    answered_by__isnull=True,
                )
                | Q(
                    closed_at__isnull=False,
                    closed_event__isnull=False,
                    outcome__isnull=False,
                    answer__isnull=False,
                    answered_by__isnull=False,
                ),
                violation_error_code="closed_without_event",
            ),
            models.CheckConstraint(
                name="access_request_granted_where_a_model_is",
                condition=~Q(outcome="granted") | Q(model__isnull=False),
                violation_error_code="no_model",
            ),
            models.CheckConstraint(
                name="access_request_span",
                condition=Q(until__gt=models.F("opened_at")),
                violation_error_code="ends_before_it_begins",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="access_request_waiting", fields=["model", "opened_at"], condition=IS_CURRENT),
            models.Index(name="access_request_of_person", fields=["person", "-opened_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.person} asks to be {self.role} on {self.slug}"

    @property
    def state(self) -> str:
        """ "asked", or the outcome."""
        return self.outcome or self.REQUESTED
