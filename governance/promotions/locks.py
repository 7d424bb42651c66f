"""The one order in which the rows of a promotion are locked, so that no two transactions wait for each other."""

from dataclasses import dataclass

from governance.models import PromotionRequest
from registry.exceptions import NotFound
from registry.models import ModelVersion, RegisteredModel


@dataclass(frozen=True)
class Locked:
    """A request with its version and model, all locked until the transaction ends and read after the lock."""

    request: PromotionRequest
    version: ModelVersion
    model: RegisteredModel


INVOLVED = ("registered_by", "registered_with__person", "trained_by")
"""Whom the separation of duties asks about a version."""


def lock_version(version_id: int, model_id: int, *beside: str) -> tuple[RegisteredModel, ModelVersion]:
    """Lock a model, then a version of it. FOR NO KEY UPDATE: rows that merely refer to them are not held up.

    Args:
        beside: what of the version is read along with it, beside its stage.
    """
    locked = RegisteredModel.objects.select_for_update(no_key=True, of=("self",))
    model = locked.select_related("owner").get(pk=model_id)
    version = (
        ModelVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("stage", *beside)
        .get(pk=version_id)
    )
    version.model = model
    return model, version


def lock(request_id: int) -> Locked:
    """Lock a request's model, version and row, in that order. Raises NotFound for an unknown number."""
    where = PromotionRequest.objects.filter(pk=request_id).values_list("model_id", "version_id").first()
    if where is None:
        raise NotFound(f"There is no promotion request #{request_id}.")
    model, version = lock_version(where[1], where[0], *INVOLVED)
    request = (
        PromotionRequest.objects.select_for_update(no_key=True, of=("self",))
        .select_related(
            "target_stage", "source_stage", "policy_revision__policy", "requested_by", "requested_with__person"
        )
        .get(pk=request_id)
    )
    request.model, request.version = model, version
    return Locked(request, version, model)
