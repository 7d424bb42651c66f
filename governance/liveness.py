"""Which workers run, and whether beat does: each writes a key to Redis that expires soon.

The keys are telemetry and nothing depends on them: what is due is in the database. They tell an operator why
checks wait.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings

from audit import clock
from governance.redis_connection import redis_client

log = logging.getLogger(__name__)

NOTED_EVERY = 10.0
"""Seconds between two notes of a process."""
KEPT = 35
"""Seconds after which a process that notes nothing counts as gone."""
WORKER = "countersign:alive:worker:"
BEAT = "countersign:alive:beat"
SEQUENCER = "countersign:alive:sequencer"
_PATIENCE = 1.0


@dataclass(frozen=True)
class Worker:
    """A worker that runs now, and the queues that it serves."""

    name: str
    queues: tuple[str, ...]


@dataclass(frozen=True)
class Background:
    """The background processes as of now; `error` is the kind of the error if Redis is not available."""

    workers: tuple[Worker, ...] = ()
    has_beat: bool = False
    error: str = ""

    @property
    def unserved(self) -> tuple[str, ...]:
        """The queues that no worker serves."""
        served = {queue for worker in self.workers for queue in worker.queues}
        return tuple(queue for queue in queues() if queue not in served)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is missing, in words."""
        if self.error:
            return (f"Redis is not available ({self.error}), so it is not known which workers run.",)
        found = []
        if not self.workers:
            found.append("No worker runs: checks, copies, PDF files and webhooks wait. Start a worker.")
        elif self.unserved:
            found.append(f"No worker serves the queues {', '.join(self.unserved)}: start one that does.")
        if not self.has_beat:
            found.append("Beat does not run: lost work is not found, and nothing that is due at a time happens.")
        return tuple(found)


def note_worker(name: str, queues: Iterable[str]) -> None:
    """Note that a worker runs. Errors are logged: a worker does not stop because it cannot note that it runs."""
    _note(WORKER + name, ",".join(sorted(queues)))


def forget_worker(name: str) -> None:
    """Note that a worker stops."""
    try:
        with redis_client(_PATIENCE) as client:
            client.delete(WORKER + name)
    except redis.RedisError as error:
        log.warning("could not note that worker %s stops: %s", name, error)


def note_beat() -> None:
    """Note that beat runs."""
    _note(BEAT, clock.now().isoformat())


def note_sequencer(state: Mapping[str, Any]) -> None:
    """Note that a sequencer of the audit log runs, and its state, such as why it has halted."""
    _note(SEQUENCER, json.dumps(dict(state)))


def sequencer() -> dict[str, Any] | None:
    """Return the state that a sequencer noted last; None if none runs or Redis is not available."""
    try:
        with redis_client(_PATIENCE) as client:
            noted = client.get(SEQUENCER)
    except redis.RedisError:
        return None
    found: dict[str, Any] | None = json.loads(noted) if noted else None
    return found


def background() -> Background:
    """Return the background processes as of now."""
    try:
        with redis_client(_PATIENCE) as client:
            keys = sorted(client.scan_iter(f"{WORKER}*"))
            values = client.mget(keys) if keys else []
            beat = client.exists(BEAT)
    except redis.RedisError as error:
        return Background(error=type(error).__name__)
    workers = tuple(
        Worker(key.decode().removeprefix(WORKER), tuple(value.decode().split(",")))
        for key, value in zip(keys, values, strict=True)
        if value is not None
    )
    return Background(workers, bool(beat))


def queues() -> tuple[str, ...]:
    """Return the names of the queues that workers serve."""
    return tuple(queue.name for queue in settings.CELERY_TASK_QUEUES)


def summary() -> dict[str, Any]:
    """Return the background processes for a public response: numbers only."""
    found = background()
    return {
        "workers": len(found.workers),
        "beat": "ok" if found.has_beat else "not seen",
        "unserved_queues": list(found.unserved),
    }


def _note(key: str, value: str) -> None:
    try:
        with redis_client(_PATIENCE) as client:
            client.set(key, value, ex=KEPT)
    except redis.RedisError as error:
        log.warning("could not note that this process runs: %s", error)
