"""Run Celery's command line and say through an inherited pipe when the worker listens.

Brings one task of the tests' own, which tells where the worker works.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from celery import shared_task
from celery.__main__ import main
from celery.signals import worker_ready
from django.db import connection

from governance.health import redis_client
from governance.processes import die_with_parent

READY = int(sys.argv[1])


@worker_ready.connect(weak=False)
def _tell(**_: Any) -> None:
    os.write(READY, b".")
    os.close(READY)


@shared_task(name="tests.say_where")
def say_where(key: str) -> None:
    """Push role and database of the worker's connection to a Redis list."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user || '@' || current_database()")
        (where,) = cursor.fetchone()
    with redis_client() as client:
        client.rpush(key, where)


if __name__ == "__main__":
    die_with_parent(signal.SIGKILL)
    sys.argv = ["celery", "--app=governance.celery:app", *sys.argv[2:]]
    main()
