"""Stages and aliases as dated rows: closed and opened by their event, at its moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.models import Event
from registry import selectors, stage_transitions
from registry.exceptions import InvalidTransitionError
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, Stage, StageOccupancy
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

Move = Callable[[ModelVersion, Stage], ModelVersion | None]
EventOfMove = Callable[..., Event]


def stage(slug: str) -> Stage:
    return Stage.objects.get(slug=slug)


def test_a_move_closes_one_occupancy_and_opens_another_at_the_events_moment(
    version: ModelVersion, canary: Stage, move_to: Move
) -> None:
    assert move_to(version, canary) is None
    closed, opened = StageOccupancy.objects.filter(version=version).order_by("opened_at", "pk")
    event = Event.objects.get(event_id=opened.opened_event)
    assert (closed.closed_event, closed.closed_at) == (event.event_id, event.happened_at)
    assert opened.opened_at == event.happened_at
    assert (opened.stage, opened.exclusive, opened.closed_at) == (canary, True, None)
    fresh = ModelVersion.objects.get(pk=version.pk)
    assert (fresh.stage, fresh.revision) == (canary, version.revision)
    connection.check_constraints()


def test_an_exclusive_stage_sends_its_occupant_on(
    people: People, version: ModelVersion, canary: Stage, move_to: Move
) -> None:
    newer = factories.version(version.model, people.priya, description="challenger")
    move_to(version, canary)
    displaced = move_to(newer, canary)
    assert displaced is not None
    assert (displaced.pk, displaced.stage.slug) == (version.pk, "archived")
    here, there = (StageOccupancy.objects.get(IS_CURRENT, version=v) for v in (newer, version))
    assert here.opened_event == there.opened_event
    assert (here.stage.slug, there.stage.slug) == ("canary", "archived")
    connection.check_constraints()


def test_what_was_in_a_stage_at_a_moment_is_known(
    people: People, version: ModelVersion, canary: Stage, move_to: Move
) -> None:
    newer = factories.version(version.model, people.priya, description="challenger")
    start = clock.now()
    for day, candidate in ((1, version), (2, newer)):
        with clock.freeze(start + timedelta(days=day)):
            move_to(candidate, canary)

    def there(days: float) -> list[ModelVersion]:
        return list(selectors.in_stage_at(version.model, canary, start + timedelta(days=days)))

    assert [there(0.5), there(1), there(1.999), there(2), there(9)] == [[], [version], [version], [newer], [newer]]
    assert list(selectors.in_stage_at(version.model, stage("archived"), start + timedelta(days=3))) == [version]


def test_a_move_the_lifecycle_lacks_is_refused(version: ModelVersion, event_of_move: EventOfMove) -> None:
    with pytest.raises(InvalidTransitionError), transaction.atomic():
        stage_transitions.apply_transition(
            version=version,
            target=stage("production"),
            event=event_of_move(version),
            promotion=uuid4(),
            displaced=None,
        )


def test_an_alias_points_at_one_version_at_a_time(
    people: People, version: ModelVersion, event_of_move: EventOfMove
) -> None:
    newer = factories.version(version.model, people.priya, description="challenger")
    start = clock.now()
    for day, candidate in ((1, version), (2, newer)):
        with clock.freeze(start + timedelta(days=day)), transaction.atomic():
            event = event_of_move(candidate, version)
            stage_transitions.set_alias(version=candidate, name="shadow", event=event, promotion=None)
    held = [selectors.alias_at(version.model, "shadow", start + timedelta(days=days)) for days in (0, 1, 1.5, 2)]
    assert held == [None, version, version, newer]
    assert AliasAssignment.objects.filter(IS_CURRENT, model=version.model, name="shadow").get().version == newer
    connection.check_constraints()


def test_the_protected_alias_needs_a_promotion(version: ModelVersion, event_of_move: EventOfMove) -> None:
    event = event_of_move(version)
    with pytest.raises(IntegrityError, match="set by a promotion only"), transaction.atomic():
        stage_transitions.set_alias(version=version, name="champion", event=event, promotion=None)
    # A promotion that does not exist is no promotion: the deciding storey's guard says so at commit.
    stage_transitions.set_alias(version=version, name="champion", event=event, promotion=uuid4())
    with pytest.raises(IntegrityError, match=r"promoted request only|represents a stage"):
        connection.check_constraints()


def test_a_new_version_begins_where_the_lifecycle_does(version: ModelVersion) -> None:
    occupancy = StageOccupancy.objects.get(version=version)
    assert occupancy.stage.initial
    assert version.stage == occupancy.stage
