"""Closing of expired grants. It changes no permissions: an expired grant has no effect even if its row is open."""

from django.db import transaction

from audit import clock
from registry.access.grants import ACCESS_KEEPER, close_grant, lock, locked
from registry.access.stored_permissions import is_expired
from registry.actions import GRANT_EXPIRED
from registry.models import IS_CURRENT, Grant

BATCH_SIZE = 200
"""Maximum number of grants closed in one run."""


def expired_grant_ids() -> list[int]:
    """Return the keys of expired grants whose rows are still open, earliest end first; at most `BATCH_SIZE`."""
    ended = Grant.objects.filter(IS_CURRENT, expires_at__lte=clock.now()).order_by("expires_at", "pk")
    return list(ended.values_list("pk", flat=True)[:BATCH_SIZE])


@transaction.atomic
def close_expired_grant(grant_id: int) -> bool:
    """Close an expired grant, with its event, as a named process. Idempotent.

    Returns:
        False if there is nothing to close: it is closed or not expired.
    """
    grant = Grant.objects.select_related("model", "user", "group").filter(pk=grant_id).first()
    if grant is None:
        return False
    lock(grant.model, grant.user, grant.group)
    grant = locked(grant_id)
    if grant.closed_at is not None or not is_expired(grant):
        return False
    close_grant(ACCESS_KEEPER, grant, GRANT_EXPIRED, "its time was over")
    return True
