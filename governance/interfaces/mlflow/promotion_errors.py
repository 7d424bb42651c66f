"""Messages of the gate for MLflow clients: the promotion request, its URL, the unmet requirements and the next step.

The client prints the message as an exception. Its readers know MLflow and may never have seen the pages.
"""

from __future__ import annotations

from audit.actor import Actor
from governance import promotions, selectors
from governance.gate import gate_inputs
from governance.interfaces.mlflow.errors import MlflowError
from governance.interfaces.mlflow.serializers import model_page, request_url
from governance.interfaces.mlflow.stage_names import MlflowStage
from governance.models import PromotionRequest
from governance.policies import RequirementStatus, Verdict
from registry.exceptions import ConflictError, InvalidStateError
from registry.models import ModelVersion


def request_promotion(
    actor: Actor, version: ModelVersion, *, stage: MlflowStage | None = None, alias: str = ""
) -> None:
    """Request that a version be moved to a stage or that an alias point at it.

    Returns if the transition was carried out at once, or if the version is already there.

    Args:
        actor: the caller.
        version: the version to promote.
        stage: the target stage.
        alias: the target alias, if there is no stage.

    Raises:
        MlflowError: checks or approvals are required first; the message names the request.
        DomainError: as raised by `promotions.request`.
    """
    target = stage.name if stage is not None else f"@{alias}"
    try:
        made = promotions.request(
            actor=actor,
            version=version,
            target_stage=stage.slug if stage is not None else None,
            target_alias=alias or None,
            reason=default_reason(f"{version.model.display_name} version {version.number} → {target}"),
            renew=False,
        )
    except ConflictError as conflict:
        if not isinstance(conflict.existing, PromotionRequest):
            raise
        raise approval_required_error(conflict.existing, opened=False) from conflict
    except InvalidStateError as refusal:
        if refusal.code == "already_there":
            return
        raise MlflowError("RESOURCE_CONFLICT", _refused(refusal, version, target)) from refusal
    if made.state != PromotionRequest.State.PROMOTED:
        raise approval_required_error(made, opened=True)


def default_reason(what: str) -> str:
    """The recorded reason if the client gives none; the actor is recorded separately."""
    return f"Asked for through an MLflow client: {what}."


def approval_required_error(request: PromotionRequest, *, opened: bool) -> MlflowError:
    """The error for a live request, with its page and the unmet requirements."""
    version, model = request.version, request.version.model
    verdict = selectors.evaluate_request(request).verdict
    stays = "the version stays where it is" if request.target_stage is not None else "the alias does not change"
    what = f"{model.display_name} version {version.number} → {request.target_name}"
    how = "was opened" if opened else "is open"
    lines = [
        f"Approval required. Promotion request #{request.pk} ({what}) {how}; {stays} until its policy is met.",
        f"  {request_url(request.pk)}",
    ]
    if len(request.governing) > 1:
        lines += ["It must satisfy every one of these policies:", *_policies(request)]
    if verdict is not None and verdict.unmet:
        lines += ["It waits for:", *_unmet(verdict)]
    elif verdict is not None:
        lines.append("Approved. Waiting for release: a developer or owner promotes it on its page.")
    document = gate_inputs.get_policy_document(request)
    releases = document is not None and document.on_ready == "hold"
    then = "a developer or owner releases it on its page" if releases else "the request is carried out automatically"
    lines.append(f"Run the same call again to see its state. Once the policy is met, {then}.")
    return MlflowError("RESOURCE_CONFLICT", "\n".join(lines))


def _policies(request: PromotionRequest) -> list[str]:
    return [f"  - {bound.policy_revision} ({bound.get_basis_display()})" for bound in request.governing]


def _unmet(verdict: Verdict) -> list[str]:
    """List the unmet requirements with remedy and who can help. Lines are not wrapped: commands are copied."""
    lines = []
    for requirement in verdict.unmet:
        lines.append(f"  - {requirement.title}: {requirement.detail or requirement.state}".rstrip("."))
        if requirement.state is RequirementStatus.LATER:
            continue
        if requirement.how_to_fulfil:
            lines.append(f"      {requirement.how_to_fulfil.rstrip('.')}")
        if requirement.who_can:
            lines.append(f"      Who can: {', '.join(requirement.who_can)}")
    return lines


def _refused(refusal: InvalidStateError, version: ModelVersion, target: str) -> str:
    """Message for a promotion rejected before review, with the remedy (such as to assess a model without tier)."""
    model = version.model
    lines = [f"{model.display_name} version {version.number} → {target} was not requested. {refusal.detail}"]
    if refusal.code in ("model_incomplete", "tier_not_assessed"):
        lines.append(f"  Assess it: {model_page(model.slug)}risk/assess/")
    if refusal.who_can:
        lines.append(f"  Who can: {', '.join(refusal.who_can)}")
    return "\n".join(lines)
