"""Questions to the log."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from audit import clock, selectors
from audit.actions import LOG_OPENED
from audit.actor import Actor, ActorKind, process
from audit.exceptions import CommitmentMismatchError
from audit.models import Event, Private
from audit.recorder import Change, ObjectRef, record_event
from audit.recorder import PrivateValue as Secret
from audit.services import erase_private, open_log

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, tzinfo=UTC)


def _days(actor: Actor, about: ObjectRef, stream: str, count: int, **rest: object) -> list[Event]:
    events = []
    for day in range(count):
        with clock.freeze(START + timedelta(days=day)):
            events.append(record_event(LOG_OPENED, actor=actor, target=about, stream=stream, **rest))  # type: ignore[arg-type]  # the arguments of the case have many types
    return events


def test_a_thing_has_its_own_events_and_those_it_is_related_to(ada: Actor, model: ObjectRef) -> None:
    version = ObjectRef("scratch_version", "v1")
    own = record_event(LOG_OPENED, actor=ada, target=version, stream="a")
    record_event(LOG_OPENED, actor=ada, target=ObjectRef("scratch_version", "v2"), stream="a")
    related = record_event(LOG_OPENED, actor=ada, target=model, stream="b", related_objects=[version])

    assert list(selectors.events_for_object(version)) == [related, own]
    assert list(selectors.events_for_object(model)) == [related]
    assert not selectors.events_for_object(ObjectRef("scratch_model", "v1")).exists()


def test_a_stream_is_read_in_its_own_order(ada: Actor, model: ObjectRef) -> None:
    events = _days(ada, model, "a", 3)
    _days(ada, model, "b", 2)

    assert list(selectors.stream_events("a")) == events


def test_an_event_is_found_by_its_uuid(ada: Actor, model: ObjectRef) -> None:
    event = record_event(LOG_OPENED, actor=ada, target=model, stream="a")

    assert selectors.get_event(event.event_id) == event
    assert selectors.get_event(str(event.event_id)) == event
    assert selectors.get_event(uuid.uuid4()) is None
    assert selectors.get_event("no uuid") is None


def test_how_far_a_stream_had_come_at_a_time(ada: Actor, model: ObjectRef) -> None:
    events = _days(ada, model, "a", 3)
    moments = [START - timedelta(seconds=1), START, START + timedelta(days=1, hours=5), START + timedelta(days=9)]

    assert [selectors.stream_position_at("a", moment) for moment in moments] == [0, 1, 2, 3]
    assert [list(selectors.stream_events_until("a", moment)) for moment in moments] == [
        [],
        events[:1],
        events[:2],
        events,
    ]


def test_search_joins_its_conditions(ada: Actor, model: ObjectRef) -> None:
    worker = process("check-worker")
    mine = _days(ada, model, "a", 4, data={"verdict": "Passed 100%"})
    theirs = _days(worker, model, "b", 2, related_objects=[ObjectRef("run", "r1")])

    assert selectors.search(actor="usr_ada").events == mine[::-1]
    assert len(selectors.search(actor=["usr_ada", "check-worker"]).events) == 6
    assert selectors.search(about=ObjectRef("run", "r1")).events == theirs[::-1]
    assert (
        selectors.search(action="log.opened", actor="check-worker", after=START + timedelta(days=1)).events
        == theirs[1:]
    )
    assert selectors.search(action="model.registered").events == []
    assert selectors.search(text="passed 100%").events == mine[::-1]
    assert selectors.search(text="passed 100_").events == []
    assert (
        selectors.search(actor="usr_ada", after=START + timedelta(days=1), before=START + timedelta(days=3)).events
        == mine[2:0:-1]
    )


def test_pages_neither_repeat_nor_lose_events_of_one_moment(ada: Actor, model: ObjectRef) -> None:
    with clock.freeze(START):
        events = [record_event(LOG_OPENED, actor=ada, target=model, stream=f"s{number % 3}") for number in range(7)]
    events += _days(ada, model, "later", 3)
    seen: list[Event] = []
    page = selectors.search(limit=2)
    seen += page.events
    while page.cursor is not None:
        _days(ada, model, "meanwhile", 5)
        page = selectors.search(limit=2, cursor=page.cursor, before=START + timedelta(days=5))
        seen += [event for event in page.events if event.stream_id != "meanwhile"]

    assert seen == sorted(events, key=lambda event: (event.happened_at, event.pk), reverse=True)


def test_a_page_says_when_it_is_the_last(ada: Actor, model: ObjectRef) -> None:
    events = _days(ada, model, "a", 2)

    assert selectors.search(limit=2) == selectors.Page(events[::-1], None)
    assert selectors.search(limit=1) == selectors.Page(events[1:], str(events[1].event_id))
    assert selectors.search(cursor=str(uuid.uuid4())) == selectors.search(cursor="x") == selectors.Page([], None)
    assert selectors.search(limit=0).events == events[1:]


def test_search_needs_no_scan_and_no_sort() -> None:
    """Which index the planner takes depends on what the table holds; that each question has one does not."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    for condition in ({"action": "log.opened"}, {"actor_id": "usr_ada"}, {}):
        plan = Event.objects.filter(**condition).order_by("-happened_at", "-id").explain()
        assert "Index" in plan
        assert "Seq Scan" not in plan
        assert "Sort" not in plan.replace("Incremental Sort", "")
    assert "audit_event_touched" in Event.objects.filter(touched__contains=["a:b"]).explain()


