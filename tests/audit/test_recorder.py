"""append(): what it writes, and when it refuses."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit import clock, context, leaf
from audit.actions import LOG_OPENED
from audit.actor import Actor, ActorKind
from audit.exceptions import (
    LeafTooLongError,
    MissingActorError,
    NotCanonicalError,
    TransactionRequiredError,
    UnknownActionError,
)
from audit.models import Event, Pending, Private, Stream
from audit.recorder import Change, ObjectRef, record_event
from audit.recorder import PrivateValue as Secret

MOMENT = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC)


@pytest.mark.django_db
def test_an_event_is_the_exact_bytes_of_what_was_recorded(ada: Actor, model: ObjectRef) -> None:
    version = ObjectRef("scratch_version", "22222222-2222-4222-8222-222222222222")
    with clock.freeze(MOMENT), context.bind_request_context(request_id="req-1", client="api"):
        event = record_event(
            LOG_OPENED,
            actor=ada,
            target=model,
            stream="model:1",
            changes=[Change("stage", None, "Staging")],
            data={"fingerprint": "ab12", "parts": ["x", 1, True, None]},
            related_objects=[version],
        )

    body = {
        "type": "audit.event/1",
        "log": "test.invalid/audit/1",
        "id": str(event.event_id),
        "at": "2026-03-01T12:30:00.000005Z",
        "action": "log.opened",
        "actor": {"type": "person", "id": "usr_ada", "auth": "session"},
        "object": {"type": "scratch_model", "id": model.id},
        "stream": {"id": "model:1", "seq": 1},
        "changes": [{"field": "stage", "from": None, "to": "Staging"}],
        "data": {"fingerprint": "ab12", "parts": ["x", 1, True, None]},
        "related": [{"type": "scratch_version", "id": version.id}],
        "request": {"id": "req-1", "client": "api"},
    }
    stored = Event.objects.get(event_id=event.event_id)
    assert bytes(stored.leaf) == rfc8785.dumps(body)  # type: ignore[arg-type]  # rfc8785 accepts any JSON
    assert leaf.decode(bytes(stored.leaf)) == stored.body == body
    assert uuid.UUID(str(event.event_id)).version == 4


@pytest.mark.django_db
def test_the_event_handed_back_equals_the_stored_one(ada: Actor, model: ObjectRef) -> None:
    event = record_event(LOG_OPENED, actor=ada, target=model, stream="model:1", related_objects=[ObjectRef("log", "x")])

    stored = Event.objects.get(pk=event.pk)
    for field in Event._meta.concrete_fields:
        mine, theirs = getattr(event, field.attname), getattr(stored, field.attname)
        assert (bytes(mine) if field.name == "leaf" else mine) == (bytes(theirs) if field.name == "leaf" else theirs)
    assert stored.touched == [str(model), "log:x"]
    assert stored.sentence == "opened the log"


@pytest.mark.django_db
def test_an_event_waits_for_the_sequencer(ada: Actor, model: ObjectRef) -> None:
    event = record_event(LOG_OPENED, actor=ada, target=model, stream="model:1")

    assert list(Pending.objects.values_list("event_pk", flat=True)) == [event.pk]


@pytest.mark.django_db
def test_streams_are_numbered_apart(ada: Actor, model: ObjectRef) -> None:
    seqs = [
        record_event(LOG_OPENED, actor=ada, target=model, stream=stream).stream_seq for stream in ("a", "b", "a", "a")
    ]

    assert seqs == [1, 1, 2, 3]
    assert dict(Stream.objects.values_list("stream_id", "last_seq")) == {"a": 3, "b": 1}


@pytest.mark.django_db
def test_an_event_takes_two_statements_whatever_it_keeps_private(ada: Actor, model: ObjectRef) -> None:
    with CaptureQueriesContext(connection) as plain:
        record_event(LOG_OPENED, actor=ada, target=model, stream="a")
    with CaptureQueriesContext(connection) as private:
        changes = [Change("note", None, Secret("x")), Change("card", Secret("y"), Secret("z"))]
        record_event(LOG_OPENED, actor=ada, target=model, stream="a", changes=changes, reason="because")

    assert (len(plain), len(private)) == (2, 2)
    assert Private.objects.count() == 4


@pytest.mark.django_db
def test_private_values_leave_a_commitment_only(ada: Actor, model: ObjectRef) -> None:
    with context.bind_request_context(address="192.0.2.7"):
        event = record_event(
            LOG_OPENED,
            actor=ada,
            target=model,
            stream="model:1",
            changes=[
                Change("comment", None, Secret("first words")),
                Change("note", Secret("old words"), Secret("new words")),
                Change("summary", Secret("gone words"), None),
                Change("label", "plain", Secret("hidden words")),
            ],
            data={"statement": Secret("said words"), "count": 3},
            reason="free words",
        )

    text = bytes(event.leaf).decode()
    assert "words" not in text
    assert "192.0.2.7" not in text
    kept = {row.pointer: row for row in Private.objects.filter(event_id=event.event_id)}
    assert {pointer: (row.field, row.value) for pointer, row in kept.items()} == {
        "/changes/0": ("comment", "first words"),
        "/changes/1": ("note", "new words"),
        "/changes/1/from": ("note", "old words"),
        "/changes/2/from": ("summary", "gone words"),
        "/changes/3": ("label", "hidden words"),
        "/data/statement": ("statement", "said words"),
        "/reason": ("reason", "free words"),
        "/request/address": ("address", "192.0.2.7"),
    }
    assert len({bytes(row.salt) for row in kept.values()}) == len(kept)
    assert event.body["changes"][0] == {
        "field": "comment",
        "commit": leaf.commitment(
            salt=bytes(kept["/changes/0"].salt), event_id=str(event.event_id), field="comment", value="first words"
        ),
    }
    assert sorted(event.body["changes"][2]) == ["field", "from", "to"]
    assert event.body["changes"][3]["from"] == "plain"
    assert event.body["data"]["count"] == 3


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded(ada: Actor, model: ObjectRef) -> None:
    with pytest.raises(TransactionRequiredError, match=r"transaction\.atomic"):
        record_event(LOG_OPENED, actor=ada, target=model, stream="model:1")

    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("actor", [None, "usr_ada", object()], ids=["none", "text", "object"])
def test_without_an_actor_nothing_is_recorded(actor: Any, model: ObjectRef) -> None:
    with pytest.raises(MissingActorError, match="needs an audit"):
        record_event(LOG_OPENED, actor=actor, target=model, stream="model:1")


@pytest.mark.django_db
def test_an_unknown_action_is_refused(ada: Actor, model: ObjectRef) -> None:
    with pytest.raises(UnknownActionError, match=r"model\.vanished"):
        record_event("model.vanished", actor=ada, target=model, stream="model:1")


@pytest.mark.django_db
def test_a_float_is_refused_with_its_place_and_the_transaction_goes_on(ada: Actor, model: ObjectRef) -> None:
    with pytest.raises(NotCanonicalError, match="decimal string") as refused:
        record_event(LOG_OPENED, actor=ada, target=model, stream="a", data={"metrics": {"auc": 0.9}})  # type: ignore[dict-item]  # a float is the case

    assert refused.value.pointer == "/data/metrics/auc"
    assert record_event(LOG_OPENED, actor=ada, target=model, stream="a").stream_seq == 1


@pytest.mark.django_db
def test_a_value_that_is_no_clean_text_cannot_be_committed_to(ada: Actor, model: ObjectRef) -> None:
    with pytest.raises(NotCanonicalError, match="NUL"):
        record_event(LOG_OPENED, actor=ada, target=model, stream="a", reason="a\x00b")


@pytest.mark.django_db
def test_a_document_is_too_long_for_an_event(ada: Actor, model: ObjectRef) -> None:
    with pytest.raises(LeafTooLongError, match="digest"):
        record_event(LOG_OPENED, actor=ada, target=model, stream="a", data={"document": "x" * 70_000})


@pytest.mark.django_db
def test_a_rolled_back_savepoint_takes_its_event_and_number_along(ada: Actor, model: ObjectRef) -> None:
    record_event(LOG_OPENED, actor=ada, target=model, stream="a")
    with transaction.atomic():
        record_event(LOG_OPENED, actor=ada, target=model, stream="a", reason="never happened")
        transaction.set_rollback(True)

    assert record_event(LOG_OPENED, actor=ada, target=model, stream="a").stream_seq == 2
    assert Event.objects.count() == Pending.objects.count() == 2
    assert not Private.objects.exists()


@pytest.mark.django_db
def test_a_token_is_recorded_with_the_person_behind_it(accounts: None, model: ObjectRef) -> None:
    token = Actor(ActorKind.TOKEN, "tok_1", "usr_ada", 1, "token")
    event = record_event(LOG_OPENED, actor=token, target=model, stream="a")

    stored = Event.objects.get(pk=event.pk)
    assert stored.actor_id == "tok_1"
    assert stored.body["actor"] == {"type": "token", "id": "tok_1", "behind": "usr_ada", "auth": "token"}


@pytest.mark.django_db
def test_time_is_taken_after_the_stream_is_locked(ada: Actor, model: ObjectRef) -> None:
    # A writer that waited for the stream must not record the time at which it began to wait.
    asked: list[int] = []

    def source() -> datetime:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM audit_stream WHERE stream_id = 'a'")
            asked.append(cursor.fetchone()[0])
        return MOMENT + timedelta(seconds=1)

    with clock.freeze(source):
        record_event(LOG_OPENED, actor=ada, target=model, stream="a")
    assert asked == [1]


@pytest.mark.django_db
@pytest.mark.parametrize("stream", ["", "ada@example.org", "two words", "x\n"])
def test_a_stream_is_named_without_personal_data(ada: Actor, model: ObjectRef, stream: str) -> None:
    with pytest.raises(ValueError, match="A stream is named"):
        record_event(LOG_OPENED, actor=ada, target=model, stream=stream)


# --- what the database itself refuses to take as an event ---


def _leaf(**other: Any) -> bytes:
    event: dict[str, Any] = {
        "type": "audit.event/1",
        "log": "test.invalid/audit/1",
        "id": str(uuid.uuid4()),
        "at": "2026-03-01T12:30:00.000005Z",
        "action": "log.opened",
        "actor": {"type": "process", "id": "raw"},
        "object": {"type": "log", "id": "x"},
        "stream": {"id": "raw", "seq": 1},
        "changes": [],
    }
    event.update(other)
    return json.dumps({key: value for key, value in event.items() if value is not ...}).encode()


def _insert(written: bytes) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_event (leaf) VALUES (%s)", [written])


@pytest.mark.django_db
def test_a_whole_event_may_be_inserted_by_hand() -> None:
    _insert(_leaf())
    _insert(_leaf(stream={"id": "raw", "seq": 2}))

    assert Event.objects.count() == Pending.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        {"type": "audit.event/2"},
        {"type": ...},
        {"log": ...},
        {"log": 7},
        {"id": ...},
        {"id": "00000000-0000-1000-8000-000000000001"},
        {"id": "7F000000-0000-4000-8000-000000000001"},
        {"at": ...},
        {"at": "2026-03-01T12:30:00Z"},
        {"at": "2026-03-01T12:30:00.000005+01:00"},
        {"at": "2026-02-30T12:30:00.000005Z"},
        {"action": ...},
        {"action": "opened"},
        {"action": 7},
        {"actor": ...},
        {"actor": {"type": "person"}},
        {"actor": {"type": "person", "id": ""}},
        {"object": ...},
        {"object": {"type": "log"}},
        {"stream": ...},
        {"stream": {"id": "raw", "seq": "1"}},
        {"stream": {"id": "raw", "seq": 1.5}},
        {"changes": ...},
        {"changes": {}},
        {"related": {"type": "log", "id": "x"}},
        {"related": [{"type": "log"}]},
        {"data": {"long": "x" * 65_535}},
    ],
    ids=lambda other: json.dumps(other, default=lambda _: "missing")[:60],
)
def test_what_is_no_event_is_refused_by_the_database(other: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError) as refused:
        _insert(_leaf(**other))

    assert getattr(refused.value.__cause__, "pgcode", "")[:2] in {"22", "23"}
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "written",
    [b"", b"{}", b"[]", b"not json", b'"\xff"', _leaf().replace(b'"changes": []', b'"changes":[],"changes":[]')],
    ids=["nothing", "empty", "list", "no JSON", "no UTF-8", "a key twice"],
)
def test_bytes_that_are_no_object_with_unique_keys_are_refused(written: bytes) -> None:
    with pytest.raises(DatabaseError) as refused:
        _insert(written)

    assert getattr(refused.value.__cause__, "pgcode", "")[:2] in {"22", "23"}


@pytest.mark.django_db
@pytest.mark.parametrize("seq", [0, -1, 1, 3, 2**40])
def test_a_number_that_is_not_the_next_is_refused(seq: int) -> None:
    _insert(_leaf())

    with pytest.raises(IntegrityError, match=r"not the next one of stream raw|audit_event_place_in_stream"):
        _insert(_leaf(stream={"id": "raw", "seq": seq}))


@pytest.mark.django_db
def test_a_stream_begins_with_one() -> None:
    with pytest.raises(IntegrityError, match="not the next one"):
        _insert(_leaf(stream={"id": "raw", "seq": 2}))


@pytest.mark.django_db
def test_an_event_id_is_used_once() -> None:
    identity = str(uuid.uuid4())
    _insert(_leaf(id=identity))

    with pytest.raises(IntegrityError, match="audit_event_once"):
        _insert(_leaf(id=identity, stream={"id": "other", "seq": 1}))


@pytest.mark.django_db
def test_a_private_value_cannot_be_put_under_an_event_that_is_not_of_this_transaction() -> None:
    statement = "INSERT INTO audit_private VALUES (%s, '/reason', 'reason', %s, 'words')"
    with pytest.raises(IntegrityError, match="not written in this transaction"), connection.cursor() as cursor:
        cursor.execute(statement, [str(uuid.uuid4()), bytes(32)])


@pytest.mark.django_db
def test_what_follows_an_event_takes_the_next_number_without_asking(ada: Actor, model: ObjectRef) -> None:
    first = record_event(LOG_OPENED, actor=ada, target=model, stream="a")
    with CaptureQueriesContext(connection) as asked:
        second = record_event(LOG_OPENED, actor=ada, target=model, stream="a", previous_event=first)
    assert (second.stream_seq, len(asked)) == (2, 1)
    with pytest.raises(ValueError, match="is not in b"):
        record_event(LOG_OPENED, actor=ada, target=model, stream="b", previous_event=second)
    with pytest.raises(IntegrityError), transaction.atomic():
        record_event(LOG_OPENED, actor=ada, target=model, stream="a", previous_event=first)
    assert record_event(LOG_OPENED, actor=ada, target=model, stream="a").stream_seq == 3
