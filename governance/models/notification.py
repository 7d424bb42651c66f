"""Notifications of persons and reviewer groups, where they are sent, and their deliveries."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel, RetriedInPlace

_ONE_RECIPIENT = Q(person__isnull=False, group__isnull=True) | Q(person__isnull=True, group__isnull=False)


class Notification(models.Model):
    """What one person, or one reviewer group, is informed about, and why.

    Not a governed record: it contains no text of people, only names of objects. `key` makes it unique for a recipient
    and a reason. The subject groups notifications; `model_uid` is the model whose visibility decides whether the
    recipient may still read it, empty where it concerns the recipient only.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.CASCADE, related_name="notifications"
    )
    group = models.ForeignKey(
        "registry.ReviewerGroup", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    reason = models.CharField(max_length=32)
    key = models.CharField(max_length=120)
    event = models.UUIDField(null=True, blank=True)
    model_uid = models.UUIDField(null=True, blank=True)
    subject_type = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=64)
    subject = models.CharField(max_length=300)
    title = models.CharField(max_length=300)
    because = models.CharField(max_length=300)
    path = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="notification_once", fields=["person", "reason", "key"]),
            models.UniqueConstraint(name="notification_once_for_group", fields=["group", "reason", "key"]),
            models.CheckConstraint(name="notification_one_recipient", condition=_ONE_RECIPIENT),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="notification_of_person", fields=["person", "-id"]),
            models.Index(name="notification_unread", fields=["person"], condition=Q(read_at__isnull=True)),
            models.Index(name="notification_by_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return self.title


class NotificationPreferences(models.Model):
    """How a person wants to be notified. `choices` contains only what deviates from the defaults of the reasons:
    mode by channel by reason.
    """

    person = models.OneToOneField("registry.User", on_delete=models.CASCADE, related_name="+")
    choices = models.JSONField(default=dict)
    digest_hour = models.PositiveSmallIntegerField(default=7, help_text="hour of the day, in `zone`")
    zone = models.CharField(max_length=64, default="UTC")

    def __str__(self) -> str:
        return f"notification preferences of {self.person_id}"


class NotificationMute(models.Model):
    """An object about which a person does not want to be notified."""

    person = models.ForeignKey("registry.User", on_delete=models.CASCADE, related_name="+")
    subject_type = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=64)
    subject = models.CharField(max_length=300)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="notification_mute_once", fields=["person", "subject_type", "subject_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} mutes {self.subject}"


class NotificationChannel(AuditedModel):
    """An address to which the notifications of a person, or the requests for review of a group, are posted.

    `secret` signs the messages of the kind `webhook`; it is stored in plain text because signing needs it.
    """

    class Kind(models.TextChoices):
        SLACK = "slack", "Slack-compatible"
        TEAMS = "teams", "Teams-compatible"
        WEBHOOK = "webhook", "Webhook (JSON)"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=63)
    url = models.TextField()
    secret = models.TextField(blank=True)
    person = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(
        "registry.ReviewerGroup", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="notification_channel_one_owner", condition=_ONE_RECIPIENT),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="notification_channel_live", fields=["person"], condition=Q(deleted_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.name


class NotificationDelivery(RetriedInPlace):
    """One message to one recipient by mail (`channel` is empty) or by a channel. The row is the queue.

    It stores no text: the message is composed when it is sent, so that it contains only what the recipient may still
    see. A digest has `digest_at` and any number of notifications, another message exactly one.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"
        WITHHELD = "withheld", "Withheld"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(
        NotificationChannel, null=True, blank=True, on_delete=models.PROTECT, related_name="deliveries"
    )
    notifications = models.ManyToManyField(Notification, related_name="deliveries")
    digest_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    answer = models.PositiveSmallIntegerField(null=True, blank=True, help_text="status of the last response")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "notification deliveries"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="notification_digest_once",
                fields=["person", "channel", "digest_at"],
                condition=Q(digest_at__isnull=False),
                nulls_distinct=False,
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="notification_delivery_waiting", fields=["run_after"], condition=Q(state="waiting")),
            models.Index(name="notification_delivery_by_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"delivery {self.uid}"
