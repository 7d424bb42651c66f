"""The small pure values: actor, clock, context, actions, things."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from audit import actions, clock, context
from audit.actor import Actor, ActorKind, process
from audit.exceptions import BadActionName, UnknownActionError
from audit.recorder import ObjectRef

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


# --- actor ---


def test_a_person_is_recorded_by_pseudonym_and_way_of_signing_in() -> None:
    ada = Actor(ActorKind.PERSON, "usr_1", "usr_1", person_pk=7, auth="session")

    assert ada.as_leaf() == {"type": "person", "id": "usr_1", "auth": "session"}


def test_a_token_is_recorded_with_the_person_behind_it() -> None:
    token = Actor(ActorKind.TOKEN, "tok_1", "usr_1", person_pk=7, auth="token", scopes=frozenset({"write"}))

    assert token.as_leaf() == {"type": "token", "id": "tok_1", "auth": "token", "behind": "usr_1"}


def test_a_process_has_a_name_and_no_person_behind_it() -> None:
    worker = process("check-worker")

    assert worker.as_leaf() == {"type": "process", "id": "check-worker", "auth": "process"}
    assert worker.person is None


def test_the_database_key_makes_no_other_actor() -> None:
    assert Actor(ActorKind.PERSON, "usr_1", "usr_1", person_pk=1) == Actor(ActorKind.PERSON, "usr_1", "usr_1")


@pytest.mark.parametrize(
    ("kind", "identifier", "person"),
    [
        (ActorKind.PERSON, "usr_1", None),
        (ActorKind.PERSON, "usr_1", "usr_2"),
        (ActorKind.TOKEN, "tok_1", None),
        (ActorKind.PROCESS, "worker", "usr_1"),
        (ActorKind.PERSON, "ada@example.org", "ada@example.org"),
        (ActorKind.PERSON, "Ada Lovelace", "Ada Lovelace"),
        (ActorKind.PERSON, "", ""),
    ],
)
def test_contradictory_or_personal_actors_are_refused(kind: ActorKind, identifier: str, person: str | None) -> None:
    with pytest.raises(ValueError, match=r"person|pseudonym|process"):
        Actor(kind, identifier, person)


@pytest.mark.parametrize("name", ["", "Check", "check worker", "-x", "x-", "check_worker", "worker\n"])
def test_a_process_name_is_words_joined_by_hyphens(name: str) -> None:
    with pytest.raises(ValueError, match="process name"):
        process(name)


# --- clock ---


def test_the_clock_is_aware_and_utc() -> None:
    before = datetime.now(UTC)

    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC


def test_the_clock_can_be_set_moved_and_nested() -> None:
    with clock.freeze(MOMENT):
        assert clock.now() == MOMENT
        with clock.freeze(MOMENT.astimezone(timezone(timedelta(hours=5))) + timedelta(days=1)):
            assert clock.now() == MOMENT + timedelta(days=1)
            assert clock.now().tzinfo is UTC
        assert clock.advance(timedelta(seconds=1)) == MOMENT + timedelta(seconds=1)
        assert clock.now() == MOMENT + timedelta(seconds=1)
    assert clock.now() > MOMENT + timedelta(seconds=1)


def test_the_clock_can_follow_a_callable() -> None:
    moments: Iterator[datetime] = iter([MOMENT, MOMENT + timedelta(hours=1)])
    with clock.freeze(lambda: next(moments)):
        assert clock.now() == MOMENT
        assert clock.now() == MOMENT + timedelta(hours=1)


def test_the_clock_is_set_for_one_thread() -> None:
    seen: list[datetime] = []
    with clock.freeze(MOMENT):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen[0] != MOMENT


def test_the_clock_refuses_naive_moments_and_moving_real_time() -> None:
    with pytest.raises(ValueError, match="time zone"), clock.freeze(datetime(2026, 1, 1)):  # noqa: DTZ001  # a time without a zone is the case
        pass
    with pytest.raises(RuntimeError, match="fixed"):
        clock.advance(timedelta(1))


# --- context ---


def test_facts_are_bound_over_each_other_and_let_go() -> None:
    with context.bind_request_context(request_id="r1", client="web"):
        with context.bind_request_context(client="mlflow") as inner:
            assert inner == context.current() == context.RequestContext("r1", "", "mlflow")
        assert context.current().client == "web"
    assert context.current() == context.RequestContext()


def test_an_unknown_fact_is_refused() -> None:
    with pytest.raises(TypeError), context.bind_request_context(shoe_size="43"):
        pass


# --- actions ---


@pytest.fixture
def register_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten afterwards."""
    monkeypatch.setattr(actions, "_register", dict(actions._register))


@pytest.mark.usefixtures("register_again")
@pytest.mark.parametrize(
    "name",
    ["model.measured", "promotion.changes_requested", "model_card.frozen", "request.withdrawn", "licence.granted",
     "packet.held", "alias.rolled_back", "permit.sent"],
)  # fmt: skip
def test_actions_are_noun_and_past_participle(name: str) -> None:
    action = actions.register(name, "did it")

    assert action == name
    assert action.sentence == "did it"
    assert actions.is_registered(name)
    assert actions.get_action(name) is action
    assert action in actions.all_actions()


@pytest.mark.usefixtures("register_again")
@pytest.mark.parametrize(
    "name", ["model.register", "register_model", "Model.registered", "model.", ".registered", "model.registering", ""]
)
def test_other_shapes_are_refused(name: str) -> None:
    with pytest.raises(BadActionName, match=r"noun\.past-participle"):
        actions.register(name, "did it")


@pytest.mark.usefixtures("register_again")
def test_one_name_has_one_meaning() -> None:
    first = actions.register("model.registered", "registered the model")

    assert actions.register("model.registered", "registered the model") is first
    with pytest.raises(BadActionName, match="one meaning"):
        actions.register("model.registered", "removed the model")
    with pytest.raises(BadActionName, match="phrase"):
        actions.register("model.archived", " ")


@pytest.mark.parametrize("name", ["nothing.happened", "", None, ["log.opened"]])
def test_an_unknown_action_has_no_name(name: Any) -> None:
    with pytest.raises(UnknownActionError):
        actions.get_action(name)


# --- things ---


def test_a_thing_is_identified_by_type_and_id() -> None:
    assert str(ObjectRef("model", "7f")) == "model:7f"


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [("Model", "1"), ("model:x", "1"), ("", "1"), ("model", ""), ("user", "ada@example.org"), ("user", "Ada L"),
     ("model", 7)],
)  # fmt: skip
def test_things_hold_no_personal_data(kind: str, identifier: Any) -> None:
    with pytest.raises(ValueError, match="of an object"):
        ObjectRef(kind, identifier)
