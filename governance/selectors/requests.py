"""Visibility and lookup of promotion requests."""

from collections.abc import Collection
from uuid import UUID

from django.db import models
from django.db.models import QuerySet

from audit.actor import Actor
from governance.models import CheckRun, Decision, Packet, PromotionRequest, SourceCopy
from registry import access
from registry.access.visibility_sql import visibility_clause
from registry.exceptions import NotFoundError
from registry.models import ModelVersion, RegisteredModel
from registry.models.joined_rows import JoinedRows

REQUEST_RELATED = (
    "model__owner",
    "version__stage",
    "version__registered_by",
    "version__registered_with__person",
    "version__trained_by",
    "champion",
    "champion__registered_by",
    "source_stage",
    "target_stage",
    "policy_revision__policy",
    "requested_by",
    "requested_with__person",
)

ROW_RELATED = (
    "model",
    "version__registered_by",
    "version__registered_with__person",
    "version__trained_by",
    "target_stage",
    "policy_revision",
    "requested_by",
    "requested_with__person",
)
"""Relations that a list row needs."""

_BARE = JoinedRows(PromotionRequest, "r")
_WHOLE = JoinedRows(PromotionRequest, "r", REQUEST_RELATED)


def visible_requests(actor: Actor) -> QuerySet[PromotionRequest]:
    """Return the promotion requests of the models visible to the actor."""
    return PromotionRequest.objects.filter(model__in=access.visible_models(actor))


def get_request(actor: Actor, number: int) -> PromotionRequest:
    """Return a request visible to the actor, with the joins of its page.

    Args:
        actor: who reads.
        number: number of the request.

    Raises:
        NotFoundError: there is no such request visible to the actor.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    found = _seen(actor, number, _WHOLE)
    models.prefetch_related_objects([found], "policies")
    found.version.model = found.model
    return found


def _seen(actor: Actor, number: int, rows: JoinedRows[PromotionRequest]) -> PromotionRequest:
    """Return the request with this number if the actor may see its model. One prepared query.

    Raises:
        NotFoundError: there is no such request, or the actor may not see it.
    """
    seen = visibility_clause(actor)
    found = rows.fetch(
        f"r.id = %(number)s AND EXISTS (SELECT FROM registry_registeredmodel m"
        f" WHERE m.id = r.model_id AND {seen.condition})",
        {"number": number, **seen.parameters},
        beginning=f"WITH {seen.tables}",
    )
    if not found:
        raise request_not_found(number)
    return found[0]


def get_request_status(actor: Actor, number: int) -> PromotionRequest:
    """Return a request visible to the actor without joins, for frequent polling. Same errors as `get_request`."""
    access.require_scope(actor, "models:read")
    return _seen(actor, number, _BARE)


def request_not_found(number: int) -> NotFoundError:
    """Build the error for a request that does not exist or is not visible; both read the same."""
    return NotFoundError(f"There is no promotion request #{number} that you can see.")


def live_requests(models_of: Collection[RegisteredModel]) -> QuerySet[PromotionRequest]:
    """Return the open requests of these models, newest first. The caller decides which models may be seen."""
    return PromotionRequest.objects.filter(model__in=models_of, state__in=PromotionRequest.LIVE).order_by("-pk")


def requests_by_pk(keys: Collection[int]) -> QuerySet[PromotionRequest]:
    """Return the requests with these keys, which the caller has read from `visible_requests`."""
    return PromotionRequest.objects.filter(pk__in=keys)


def requests_of_version(version: ModelVersion, *, most: int) -> list[PromotionRequest]:
    """Return the newest requests about a version, with target, requester and champion.

    Args:
        version: the version.
        most: maximum number of requests.
    """
    rows = PromotionRequest.objects.filter(version=version).select_related("target_stage", "requested_by", "champion")
    return list(rows.order_by("-pk")[:most])


def live_alias_requests(model: RegisteredModel, names: Collection[str]) -> dict[str, PromotionRequest]:
    """Return the newest open request about each of these aliases of a model, by name."""
    live = PromotionRequest.objects.filter(model=model, target_alias__in=names, state__in=PromotionRequest.LIVE)
    return {row.target_alias: row for row in live.order_by("pk")}


def request_numbers(uids: Collection[UUID]) -> dict[UUID, int]:
    """Return the numbers of the requests with these uids."""
    return dict(PromotionRequest.objects.filter(uid__in=uids).values_list("uid", "pk"))


def request_revision(number: int) -> tuple[int, str] | None:
    """Return revision and state of a request that the caller has read, for polling; None if it does not exist."""
    return PromotionRequest.objects.filter(pk=number).values_list("revision", "state").first()


def packets_by_digest(request: PromotionRequest, digests: Collection[str]) -> dict[str, Packet]:
    """Return the frozen packets of a request with these digests, by digest."""
    return {packet.digest: packet for packet in Packet.objects.filter(request=request, digest__in=digests)}


def decisions_on_packet(request: PromotionRequest, digest: str) -> QuerySet[Decision]:
    """Return the decisions that signed a packet, oldest first, with the people."""
    rows = Decision.objects.filter(request=request, packet_digest=digest)
    return rows.select_related("person", "on_behalf_of", "delegation", "signature_record__key").order_by("signed_at")


def latest_runs(version: ModelVersion) -> list[CheckRun]:
    """Return the latest run of each check on a version, without the conditions of its execution."""
    rows = CheckRun.objects.filter(version=version).order_by("check_slug", "-pk").distinct("check_slug")
    return list(rows.defer("conditions"))


def source_copy(version: ModelVersion) -> SourceCopy | None:
    """Return the copy of a version's source; None if none was begun."""
    return SourceCopy.objects.filter(version=version).first()
