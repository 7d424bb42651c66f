"""Webhooks, their signing secrets and their deliveries."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel, RetriedInPlace


class Webhook(AuditedModel):
    """An address that receives messages about events of the models its creator may see."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "Active"
        DISABLED = "DISABLED", "Disabled"

    name = models.CharField(max_length=63)
    description = models.TextField(blank=True)
    url = models.TextField()
    events = models.JSONField(help_text='the events that it receives: a list of "entity.action"')
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    since = models.BigIntegerField(help_text="order of arrival of the last event before the first that it receives")
    created_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.name


class WebhookSecret(models.Model):
    """The secret that signs a webhook's messages. Stored in plain text because signing needs it; only the sender
    reads it.
    """

    webhook = models.OneToOneField(Webhook, on_delete=models.PROTECT, related_name="+")
    value = models.TextField()

    def __str__(self) -> str:
        return "secret"


class WebhookDelivery(RetriedInPlace):
    """One message to be delivered to a webhook.

    It does not store the message: the text is read when it is sent, so that data erased meanwhile is not sent. Not a
    governed record; deleted after a month.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"
        WITHHELD = "withheld", "Withheld"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries")
    event = models.UUIDField()
    place = models.PositiveSmallIntegerField(help_text="which of the event's news: one may set several tags")
    entity = models.CharField(max_length=32)
    action = models.CharField(max_length=16)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    answer = models.PositiveSmallIntegerField(null=True, blank=True, help_text="status of the last answer")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["webhook", "event", "place"], name="webhook_told_once"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="webhook_delivery_waiting", fields=["run_after"], condition=Q(state="waiting")),
            models.Index(name="webhook_delivery_by_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.entity}.{self.action} for {self.webhook_id}"
