"""Notifications: who gets them for which event, once, and what is sent."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from audit import clock
from audit.models import Event
from governance.models import Notification, NotificationDelivery, NotificationPreferences, UnprocessedEvent
from governance.notifications import dispatching, inbox, messages, recipients
from governance.notifications.log_reader import LogReader
from governance.tasks import report_audit_problems
from registry.exceptions import NotFoundError
from registry.services import people
from tests import factories
from tests.governance.notifications.conftest import carry_out
from tests.governance.promotions.conftest import ROOT, Bank


def got(reason: str) -> dict[str, str]:
    """Who has a notification for a reason, with why."""
    rows = Notification.objects.filter(reason=reason, person__isnull=False).select_related("person")
    return {row.person.username: row.because for row in rows if row.person is not None}


def mails_to(name: str) -> list[EmailMultiAlternatives]:
    found: list[Any] = [sent for sent in mail.outbox if sent.to == [f"{name}@bank.example"]]
    return found


def test_a_request_from_review_to_promotion(bank: Bank) -> None:
    request = bank.reviewed()
    carry_out()
    assert set(got("review_requested")) == {"marta", "aiko", "chen", "tom"}, "not the requester, and not a superuser"
    assert "reviewers" in got("review_requested")["marta"]
    (sent,) = mails_to("marta")
    assert sent.subject == f"#{request.pk} credit-risk-pd v1 to Production is open for review"
    carry_out()
    assert len(mails_to("marta")) == 1, "nothing is sent twice"

    bank.decide(request, "marta", "request_changes")
    carry_out()
    assert got("changes_requested") == {"priya": "You made the request.", "sofia": "You own the model."}
    assert inbox.count_unread(bank.actor("marta"), bank.people["marta"]) == 0, "who decided has read the request"


def test_requester_and_owner_get_the_promotion_in_the_digest(bank: Bank) -> None:
    request = bank.reviewed()
    for name in ("aiko", "chen", "marta"):
        if bank.fresh(request).is_live:
            bank.decide(request, name)
    carry_out()
    assert bank.fresh(request).state == "promoted"
    assert got("request_promoted").keys() == {"priya", "sofia"}
    row = NotificationDelivery.objects.get(person=bank.people["priya"], digest_at__isnull=False)
    assert {item.reason for item in row.notifications.all()} == {"request_promoted"}


def test_a_mail_only_opens_the_page(bank: Bank) -> None:
    bank.reviewed()
    carry_out()
    (sent,) = mails_to("chen")
    ((html, kind),) = sent.alternatives
    assert kind == "text/html"
    for text in (sent.body, str(html)):
        links = re.findall(r"https?://[^\s\"<]+", str(text))
        paths = {re.sub(r"[0-9a-f-]{36}", "UID", link.split("/", 3)[3]) for link in links}
        assert paths <= {"notifications/UID/", "notifications/", "profile/notifications/"}


def test_texts_of_mails_are_escaped_and_in_one_line(bank: Bank) -> None:
    row = Notification(
        person=bank.people["marta"],
        reason="mentioned",
        title="a\r\nBcc: eve@example.org <b>&amp;",
        because="<script>",
        path="/",
        created_at=clock.now(),
    )
    sent = messages.compose_mail("Jo <i>", "marta@bank.example", [row])
    assert sent.message()["Bcc"] is None
    html = str(sent.alternatives[0][0])
    assert "<script>" not in html
    assert "<b>" not in html
    assert "Jo &lt;i&gt;" in html


@pytest.mark.parametrize("loss", ["deactivated", "settled", "muted"])
def test_what_no_longer_concerns_the_recipient_is_not_sent(bank: Bank, loss: str) -> None:
    request = bank.reviewed()
    dispatching.dispatch()
    if loss == "deactivated":
        people.deactivate(actor=ROOT, person=bank.people["aiko"], reason="left")
    elif loss == "muted":
        inbox.mute(bank.actor("aiko"), "promotion", str(request.pk))
    else:
        bank.decide(request, "marta", "reject")
    carry_out()
    assert not any("open for review" in sent.subject for sent in mails_to("aiko"))
    row = NotificationDelivery.objects.get(person=bank.people["aiko"], notifications__reason="review_requested")
    assert row.state == "withheld"


def test_a_digest_is_one_mail_at_the_chosen_hour(bank: Bank) -> None:
    marta = bank.people["marta"]
    chosen = {"review_requested": {"mail": "digest"}}
    NotificationPreferences.objects.create(person=marta, choices=chosen, digest_hour=9, zone="Europe/Zurich")
    bank.reviewed()
    bank.model.refresh_from_db()
    carry_out()
    assert mails_to("marta") == []
    row = NotificationDelivery.objects.get(person=marta)
    assert row.digest_at is not None
    assert row.run_after == row.digest_at
    with clock.freeze(row.digest_at + timedelta(seconds=1)):
        carry_out()
    assert [sent.subject.endswith("open for review") for sent in mails_to("marta")] == [True]


def test_a_muted_object_is_quiet_and_the_inbox_is_of_its_person(bank: Bank) -> None:
    request = bank.reviewed()
    carry_out()
    (group,) = inbox.inbox(bank.actor("marta")).groups
    assert (group.subject_type, group.subject_id, group.unread) == ("promotion", str(request.pk), 1)
    row = group.items[0].row
    with pytest.raises(NotFoundError):
        inbox.open_notification(bank.actor("aiko"), row.uid)
    assert inbox.mark_read(bank.actor("aiko"), [row.uid]) == 0
    inbox.mute(bank.actor("marta"), "promotion", str(request.pk))
    bank.decide(request, "aiko", "reject")
    carry_out()
    assert inbox.inbox(bank.actor("marta"), unread=True).groups == ()
    assert got("request_rejected").keys() == {"priya", "sofia"}


def test_an_event_that_cannot_be_processed_is_kept_and_tried_again(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Event) -> list[recipients.Draft]:
        raise KeyError("packet")

    bank.reviewed()
    with monkeypatch.context() as patched:
        patched.setattr(dispatching, "drafts_of", fail)
        dispatching.dispatch()
    reader: LogReader = dispatching.READER
    assert reader.failures() > 0
    assert {(row.attempts, row.problem) for row in UnprocessedEvent.objects.all()} == {(1, "KeyError: 'packet'")}
    dispatching.dispatch()
    assert not Notification.objects.exists(), "it waits for its pause"
    officer = factories.officer()
    UnprocessedEvent.objects.update(attempts=3)
    report_audit_problems()
    report_audit_problems()
    assert set(got("audit_problem")) == {officer.username}
    with clock.freeze(clock.now() + timedelta(minutes=1)):
        dispatching.dispatch()
    assert reader.failures() == 0
    assert set(got("review_requested")) == {"marta", "aiko", "chen", "tom"}
