"""Responses stored under an `Idempotency-Key`, one for each token and key, for a day."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from django.db import connection

from audit import clock
from governance.models import IdempotencyKey
from registry.models import AccessToken

KEPT: Final = timedelta(hours=24)
_DELETED_AT_ONCE: Final = 50


def try_lock(token: AccessToken, key: str) -> bool:
    """Lock the key until the transaction ends; False if another transaction holds it.

    An advisory lock: an uncommitted row would be invisible.
    """
    number = int.from_bytes(hashlib.sha256(f"idempotency {token.pk} {key}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        (held,) = cursor.fetchone()
    return bool(held)


def load(token: AccessToken, key: str) -> IdempotencyKey | None:
    """Return what is stored under the key; an expired row is deleted."""
    kept = IdempotencyKey.objects.filter(token=token, key=key).first()
    if kept is not None and kept.created_at <= clock.now() - KEPT:
        kept.delete()
        return None
    return kept


def store(row: IdempotencyKey) -> None:
    """Store a response, and delete some expired ones. Rows that another request has locked are skipped."""
    row.created_at = clock.now()
    old = IdempotencyKey.objects.filter(created_at__lte=row.created_at - KEPT).select_for_update(skip_locked=True)
    IdempotencyKey.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_DELETED_AT_ONCE])).delete()
    row.save(force_insert=True)
