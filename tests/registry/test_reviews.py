"""Periodic reviews: who records one, what it sets, what is kept, and who is reminded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.models import Event
from governance.services import reminders
from registry import review_schedule, selectors
from registry.access import Role, actor_for
from registry.exceptions import NotFoundError, PermissionDeniedError, StaleRevisionError, ValidationFailedError
from registry.models import PeriodicReview, RegisteredModel, ReviewReminder
from registry.services import models, reviews
from registry.services import people as accounts
from registry.services.reviews import ReviewConclusion
from tests import factories
from tests.personas import People

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def model(people: People) -> RegisteredModel:
    """Tier 2, due in ten days, owned by Priya; Marta decides on it."""
    made = factories.model(people.priya, risk_tier=2, next_review=TODAY + timedelta(days=10))
    factories.grant(Role.VALIDATOR, to=people.marta, on=made)
    return made


def test_a_review_sets_the_next_one_by_the_tier(people: People, model: RegisteredModel) -> None:
    with clock.freeze(NOW):
        made = reviews.record(
            actor=actor_for(people.marta), model=model, conclusion=ReviewConclusion("fit", "Drift is within limits.")
        )
    model.refresh_from_db()
    assert (made.number, made.due, made.next_review) == (1, TODAY + timedelta(days=10), date(2028, 7, 1))
    assert model.next_review == made.next_review
    event = Event.objects.filter(action="review.recorded").get()
    assert event.body["data"]["outcome"] == "fit"
    connection.check_constraints()


@pytest.mark.parametrize(
    ("conclusion", "pointer", "code"),
    [
        (ReviewConclusion("fine", "x"), "/outcome", "invalid"),
        (ReviewConclusion("fit", " "), "/findings", "required"),
        (ReviewConclusion("fit_with_conditions", "x"), "/conditions", "required"),
        (ReviewConclusion("fit", "x", conditions="y"), "/conditions", "not_here"),
        (ReviewConclusion("fit", "x", next_review=TODAY), "/next_review", "past"),
        (ReviewConclusion("fit", "x", next_review=date(2028, 7, 2)), "/next_review", "too_late"),
    ],
)
def test_a_conclusion_is_validated(
    people: People, model: RegisteredModel, conclusion: ReviewConclusion, pointer: str, code: str
) -> None:
    with clock.freeze(NOW), pytest.raises(ValidationFailedError) as refused:
        reviews.record(actor=actor_for(people.marta), model=model, conclusion=conclusion)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [(pointer, code)]


def test_no_person_reviews_what_they_own(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.APPROVER, to=people.priya, on=model)
    with pytest.raises(PermissionDeniedError, match="owns the model") as refused:
        reviews.record(actor=actor_for(people.priya), model=model, conclusion=ReviewConclusion("fit", "Mine is fine."))
    assert (refused.value.code, refused.value.rule) == ("separation_of_duties", "SoD-6")
    assert refused.value.who_can == ("Marta Kovač",)


def test_who_decides_on_nothing_reviews_nothing(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.VIEWER, to=people.chen, on=model)
    with pytest.raises(PermissionDeniedError):
        reviews.record(actor=actor_for(people.chen), model=model, conclusion=ReviewConclusion("fit", "x"))
    with pytest.raises(NotFoundError):
        reviews.record(actor=actor_for(people.eve), model=model, conclusion=ReviewConclusion("fit", "x"))
    with pytest.raises(PermissionDeniedError, match="No token"):
        reviews.record(
            actor=people.token_of(people.marta, "models:read"), model=model, conclusion=ReviewConclusion("fit", "x")
        )
    with pytest.raises(StaleRevisionError):
        reviews.record(
            actor=actor_for(people.marta), model=model, conclusion=ReviewConclusion("fit", "x"), expected_revision=99
        )


def test_a_review_stays_as_it_was_recorded(people: People, model: RegisteredModel) -> None:
    reviews.record(actor=actor_for(people.marta), model=model, conclusion=ReviewConclusion("not_fit", "Unstable."))
    with pytest.raises(IntegrityError), transaction.atomic():
        PeriodicReview.objects.update(outcome="fit")
    with pytest.raises(IntegrityError), transaction.atomic():
        PeriodicReview.objects.all().delete()


def test_the_calendar_and_who_has_to_review(people: People, model: RegisteredModel) -> None:
    factories.model(people.priya, "later", next_review=TODAY + timedelta(days=400), team="Retail")
    factories.model(people.priya, "undated")
    assert [m.slug for m in selectors.calendar(actor_for(people.priya))] == [model.slug, "later"]
    assert [m.slug for m in selectors.calendar(actor_for(people.priya), team="Retail")] == ["later"]
    assert list(selectors.calendar(actor_for(people.eve))) == []
    assert list(selectors.due_for(actor_for(people.marta), TODAY)) == [model]
    assert list(selectors.due_for(actor_for(people.priya), TODAY)) == []
    assert list(selectors.due_for(actor_for(people.marta), TODAY - timedelta(days=60))) == []


def test_months_end_where_months_end() -> None:
    assert review_schedule.add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert review_schedule.add_months(date(2027, 11, 30), 3) == date(2028, 2, 29)
    assert review_schedule.add_months(date(2026, 12, 1), 12) == date(2027, 12, 1)


@pytest.mark.parametrize(
    ("days", "step"),
    [(31, None), (30, 30), (8, 30), (7, 7), (1, 7), (0, 0), (-6, 0), (-7, -7), (-13, -7), (-14, -14), (-70, -70)],
)
def test_which_reminder_is_due(days: int, step: int | None) -> None:
    assert reminders.step_of(days) == step


def test_the_owner_is_reminded_once_for_each_step(people: People, model: RegisteredModel) -> None:
    def on(days_before: int) -> int:
        with clock.freeze(NOW + timedelta(days=10 - days_before)):
            return reminders.remind_all()

    assert [on(days) for days in (40, 30, 29, 7, 6, 0, -1, -7, -8, -14)] == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert ReviewReminder.objects.filter(model=model).count() == 5
    assert Event.objects.filter(action="review.reminded").count() == 5
    connection.check_constraints()


def test_an_owner_who_left_is_not_reminded(people: People, model: RegisteredModel) -> None:
    with clock.freeze(NOW):
        accounts.deactivate(actor=actor_for(people.ada), person=people.priya, reason="left the bank")
        assert reminders.remind_all() == 0


def test_two_workers_issue_one_reminder(transactional_db: None, people: People) -> None:
    made = factories.model(people.priya, next_review=clock.now().date() + timedelta(days=3))

    def remind(_: int) -> bool:
        try:
            return reminders.remind(made.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        sent = list(pool.map(remind, range(4)))
    assert sorted(sent) == [False, False, False, True]


def test_a_review_recorded_puts_the_next_reminder_off(people: People, model: RegisteredModel) -> None:
    with clock.freeze(NOW):
        assert reminders.remind_all() == 1
        reviews.record(actor=actor_for(people.marta), model=model, conclusion=ReviewConclusion("fit", "Fine."))
        assert reminders.remind_all() == 0
        models.update_model(actor=actor_for(people.priya), model=model, next_review=TODAY + timedelta(days=2))
        assert reminders.remind_all() == 1
