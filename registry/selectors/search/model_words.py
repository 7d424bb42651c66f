"""Search fields of models, compiled to conditions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import Exists, F, Func, OuterRef, Q, TextField
from django.db.models import Value as Literal
from django.db.models.lookups import StartsWith

from registry.models import ModelVersion
from registry.search import NONE, Term, Value
from registry.selectors.responsibilities import is_unowned
from registry.selectors.search.conditions import (
    Compile,
    Condition,
    SearchContext,
    any_of,
    as_day,
    in_range,
    matches_text,
    moment_of,
)

DUE_DAYS = 30


def model_condition(context: SearchContext, term: Term, more: Mapping[str, Compile]) -> Condition:
    """Return the condition on a model for one term of a query; `more` adds filters to those of the registry."""
    if term.word is None:
        return Q()
    compile_ = more.get(term.name) or _OF_MODELS[term.name]
    condition = compile_(context, term)
    return ~condition if term.negated and condition else condition


def _name(context: SearchContext, term: Term) -> Condition:
    return any_of([Q(**{f"slug__{'startswith' if v.is_prefix else 'exact'}": v.text.casefold()}) for v in term.values])


def _tier(context: SearchContext, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        if value.span is not None:
            conditions.append(in_range("risk_tier", value.span, lambda bound: bound))
        elif value.text == NONE:
            conditions.append(Q(risk_tier__isnull=True))
        else:
            conditions.append(Q(risk_tier=int(value.text)))
    condition = any_of(conditions)
    # NULL semantics: without IS NOT NULL, the negated filter -tier:1 would drop models whose tier is NULL.
    return condition & Q(risk_tier__isnull=False) if not any(v.text == NONE for v in term.values) else condition


def _owner(context: SearchContext, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        if value.text == NONE:
            conditions.append(Q(owner__isnull=True))
        elif value.text.casefold() == "@me":
            conditions.append(Q(owner__uid=context.actor.person or ""))
        elif value.text.startswith("usr_"):
            conditions.append(Q(owner__uid=value.text))
        else:
            conditions.append(Q(owner__username__iexact=value.text))
    return any_of(conditions)


def _team(context: SearchContext, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        if value.text == NONE and not value.is_prefix:
            conditions.append(Q(team=""))
        else:
            conditions.append(matches_text("team", value.text, beginning=value.is_prefix))
    return any_of(conditions)


def _status(context: SearchContext, term: Term) -> Condition:
    given = {value.text for value in term.values}
    return Q() if "any" in given else Q(status__in=given)


def _regulation(context: SearchContext, term: Term) -> Condition:
    return any_of([Q(regulations__contains=[value.text]) for value in term.values])


def _review(context: SearchContext, term: Term) -> Condition:
    today = context.today
    conditions = []
    for value in term.values:
        if value.span is not None:
            conditions.append(in_range("next_review", value.span, lambda bound: as_day(context, bound)))
        elif value.text == NONE:
            conditions.append(Q(next_review__isnull=True))
        elif value.text == "overdue":
            conditions.append(Q(next_review__lt=today))
        else:
            conditions.append(Q(next_review__gte=today, next_review__lte=today + timedelta(days=DUE_DAYS)))
    condition = any_of(conditions)
    return condition if any(v.text == NONE for v in term.values) else condition & Q(next_review__isnull=False)


def _is(context: SearchContext, term: Term) -> Condition:
    unowned, untiered = is_unowned(), Q(risk_tier__isnull=True)
    meaning = {
        "unowned": unowned,
        "untiered": untiered,
        "incomplete": unowned | untiered,
        "empty": ~Q(Exists(ModelVersion.objects.filter(model_id=OuterRef("pk")))),
    }
    return any_of([meaning[value.text] for value in term.values])


def tag(context: SearchContext, term: Term) -> Condition:
    """Return the condition for `tag:key` and `tag.key:value`."""
    if term.part:
        return any_of([_tagged(term.part, value) for value in term.values])
    return any_of([Q(tags__has_key=value.text) for value in term.values])


def _tagged(name: str, value: Value) -> Condition:
    if not value.is_prefix:
        return Q(tags__contains={name: value.text})
    held = Func(F("tags"), Literal(name), function="jsonb_extract_path_text", output_field=TextField())
    return Q(tags__has_key=name) & Q(StartsWith(held, value.text))


_OF_MODELS: Mapping[str, Compile] = {
    "name": _name,
    "tier": _tier,
    "owner": _owner,
    "team": _team,
    "status": _status,
    "regulation": _regulation,
    "review": _review,
    "updated": moment_of("updated_at"),
    "created": moment_of("created_at"),
    "is": _is,
    "tag": tag,
}
