"""Queries on verification keys."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from audit import clock
from audit.actor import Actor
from registry import access
from registry.models import IS_CURRENT, RegisteredModel, User, VerificationKey


def verification_keys(actor: Actor) -> QuerySet[VerificationKey]:
    """Return the keys visible to the actor, revoked and expired ones included, newest first: those for all models, and
    those for visible models.

    Raises:
        PermissionDeniedError: a token without the scope to read models.
    """
    access.require_scope(actor, "models:read")
    visible = Q(model__isnull=True) | Q(model__in=access.visible_models(actor))
    return VerificationKey.objects.filter(visible).select_related("model").order_by("-pk")


def keys_in_force(model: RegisteredModel, at: datetime) -> list[dict[str, Any]]:
    """Return the keys that count for the versions of a model at a time, as JSON for the checks, ordered by key id.

    Args:
        model: the model.
        at: the time; revoked keys do not count, whatever the time.
    """
    rows = VerificationKey.objects.filter(
        IS_CURRENT,
        Q(model__isnull=True) | Q(model=model),
        Q(valid_until__isnull=True) | Q(valid_until__gt=at),
        valid_from__lte=at,
    )
    return [
        {
            "name": row.name,
            "owner": row.owner,
            "purposes": list(row.purposes),
            "key_id": row.key_id,
            "public_key": row.public_key,
        }
        for row in rows.order_by("key_id")
    ]


def has_key_for(purpose: str, at: datetime) -> bool:
    """Return whether a key, for all models or for one, counts for a purpose at a time.

    Args:
        purpose: one of `VerificationKey.PURPOSES`.
        at: the time; revoked keys do not count, whatever the time.
    """
    column = dict(zip(VerificationKey.PURPOSES, ("for_signatures", "for_provenance"), strict=True))[purpose]
    valid = VerificationKey.objects.filter(IS_CURRENT, valid_from__lte=at, **{column: True})
    return valid.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at)).exists()


def keys_changed_since(since: datetime) -> QuerySet[VerificationKey]:
    """Return the keys that began or ceased to count after a time, up to now."""
    now = clock.now()
    return VerificationKey.objects.filter(
        Q(opened_at__gt=since)
        | Q(closed_at__gt=since)
        | Q(valid_from__gt=since, valid_from__lte=now)
        | Q(valid_until__gt=since, valid_until__lte=now)
    )


def state_of(key: VerificationKey) -> str:
    """Return the state of a key now: revoked, expired, not_yet_valid or in_force."""
    now = clock.now()
    if key.closed_at is not None:
        return "revoked"
    if key.valid_until is not None and key.valid_until <= now:
        return "expired"
    return "not_yet_valid" if key.valid_from > now else "in_force"


def who_revoked(key: VerificationKey) -> User | None:
    """Return the person who revoked a key; None if it is not revoked."""
    return User.objects.filter(uid=key.revoked_by).first() if key.revoked_by is not None else None
