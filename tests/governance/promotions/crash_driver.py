"""Run by test_crash in a process and on a cluster of its own: promotes versions while PostgreSQL is killed under it.

Writes one line for each fact after its commit, as an honest client would remember it, and in the end judges the
database against what it was told.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django

django.setup()

from django.db import InterfaceError, OperationalError, connection  # noqa: E402  # after Django is set up
from django.db.models import Count, F, Max  # noqa: E402  # after Django is set up

from audit.models import Event  # noqa: E402  # after Django is set up
from governance.checks import check_runs, run_worker  # noqa: E402  # after Django is set up
from governance.models import CheckRun, Decision, PromotionRequest  # noqa: E402  # after Django is set up
from governance.promotions import reevaluate  # noqa: E402  # after Django is set up
from registry.models import IS_CURRENT, StageOccupancy  # noqa: E402  # after Django is set up
from tests.governance.promotions.conftest import Bank, found_bank  # noqa: E402  # after Django is set up


def persist(memory: Path, *facts: object) -> None:
    with memory.open("a") as file:
        file.write(" ".join(map(str, facts)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def work(memory: Path, rounds: int) -> None:
    """Promote versions into Staging, round after round; a round that the database interrupts is simply left."""
    bank: Bank = found_bank()
    print("ready", flush=True)
    done = 0
    while done < rounds:
        try:
            request = bank.request(bank.version(), stage="staging")
            persist(memory, "requested", request.pk)
            for run_id in check_runs.due_runs():
                if run_worker.run_claimed_check(run_id, settle=lambda number: reevaluate(number, bump_revision=True)):
                    persist(memory, "completed", run_id)
            if bank.fresh(request).state == "promoted":
                persist(memory, "promoted", request.pk)
            done += 1
            print("round", done, flush=True)
        except (OperationalError, InterfaceError):
            connection.close()
            print("interrupted", flush=True)


def judge(memory: Path) -> list[str]:
    """What is wrong with the database, given what was committed: nothing, if all is well."""
    wrong = []
    for line in memory.read_text().splitlines():
        what, number = line.split()
        if what == "requested" and not PromotionRequest.objects.filter(pk=number).exists():
            wrong.append(f"request {number} was committed and is gone")
        if what == "completed" and not CheckRun.objects.filter(pk=number, status="completed").exists():
            wrong.append(f"run {number} was completed and is not")
        if what == "promoted" and not PromotionRequest.objects.filter(pk=number, state="promoted").exists():
            wrong.append(f"request {number} was promoted and is not")
    for request in PromotionRequest.objects.filter(state="promoted").select_related("version", "target_stage"):
        required = request.check_runs.filter(mode="required")
        if required.exclude(status="completed", conclusion="success").exists() or required.count() < 2:
            wrong.append(f"request {request.pk} was promoted past its checks")
        if not StageOccupancy.objects.filter(version=request.version, promotion=request.uid).exists():
            wrong.append(f"request {request.pk} is promoted and moved nothing")
    wrong += [
        f"occupancy {held.pk} has no promoted request"
        for held in StageOccupancy.objects.filter(IS_CURRENT, stage__protected=True)
        if held.promotion is None or not PromotionRequest.objects.filter(uid=held.promotion, state="promoted").exists()
    ]
    gaps = Event.objects.values("stream_id").annotate(n=Count("id"), last=Max("stream_seq")).exclude(n=F("last"))
    wrong += [f"stream {gap['stream_id']} has {gap['n']} events up to number {gap['last']}" for gap in gaps]
    if Decision.objects.exists():
        wrong.append("there are decisions nobody made")
    return wrong


if __name__ == "__main__":
    place = Path(sys.argv[2])
    if sys.argv[1] == "work":
        work(place, int(sys.argv[3]))
    else:
        found = judge(place)
        print("\n".join(found))
        sys.exit(bool(found))
