"""The one order in which the rows of a promotion are locked, so that no two transactions wait for each other."""

from dataclasses import dataclass

from governance.models import PolicyRevision, PromotionRequest
from registry.exceptions import NotFound
from registry.models import AccessToken, ModelVersion, RegisteredModel, Stage, User


@dataclass(frozen=True)
class Locked:
    """A request with its version and model, all locked until the transaction ends and read after the lock."""

    request: PromotionRequest
    version: ModelVersion
    model: RegisteredModel


def lock_version(version_id: int, model_id: int) -> tuple[RegisteredModel, ModelVersion]:
    """Lock a model, then a version of it. FOR NO KEY UPDATE: rows that merely refer to them are not held up."""
    locked = RegisteredModel.objects.select_for_update(no_key=True, of=("self",))
    model = locked.select_related("owner").get(pk=model_id)
    version = (
        ModelVersion.objects.select_for_update(no_key=True, of=("self",)).select_related("stage").get(pk=version_id)
    )
    version.model = model
    return model, version


def lock(request_id: int) -> Locked:
    """Lock a request's model, version and row, in that order, and read who and what they name. Raises NotFound for an
    unknown number."""
    where = PromotionRequest.objects.filter(pk=request_id).values_list("model_id", "version_id").first()
    if where is None:
        raise NotFound(f"There is no promotion request #{request_id}.")
    model, version = lock_version(where[1], where[0])
    request = PromotionRequest.objects.select_for_update(no_key=True, of=("self",)).get(pk=request_id)
    request.model, request.version = model, version
    _join(request, version)
    return Locked(request, version, model)


def _join(request: PromotionRequest, version: ModelVersion) -> None:
    """What could be joined to both rows, read a table at a time: PostgreSQL plans a join of eight tables for longer
    than it reads five of them, and here they are a stage or two and a handful of people."""
    if request.policy_revision_id is not None:
        request.policy_revision = PolicyRevision.objects.select_related("policy").get(pk=request.policy_revision_id)
    stages = {version.stage_id: version.stage}
    missing = {request.source_stage_id, request.target_stage_id} - stages.keys() - {None}
    stages |= Stage.objects.in_bulk(missing) if missing else {}
    request.source_stage = stages[request.source_stage_id]
    request.target_stage = stages[request.target_stage_id] if request.target_stage_id is not None else None
    used = {request.requested_with_id, version.registered_with_id} - {None}
    tokens = AccessToken.objects.in_bulk(used) if used else {}
    request.requested_with = tokens.get(request.requested_with_id)
    version.registered_with = tokens.get(version.registered_with_id)
    named = {request.requested_by_id, version.registered_by_id, version.trained_by_id} - {None}
    people = User.objects.in_bulk(named | {token.person_id for token in tokens.values()})
    request.requested_by = people[request.requested_by_id]
    version.registered_by = people[version.registered_by_id]
    version.trained_by = people.get(version.trained_by_id)
    for token in tokens.values():
        token.person = people[token.person_id]
