"""What the tests themselves stand on: a reset that leaves nothing, a worker on the same databases, stubborn guards."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from audit.actor import process
from audit.models import Event
from audit.services import open_log
from governance.health import redis_client
from tests.fixtures.workers import WorkerProcess

PATIENCE = 60


@pytest.mark.django_db(transaction=True)
def test_what_a_test_commits_is_gone_after_the_reset_and_the_guards_are_back() -> None:
    open_log(actor=process("tests"))
    assert Event.objects.exists()
    guards = always_firing()

    call_command("flush", interactive=False, verbosity=0)

    assert not Event.objects.exists()
    assert MigrationRecorder(connection).applied_migrations()
    assert always_firing() == guards


def always_firing() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A' ORDER BY 1, 2")
        return list(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_a_worker_answers_on_this_tests_redis_and_works_on_its_database(worker_process: WorkerProcess) -> None:
    from governance.celery import app

    assert app.control.ping(timeout=PATIENCE, limit=1)

    app.send_task("tests.say_where", ["where"])

    with redis_client(timeout=2 * PATIENCE) as client:
        answer = client.blpop("where", timeout=PATIENCE)
    assert answer, worker_process.output()
    assert answer[1].decode() == f"countersign_app@{connection.settings_dict['NAME']}"
