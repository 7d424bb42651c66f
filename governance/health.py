"""Health endpoints for monitoring: liveness and readiness."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from governance import liveness, log_state
from governance.redis_connection import redis_client
from registry import storage

__all__ = ["NotReady", "healthz", "readyz", "redis_client", "report", "state_of_parts"]


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Report that the process responds. Tests nothing else: an unavailable database is no reason to kill a web
    process.
    """
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Report for each part whether requests can be served; 503 if one part cannot.

    The response is public, so it contains only the kind of an error; details are in the log.
    """
    found = report()
    return JsonResponse(found, status=200 if found["ready"] else 503)


def report() -> dict[str, Any]:
    """Return the state of this web process and of the background processes.

    Missing workers do not make a web process unready: its pages and its API work, and checks wait.
    """
    parts = state_of_parts()
    ready = all(answer == "ok" for answer in parts.values())
    return {"ready": ready, "parts": parts, "background": liveness.summary(), "audit_log": _log_summary(parts)}


def _log_summary(parts: dict[str, str]) -> dict[str, Any]:
    """Return the state of the sequencer. A stopped one delays proofs and makes no web process unready."""
    if parts["database"] != "ok" or parts["migrations"] != "ok":
        return {"ok": False}
    return log_state.log_state().summary


def state_of_parts() -> dict[str, str]:
    """Check every part that requests need.

    Returns:
        For each part "ok", or the kind of the error.
    """
    return {name: _ask(probe) for name, probe in PROBES.items()}


class NotReady(Exception):
    """A part responds, but is not usable; the message is public."""


def _ask(probe: Callable[[], None]) -> str:
    try:
        probe()
    except NotReady as error:
        return str(error)
    except Exception as error:
        return type(error).__name__
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    if due := _known_migrations() - set(MigrationRecorder(connection).applied_migrations()):
        raise NotReady(f"{len(due)} migrations are not applied")


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this release, read once: files do not change under a running process."""
    return frozenset(MigrationLoader(None).disk_migrations or ())


def _redis() -> None:
    with redis_client() as client:
        client.ping()


def _storage() -> None:
    storage.store().check_health()


PROBES: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "storage": _storage,
}
