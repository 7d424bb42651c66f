"""Create, change, disable and delete webhooks, each with its event. Secrets are write-only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from audit import clock, recorder
from audit import selectors as log
from audit.actions import Action
from audit.actor import Actor, process
from audit.recorder import Change, ObjectRef, PrivateValue
from governance.actions import WEBHOOK_CREATED, WEBHOOK_DELETED, WEBHOOK_DISABLED, WEBHOOK_TESTED, WEBHOOK_UPDATED
from governance.models import Webhook, WebhookSecret
from governance.outbound_http import ForbiddenAddressError, resolve_allowed_address
from registry import access
from registry.exceptions import NotFoundError
from registry.validation import ErrorCollector

EVENT_TYPES: Final[tuple[str, ...]] = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)
"""Event types a webhook can subscribe to: MLflow's events about models."""
MOST: Final = 50
"""Maximum number of webhooks of an organisation."""
STREAM: Final = "organisation"
SENDER = process("webhook-sender")
"""The actor when a worker finds that a receiver is gone."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,2000}")
_FIELDS = frozenset({"name", "description", "url", "events", "status"})


def create(
    *,
    actor: Actor,
    name: str,
    url: str,
    events: Iterable[str],
    description: str = "",
    secret: str = "",
    status: str = Webhook.Status.ACTIVE,
) -> Webhook:
    """Create a webhook that receives messages about events from now on. Its host is resolved.

    Args:
        actor: who creates it; needs MANAGE_WEBHOOKS.
        name: 1 to 63 letters, digits, ".", "_" or "-".
        url: address of the receiver.
        events: event types, of `NEWS`.
        description: free text.
        secret: signs the messages; empty for unsigned messages.
        status: ACTIVE or DISABLED.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
        ValidationFailedError: a field is invalid, the host is not allowed, or there are too many webhooks.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    person = access.require_person(actor)
    facts = _checked(
        {"name": name, "url": url, "events": list(events), "description": description, "status": status}, secret
    )
    with transaction.atomic():
        if _all().select_for_update(no_key=True).count() >= MOST:
            faults = ErrorCollector()
            faults.add("/name", "too_many", f"There are {MOST} webhooks already, which is the most: delete one first.")
            faults.raise_if_any()
        now = clock.now()
        made = Webhook(
            uid=uuid4(), since=log.latest_event_pk(), created_by=person, created_at=now, updated_at=now, **facts
        )
        _record(
            WEBHOOK_CREATED,
            actor,
            made,
            [Change(field, None, _kept(field, value)) for field, value in facts.items() if value]
            + ([Change("secret", None, "given")] if secret else []),
        )
        made.save(force_insert=True)
        if secret:
            WebhookSecret.objects.create(webhook=made, value=secret)
    return made


def listing(actor: Actor) -> QuerySet[Webhook]:
    """Return the organisation's webhooks, newest first.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    return _all()


def get(actor: Actor, webhook_id: str) -> Webhook:
    """Return one webhook.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
        NotFoundError: there is no such webhook.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    return _one(webhook_id)


def update(*, actor: Actor, webhook_id: str, secret: str | None = None, **changes: Any) -> Webhook:
    """Change fields of a webhook. Without a difference nothing is written.

    A webhook that becomes active again receives messages about events from then on.

    Args:
        actor: who changes it; needs MANAGE_WEBHOOKS.
        webhook_id: uid of the webhook.
        secret: the new secret; None or empty to keep it.
        changes: new values of `name`, `description`, `url`, `events` or `status`.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
        NotFoundError: there is no such webhook.
        ValidationFailedError: a field is invalid.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    assert changes.keys() <= _FIELDS, changes
    _one(webhook_id)
    facts = _checked(changes, secret)
    with transaction.atomic():
        row = _one(webhook_id, lock=True)
        differing = {field: value for field, value in facts.items() if getattr(row, field) != value}
        if not differing and not secret:
            return row
        changed_fields = [
            Change(field, _kept(field, getattr(row, field)), _kept(field, value)) for field, value in differing.items()
        ]
        if secret:
            _, new = WebhookSecret.objects.update_or_create(webhook=row, defaults={"value": secret})
            changed_fields.append(Change("secret", None if new else "given", "given" if new else "replaced"))
        if differing.get("status") == Webhook.Status.ACTIVE:
            row.since = log.latest_event_pk()
        _record(WEBHOOK_UPDATED, actor, row, changed_fields)
        for field, value in differing.items():
            setattr(row, field, value)
        row.updated_at = clock.now()
        row.save(update_fields=[*differing, "since", "updated_at"])
    return row


@transaction.atomic
def delete(*, actor: Actor, webhook_id: str) -> None:
    """Delete a webhook and its secret; the row is kept, marked as deleted.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
        NotFoundError: there is no such webhook.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    row = _one(webhook_id, lock=True)
    _record(WEBHOOK_DELETED, actor, row, [Change("status", row.status, "deleted")])
    WebhookSecret.objects.filter(webhook=row).delete()
    row.deleted_at = row.updated_at = clock.now()
    row.save(update_fields=["deleted_at", "updated_at"])


