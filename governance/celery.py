"""The Celery application and the beat schedule.

Its settings begin with CELERY_. The queue may be emptied at any time: due work is in the database, and beat enqueues it
again.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

from governance.task_queue import END_ACCESS, RECOGNISE_FORMATS, REMIND, REQUEUE_DUE_WORK, SEND_WEBHOOKS, SWEEP_STORAGE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

END_ACCESS_SECONDS = 60.0

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["governance"])
app.conf.beat_schedule = {
    "ring-again": {
        "task": REQUEUE_DUE_WORK,
        "schedule": settings.COUNTERSIGN_RING_AGAIN_SECONDS,
        "options": {"expires": settings.COUNTERSIGN_RING_AGAIN_SECONDS},
    },
    "send-webhooks": {
        "task": SEND_WEBHOOKS,
        "schedule": settings.COUNTERSIGN_WEBHOOK_SECONDS,
        "options": {"expires": settings.COUNTERSIGN_WEBHOOK_SECONDS},
    },
    # Expired grants have no effect at once; this only closes their rows, so a delay of a minute does not matter.
    "end-access": {"task": END_ACCESS, "schedule": END_ACCESS_SECONDS, "options": {"expires": END_ACCESS_SECONDS}},
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
