"""The one order in which the rows of a promotion are locked, so that no two transactions wait for each other."""

from dataclasses import dataclass

from audit.postgresql import prepared_statements
from governance.models import Policy, PolicyRevision, PromotionRequest, RequestPolicy
from registry.exceptions import NotFoundError
from registry.models import AccessToken, ModelVersion, RegisteredModel, Stage, User
from registry.services.version_lock import lock_keys

_WHERE = "SELECT model_id, version_id FROM governance_promotionrequest WHERE id = %(number)s"


@dataclass(frozen=True)
class LockedPromotion:
    """A request with its version and model, all locked until the transaction ends and read after the lock."""

    request: PromotionRequest
    version: ModelVersion
    model: RegisteredModel


def lock_promotion(request_id: int) -> LockedPromotion:
    """Lock a request's model, version and row, in that order, and read who and what they name. Raises NotFound for an
    unknown number."""
    found = prepared_statements.execute_prepared(_WHERE, {"number": request_id})
    if not found:
        raise NotFoundError(f"There is no promotion request #{request_id}.")
    model, version = lock_keys(*found[0])
    request = PromotionRequest.objects.get_for_update(request_id)
    request.model, request.version = model, version
    _join(request, version)
    return LockedPromotion(request, version, model)


def _join(request: PromotionRequest, version: ModelVersion) -> None:
    """What could be joined to both rows, read a table at a time: here they are a stage or two and a handful of people,
    and a join of eight tables is planned for longer than it is read."""
    if request.policy_revision_id is not None:
        _join_policies(request)
    stages = {version.stage_id: version.stage}
    stages |= Stage.objects.in_bulk_prepared({request.source_stage_id, request.target_stage_id} - stages.keys())
    request.source_stage = stages[request.source_stage_id]
    request.target_stage = stages[request.target_stage_id] if request.target_stage_id is not None else None
    tokens = AccessToken.objects.in_bulk_prepared({request.requested_with_id, version.registered_with_id})
    request.requested_with = tokens.get(request.requested_with_id)
    version.registered_with = tokens.get(version.registered_with_id)
    named = {request.requested_by_id, version.registered_by_id, version.trained_by_id}
    people = User.objects.in_bulk_prepared(named | {token.person_id for token in tokens.values()})
    request.requested_by = people[request.requested_by_id]
    version.registered_by = people[version.registered_by_id]
    version.trained_by = people.get(version.trained_by_id)
    for token in tokens.values():
        token.person = people[token.person_id]


def _join_policies(request: PromotionRequest) -> None:
    """Every revision that governs the request, with its policy: one statement a table, however many there are."""
    bound = RequestPolicy.objects.raw_filter("request_id = %(request)s ORDER BY id", request=request.pk)
    revisions = PolicyRevision.objects.in_bulk_prepared(
        {request.policy_revision_id, *(row.policy_revision_id for row in bound)}
    )
    policies = Policy.objects.in_bulk_prepared({revision.policy_id for revision in revisions.values()})
    for revision in revisions.values():
        revision.policy = policies[revision.policy_id]
    for row in bound:
        row.policy_revision = revisions[row.policy_revision_id]
    request.policy_revision = revisions[request.policy_revision_id]
    request.governing = tuple(bound)
