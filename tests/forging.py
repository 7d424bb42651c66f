"""Raw SQL as injected code of the application role would send it: events of its own, and what they should cover."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction


def event(about: str, identity: str, action: str, **facts: Any) -> None:
    """Write an event as injected SQL would."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_stream_next('forged')")
        leaf = {
            "type": "audit.event/1",
            "log": settings.COUNTERSIGN_LOG_ORIGIN,
            "id": str(uuid.uuid4()),
            "at": datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
            "action": action,
            "actor": {"type": "process", "id": "attacker"},
            "object": {"type": about, "id": identity},
            "stream": {"id": "forged", "seq": cursor.fetchone()[0]},
            "changes": [],
            **facts,
        }
        cursor.execute("INSERT INTO audit_event (leaf) VALUES (%s)", [json.dumps(leaf).encode()])


def run(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def refused(by: str, *attempts: Callable[[], Any]) -> None:
    with pytest.raises(DatabaseError, match=by), transaction.atomic():  # noqa: PT012  # the refusal may come at the end of the transaction
        for attempt in attempts:
            attempt()
