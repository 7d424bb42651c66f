"""Search fields of versions, compiled to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Exists, OuterRef, Q

from registry import access
from registry.models import IS_CURRENT, AliasAssignment, Artifact, DatasetReference, Metric
from registry.search import Term, closest_match
from registry.selectors.search.conditions import (
    Compile,
    Condition,
    SearchContext,
    any_of,
    in_range,
    matches_text,
    moment_of,
    text_or_prefix,
)

FEW = 2000
"""Up to this number of versions a metric's condition is a list of keys, beyond it a check per row: PostgreSQL has
statistics of names and of values, but not of the values of one metric, and would estimate wrongly.
"""


def version_condition(context: SearchContext, term: Term) -> Condition:
    """Return the condition on a version for one term of a query."""
    return _OF_VERSIONS[term.name](context, term)


def _stage(context: SearchContext, term: Term) -> Condition:
    stages: dict[str, int] = {}
    known: list[str] = []
    for pk, slug, name in context.stages:
        stages[slug.casefold()] = stages[name.casefold()] = pk
        known.append(slug)
    found = []
    for value in term.values:
        known_as = stages.get(value.text.casefold())
        if known_as is None:
            meant = closest_match(value.text.casefold(), known)
            hint = f" Did you mean “{meant}”?" if meant else ""
            detail = f"There is no stage “{value.text}”.{hint} There are: {', '.join(known)}."
            raise context.fault(value, detail, known, meant)
        found.append(known_as)
    return Q(stage__in=found)


def _alias(context: SearchContext, term: Term) -> Condition:
    named = any_of([text_or_prefix("name", value) for value in term.values])
    return Q(Exists(AliasAssignment.objects.filter(IS_CURRENT, named, version_id=OuterRef("pk"))))


def _metric(context: SearchContext, term: Term) -> Condition:
    spans = [in_range("value", value.span, lambda bound: bound) for value in term.values if value.span is not None]
    named = matches_text("name", term.part)
    measured = Metric.objects.filter(named, any_of(spans), latest=True, slice="")
    few = list(measured.values_list("version_id", flat=True).order_by()[: FEW + 1])
    if len(few) <= FEW:
        return Q(pk__in=few)
    context.dense = True
    return access.exists_in(measured.filter(version_id=OuterRef("pk")))


def _digest(context: SearchContext, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        holding = Artifact.objects.filter(sha256__startswith=value.text).values("version_id")
        conditions.append(Q(fingerprint__startswith=value.text) | Q(pk__in=holding))
    return any_of(conditions)


def _run(context: SearchContext, term: Term) -> Condition:
    return any_of([text_or_prefix("run_id", value) for value in term.values])


def _commit(context: SearchContext, term: Term) -> Condition:
    return any_of([Q(code_commit__startswith=value.text) for value in term.values])


def _dataset(context: SearchContext, term: Term) -> Condition:
    named = any_of([text_or_prefix("name", value) | Q(digest=value.text) for value in term.values])
    return Q(pk__in=DatasetReference.objects.filter(named).values("version_id"))


_OF_VERSIONS: Mapping[str, Compile] = {
    "stage": _stage,
    "alias": _alias,
    "metric": _metric,
    "digest": _digest,
    "run": _run,
    "commit": _commit,
    "dataset": _dataset,
    "registered": moment_of("registered_at"),
}
