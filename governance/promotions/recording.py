"""What every change of a promotion request shares: its event, and the refusals of a closed or changed request."""

from collections.abc import Mapping, Sequence

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
    """Raise InvalidStateError where a request is no longer live."""
    if not request.is_live:
        raise InvalidStateError(
            f"Request #{request.pk} was {request.get_state_display().lower()} already: open a new one to ask again.",
            code="request_closed",
        )


def require_revision(request: PromotionRequest, expected_revision: int | None) -> None:
    """Raise StaleRevisionError where a request is not in the revision its reader saw."""
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
    thing: ObjectRef | None = None,
    changes: Sequence[Change] = (),
    data: dict[str, Json] | None = None,
    related: Sequence[ObjectRef] = (),
    reason: str | None = None,
    private: Mapping[str, str] | None = None,
    following: Event | None = None,
) -> Event:
    """Append an event of a promotion: about the request, or about `thing` with the request named as related."""
    request = ObjectRef("promotion", str(locked.request.uid))
    about = [ObjectRef("version", str(locked.version.uid)), ObjectRef("model", str(locked.model.uid)), *related]
    return recorder.record_event(
        action,
        actor=actor,
        target=thing or request,
        stream=f"model:{locked.model.uid}",
        related_objects=about if thing is None else [request, *about],
        changes=[*changes, *(Change(key, None, PrivateValue(text)) for key, text in (private or {}).items() if text)],
        data=data,
        reason=reason,
        previous_event=following,
    )
