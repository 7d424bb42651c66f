"""Notifications of dates: tokens and findings that end, reminders of reviews, and events of comments."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit import clock
from governance import findings
from governance.models import Notification
from governance.notifications import scheduled
from governance.services import discussion, reminders
from registry.services import models
from tests import factories
from tests.governance.notifications.conftest import carry_out
from tests.governance.notifications.test_notifications import got, mails_to
from tests.governance.promotions.conftest import Bank


@pytest.mark.parametrize(("days", "step"), [(8, None), (7, 7), (2, 7), (1, 1), (0, 0), (-6, 0), (-7, -7), (-20, -14)])
def test_which_step_is_due(days: int, step: int | None) -> None:
    assert scheduled.step_of(days) == step


def test_a_token_and_a_finding_are_named_before_they_end_and_once_for_each_step(bank: Bank) -> None:
    token, _ = factories.token(bank.people["marta"], ["models:read"], days=30)
    start = clock.now()
    finding = findings.open_finding(
        actor=bank.actor("marta"),
        model=bank.model,
        source="incident",
        severity="medium",
        title="secret words",
        due=start.date() + timedelta(days=20),
    )
    titles: list[str] = []
    for day in (0, 12, 13, 14, 19, 20, 22, 23, 28, 29):
        with clock.freeze(start + timedelta(days=day)):
            if scheduled.notify_of_dates():
                titles += Notification.objects.filter(created_at=clock.now()).values_list("title", flat=True)
            assert scheduled.notify_of_dates() == 0
    about_token = [title for title in titles if token.prefix in title]
    about_finding = [title for title in titles if title.startswith(f"Finding {finding.pk} ")]
    assert len(about_token) == 2
    assert ["was due" in title for title in about_finding] == [False, False, False, True]
    assert not any("secret" in title for title in titles)


def test_the_owner_is_mailed_that_a_review_is_due(bank: Bank) -> None:
    due = clock.now().date() + timedelta(days=3)
    bank.model.refresh_from_db()
    models.update_model(actor=bank.actor("sofia"), model=bank.model, next_review=due)
    assert reminders.remind_all() == 1
    carry_out()
    (sent,) = mails_to("sofia")
    assert sent.subject == f"The periodic review of credit-risk-pd is due on {due.isoformat()}"


def test_a_mention_is_notified_without_the_words_of_the_comment(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    discussion.post_comment(actor=bank.actor("priya"), subject=request, text="@marta the <b>secret</b> words")
    carry_out()
    assert got("mentioned") == {"marta": "The comment names you."}
    (sent,) = [one for one in mails_to("marta") if "mentions you" in one.subject]
    assert "secret" not in str(sent.message())
