"""Emergency changes: requested with a signature, and followed until they are repaid."""

from __future__ import annotations

import logging

from django.db import transaction

from audit import clock
from audit.actor import Actor, ActorKind
from audit.recorder import ObjectRef
from governance.actions import EMERGENCY_ENDED, EMERGENCY_REPAID
from governance.models import EmergencyChange, PromotionRequest
from governance.policies import RequestKind
from governance.promotions.emergency_terms import KEEPER, EmergencyTerms
from governance.promotions.locks import lock_promotion
from governance.promotions.recording import record_promotion_event
from governance.promotions.requesting import request
from governance.promotions.signing import DecisionSignature
from registry import access
from registry.exceptions import DomainError, PermissionDeniedError
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, StageOccupancy
from registry.services import sign_in

log = logging.getLogger(__name__)


def request_emergency(
    *,
    actor: Actor,
    version: ModelVersion,
    target_stage: str | None = None,
    target_alias: str | None = None,
    reason: str,
    terms: EmergencyTerms,
    signature: DecisionSignature,
) -> PromotionRequest:
    """Request an emergency change. The person signs with the password; one person of the named group confirms.

    The change is carried out when the files are intact, the scan has no critical finding, and the other person has
    signed. It is owed from then on (`EmergencyChange`).

    Args:
        actor: the person, signed in; tokens and processes cannot.
        version: the version that is to hold the place.
        target_stage: slug of the stage; None for an alias.
        target_alias: the alias, without "@"; None for a stage.
        reason: why the ordinary path is not taken; part of what both sign.
        terms: incident, hours and confirming group.
        signature: the password, entered for this request.

    Returns:
        The request.

    Raises:
        DomainError: as `promotions.request`; PermissionDeniedError also for tokens, and InvalidStateError
            (`emergency_not_available`) if a policy for entering the place has no section `emergency`.
        ValidationFailedError: wrong password, or terms that the section does not allow.
    """
    access.require_permission(actor, access.Permission.REQUEST_PROMOTION, version.model)
    person = access.person_of(actor)
    if actor.kind is not ActorKind.PERSON or person is None:
        raise PermissionDeniedError(
            "Tokens and processes request no emergency change: a person signs in and signs it on its page.",
            code="person_required",
        )
    # Verified before the locks are taken: password hashing takes a tenth of a second.
    sign_in.reauthenticate(person, signature.password, pointer="/password")
    return request(
        actor=actor,
        version=version,
        target_stage=target_stage,
        target_alias=target_alias,
        reason=reason,
        renew=False,
        kind=RequestKind.EMERGENCY,
        emergency=terms,
    )


def owed_ids() -> list[int]:
    """Return the keys of the emergency changes that are not repaid, oldest first."""
    rows = EmergencyChange.objects.filter(began_at__isnull=False, repaid_at__isnull=True)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def settle_emergencies() -> None:
    """Settle every emergency change that is owed; an error in one leaves the others. For the beat task."""
    for key in owed_ids():
        settle_emergency(key)


def settle_emergency(key: int) -> EmergencyChange:
    """Record that an emergency change is repaid, or that its time has ended. Idempotent.

    Args:
        key: primary key of the emergency change.

    Returns:
        The emergency change as it is now.
    """
    change, ended = _settle(key)
    if ended and change.when_ended == EmergencyChange.WhenEnded.ROLL_BACK:
        _request_rollback(change)
    return change


@transaction.atomic
def _settle(key: int) -> tuple[EmergencyChange, bool]:
    locked = lock_promotion(EmergencyChange.objects.get(pk=key).request_id)
    change = EmergencyChange.objects.get_for_update(key)
    finding = change.finding
    if change.ends_at is None or change.repaid_at is not None or finding is None:
        return change, False
    now, held = clock.now(), holds_place(locked.request)
    ended = held and change.overdue_at is None and now >= change.ends_at
    repaid = not held and finding.closed_at is not None
    if not ended and not repaid:
        return change, False
    event = record_promotion_event(
        locked,
        EMERGENCY_ENDED if ended else EMERGENCY_REPAID,
        actor=KEEPER,
        target=ObjectRef("emergency", str(change.uid)),
        related=[ObjectRef("finding", str(finding.uid))],
        data={"incident": change.incident, "request": locked.request.pk},
    )
    if ended:
        change.overdue_at = event.happened_at
        change.save(update_fields=["overdue_at"])
    else:
        change.repaid_at = event.happened_at
        change.save(update_fields=["repaid_at"])
    return change, ended


def holds_place(found: PromotionRequest) -> bool:
    """Return whether the version of a promoted request still holds the place by this request."""
    return (
        StageOccupancy.objects.filter(IS_CURRENT, promotion=found.uid, version=found.version_id).exists()
        or AliasAssignment.objects.filter(IS_CURRENT, promotion=found.uid, version=found.version_id).exists()
    )


def _request_rollback(change: EmergencyChange) -> None:
    """Open the rollback to the version that held the place before, in the name of the person who requested."""
    found = PromotionRequest.objects.select_related("champion", "target_stage", "requested_by").get(
        pk=change.request_id
    )
    if found.champion is None:
        return
    try:
        request(
            actor=KEEPER,
            version=found.champion,
            target_stage=found.target_stage.slug if found.target_stage is not None else None,
            target_alias=found.target_alias or None,
            reason=f"The time of the emergency change #{found.pk} (incident {change.incident}) has ended.",
            kind=RequestKind.ROLLBACK,
            requested_by=found.requested_by,
        )
    except DomainError as refusal:
        log.warning("the rollback of emergency change #%d was not requested: %s", found.pk, refusal)