@transaction.atomic
def record_test(*, actor: Actor, webhook: Webhook, event_type: str, answer: int | None) -> None:
    """Record that a test message was sent.

    Args:
        actor: who sent it; needs MANAGE_WEBHOOKS.
        webhook: the webhook.
        event_type: the event type of the message.
        answer: HTTP status of the response; None if there was none.

    Raises:
        PermissionDeniedError: the actor lacks MANAGE_WEBHOOKS.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_WEBHOOKS)
    _record(WEBHOOK_TESTED, actor, webhook, [], {"told": event_type, "answer": answer})


@transaction.atomic
def disable_gone_webhook(webhook_id: int) -> None:
    """Disable a webhook whose receiver responded with 410."""
    row = _all().select_for_update(no_key=True).filter(pk=webhook_id, status=Webhook.Status.ACTIVE).first()
    if row is None:
        return
    _record(WEBHOOK_DISABLED, SENDER, row, [Change("status", row.status, Webhook.Status.DISABLED.value)])
    row.status, row.updated_at = Webhook.Status.DISABLED, clock.now()
    row.save(update_fields=["status", "updated_at"])


def is_allowlisted_host(url: str) -> bool:
    """Return whether an operator allowed the host, which may then be private and without TLS."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return not {host, f"{host}:{port}"}.isdisjoint(name.lower() for name in settings.COUNTERSIGN_WEBHOOK_HOSTS)


def _all() -> QuerySet[Webhook]:
    return Webhook.objects.filter(deleted_at__isnull=True).order_by("-pk")


def _one(webhook_id: str, *, lock: bool = False) -> Webhook:
    rows = _all().select_for_update(no_key=True, of=("self",)) if lock else _all()
    try:
        found = rows.select_related("created_by").filter(uid=UUID(webhook_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFoundError(f"Webhook with ID {webhook_id[:100]} not found.")
    return found


def _checked(given: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """Validate and normalise the given fields; ValidationFailedError if one is invalid."""
    faults, facts = ErrorCollector(), dict(given)
    if "name" in facts and not _NAME.fullmatch(facts["name"]):
        faults.add(
            "/name",
            "invalid",
            "A webhook's name has 1 to 63 letters, digits, . _ and -, a letter or digit at each end.",
        )
    if "description" in facts:
        facts["description"] = faults.clean_text("/description", facts["description"], 5_000)
    if "events" in facts:
        facts["events"] = list(dict.fromkeys(facts["events"]))
        if not facts["events"] or not set(facts["events"]) <= set(EVENT_TYPES):
            faults.add("/events", "unknown_event", f"A webhook's events are one or more of: {', '.join(EVENT_TYPES)}.")
    if facts.get("status", Webhook.Status.ACTIVE) not in Webhook.Status.values:
        faults.add("/status", "unknown_status", "A webhook's status is ACTIVE or DISABLED.")
    if secret and not _VISIBLE.fullmatch(secret):
        faults.add("/secret", "invalid", "A webhook's secret has up to 2,000 visible ASCII characters, without spaces.")
    if "url" in facts:
        check_url(faults, facts["url"])
    faults.raise_if_any()
    return facts


def check_url(faults: ErrorCollector, url: str) -> None:
    """Add an error at /url if the form of a receiver's address or its host is not allowed. The host is resolved."""
    # MLflow clients look for the first words of these messages.
    if not url.strip():
        faults.add("/url", "required", "Webhook URL cannot be empty or just whitespace: give https://host/path.")
        return
    parts = _split(url)
    if parts is None:
        form = "it is https://host/path in visible ASCII, without user name, password and #fragment."
        faults.add("/url", "invalid", f"Invalid webhook URL: {form}")
        return
    if parts.scheme not in ("https", "http"):
        faults.add("/url", "invalid", f"Invalid webhook URL scheme: {parts.scheme[:20] or 'none'}. Use https://.")
        return
    named = is_allowlisted_host(url)
    way_out = "or an operator names the host in COUNTERSIGN_WEBHOOK_HOSTS."
    if parts.scheme == "http" and not named:
        faults.add("/url", "https_only", f"Invalid webhook URL scheme: http. Use https://, {way_out}")
        return
    try:
        resolve_allowed_address(parts.hostname or "", parts.port or 443, private=named)
    except ForbiddenAddressError as refusal:
        faults.add(
            "/url", "private_address", f"The url may not be reached: {refusal} Use a host that is public, {way_out}"
        )
    except (OSError, UnicodeError):
        faults.add("/url", "not_resolved", f"The url's host {parts.hostname} has no address: check how it is written.")


def _split(url: str) -> SplitResult | None:
    if not _VISIBLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc or parts.fragment:
        return None
    return None if port == 0 else parts


def _kept(field: str, value: Any) -> Any:
    """URL, name and description may contain passwords or personal names: the event stores only commitments."""
    if field in ("url", "name", "description"):
        return PrivateValue(value) if value else None
    return value


def _record(
    action: Action, actor: Actor, row: Webhook, changes: list[Change], data: dict[str, Any] | None = None
) -> None:
    recorder.record_event(
        action, actor=actor, target=ObjectRef("webhook", str(row.uid)), stream=STREAM, changes=changes, data=data
    )
