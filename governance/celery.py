"""The Celery application and the beat schedule.

Its settings begin with CELERY_. The queue may be emptied at any time: due work is in the database, and beat enqueues it
again.
"""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery, bootsteps
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from django.conf import settings

from governance import liveness
from governance.task_queue import (
    DISPATCH_NOTIFICATIONS,
    END_ACCESS,
    ESCALATE,
    RECOGNISE_FORMATS,
    RECORD_IMPACTS,
    REMIND,
    REPORT_AUDIT_PROBLEMS,
    REQUEUE_DUE_WORK,
    SEND_WEBHOOKS,
    SWEEP_STORAGE,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

END_ACCESS_SECONDS = 60.0
ESCALATE_SECONDS = 300.0
AUDIT_PROBLEMS_SECONDS = 300.0
RECORD_IMPACTS_SECONDS = 300.0
NOTIFICATION_SECONDS = 15.0


class LivenessStep(bootsteps.StartStopStep):
    """Notes periodically, from the event loop of a worker, that the worker runs and which queues it serves."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        """Begin to note."""
        self._entry = worker.timer.call_repeatedly(liveness.NOTED_EVERY, self._note, (worker,), priority=10)
        self._note(worker)

    def stop(self, worker: Any) -> None:
        """Note that the worker stops."""
        self._entry.cancel()
        liveness.forget_worker(worker.hostname)

    def _note(self, worker: Any) -> None:
        liveness.note_worker(worker.hostname, worker.app.amqp.queues.consume_from)


class NotingScheduler(PersistentScheduler):
    """The scheduler of beat, which notes that it runs with each of its rounds."""

    _noted = 0.0

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Send what is due; return the seconds until the next round."""
        if time.monotonic() - self._noted >= liveness.NOTED_EVERY / 2:
            liveness.note_beat()
            self._noted = time.monotonic()
        pause: float = super().tick(*arguments, **options)
        return min(pause, liveness.NOTED_EVERY)


app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["governance"])
app.conf.beat_scheduler = "governance.celery:NotingScheduler"
app.steps["worker"].add(LivenessStep)
app.conf.beat_schedule = {
    "ring-again": {
        "task": REQUEUE_DUE_WORK,
        "schedule": settings.COUNTERSIGN_REQUEUE_SECONDS,
        "options": {"expires": settings.COUNTERSIGN_REQUEUE_SECONDS},
    },
    "send-webhooks": {
        "task": SEND_WEBHOOKS,
        "schedule": settings.COUNTERSIGN_WEBHOOK_SECONDS,
        "options": {"expires": settings.COUNTERSIGN_WEBHOOK_SECONDS},
    },
    "dispatch-notifications": {
        "task": DISPATCH_NOTIFICATIONS,
        "schedule": NOTIFICATION_SECONDS,
        "options": {"expires": NOTIFICATION_SECONDS},
    },
    # Expired grants have no effect at once; this only closes their rows, so a delay of a minute does not matter.
    "end-access": {"task": END_ACCESS, "schedule": END_ACCESS_SECONDS, "options": {"expires": END_ACCESS_SECONDS}},
    # A step of a policy is due after days, so a delay of some minutes does not matter.
    "escalate": {"task": ESCALATE, "schedule": ESCALATE_SECONDS, "options": {"expires": ESCALATE_SECONDS}},
    "report-audit-problems": {
        "task": REPORT_AUDIT_PROBLEMS,
        "schedule": AUDIT_PROBLEMS_SECONDS,
        "options": {"expires": AUDIT_PROBLEMS_SECONDS},
    },
    "record-impacts": {
        "task": RECORD_IMPACTS,
        "schedule": RECORD_IMPACTS_SECONDS,
        "options": {"expires": RECORD_IMPACTS_SECONDS},
    },
    "recognise-formats": {
        "task": RECOGNISE_FORMATS,
        "schedule": settings.COUNTERSIGN_RECOGNISE_SECONDS,
        "options": {"expires": settings.COUNTERSIGN_RECOGNISE_SECONDS},
    },
    "sweep-storage": {
        "task": SWEEP_STORAGE,
        "schedule": settings.COUNTERSIGN_SWEEP_SECONDS,
        "options": {"expires": settings.COUNTERSIGN_SWEEP_SECONDS},
    },
    # Early enough to be read in the morning, several times a night: a failed mail is sent by the next run.
    "remind": {"task": REMIND, "schedule": crontab(hour="4-6", minute="10"), "options": {"expires": 1800}},
}
