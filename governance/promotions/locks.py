"""The single order in which the rows of a promotion are locked, which prevents deadlocks."""

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
    """Lock a request's model, version and row, in that order, and read the related rows.

    Args:
        request_id: number of the request.

    Raises:
        NotFoundError: there is no such request.
    """
    found = prepared_statements.execute_prepared(_WHERE, {"number": request_id})
    if not found:
        raise NotFoundError(f"There is no promotion request #{request_id}.")
    model, version = lock_keys(*found[0])
    request = PromotionRequest.objects.get_for_update(request_id)
    request.model, request.version = model, version
    _join(request, version)
    return LockedPromotion(request, version, model)


def _join(request: PromotionRequest, version: ModelVersion) -> None:
    """Read the related rows one table at a time: there are few, and planning a join of eight tables takes longer."""
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
    """Read every revision that governs the request, with its policy: one statement per table."""
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
