"""Databricks transition requests, mapped to the promotion requests of the version.

Supported: create, list and delete (withdraw). Approval and rejection are decision signatures: a person signs on the
request's page, for the packet shown there, with a password.
"""

from __future__ import annotations

from typing import Any

from audit.actor import Actor
from governance import promotions, selectors
from governance.interfaces.mlflow import lookups, promotion_errors
from governance.interfaces.mlflow.errors import MlflowError
from governance.interfaces.mlflow.request import RequestParams
from governance.interfaces.mlflow.serializers import NO_STAGE, request_url
from governance.interfaces.mlflow.stage_names import stage_named
from governance.models import PromotionRequest
from registry.exceptions import ConflictError
from registry.models import ModelVersion

Answer = dict[str, Any]


def create(actor: Actor, given: RequestParams) -> Answer:
    """Request a stage. If a request for it is open, return that one."""
    version = lookups.version(actor, given.text("name"), given.number("version"))
    stage = stage_named(given.text("stage"))
    comment = given.optional("comment") or promotion_errors.default_reason(
        f"{version.model.display_name} → {stage.name}"
    )
    try:
        made = promotions.request(actor=actor, version=version, target_stage=stage.slug, reason=comment)
    except ConflictError as conflict:
        if not isinstance(conflict.existing, PromotionRequest):
            raise
        made = conflict.existing
    return {"request": _serialize(made)}


def listing(actor: Actor, given: RequestParams) -> Answer:
    """List the live requests of a version."""
    version = lookups.version(actor, given.text("name"), given.number("version"))
    return {"requests": [_serialize(request) for request in _live(actor, version)]}


def approve(actor: Actor, given: RequestParams) -> Answer:
    """Always refused: tokens do not decide."""
    raise _not_here("approves", _named(actor, given))


def reject(actor: Actor, given: RequestParams) -> Answer:
    """Always refused: tokens do not decide."""
    raise _not_here("rejects", _named(actor, given))


def delete(actor: Actor, given: RequestParams) -> Answer:
    """Withdraw a live request."""
    request = _named(actor, given)
    reason = given.optional("comment") or promotion_errors.default_reason(f"withdraw request #{request.pk}")
    promotions.withdraw(actor=actor, request=request, reason=reason)
    return {}


def _named(actor: Actor, given: RequestParams) -> PromotionRequest:
    version = lookups.version(actor, given.text("name"), given.number("version"))
    stage = stage_named(given.text("stage"))
    for request in _live(actor, version):
        if request.target_stage is not None and request.target_stage.slug == stage.slug:
            return request
    raise MlflowError(
        "RESOURCE_DOES_NOT_EXIST",
        f"No transition request to {stage.name} is open for version {version.number} of {version.model.display_name}.",
    )


def _live(actor: Actor, version: ModelVersion) -> list[PromotionRequest]:
    live = selectors.visible_requests(actor).filter(
        version=version, state__in=PromotionRequest.LIVE, target_stage__isnull=False
    )
    return list(live.select_related("target_stage", "requested_by").order_by("pk"))


def _not_here(does: str, request: PromotionRequest) -> MlflowError:
    return MlflowError(
        "PERMISSION_DENIED",
        f"No token {does}: a person signs the decision with a password on the request's page. "
        f"Decide on {request_url(request.pk)}",
    )


def _serialize(request: PromotionRequest) -> dict[str, Any]:
    stage = request.target_stage
    assert stage is not None
    return {
        "id": str(request.pk),
        "to_stage": NO_STAGE if stage.initial else stage.name,
        "user_id": request.requested_by.username,
        "creation_timestamp": round(request.created_at.timestamp() * 1000),
        "comment": request.reason,
        "available_actions": ["CANCEL_TRANSITION_REQUEST"] if request.is_live else [],
        "url": request_url(request.pk),
    }
