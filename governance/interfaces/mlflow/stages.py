"""Stage transitions and aliases, by way of `governance.promotions`.

An ungoverned target is changed at once. For a governed target the response is an error that names the promotion request
and its unmet requirements.
"""

from __future__ import annotations

from typing import Any

from audit.actor import Actor
from governance.interfaces.mlflow import approved, lookups, promotion_errors
from governance.interfaces.mlflow.errors import invalid
from governance.interfaces.mlflow.request import RequestParams
from governance.interfaces.mlflow.stage_names import ARCHIVED, MlflowStage, stage_named, stages
from governance.promotions import remove_alias
from registry import selectors
from registry.exceptions import NotFoundError
from registry.models import ModelVersion

Answer = dict[str, Any]


def transition(actor: Actor, given: RequestParams) -> Answer:
    """Move a version to a stage, or request it."""
    version = lookups.version(actor, given.text("name"), given.number("version"))
    stage = stage_named(given.text("stage"))
    archive = given.flag("archive_existing_versions")
    if archive and not stage.active:
        active = [known.name for known in stages() if known.active]
        raise invalid(
            "Model version transition cannot archive existing model versions because "
            f"'{stage.name}' is not an Active stage. Valid stages are {active}"
        )
    if version.stage.slug != stage.slug:
        promotion_errors.request_promotion(actor, version, stage=stage)
    if archive:
        _archive_others(actor, version, stage)
    return {"model_version": approved.version(lookups.row(actor, version.model.display_name, version.number))}


def set_alias(actor: Actor, given: RequestParams) -> Answer:
    """Point an alias at a version, or request it."""
    name, alias = given.text("name"), given.text("alias")
    _refuse_reserved(alias)
    version = lookups.version(actor, name, given.number("version"))
    promotion_errors.request_promotion(actor, version, alias=alias)
    return {}


def delete_alias(actor: Actor, given: RequestParams) -> Answer:
    """Remove an unprotected alias; succeeds if the alias does not exist. A protected alias cannot be removed."""
    model, alias = lookups.model(actor, given.text("name")), given.text("alias")
    try:
        remove_alias(actor=actor, model=model, name=alias, reason=promotion_errors.default_reason(f"take @{alias} off"))
    except NotFoundError:
        return {}
    return {}


def _archive_others(actor: Actor, version: ModelVersion, stage: MlflowStage) -> None:
    """Request that the other versions in the stage be archived. An exclusive stage has no others by now."""
    archived = next((known for known in stages() if known.slug == ARCHIVED), None)
    others = selectors.versions_of(version.model).filter(stage__slug=stage.slug).exclude(pk=version.pk)
    for other in others.order_by("number") if archived is not None else ():
        promotion_errors.request_promotion(actor, other, stage=archived)


def _refuse_reserved(alias: str) -> None:
    """Reject reserved names with MLflow's messages, which clients match. The registry checks the remaining rules."""
    if alias.casefold() == "latest":
        raise invalid("'latest' alias name (case insensitive) is reserved.")
    if alias[:1].lower() == "v" and alias[1:].isdecimal():
        raise invalid(f"Version alias name '{alias}' is reserved.")
    if not all(c.isalnum() or c in "_-" for c in alias):
        raise invalid(
            f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-)."
        )
