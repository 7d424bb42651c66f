"""The query language of all interfaces: the registry's fields, and those about promotion requests.

`find_models` and `find_versions` are the only functions from a query to rows; page, REST and client use them.
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
"""Conclusions of a check that did not pass and needs an action."""

VOCABULARY: Final = WORDS.and_words(
    SearchField(
        "request",
        FieldType.CHOICE,
        FieldTarget.MODEL,
        "Request",
        "models with a promotion request in that state; live is any that is not closed, none means no such request",
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
"""All search fields."""


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        InvalidQuery: a term is not understood.
    """
    return _parse(text, VOCABULARY)


def find_models(
    actor: Actor,
    query: Query,
    *,
    within: QuerySet[RegisteredModel] | None = None,
    stages: Stages | None = None,
) -> QuerySet[RegisteredModel]:
    """Return the models that match a query and are visible to the actor.

    Args:
        actor: who searches.
        query: the parsed query.
        within: `access.visible_along` of the same actor if already built.
        stages: the stages of the lifecycle if already read.

    Raises:
        InvalidQuery: a value in the query is not valid.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    return matching_models(actor, query, more=_MORE, within=within, stages=stages)


def find_versions(actor: Actor, query: Query, *, of: RegisteredModel | None = None) -> QuerySet[ModelVersion]:
    """Return the versions that match a query, of models visible to the actor.

    Args:
        actor: who searches.
        query: the parsed query.
        of: limit to one model, whose visibility the caller has checked.

    Raises:
        InvalidQuery: a value in the query is not valid.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    return matching_versions(actor, query, of=of, more=_MORE)


def _live() -> QuerySet[PromotionRequest]:
    return PromotionRequest.objects.filter(model_id=OuterRef("pk"), state__in=PromotionRequest.LIVE)


def _request(context: SearchContext, term: Term) -> Q:
    given = {value.text for value in term.values}
    condition = Q()
    if states := given - {NONE}:
        condition |= Q(Exists(_live() if LIVE in states else _live().filter(state__in=states)))
    if NONE in given:
        condition |= ~Q(Exists(_live()))
    return condition


def _check(context: SearchContext, term: Term) -> Q:
    later = CheckRun.objects.filter(
        request_id=OuterRef("request_id"), check_slug=OuterRef("check_slug"), pk__gt=OuterRef("pk")
    )
    failing = CheckRun.objects.filter(
        request__model_id=OuterRef("pk"),
        request__state__in=PromotionRequest.LIVE,
        conclusion__in=FAILING,
    ).filter(~Exists(later))
    return Q(Exists(failing))


def _approval(context: SearchContext, term: Term) -> Q:
    return Q(Exists(deviating_versions().filter(model_id=OuterRef("pk"))))


_MORE: Mapping[str, Compile] = {"request": _request, "check": _check, "approval": _approval}
