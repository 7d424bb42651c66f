"""What the gate says to an MLflow client: which request stands, where, what it waits for, and what to type next.

The client prints it as the message of an exception. Whoever reads it knows MLflow and may never have seen our pages."""

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
    """Ask that a version enter a stage or carry an alias; returns where that happened at once, or before.

    Raises MlflowError where people or checks come first, naming the request; and as `promotions.request` does.
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
    """The reason on record where a client gives none; who asked is on record beside it."""
    return f"Asked for through an MLflow client: {what}."


def approval_required_error(request: PromotionRequest, *, opened: bool) -> MlflowError:
    """The error that names a live request, its page, and what it waits for."""
    version, model = request.version, request.version.model
    verdict = selectors.evaluate_request(request).verdict
    stays = "the version stays where it is" if request.target_stage is not None else "the alias does not move"
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
    """A requirement and how it stands; under it, who or what helps. Lines are not broken: commands are copied."""
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
    """Why nothing was asked for, and how that is put right: an MLflow client registers a model without a tier."""
    model = version.model
    lines = [f"{model.display_name} version {version.number} → {target} was not asked for. {refusal.detail}"]
    if refusal.code in ("model_incomplete", "tier_not_assessed"):
        lines.append(f"  Assess it: {model_page(model.slug)}risk/assess/")
    if refusal.who_can:
        lines.append(f"  Who can: {', '.join(refusal.who_can)}")
    return "\n".join(lines)
