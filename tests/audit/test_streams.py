"""Streams under concurrency: no gap, no fork, no disorder, and no waiting between different streams."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from audit.actions import LOG_OPENED
from audit.actor import Actor
from audit.models import Event, Pending, Private, Stream
from audit.recorder import ObjectRef, record_event

pytestmark = pytest.mark.django_db(transaction=True)


def _closing(work: Callable[[int], int]) -> Callable[[int], int]:
    def run(number: int) -> int:
        try:
            return work(number)
        finally:
            connection.close()

    return run


def test_many_writers_leave_streams_without_gap_or_disorder(ada: Actor, model: ObjectRef) -> None:
    class GivenUp(Exception):
        pass

    def write(seed: int) -> int:
        chance = random.Random(seed)
        kept = 0
        for _ in range(25):
            try:
                with transaction.atomic():
                    record_event(LOG_OPENED, actor=ada, target=model, stream=f"s{chance.randrange(3)}", reason="words")
                    if chance.random() < 0.2:
                        raise GivenUp
                    kept += 1
            except GivenUp:
                continue
        return kept

    with ThreadPoolExecutor(6) as pool:
        kept = sum(pool.map(_closing(write), range(6)))

    assert Event.objects.count() == Pending.objects.count() == Private.objects.count() == kept
    for stream in Stream.objects.all():
        events = list(Event.objects.filter(stream_id=stream.stream_id).order_by("stream_seq"))
        assert [event.stream_seq for event in events] == list(range(1, stream.last_seq + 1))
        assert [event.happened_at for event in events] == sorted(event.happened_at for event in events)
        assert [event.pk for event in events] == sorted(event.pk for event in events)


def test_two_first_events_of_a_stream_are_one_and_two(ada: Actor, model: ObjectRef) -> None:
    start = threading.Barrier(4)

    def first(_: int) -> int:
        connection.ensure_connection()
        start.wait()
        with transaction.atomic():
            return int(record_event(LOG_OPENED, actor=ada, target=model, stream="new").stream_seq)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(_closing(first), range(4))) == [1, 2, 3, 4]


def test_an_open_transaction_delays_its_own_stream_only(ada: Actor, model: ObjectRef) -> None:
    def elsewhere(_: int) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            return int(record_event(LOG_OPENED, actor=ada, target=model, stream="other").stream_seq)

    with transaction.atomic():  # the first event of all names the log, and is waited for
        record_event(LOG_OPENED, actor=ada, target=model, stream="first")
    with transaction.atomic():
        record_event(LOG_OPENED, actor=ada, target=model, stream="held")
        with ThreadPoolExecutor(1) as pool:
            assert list(pool.map(_closing(elsewhere), [0])) == [1]
