"""Problems of the audit log and its guards, of which compliance officers are always notified.

`find_problems` is the list: a further check of the product by itself adds its problems there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from audit import clock
from governance.database import releases
from governance.models import UnprocessedEvent
from governance.notifications import reasons
from governance.notifications.dispatching import notify
from governance.notifications.recipients import Draft, Subject
from registry import access

REPORTED_ATTEMPTS: Final = 3
"""After so many failed attempts an event is reported."""
MOST_REPORTED: Final = 20
"""The largest number of problems of one kind that are reported at once."""


@dataclass(frozen=True)
class AuditProblem:
    """One problem.

    Attributes:
        key: identifies it; it is reported once for a key. At most 120 characters.
        name: its object.
        title: what is wrong.
        path: the page to open.
    """

    key: str
    name: str
    title: str
    path: str


def find_problems() -> list[AuditProblem]:
    """Return the present problems. At most four queries."""
    return [*_unprocessed_events(), *_missing_guards()]


def report_problems() -> int:
    """Notify the compliance officers of present problems. Returns how many notifications were written."""
    found = find_problems()
    if not found:
        return 0
    with transaction.atomic():
        officers = list(access.holders_in_organisation(access.OrgPermission.MANAGE_POLICIES))
        written = notify(
            Draft(
                reasons.AUDIT_PROBLEM,
                problem.key,
                Subject("audit", problem.key[:64], problem.name, problem.path),
                problem.title,
                "You are a compliance officer.",
                officer,
            )
            for problem in found
            for officer in officers
        )
    return len(written)


def _unprocessed_events() -> Iterator[AuditProblem]:
    for row in UnprocessedEvent.objects.filter(attempts__gte=REPORTED_ATTEMPTS)[:MOST_REPORTED]:
        yield AuditProblem(
            f"unprocessed:{row.reader}:{row.event}",
            f"Event {row.action}",
            f"The event {row.action} cannot be processed for {row.reader}; it is tried again",
            f"/audit/{row.event}/",
        )


def _missing_guards() -> Iterator[AuditProblem]:
    """A difference that lasts is reported again each day."""
    today = clock.now().date().isoformat()
    for difference in (releases.guard_differences(connection) or [])[:MOST_REPORTED]:
        digest = hashlib.sha256(difference.encode()).hexdigest()[:32]
        yield AuditProblem(
            f"guard:{digest}:{today}",
            "Guards of the database",
            f"The {difference} is not as the last migration left it: run manage.py check --database default",
            "/audit/",
        )
