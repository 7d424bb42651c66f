"""Notifications of the person behind a token, their settings, and the deliveries."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    Page,
    PageQuery,
    PersonResponse,
    RequestBody,
    ResponseBody,
    UtcDateTime,
)
from governance.models import Notification
from governance.notifications import channels, delivering, inbox, preferences
from governance.notifications.delivering import DeliveryRow
from governance.notifications.reasons import REASONS
from registry import access

Reason = Literal[*REASONS]  # type: ignore[valid-type]  # the slugs of the registered reasons
Mode = Literal["now", "digest", "off"]


class NotificationsQuery(PageQuery):
    """Filters of the list of notifications."""

    state: Literal["unread", "any"] = "any"
    reason: Reason | None = None


class SubjectResponse(ResponseBody):
    """The object of a notification."""

    type: str
    id: str
    name: str


class NotificationResponse(ResponseBody):
    """What the person is informed of, and why."""

    id: str
    reason: str
    title: str
    because: str = Field(description="Why this person is notified.")
    subject: SubjectResponse
    page: str = Field(description="The page of the object.")
    created_at: UtcDateTime
    read_at: UtcDateTime | None

    @classmethod
    def of(cls, row: Notification) -> NotificationResponse:
        return cls(
            id=str(row.uid),
            reason=row.reason,
            title=row.title,
            because=row.because,
            subject=SubjectResponse(type=row.subject_type, id=row.subject_id, name=row.subject),
            page=settings.PUBLIC_URL + row.path,
            created_at=row.created_at,
            read_at=row.read_at,
        )


class NotificationList(Page[NotificationResponse]):
    """A page of notifications, newest first."""


class NotificationsRead(RequestBody):
    """Which notifications to mark as read: those named, or all."""

    ids: list[Annotated[UUID, Field(strict=False)]] = Field(default_factory=list, max_length=500)
    all: bool = Field(False, description="Mark all notifications of the person; `ids` is not read then.")


class NotificationsMarked(ResponseBody):
    """How many notifications were unread and are read now."""

    marked: int


class ReasonSettingResponse(ResponseBody):
    """When notifications of one reason are sent."""

    reason: str
    label: str
    explanation: str
    fixed: bool = Field(description="Whether it is always sent by mail at once.")
    modes: dict[str, Mode] = Field(description="By channel: `mail`, or the id of a channel.")


class ChannelResponse(ResponseBody):
    """An address to which notifications are posted. The address itself is not returned."""

    id: str
    kind: str
    name: str


class NotificationSettingsResponse(ResponseBody):
    """When the person's notifications are sent, by which channels, and the hour of the daily digest."""

    digest_hour: int = Field(description="Hour of the day, 0 to 23, in `zone`.")
    zone: str
    channels: list[ChannelResponse]
    reasons: list[ReasonSettingResponse]


class NotificationSettingsUpdate(RequestBody):
    """Settings to change. What is not given stays."""

    choices: dict[str, dict[str, str]] = Field(
        default_factory=dict, description='Mode by channel by reason, such as {"mentioned": {"mail": "digest"}}.'
    )
    digest_hour: int | None = None
    zone: str | None = None


class DeliveriesQuery(PageQuery):
    """Filters of the list of deliveries."""

    of: Literal["me", "all"] = Field("me", description="`all` for those who manage webhooks.")
    state: Literal["waiting", "delivered", "failed", "withheld"] | None = None


class DeliveryResponse(ResponseBody):
    """One message by mail or by a channel."""

    id: str
    to: PersonResponse | None = Field(description="Null for a channel of a reviewer group.")
    channel: ChannelResponse | None = Field(description="Null for mail.")
    titles: list[str] = Field(description="Titles of its notifications that the caller may see.")
    hidden: int = Field(description="The number of its notifications about models that the caller does not see.")
    state: Literal["waiting", "delivered", "failed", "withheld"]
    attempts: int
    problem: str
    answer: int | None = Field(description="Status of the last response of the receiver.")
    digest_at: UtcDateTime | None
    created_at: UtcDateTime
    finished_at: UtcDateTime | None

    @classmethod
    def of(cls, row: DeliveryRow) -> DeliveryResponse:
        found = row.delivery
        same = ("state", "attempts", "problem", "answer", "digest_at", "created_at", "finished_at")
        channel = found.channel
        return cls(
            id=str(found.uid),
            to=PersonResponse.maybe(found.person),
            channel=ChannelResponse(id=str(channel.uid), kind=channel.kind, name=channel.name) if channel else None,
            titles=list(row.titles),
            hidden=row.hidden,
            **{name: getattr(found, name) for name in same},
        )


