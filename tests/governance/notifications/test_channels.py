"""Channels and settings: what Slack, Teams and other receivers get, and what a person may choose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from audit import clock
from audit.models import Event
from governance.models import NotificationChannel, NotificationDelivery
from governance.notifications import channels, delivering, dispatching, messages, preferences
from registry.access import actor_for
from registry.exceptions import NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import ReviewerGroup
from registry.services import tokens
from tests import factories
from tests.governance.interfaces.mlflow.receiver import Receiver, listening
from tests.governance.notifications.conftest import carry_out
from tests.governance.promotions.conftest import Bank


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    with listening() as got:
        settings.COUNTERSIGN_WEBHOOK_HOSTS = ["127.0.0.1"]
        yield got


def add(bank: Bank, kind: str, url: str) -> NotificationChannel:
    return channels.add_channel(actor=bank.actor("marta"), kind=kind, name=f"my {kind}", url=url)


def test_each_kind_of_receiver_gets_its_form(bank: Bank, receiver: Receiver) -> None:
    made = {kind: add(bank, kind, receiver.url) for kind in ("slack", "teams", "webhook")}
    request = bank.reviewed()
    carry_out()
    bodies = [(headers, json.loads(body)) for _, headers, body in receiver.got]
    assert len(bodies) == 3
    slack = next(body for _, body in bodies if "text" in body)
    assert f"#{request.pk} credit-risk-pd v1 to Production is open for review" in slack["text"]
    teams = next(body for _, body in bodies if "attachments" in body)
    assert teams["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    headers, own = next((headers, body) for headers, body in bodies if "notifications" in body)
    assert own["notifications"][0]["reason"] == "review_requested"
    raw = next(body for _, _, body in receiver.got if b"countersign.notifications" in body)
    moment = clock.now().replace(microsecond=0)
    signed = messages.sign(made["webhook"].secret, headers["webhook-id"], moment, raw)
    again = {key: value for key, value in signed.items() if key != "webhook-timestamp"}
    if signed["webhook-timestamp"] == headers["webhook-timestamp"]:
        assert again["webhook-signature"] == headers["webhook-signature"]
    assert Event.objects.filter(action="notification_channel.added").count() == 3
    assert receiver.url not in "".join(bytes(event.leaf).decode() for event in Event.objects.all())


def test_a_failed_message_waits_and_is_shown_and_can_be_sent_again(bank: Bank, receiver: Receiver) -> None:
    add(bank, "slack", receiver.url)
    receiver.status = 500
    bank.reviewed()
    carry_out()
    row = NotificationDelivery.objects.get(channel__isnull=False)
    assert (row.state, row.attempts, row.problem, row.answer) == ("waiting", 1, "The receiver answered 500.", 500)
    NotificationDelivery.objects.filter(pk=row.pk).update(attempts=len(delivering.PAUSES), run_after=None)
    carry_out()
    row.refresh_from_db()
    assert row.state == "failed"
    with pytest.raises(NotFoundError):
        delivering.send_again(actor=bank.actor("aiko"), uid=row.uid)
    receiver.status = 200
    delivering.send_again(actor=bank.actor("marta"), uid=row.uid)
    carry_out()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("delivered", 1)


def test_a_group_gets_requests_for_its_review(bank: Bank, receiver: Receiver) -> None:
    officer = factories.officer()
    group = ReviewerGroup.objects.get()
    with pytest.raises(PermissionDeniedError):
        channels.add_channel(actor=bank.actor("marta"), kind="slack", name="team", url=receiver.url, group=group)
    channels.add_channel(actor=actor_for(officer), kind="slack", name="team", url=receiver.url, group=group)
    bank.reviewed()
    carry_out()
    assert [json.loads(body)["text"].count("/promotions/") for _, _, body in receiver.got] == [1]


def test_addresses_inside_the_network_and_nonsense_are_refused(bank: Bank) -> None:
    for url in ("http://example.org/x", "https://127.0.0.1/x", "https://10.0.0.8/", "javascript:alert(1)", "", "\x00"):
        with pytest.raises(ValidationFailedError):
            add(bank, "slack", url)
    with pytest.raises(ValidationFailedError):
        channels.add_channel(actor=bank.actor("marta"), kind="fax", name="a\nb", url="https://127.0.0.1/x")
    assert not NotificationChannel.objects.exists()


def test_a_token_changes_no_settings(bank: Bank) -> None:
    token, _ = factories.token(bank.people["marta"], ["models:read"])
    actor = tokens.actor_of(token)
    with pytest.raises(PermissionDeniedError):
        preferences.save_preferences(actor=actor, choices={})
    with pytest.raises(PermissionDeniedError):
        channels.add_channel(actor=actor, kind="slack", name="x", url="https://example.org/")
    with pytest.raises(PermissionDeniedError):
        channels.remove_channel(actor=actor, uid=uuid4())


@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ({"no_reason": {"mail": "now"}}, "unknown_reason"),
        ({"mentioned": {"mail": "never"}}, "unknown_mode"),
        ({"mentioned": {str(uuid4()): "now"}}, "unknown_channel"),
        ({"audit_problem": {"mail": "off"}}, "fixed"),
    ],
)
def test_settings_name_what_is_wrong(bank: Bank, choices: dict[str, dict[str, str]], code: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        preferences.save_preferences(actor=bank.actor("marta"), choices=choices)
    assert [fault.code for fault in refused.value.errors] == [code]


def test_the_pages_store_settings_and_add_test_and_remove_a_channel(bank: Bank, receiver: Receiver) -> None:
    client = Client()
    client.force_login(bank.people["marta"])
    page = reverse("web:notification-settings")
    assert client.get(page).status_code == 200
    sent = {"mode-mentioned-mail": "off", "digest_hour": "18", "zone": "Europe/Zurich"}
    assert client.post(page, sent).status_code == 302
    chosen = preferences.get_preferences(bank.actor("marta"))
    assert (chosen.choices, chosen.digest_hour, chosen.zone) == ({"mentioned": {"mail": "off"}}, 18, "Europe/Zurich")
    for wrong in ({"digest_hour": "99"}, {"zone": "Mars/X\x00"}, {"mode-x-mail": "now"}, {"mode-mentioned-": "now"}):
        assert client.post(page, {**sent, **wrong}).status_code == 400
    added = client.post(
        reverse("web:add-notification-channel"), {"kind": "webhook", "name": "<b>pager</b>", "url": receiver.url}
    )
    assert added.status_code == 201
    channel = NotificationChannel.objects.get()
    assert channel.secret in added.content.decode()
    assert "<b>pager" not in added.content.decode()
    assert channel.secret not in client.get(page).content.decode()
    one = reverse("web:notification-channel", args=[channel.uid])
    assert client.post(one, {"do": "test"}).status_code == 302
    assert len(receiver.got) == 1
    other = Client()
    other.force_login(bank.people["aiko"])
    assert other.post(one, {"do": "remove"}).status_code == 404
    client.post(one, {"do": "remove"})
    channel.refresh_from_db()
    assert channel.deleted_at is not None
    assert channel.secret == ""


def test_the_digest_follows_the_clock_of_the_person(bank: Bank) -> None:
    chosen = preferences.save_preferences(actor=bank.actor("marta"), choices={}, digest_hour=7, zone="America/New_York")
    now = clock.now().replace(year=2026, month=1, day=10, hour=11, minute=58, second=30)
    due = dispatching.next_digest(chosen, now)
    assert (due.hour, due.day) == (12, 11), "an hour that is two minutes away is left to the next day"
    assert dispatching.next_digest(chosen, now - timedelta(hours=1)).day == 10
