"""Compares an interface with a row of the table: the answer to each caller, and what is written."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import transaction

from tests.permission_matrix.actors import World
from tests.permission_matrix.changes import CHANGES, UNCHANGED
from tests.permission_matrix.interfaces.attempts import Answer, Attempt, Caller, InterfaceAttempts
from tests.permission_matrix.interfaces.service import SERVICE
from tests.permission_matrix.observed import Trace, track_writes
from tests.permission_matrix.table import PEOPLE_MAY, TOKENS_MAY, ExpectedResult, Interface, expected


def attempts(interface_attempts: InterfaceAttempts) -> list[Any]:
    """Return one test parameter for each way to try an action in an interface."""
    return [pytest.param(attempt, id=attempt.name) for attempt in interface_attempts.all]


def callers(interface: Interface, action: str) -> list[Caller]:
    """The columns of the table that can try the action at the interface."""
    found = [Caller(key) for key in PEOPLE_MAY[action].verdicts]
    if interface in (Interface.REST, Interface.MLFLOW):
        found = [Caller("an")]
    if interface is Interface.SERVICE:
        found.remove(Caller("an"))  # a service cannot be called without an actor
    if action in TOKENS_MAY and interface in TOKENS_MAY[action].interfaces:
        found += [Caller(key, token=True) for key in TOKENS_MAY[action].verdicts]
    return found


READERS = 4
"""How many of those who may read a page, or a document of an API, read it in a short run."""
ONE_OWNER = ("or", "ow", "ov", "op", "ox", "oa")
"""Tokens of one owner that differ by their scopes only."""


def selected(interface: Interface, attempt: Attempt) -> list[Caller]:
    """The callers that try the attempt in a short run; `make test-long` has all of them try.

    At the services everybody tries. An interface leaves the decision to them, so there each verdict is tried, and each
    refusal, apart from two kinds of cells that differ in nothing that an interface reads: of those who may read
    something that changes nothing, some read it; of one owner's tokens that differ by scopes only, one of those allowed
    and one of those refused. Which ones differs from attempt to attempt, so that all are tried at many places.
    """
    found = callers(interface, attempt.action)
    if interface is Interface.SERVICE:
        return found
    turn = zlib.crc32(attempt.name.encode())
    readers: list[Caller] = []
    by_scope: dict[ExpectedResult, list[Caller]] = {}
    for caller in found:
        verdict = expected(interface, attempt.action, caller.key, token=caller.token)
        if caller.token and caller.key in ONE_OWNER:
            by_scope.setdefault(verdict, []).append(caller)
        elif verdict is ExpectedResult.ALLOWED and attempt.action not in CHANGES:
            readers.append(caller)
    left_out = {caller for alike in by_scope.values() for caller in _others(alike, 1, turn)}
    left_out |= set(_others(readers, READERS, turn))
    return [caller for caller in found if caller not in left_out]


def _others(alike: Sequence[Caller], number: int, turn: int) -> list[Caller]:
    """All but some, which begin at a place that the turn decides."""
    start = turn % len(alike) if alike else 0
    return [*alike[start:], *alike[:start]][number:]


def attempts_with_others(interface_attempts: InterfaceAttempts) -> list[Any]:
    """Return one test parameter for each attempt that not every caller tries in a short run."""
    interface = interface_attempts.interface
    return [
        pytest.param(attempt, id=attempt.name)
        for attempt in interface_attempts.all
        if len(selected(interface, attempt)) < len(callers(interface, attempt.action))
    ]


def assert_cell(world: World, interface: Interface, attempt: Attempt) -> None:
    """Compare an interface with a row of the table for the callers of a short run."""
    assert_cells(world, interface, attempt, selected(interface, attempt))


def assert_other_cells(world: World, interface: Interface, attempt: Attempt) -> None:
    """Compare it for all callers that a short run leaves out."""
    short = selected(interface, attempt)
    assert_cells(world, interface, attempt, [c for c in callers(interface, attempt.action) if c not in short])


def assert_cells(world: World, interface: Interface, attempt: Attempt, tried: Sequence[Caller]) -> None:
    """Compare an interface with cells of a row: every caller tries, each in a savepoint that is rolled back.

    Raises:
        AssertionError: names every cell that differs from the table, and how.
    """
    wrong = []
    for caller in tried:
        with transaction.atomic():
            try:
                _compare(world, interface, attempt, caller)
            except AssertionError as difference:
                wrong.append(f"{caller}: {difference}")
            except Exception:  # a fault of one cell must not hide the others
                wrong.append(f"{caller}: {traceback.format_exc(limit=-4)}")
            transaction.set_rollback(True)
    assert not wrong, "\n".join([f"{len(wrong)} of {len(tried)} cells of {attempt.name!r} differ:", *wrong])


def _compare(world: World, interface: Interface, attempt: Attempt, caller: Caller) -> None:
    """Compare one cell: the answer; what was written, which is nothing where the answer is no; and the words of a
    refusal, which are the services'."""
    with track_writes() as trace:
        answer = attempt.try_it(world, caller)
    wanted = expected(interface, attempt.action, caller.key, token=caller.token)
    assert answer.verdict is wanted, f"{wanted.name} is right, {answer.verdict.name} was said: {_said(answer)}"
    events, rows = CHANGES.get(attempt.action, UNCHANGED) if wanted is ExpectedResult.ALLOWED else UNCHANGED
    assert trace.actions == events, f"events {events} are right, {trace.actions} were recorded"
    assert trace.rows == set(rows), f"rows {sorted(rows)} are right, {sorted(trace.rows)} were written"
    if trace.events:
        _was_done_by(world, caller, trace)
    if wanted is ExpectedResult.DENIED:
        _says_why(world, interface, attempt, caller, answer)


def _said(answer: Answer) -> str:
    return answer.refusal.detail if answer.refusal is not None else answer.text


def _was_done_by(world: World, caller: Caller, trace: Trace) -> None:
    actor = world.actor(caller.key, token=caller.token)
    recorded = trace.events[0].actor_id
    assert actor is not None, f"no caller, and the event names {recorded}"
    assert recorded == actor.id, f"the event names {recorded} instead of the caller, {actor.id}"


def _says_why(world: World, interface: Interface, attempt: Attempt, caller: Caller, answer: Answer) -> None:
    """A refusal gives the reason and names who can help. Where the services refuse, too, in their words."""
    if interface is Interface.SERVICE:
        assert answer.refusal is not None, "denied without a refusal"
        assert answer.refusal.detail.endswith("."), answer.refusal.detail
        return
    assert answer.text, "denied without a word"
    if (
        expected(Interface.SERVICE, attempt.action, caller.key, token=caller.token) is not ExpectedResult.DENIED
        or attempt.own_words
    ):
        return
    if (
        interface is Interface.ADMIN
        and PEOPLE_MAY["enter the admin site"].verdicts[caller.key] is not ExpectedResult.ALLOWED
    ):
        assert "An administrator can give you one." in answer.text, answer.text
        return
    with transaction.atomic():
        refusal = SERVICE.of(attempt.action).try_it(world, caller).refusal
        transaction.set_rollback(True)
    assert refusal is not None, "the services do not refuse"
    assert refusal.detail.rstrip(".") in answer.text, f"{refusal.detail!r} is not in {answer.text!r}"
    missing = [name for name in refusal.who_can if name not in answer.text]
    assert not missing, f"{missing} are not named in {answer.text!r}"