class DeliveryList(Page[DeliveryResponse]):
    """A page of deliveries, newest first."""


class NotificationsView(Endpoint):
    """/notifications"""

    @Operation("listNotifications", "List your notifications", "notifications",
               {200: NotificationList}, query=NotificationsQuery)  # fmt: skip
    def get(self, request: Request) -> Response:
        """List the notifications of the person behind the token, newest first, about objects that they may see."""
        query = self.query(NotificationsQuery)
        access.require_scope(self.actor, "models:read")
        rows = inbox.notifications_of(self.actor, unread=query.state == "unread", reason=query.reason or "")
        found, following = pagination.by_keys(rows, pagination.NEWEST_FIRST, query)
        page = NotificationList(items=[NotificationResponse.of(row) for row in found], next=following)
        return pagination.respond_page(request, page)


class NotificationReadingView(Endpoint):
    """/notifications/read"""

    @Operation("markNotificationsRead", "Mark notifications as read", "notifications",
               {200: NotificationsMarked}, body=NotificationsRead, idempotent=True)  # fmt: skip
    def post(self, request: Request) -> HttpResponseBase:
        """Mark notifications of the person as read. A token needs the scope `notifications:write`.

        Ids of other people's notifications and unknown ids are left out. Repeating it changes nothing.
        """
        given = self.body(NotificationsRead)

        def mark() -> Response:
            marked = inbox.mark_all_read(self.actor) if given.all else inbox.mark_read(self.actor, given.ids)
            return respond(NotificationsMarked(marked=marked))

        return idempotent(request, self.actor, self.raw_body(), mark)


class NotificationSettingsView(Endpoint):
    """/notifications/settings"""

    @Operation("getNotificationSettings", "Read your notification settings", "notifications",
               {200: NotificationSettingsResponse})  # fmt: skip
    def get(self, request: Request) -> Response:
        """Return for each reason when it is sent by mail and by each channel of the person."""
        access.require_scope(self.actor, "models:read")
        return self._settings()

    @Operation("changeNotificationSettings", "Change your notification settings", "notifications",
               {200: NotificationSettingsResponse}, body=NotificationSettingsUpdate)  # fmt: skip
    def patch(self, request: Request) -> Response:
        """Change when notifications are sent. A token needs the scope `notifications:write`.

        `audit_problem` is always sent by mail at once. A person adds and removes channels on the page.
        """
        given = self.body(NotificationSettingsUpdate)
        preferences.save_preferences(
            actor=self.actor, choices=given.choices, digest_hour=given.digest_hour, zone=given.zone
        )
        return self._settings()

    def _settings(self) -> Response:
        chosen = preferences.get_preferences(self.actor)
        return respond(
            NotificationSettingsResponse(
                digest_hour=chosen.digest_hour,
                zone=chosen.zone,
                channels=[
                    ChannelResponse(id=str(row.uid), kind=row.kind, name=row.name)
                    for row in channels.own_channels(self.actor)
                ],
                reasons=[
                    ReasonSettingResponse(
                        reason=row.reason.slug,
                        label=row.reason.label,
                        explanation=row.reason.explanation,
                        fixed=row.reason.fixed,
                        modes={channel: str(mode) for channel, mode in row.modes.items()},
                    )
                    for row in preferences.list_settings(self.actor)
                ],
            )
        )


class DeliveriesView(Endpoint):
    """/notifications/deliveries"""

    @Operation("listDeliveries", "List deliveries of notifications", "notifications",
               {200: DeliveryList}, query=DeliveriesQuery)  # fmt: skip
    def get(self, request: Request) -> Response:
        """List what was sent to the person, newest first; with `of=all` what was sent to everyone, for officers and
        administrators, whose tokens need the scope `webhooks:admin`.
        """
        query = self.query(DeliveriesQuery)
        access.require_scope(self.actor, "models:read")
        everyones = query.of == "all"
        rows = delivering.all_deliveries(self.actor) if everyones else delivering.deliveries_of(self.actor)
        rows = delivering.in_state(rows, query.state)
        found, following = pagination.by_keys(rows, pagination.NEWEST_FIRST, query)
        shown = delivering.delivery_rows(self.actor, found)
        page = DeliveryList(items=[DeliveryResponse.of(row) for row in shown], next=following)
        return pagination.respond_page(request, page)
