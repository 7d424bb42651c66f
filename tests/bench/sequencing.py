"""Appending to the log against a raw INSERT, the drain of the sequencer, and the lag from commit to signature.

Uses a scratch database of the embedded server, made from the migrated template of the tests, and removes it.
Run: ``python -m tests.bench.sequencing``. Ratios count: absolute numbers are those of the machine.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import psycopg2
from django.conf import settings
from django.db import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings.testing")
django.setup()

from audit import leaf, tree  # noqa: E402  # models need the settings
from audit.sequencer import Sequencer  # noqa: E402  # as above
from audit.signer import Signer  # noqa: E402  # as above
from tests.fixtures.databases import migrated_template  # noqa: E402  # as above

NAME = f"countersign_bench_{os.getpid()}"
SECONDS = 3.0
ROUNDS = 3
ORIGIN = "test.invalid/audit/1"


def event(stream: str, number: int) -> bytes:
    return leaf.encode_leaf(
        {
            "type": leaf.EVENT_TYPE,
            "log": ORIGIN,
            "id": str(uuid.uuid4()),
            "at": "2026-01-01T00:00:00.000000Z",
            "action": "log.opened",
            "actor": {"type": "process", "id": "bench"},
            "object": {"type": "log", "id": "x" * 200},
            "stream": {"id": stream, "seq": number},
            "changes": [],
        }
    )


def connect() -> Any:
    facts = connection.settings_dict
    session = psycopg2.connect(host=facts["HOST"], port=facts["PORT"] or None, user="postgres", dbname=NAME)
    session.cursor().execute("SET synchronous_commit = on")
    session.commit()
    return session


def rate(connections: int, pause: float, append: Callable[[Any, str, int], None]) -> float:
    """Return transactions a second; each updates one row, appends, and stays open for `pause`."""
    counts = [0] * connections
    until = time.perf_counter() + SECONDS

    def work(number: int) -> None:
        session, stream = connect(), uuid.uuid4().hex
        cursor = session.cursor()
        while time.perf_counter() < until:
            counts[number] += 1
            cursor.execute("UPDATE bench_model SET n = n + 1 WHERE id = %s", [number])
            append(cursor, stream, counts[number])
            if pause:
                time.sleep(pause)
            session.commit()
        session.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def raw(cursor: Any, stream: str, number: int) -> None:
    cursor.execute("INSERT INTO bench_raw (leaf) VALUES (%s)", [event(stream, number)])


def appended(cursor: Any, stream: str, number: int) -> None:
    cursor.execute("INSERT INTO audit_event (leaf) VALUES (%s)", [event(stream, number)])


def measure_appends() -> None:
    for pause in (0.005, 0.0):
        for connections in (1, 2, 8):
            raws, logs = [], []
            for _ in range(ROUNDS):
                raws.append(rate(connections, pause, raw))
                logs.append(rate(connections, pause, appended))
            ratio = statistics.median(logs) / statistics.median(raws)
            print(
                f"appends, {connections} connections, {pause * 1000:.0f} ms open: {statistics.median(logs):,.0f}/s, "
                f"raw {statistics.median(raws):,.0f}/s, ratio {ratio:.2f}",
                flush=True,
            )


def measure_drain(running: Sequencer, count: int) -> None:
    session = connect()
    cursor = session.cursor()
    while tree.append_batch()[1]:
        pass
    for _ in range(0, count, 5_000):
        stream = uuid.uuid4().hex
        cursor.execute(
            "INSERT INTO audit_event (leaf) SELECT unnest(%s::bytea[])", [[event(stream, n + 1) for n in range(5_000)]]
        )
        session.commit()
    session.close()
    frontier, begun = None, time.perf_counter()
    while True:
        frontier, taken = tree.append_batch(frontier)
        if not taken:
            break
    seconds = time.perf_counter() - begun
    print(f"drain of {count:,} events in batches of {tree.BATCH:,}: {count / seconds:,.0f}/s", flush=True)
    begun = time.perf_counter()
    running.step()
    print(f"first signature and publication of {tree.size():,} events: {time.perf_counter() - begun:.1f} s", flush=True)


def measure_lag(running: Sequencer) -> None:
    stop, done = threading.Event(), threading.Event()
    committed: dict[int, float] = {}
    signed: list[tuple[int, float]] = []

    def write(number: int) -> None:
        session, stream, count = connect(), uuid.uuid4().hex, 0
        cursor = session.cursor()
        while not done.is_set():
            count += 1
            cursor.execute("INSERT INTO audit_event (leaf) VALUES (%s) RETURNING id", [event(stream, count)])
            (pk,) = cursor.fetchone()
            session.commit()
            committed[pk] = time.perf_counter()
            time.sleep(0.005)
        session.close()

    first = tree.size()
    thread = threading.Thread(
        target=running.run, args=(stop, lambda status: signed.append((status.signed_size, time.perf_counter())))
    )
    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    thread.start()
    for writer in writers:
        writer.start()
    time.sleep(10)
    done.set()
    for writer in writers:
        writer.join()
    time.sleep(1)
    stop.set()
    thread.join()
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_pk, leaf_index FROM audit_leaf WHERE leaf_index >= %s", [first])
        places = dict(cursor.fetchall())
    lags = sorted(
        next(at for size, at in signed if size > places[pk]) - moment
        for pk, moment in committed.items()
        if pk in places
    )
    print(
        f"commit to signed, {len(lags):,} events, period 200 ms: p50 {1000 * lags[len(lags) // 2]:.0f} ms, "
        f"p99 {1000 * lags[int(len(lags) * 0.99)]:.0f} ms, max {1000 * lags[-1]:.0f} ms; "
        f"{len(committed) - len(lags)} without a place",
        flush=True,
    )


def main() -> None:
    """Make the scratch database, print the measurements, and drop it."""
    template = migrated_template()
    maintenance = psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL, dbname="postgres")
    maintenance.autocommit = True
    maintenance.cursor().execute(f"CREATE DATABASE {NAME} TEMPLATE {template}")
    connection.close()
    connection.settings_dict["NAME"] = NAME
    try:
        session = connect()
        cursor = session.cursor()
        cursor.execute("INSERT INTO fence.setting VALUES ('dated events', 'allowed') ON CONFLICT DO NOTHING")
        cursor.execute("CREATE TABLE bench_model (id int PRIMARY KEY, n int NOT NULL DEFAULT 0)")
        cursor.execute("INSERT INTO bench_model SELECT generate_series(0, 63)")
        cursor.execute(
            "CREATE TABLE bench_raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, leaf bytea NOT NULL)"
        )
        appended(cursor, "first", 1)
        session.commit()
        session.close()
        with tempfile.TemporaryDirectory() as folder:
            running = Sequencer(Signer(Path(folder) / "state"), ORIGIN, Path(folder) / "public")
            running.prepare()
            measure_appends()
            measure_drain(running, 100_000)
            measure_lag(running)
    finally:
        connection.close()
        maintenance.cursor().execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        maintenance.close()


if __name__ == "__main__":
    main()
