"""The Celery application: carries rings from whoever commits a change to a worker, and beats.

Settings begin with CELERY_. The queue holds no truth: it may be emptied at any time, and beat rings again.
"""

from __future__ import annotations

import os

from celery import Celery
from django.conf import settings

from governance.dispatch import RING_AGAIN

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

app = Celery("countersign")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["governance"])
app.conf.beat_schedule = {
    "ring-again": {
        "task": RING_AGAIN,
        "schedule": settings.COUNTERSIGN_RING_AGAIN_SECONDS,
        "options": {"expires": settings.COUNTERSIGN_RING_AGAIN_SECONDS},
    },
}