# --- private values ---


def _with_secrets(actor: Actor, about: ObjectRef) -> Event:
    return record_event(
        LOG_OPENED,
        actor=actor,
        target=about,
        stream="a",
        reason="because",
        changes=[Change("plain", 1, 2), Change("note", Secret("same"), Secret("same"))],
    )


def test_private_values_are_opened_against_their_commitments(ada: Actor, model: ObjectRef) -> None:
    event = _with_secrets(ada, model)

    assert selectors.private_values(event) == {"/reason": "because", "/changes/1": "same", "/changes/1/from": "same"}
    other = record_event(LOG_OPENED, actor=ada, target=model, stream="a")
    assert selectors.private_values_bulk([event, other]) == {
        event.event_id: selectors.private_values(event),
        other.event_id: {},
    }


def test_an_erased_value_is_gone_and_the_event_stays(ada: Actor, model: ObjectRef) -> None:
    event = _with_secrets(ada, model)
    erased = erase_private(actor=ada, event=event, reason="asked for", pointers=["/reason"])

    assert selectors.private_values(event) == {"/changes/1": "same", "/changes/1/from": "same"}
    assert (erased.action, erased.thing_id) == ("privacy.erased", str(event.event_id))
    assert erased.body["data"] == {"pointers": ["/reason"]}
    assert bytes(Event.objects.get(pk=event.pk).leaf) == event.leaf


@pytest.mark.parametrize(
    ("pointer", "forged"),
    [
        ("/reason", {"value": "because of money"}),
        ("/reason", {"salt": bytes(32)}),
        ("/reason", {"field": "note"}),
        ("/reason", {"pointer": "/changes/0"}),
        ("/reason", {"pointer": "/changes/9"}),
        ("/reason", {"pointer": "/nowhere/else"}),
        ("/reason", {"pointer": "/action/0"}),
        ("/changes/1", {"pointer": "/changes/1/from"}),
    ],
    ids=str,
)
def test_a_forged_opening_is_refused(ada: Actor, model: ObjectRef, pointer: str, forged: dict[str, object]) -> None:
    # Of the roles, none can change a private value; somebody with the whole database could.
    event = _with_secrets(ada, model)
    row = Private.objects.get(event_id=event.event_id, pointer=pointer)
    facts = {"pointer": row.pointer, "field": row.field, "salt": row.salt, "value": row.value} | forged
    erase_private(actor=ada, event=event, reason="to forge them")
    Private.objects.create(event_id=event.event_id, **facts)

    with pytest.raises(CommitmentMismatchError, match="does not match"):
        selectors.private_values(event)


# --- opening the log ---


def test_the_log_is_opened_once() -> None:
    setup = process("initialise")
    first = open_log(actor=setup)

    assert (first.action, first.stream_id, first.stream_seq) == ("log.opened", "log", 1)
    assert first.body["object"] == {"type": "log", "id": "test.invalid/audit/1"}
    assert open_log(actor=Actor(ActorKind.PERSON, "usr_1", "usr_1")) == first
    assert Event.objects.count() == 1


def test_an_action_of_another_release_is_still_described(ada: Actor, model: ObjectRef) -> None:
    event = record_event(LOG_OPENED, actor=ada, target=model, stream="a")
    event.action = "model.teleported"

    assert event.sentence == "model.teleported"
