"""The query language as every door speaks it: the registry's words, and those about what is being decided.

`find_models` and `find_versions` are the one way from a query to rows: page, interface and client ask here.
"""

from collections.abc import Mapping
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit.actor import Actor
from governance.gate.approvals import deviating_versions
from governance.models import CheckRun, PromotionRequest
from registry import access
from registry.models import ModelVersion, RegisteredModel
from registry.search import NONE, WORDS, FieldTarget, FieldType, Query, SearchField, Term
from registry.search import parse as _parse
from registry.selectors.search import Compile, SearchContext, Stages, matching_models, matching_versions

LIVE: Final = "live"
FAILING: Final = ("failure", "error", "action_required")
"""What a check concludes when it was not passed and somebody has to act."""

VOCABULARY: Final = WORDS.and_words(
    SearchField(
        "request",
        FieldType.CHOICE,
        FieldTarget.MODEL,
        "Request",
        "models with a promotion request in that state; live is any that nobody has closed, none is without those",
        ("request:live", "request:blocked", "request:none"),
        values=("open", "blocked", "ready", LIVE, NONE),
    ),
    SearchField(
        "check",
        FieldType.CHOICE,
        FieldTarget.MODEL,
        "Check",
        "models with a live promotion request whose check did not pass when it last ran",
        ("check:failing",),
        values=("failing",),
    ),
    SearchField(
        "approval",
        FieldType.CHOICE,
        FieldTarget.MODEL,
        "Approval",
        "models with a version that was added to after it was put in a protected stage or behind a protected alias",
        ("approval:deviating",),
        values=("deviating",),
    ),
)
"""Every word there is."""


def parse(text: str) -> Query:
    """Read a query. Raises InvalidQuery."""
    return _parse(text, VOCABULARY)


def find_models(
    actor: Actor,
    query: Query,
    *,
    within: QuerySet[RegisteredModel] | None = None,
    stages: Stages | None = None,
) -> QuerySet[RegisteredModel]:
    """The models the actor may see that the query finds. `within` is `access.visible_along` of the same actor, and
    `stages` are those of the lifecycle, where they have been asked for already.

    Raises InvalidQuery; PermissionDeniedError for a token that was not issued for reading models.
    """
    access.require_scope(actor, "models:read")
    return matching_models(actor, query, more=_MORE, within=within, stages=stages)


def find_versions(actor: Actor, query: Query, *, of: RegisteredModel | None = None) -> QuerySet[ModelVersion]:
    """The versions the query finds, of models the actor may see; or of one model, which the caller has asked for as
    the actor. Raises as `find_models` does."""
    access.require_scope(actor, "models:read")
    return matching_versions(actor, query, of=of, more=_MORE)


def _live() -> QuerySet[PromotionRequest]:
    return PromotionRequest.objects.filter(model_id=OuterRef("pk"), state__in=PromotionRequest.LIVE)


def _request(asking: SearchContext, term: Term) -> Q:
    given = {value.text for value in term.values}
    condition = Q()
    if states := given - {NONE}:
        condition |= Q(Exists(_live() if LIVE in states else _live().filter(state__in=states)))
    if NONE in given:
        condition |= ~Q(Exists(_live()))
    return condition


def _check(asking: SearchContext, term: Term) -> Q:
    later = CheckRun.objects.filter(
        request_id=OuterRef("request_id"), check_slug=OuterRef("check_slug"), pk__gt=OuterRef("pk")
    )
    failing = CheckRun.objects.filter(
        request__model_id=OuterRef("pk"),
        request__state__in=PromotionRequest.LIVE,
        conclusion__in=FAILING,
    ).filter(~Exists(later))
    return Q(Exists(failing))


def _approval(asking: SearchContext, term: Term) -> Q:
    return Q(Exists(deviating_versions().filter(model_id=OuterRef("pk"))))


_MORE: Mapping[str, Compile] = {"request": _request, "check": _check, "approval": _approval}
