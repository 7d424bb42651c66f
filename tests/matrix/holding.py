"""Trying a cell of the table at a door, and everything that has to be so afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from tests.matrix.actors import World
from tests.matrix.changes import CHANGES, UNCHANGED
from tests.matrix.doors.knocking import Answer, Caller, Knock, Knocks
from tests.matrix.doors.service import SERVICE
from tests.matrix.observed import Trace, traced
from tests.matrix.table import PEOPLE_MAY, TOKENS_MAY, Door, Verdict, expected


def cells(knocks: Knocks) -> list[Any]:
    """What is tried at a door: each of its knocks, by each column of the table that can come to it."""
    found: list[Any] = []
    for knock in knocks.all:
        callers = [Caller(key) for key in PEOPLE_MAY[knock.action].verdicts]
        if knocks.door in (Door.REST, Door.MLFLOW):
            callers = [Caller("an")]
        if knocks.door is Door.SERVICE:
            callers.remove(Caller("an"))  # no actor, no act: a service cannot be called without one
        if knock.action in TOKENS_MAY and knocks.door in TOKENS_MAY[knock.action].doors:
            callers += [Caller(key, token=True) for key in TOKENS_MAY[knock.action].verdicts]
        found += [
            pytest.param(knock, caller, id=f"{knock.name}-{'token-' if caller.token else ''}{caller.key}")
            for caller in callers
        ]
    return found


def hold(world: World, door: Door, knock: Knock, caller: Caller) -> None:
    """Hold a door to the table: its answer; what was written, which is nothing where the answer is no; and the words of
    a refusal, which are the services'."""
    with traced() as trace:
        answer = knock.try_it(world, caller)
    wanted = expected(door, knock.action, caller.key, token=caller.token)
    assert answer.verdict is wanted, f"{wanted.name} is right, {answer.verdict.name} was said: {_said(answer)}"
    events, rows = CHANGES.get(knock.action, UNCHANGED) if wanted is Verdict.ALLOWED else UNCHANGED
    assert trace.actions == events
    assert trace.rows == set(rows), sorted(trace.rows)
    if trace.events:
        _was_done_by(world, caller, trace)
    if wanted is Verdict.DENIED:
        _says_why(world, door, knock, caller, answer)


def _said(answer: Answer) -> str:
    return answer.refusal.detail if answer.refusal is not None else answer.text


def _was_done_by(world: World, caller: Caller, trace: Trace) -> None:
    actor = world.actor(caller.key, token=caller.token)
    assert actor is not None
    assert trace.events[0].actor_id == actor.id


def _says_why(world: World, door: Door, knock: Knock, caller: Caller, answer: Answer) -> None:
    """A refusal gives the reason and names who can help. Where the services refuse, too, in their words."""
    if door is Door.SERVICE:
        assert answer.refusal is not None
        assert answer.refusal.detail.endswith(".")
        return
    assert answer.text
    if expected(Door.SERVICE, knock.action, caller.key, token=caller.token) is not Verdict.DENIED or knock.own_words:
        return
    if door is Door.ADMIN and PEOPLE_MAY["enter the admin site"].verdicts[caller.key] is not Verdict.ALLOWED:
        assert "An administrator can give you one." in answer.text
        return
    with transaction.atomic():
        refusal = SERVICE.of(knock.action).try_it(world, caller).refusal
        transaction.set_rollback(True)
    assert refusal is not None
    assert refusal.detail.rstrip(".") in answer.text
    assert all(name in answer.text for name in refusal.who_can)
