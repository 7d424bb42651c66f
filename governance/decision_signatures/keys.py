"""The decision keys that the installation knows, with the period of each."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction

from audit import clock, recorder
from audit.actor import process
from audit.recorder import ObjectRef
from governance.actions import DECISION_KEY_REGISTERED, DECISION_KEY_REPLACED
from governance.decision_signatures.key_file import DecisionKeyError, LocalKey, load_key, write_key
from governance.models import DecisionKey
from registry.exceptions import InvalidStateError

OVERLAP = timedelta(hours=24)
"""Time for which an older key still attests after a newer one is registered: machines receive the file one by one."""

_PROCESS = process("decision-key")
log = logging.getLogger(__name__)


def attesting_key() -> tuple[LocalKey, DecisionKey]:
    """Return the key of this machine and its row, to attest a decision. Call it outside the decision's transaction.

    Raises:
        InvalidStateError: the key file cannot be used ("decision_key_unavailable"; the log has the details), or a newer
            key has replaced this one ("decision_key_ended").
    """
    try:
        local, row = register_current_key()
    except DecisionKeyError as fault:
        log.error("no decision can be signed: %s", fault)
        raise InvalidStateError(
            "This server cannot attest signatures, because its decision key cannot be used. An operator runs "
            "`manage.py decision_key`, which names the cause. Nothing was signed.",
            code="decision_key_unavailable",
        ) from fault
    if row.valid_until is not None and row.valid_until <= clock.now():
        raise InvalidStateError(
            f"The decision key of this server ({row.key_id[:12]}) was replaced and attests no more signatures. An "
            "operator copies the newer key to this server; then sign again. Nothing was signed.",
            code="decision_key_ended",
        )
    return local, row


def register_current_key() -> tuple[LocalKey, DecisionKey]:
    """Return the key of this machine and its row. A key that is not known yet is registered, and replaces the others
    after `OVERLAP`. One query where the key is known.

    Raises:
        DecisionKeyError: the key file cannot be used.
    """
    local = load_key()
    row = DecisionKey.objects.filter(key_id=local.key_id).first()
    if row is None:
        try:
            row = _register(local)
        except IntegrityError:  # another process registered it in this moment
            row = DecisionKey.objects.get(key_id=local.key_id)
    return local, row


def rotate_key() -> tuple[LocalKey, DecisionKey]:
    """Replace the key file of this machine by a new key and register it. The older keys attest for `OVERLAP`.

    Raises:
        DecisionKeyError: the file cannot be written.
    """
    write_key(Path(settings.COUNTERSIGN_DECISION_KEY_PATH), replace=True)
    return register_current_key()


@transaction.atomic
def _register(local: LocalKey) -> DecisionKey:
    uid, now = uuid4(), clock.now()
    event = recorder.record_event(
        DECISION_KEY_REGISTERED,
        actor=_PROCESS,
        target=ObjectRef("decision_key", str(uid)),
        stream=f"decision_key:{uid}",
        data={"key_id": local.key_id, "public_key": local.public.pem},
    )
    row = DecisionKey.objects.create(
        uid=uid,
        key_id=local.key_id,
        public_key=local.public.pem,
        valid_from=now,
        registered_event=event.event_id,
    )
    older = DecisionKey.objects.select_for_update().filter(valid_until__isnull=True).exclude(pk=row.pk).order_by("pk")
    for key in older:
        end = now + OVERLAP
        ended = recorder.record_event(
            DECISION_KEY_REPLACED,
            actor=_PROCESS,
            target=ObjectRef("decision_key", str(key.uid)),
            stream=f"decision_key:{key.uid}",
            data={"key_id": key.key_id, "replaced_by": local.key_id, "valid_until": end.isoformat()},
        )
        key.valid_until, key.replaced_event = end, ended.event_id
        key.save(update_fields=["valid_until", "replaced_event"])
    return row
