"""The Celery application: carries rings from whoever commits a change to a worker, and beats.

Settings begin with CELERY_. The queue holds no truth: it may be emptied at any time, and beat rings again.
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
    # Rights are over by the clock; this only closes their rows on the record, so minutes do not matter.
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
    # Early enough to be read in the morning. Every hour of the night: what one run could not send, the next one does.
    "remind": {"task": REMIND, "schedule": crontab(hour="4-6", minute="10"), "options": {"expires": 1800}},
}
