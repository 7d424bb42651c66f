"""Liveness asks nothing; readiness asks each part and tells which one fails."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer


def test_healthz_touches_no_database(client: Client) -> None:
    # No database fixture: pytest-django refuses any query here.
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


@pytest.mark.django_db
def test_readyz_names_each_part(client: Client) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200, response.json()
    found = response.json()
    assert set(found.pop("background")) == {"workers", "beat", "unserved_queues"}
    assert found.pop("audit_log")["pending"] == 0
    assert found == {
        "ready": True,
        "parts": {"database": "ok", "migrations": "ok", "redis": "ok", "storage": "ok"},
    }


@pytest.mark.django_db
def test_readyz_refuses_when_redis_is_away(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock?virtual_host=0"

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["ready"] is False
    assert response.json()["parts"] == {
        "database": "ok",
        "migrations": "ok",
        "redis": "ConnectionError",
        "storage": "ok",
    }


@pytest.mark.django_db
def test_readyz_refuses_when_storage_cannot_be_written(client: Client, settings: LazySettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    settings.COUNTERSIGN_STORAGE_DIR = tmp_path / "file"

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["parts"]["storage"] == "NotADirectoryError"


def test_live_server_answers_as_the_application_role(live_server: LiveServer) -> None:
    with urlopen(f"{live_server.url}/readyz") as response:
        assert json.load(response)["ready"] is True
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("countersign_app",)
