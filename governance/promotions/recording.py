"""What every change of a promotion request shares: its event, and the errors for a closed or changed request."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from audit import recorder
from audit.actions import Action
from audit.actor import Actor
from audit.leaf import Json
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from governance.models import PromotionRequest
from governance.promotions.locks import LockedPromotion
from registry.exceptions import InvalidStateError, StaleRevisionError


def require_open(request: PromotionRequest) -> None:
    """Refuse a request that is closed.

    Raises:
        InvalidStateError: the request is not live (`request_closed`).
    """
    if not request.is_live:
        raise InvalidStateError(
            f"Request #{request.pk} was {request.get_state_display().lower()} already: open a new one to ask again.",
            code="request_closed",
        )


def kind_data(request: PromotionRequest) -> dict[str, Json]:
    """Return the members of an event that state the kind of a request; empty for an ordinary one."""
    if request.kind == PromotionRequest.Kind.ORDINARY:
        return {}
    return {
        "kind": request.kind,
        **({"restores": request.restores_id} if request.restores_id is not None else {}),
        **({"confirming_group": request.confirming_group} if request.confirming_group else {}),
    }


def require_revision(request: PromotionRequest, expected_revision: int | None) -> None:
    """Refuse a request that changed since the caller read it.

    Args:
        request: the locked request.
        expected_revision: the revision the caller read; None to accept any.

    Raises:
        StaleRevisionError: the revisions differ.
    """
    if expected_revision is not None and expected_revision != request.revision:
        raise StaleRevisionError(
            f"Request #{request.pk} changed since you read it (revision {expected_revision}, now {request.revision}): "
            "look at it again.",
            existing=request,
        )


def record_promotion_event(
    locked: LockedPromotion,
    action: Action,
    *,
    actor: Actor,
    target: ObjectRef | None = None,
    changes: Sequence[Change] = (),
    data: dict[str, Json] | None = None,
    related: Sequence[ObjectRef] = (),
    reason: str | None = None,
    private: Mapping[str, str] | None = None,
    following: Event | None = None,
    identity: UUID | None = None,
) -> Event:
    """Record an event of a promotion in the model's stream.

    Args:
        locked: the request, its version and its model, locked.
        action: the event action.
        actor: who acts.
        target: the audited object; the request if None, else the request is a related object.
        changes: changed fields.
        data: further members of the event's data.
        related: further related objects.
        reason: the stated reason.
        private: texts stored as commitments, by field name; empty ones are left out.
        following: the previous event recorded in the same transaction.
        identity: the id of the event, where a signed statement names it.
    """
    request = ObjectRef("promotion", str(locked.request.uid))
    about = [ObjectRef("version", str(locked.version.uid)), ObjectRef("model", str(locked.model.uid)), *related]
    return recorder.record_event(
        action,
        actor=actor,
        target=target or request,
        stream=f"model:{locked.model.uid}",
        related_objects=about if target is None else [request, *about],
        changes=[*changes, *(Change(key, None, PrivateValue(text)) for key, text in (private or {}).items() if text)],
        data=data,
        reason=reason,
        previous_event=following,
        identity=identity,
    )
