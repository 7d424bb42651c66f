"""A bare Django view with one SQL statement, and the settings it is served with: the least that a read may cost.

No middleware, no sign-in, no permission; the same server, database and driver as the product.
"""

from __future__ import annotations

import json

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from governance.settings.development import *  # noqa: F403  # settings build on each other

MIDDLEWARE = []
ROOT_URLCONF = "tests.bench.bare"


def show_version(request: HttpRequest, key: int) -> HttpResponse:
    """Answer with one row, read by its key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, status, fingerprint FROM registry_modelversion WHERE id = %s", [key])
        number, status, fingerprint = cursor.fetchone()
    shown = json.dumps({"number": number, "status": status, "fingerprint": fingerprint})
    return HttpResponse(shown, content_type="application/json")


urlpatterns = [path("versions/<int:key>", show_version)]
