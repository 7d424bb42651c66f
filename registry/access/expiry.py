"""Closing the grants whose time is over. It changes nobody's rights: those were over when the clock said so."""

from django.db import transaction

from audit import clock
from registry.access.grants import ACCESS_KEEPER, close_grant, is_expired, lock, locked
from registry.actions import GRANT_EXPIRED
from registry.models import IS_CURRENT, Grant

BATCH_SIZE = 200
"""How many one round closes; the next round goes on."""


def expired_grant_ids() -> list[int]:
    """The grants whose time is over and whose rows are still open, longest ended first; at most `AT_ONCE`."""
    ended = Grant.objects.filter(IS_CURRENT, expires_at__lte=clock.now()).order_by("expires_at", "pk")
    return list(ended.values_list("pk", flat=True)[:BATCH_SIZE])


@transaction.atomic
def close_expired_grant(grant_id: int) -> bool:
    """Close a grant whose time is over, with its event, as a named process. False where there is nothing to close:
    it is closed already, or not over yet. May be called at any time and any number of times."""
    grant = Grant.objects.select_related("model", "user", "group").filter(pk=grant_id).first()
    if grant is None:
        return False
    lock(grant.model, grant.user, grant.group)
    grant = locked(grant_id)
    if grant.closed_at is not None or not is_expired(grant):
        return False
    close_grant(ACCESS_KEEPER, grant, GRANT_EXPIRED, "its time was over")
    return True
