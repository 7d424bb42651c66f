"""What the tests of the knowing storey share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from django.db import transaction

from audit import recorder
from audit.actions import register
from audit.actor import Actor, process
from audit.models import Event
from audit.postgresql import prepared_statements
from audit.recorder import Change, ObjectRef
from registry import stage_transitions
from registry.access import visibility_lists
from registry.access.visibility_sql import visibility_clause
from registry.actions import LIFECYCLE_INSTALLED
from registry.models import ModelVersion, RegisteredModel, Stage, StageMove
from tests import factories
from tests.personas import People

VERSION_MOVED = register("version.moved", "moved the version, in a test")
GATE = process("gate")

Recorded = Callable[[], AbstractContextManager[list[Event]]]


@pytest.fixture
def recorded(db: None) -> Recorded:
    """Gather the events of a block: `with recorded() as events: …`; the list is filled when the block ends."""

    @contextmanager
    def gather() -> Iterator[list[Event]]:
        last = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
        events: list[Event] = []
        yield events
        events += Event.objects.filter(id__gt=last).order_by("id")

    return gather


@pytest.fixture
def model(lifecycle: None, people: People) -> RegisteredModel:
    """Priya's model."""
    return factories.model(people.priya, "credit-risk-pd", title="Credit risk PD", risk_tier=1)


@pytest.fixture
def version(model: RegisteredModel, people: People) -> ModelVersion:
    """Its first version, registered by Priya, with one file."""
    return factories.version(model, people.priya, {"model/weights.bin": b"weights"})


@pytest.fixture
def canary(lifecycle: None) -> Stage:
    """A stage that is exclusive and not protected, after Development: the registry alone can move versions there."""
    development, archived = Stage.objects.get(slug="development"), Stage.objects.get(slug="archived")
    with transaction.atomic():
        recorder.record_event(
            LIFECYCLE_INSTALLED,
            actor=factories.SETUP,
            target=ObjectRef("lifecycle", "default"),
            stream="organisation",
            related_objects=[ObjectRef("stage", slug) for slug in ("canary", "development", "archived")],
        )
        stage = Stage.objects.create(name="Canary", slug="canary", position=15, exclusive=True, displaced_to=archived)
        for source, target in ((development, stage), (stage, archived), (stage, development), (archived, stage)):
            StageMove.objects.create(source=source, target=target)
    return stage


def moved(version: ModelVersion, *also: ModelVersion) -> Event:
    """An event that accounts for a move of these versions."""
    return recorder.record_event(
        VERSION_MOVED,
        actor=GATE,
        target=ObjectRef("version", str(version.uid)),
        stream=f"model:{version.model.uid}",
        related_objects=[ObjectRef("version", str(other.uid)) for other in also],
        changes=[Change("stage", version.stage.slug, None)],
    )


@transaction.atomic
def move(version: ModelVersion, to: Stage) -> ModelVersion | None:
    """Move a version as the gate does: event first, then the writer. Returns whom it displaced."""
    displaced = stage_transitions.get_displaced_version(version, to)
    event = moved(version, *([displaced] if displaced is not None else []))
    stage_transitions.apply_transition(version=version, target=to, event=event, promotion=None, displaced=displaced)
    return displaced


@pytest.fixture
def move_to(db: None) -> Callable[[ModelVersion, Stage], ModelVersion | None]:
    return move


@pytest.fixture
def event_of_move(db: None) -> Callable[..., Event]:
    return moved


def in_sight(actor: Actor) -> set[int]:
    """Keys of the models the actor may see, asked in the form in which one sentence of SQL holds the question."""
    found = []
    for seen in (visibility_clause(actor), visibility_lists.visibility_clause_for_list(actor)):
        said = f"WITH {seen.tables} SELECT m.id FROM registry_registeredmodel m WHERE {seen.condition}"
        found.append({pk for (pk,) in prepared_statements.execute_prepared(said, seen.parameters)})
    assert found[0] == found[1]
    return found[0]
