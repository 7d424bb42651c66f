"""Compose messages: mails, and the bodies that Slack, Teams and other receivers expect.

A message only names what happened and links to the page. It never contains a link that decides something.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from audit import clock
from governance.models import Notification, NotificationChannel
from governance.notifications.reasons import REASONS

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the public beginning of a secret
SHOWN: Final = 50
"""Maximum number of notifications in one message; the inbox has them all."""


@dataclass(frozen=True)
class Item:
    """One notification in a message."""

    title: str
    because: str
    reason: str
    url: str


def items_of(notifications: Sequence[Notification]) -> list[Item]:
    """Return notifications as they are shown in messages. A group has no inbox: its links open the object."""
    return [
        Item(
            row.title,
            row.because,
            REASONS[row.reason].label,
            settings.PUBLIC_URL + (f"/notifications/{row.uid}/" if row.person_id is not None else row.path),
        )
        for row in notifications
    ]


def compose_mail(name: str, address: str, notifications: Sequence[Notification]) -> EmailMultiAlternatives:
    """Return a mail with a plain and an HTML part.

    Args:
        name: the recipient's name.
        address: the recipient's address.
        notifications: at least one.
    """
    items = items_of(notifications)
    subject = items[0].title if len(items) == 1 else f"Countersign: {len(items)} notifications"
    context = {
        "name": name,
        "subject": subject,
        "items": items[:SHOWN],
        "further": len(items) - SHOWN if len(items) > SHOWN else 0,
        "inbox": f"{settings.PUBLIC_URL}/notifications/",
        "settings": f"{settings.PUBLIC_URL}/profile/notifications/",
    }
    mail = EmailMultiAlternatives(" ".join(subject.split()), _plain(context), None, [address])
    mail.attach_alternative(render_to_string("mail/notifications.html", context), "text/html")
    return mail


def compose_body(channel: NotificationChannel, notifications: Sequence[Notification]) -> dict[str, Any]:
    """Return the JSON body for a channel.

    Args:
        channel: the channel.
        notifications: at least one.

    Source: Slack incoming webhooks (`text` in mrkdwn); Teams Workflows (a message with an Adaptive Card).
    """
    if channel.kind == NotificationChannel.Kind.SLACK:
        lines = [f"{_mrkdwn(i.title)} · <{i.url}|Open>\n_{_mrkdwn(i.because)}_" for i in items_of(notifications)]
        return {"text": "\n".join(lines[:SHOWN]), "unfurl_links": False}
    if channel.kind == NotificationChannel.Kind.TEAMS:
        return _adaptive_card(items_of(notifications)[:SHOWN])
    return {
        "type": "countersign.notifications.v1",
        "notifications": [
            {
                "id": str(row.uid),
                "reason": row.reason,
                "title": row.title,
                "because": row.because,
                "subject": {"type": row.subject_type, "id": row.subject_id, "name": row.subject},
                "url": settings.PUBLIC_URL + row.path,
                "created_at": row.created_at.isoformat(),
            }
            for row in notifications
        ],
    }


def sign(secret: str, message_id: str, moment: datetime, body: bytes) -> Mapping[str, str]:
    """Return the signature headers of a message.

    Args:
        secret: "whsec_" and the key in Base64.
        message_id: the same for each attempt.
        moment: time of this attempt.
        body: the body that is sent.

    Source: Standard Webhooks 1.0.0.
    """
    timestamp = str(int(moment.timestamp()))
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{digest}"}


def headers_of(channel: NotificationChannel, message_id: str, body: bytes) -> dict[str, str]:
    """Return the headers of a message to a channel, signed where the channel has a secret.

    Args:
        channel: the channel.
        message_id: the same for each attempt.
        body: the body that is sent.
    """
    signed = sign(channel.secret, message_id, clock.now(), body) if channel.secret else {}
    return {"Content-Type": "application/json", **signed}


def encode(body: Mapping[str, Any]) -> bytes:
    """Return the bytes of a JSON body."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(context: Mapping[str, Any]) -> str:
    lines = [f"{context['name']},", ""]
    for item in context["items"]:
        lines += [item.title, f"Why you receive this: {item.because}", f"Open: {item.url}", ""]
    if context["further"]:
        lines += [f"{context['further']} further notifications are in your inbox.", ""]
    lines += [f"All notifications: {context['inbox']}", f"Settings: {context['settings']}", ""]
    return "\n".join(lines)


def _mrkdwn(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _adaptive_card(items: Sequence[Item]) -> dict[str, Any]:
    body: list[dict[str, Any]] = []
    for item in items:
        # A RichTextBlock shows text as it is; a TextBlock would read Markdown in it.
        body.append({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": item.title, "weight": "Bolder"}]})
        body.append({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": item.because, "isSubtle": True}]})
        body.append({"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": item.url}]})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}
