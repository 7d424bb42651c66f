"""How a replay of a policy grows: the requests of the demonstration, and 10,000 synthetic ones made from them.

    make bench
    python -m tests.bench.replay --var FOLDER       # a data directory to be thrown away, whose servers run already

Starts the product on a data directory of its own, copies its closed requests with their check runs, decisions and
policies until there are 10,000, and replays the policy in force and a stricter draft. Prints the seconds of each, those
of this process alone, and the latter for each request as a multiple of that of the first thousand.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.pages import PROJECT, _address

SIZES = (1_000, 10_000)
STEP = 1_000_000
"""Distance of the numbers of the copies of one request."""


def main() -> None:
    """Fill, replay, print."""
    parser = argparse.ArgumentParser(description="measure the replay of a policy")
    parser.add_argument("--var", help="data directory of servers that run")
    given = parser.parse_args()
    if given.var:
        _measure(given.var)
        return
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory, _product(directory):
        _measure(directory)


@contextmanager
def _product(directory: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "governance.development.devserver"],
        cwd=PROJECT,
        env={**os.environ, "COUNTERSIGN_VAR_DIR": directory},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _address(process)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def _measure(directory: str) -> None:
    os.environ.update(COUNTERSIGN_VAR_DIR=str(Path(directory).resolve()), DJANGO_SETTINGS_MODULE="tests.bench.settings")
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from governance.models import PolicyRevision, PromotionRequest
    from governance.policies import parse
    from governance.replay.running import replay

    found = PolicyRevision.objects.in_force().filter(governed__isnull=False).distinct()
    revision = max(found, key=lambda one: (len(one.document["approvals"]), one.requests.count()))
    same = parse(revision.source)
    stricter = same.model_copy(
        update={
            "approvals": tuple(rule.model_copy(update={"count": rule.count + 1}) for rule in same.approvals),
            "checks": tuple(rule.model_copy(update={"max_age_days": 1}) for rule in same.checks),
        }
    )
    print(f"{revision}{'':10}{'requests':>10}{'seconds':>10}{'CPU':>10}{'queries':>10}{'for each, ratio':>18}")
    first: dict[str, float] = {}
    for size in SIZES:
        _fill(size)
        count = PromotionRequest.objects.filter(closed_at__isnull=False).count()
        for name, document in (("in force", same), ("stricter", stricter)):
            started, worked = time.perf_counter(), time.process_time()
            with CaptureQueriesContext(connection) as queries:
                result = replay(document, since=datetime(2000, 1, 1, tzinfo=UTC))
            seconds, worked = time.perf_counter() - started, time.process_time() - worked
            each = worked / count
            ratio = each / first.setdefault(name, each)
            print(f"{name:24}{count:>10,}{seconds:>10.2f}{worked:>10.2f}{len(queries):>10}{ratio:>18.2f}")
            print(f"    {dict(result.counts['past'])}")


def _fill(size: int) -> None:
    """Copy closed requests until there are `size`, as the superuser, with the guards of these tables off."""
    from django.conf import settings
    from django.db import connection

    from governance.database.provisioning import connect_by_url
    from governance.models import CheckRun, Decision, PromotionRequest, RequestPolicy

    closed = PromotionRequest.objects.filter(closed_at__isnull=False, policy_revision__isnull=False, pk__lt=STEP)
    originals = closed.count()
    have = PromotionRequest.objects.filter(closed_at__isnull=False).count()
    done = PromotionRequest.objects.filter(pk__gte=STEP).count() // originals
    rounds = -(-(size - have) // originals)
    if rounds <= 0:
        return
    models: tuple[Any, ...] = (PromotionRequest, RequestPolicy, CheckRun, Decision)
    opened = connect_by_url(settings.COUNTERSIGN_PROVISION_URL)(connection.settings_dict["NAME"])
    with opened, opened.cursor() as cursor:
        cursor.execute("SET LOCAL event_triggers = off")
        for model in models:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER ALL")
        for model in models:
            names = [f.column for f in model._meta.concrete_fields if f.column != "id" and not f.generated]
            key = "id" if model is PromotionRequest else "request_id"
            made = {"uid": "gen_random_uuid()", "request_id": f"g * {STEP} + t.request_id"}
            columns = ", ".join(f'"{name}"' for name in names)
            values = ", ".join(made.get(name, f't."{name}"') for name in names)
            number = (f', g * {STEP} + t."id"', ', "id"') if model is PromotionRequest else ("", "")
            cursor.execute(
                f"INSERT INTO {model._meta.db_table} ({columns}{number[1]}) SELECT {values}{number[0]}"
                f" FROM {model._meta.db_table} t, generate_series({done + 1}, {done + rounds}) g WHERE t.{key} IN"
                " (SELECT id FROM governance_promotionrequest WHERE closed_at IS NOT NULL"
                f" AND policy_revision_id IS NOT NULL AND id < {STEP}) AND t.id < {STEP}"
            )
        for model in models:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} ENABLE TRIGGER ALL")
    opened.close()
    with connection.cursor() as plain:
        plain.execute("SELECT 1")


if __name__ == "__main__":
    main()
