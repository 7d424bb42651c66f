"""A query carried out: its terms as conditions on models and on versions.

What an actor may see is asked of `registry.access`; nothing here widens it, and no message tells of what is not seen:
only names that everybody may know (words, choices, stages) are judged, and an unknown owner, team, tag or data set is
found nowhere, like one the actor may not see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any, TypeAlias

from django.contrib.postgres.search import SearchQuery, SearchVectorExact, SearchVectorField
from django.db.models import Exists, F, Func, OuterRef, Q, QuerySet, TextField
from django.db.models import Value as Literal
from django.db.models.functions import Lower
from django.db.models.lookups import Exact, StartsWith

from audit import clock
from audit.actor import Actor
from registry import access
from registry.models import (
    OPEN,
    AliasAssignment,
    Artifact,
    DatasetReference,
    Metric,
    ModelVersion,
    RegisteredModel,
    Stage,
)
from registry.search import NONE, Ago, Bound, Fault, InvalidQuery, Of, Query, Span, Term, Value, nearest

Condition: TypeAlias = Q
Compile: TypeAlias = Callable[["Asking", Term], Condition]

FEW = 2000
"""Up to so many versions a metric's condition is answered with their keys, beyond it row by row: PostgreSQL knows how
often a metric is measured and how values lie, but not how the values of one metric do, and would guess wrong."""
DUE_DAYS = 30
_LEXEME = re.compile(r"[^\W_]+")


Stages: TypeAlias = Sequence[tuple[int, str, str]]
"""Keys, slugs and names, in the lifecycle's order."""


def stages_now() -> Stages:
    """The stages there are: for whoever carries out many queries and asks once."""
    return list(Stage.objects.order_by("position").values_list("pk", "slug", "name"))


class Asking:
    """What a query is carried out for: who asks, when, and the query's own text for faults."""

    def __init__(self, actor: Actor, query: Query, stages: Stages | None = None) -> None:
        self.actor = actor
        self.query = query
        self.now = clock.now()
        self._stages = stages
        self.dense = False
        """Whether a condition met so many rows that the list is walked and each is looked up."""

    @property
    def stages(self) -> Stages:
        """The stages there are, asked for where a query names one."""
        if self._stages is None:
            self._stages = stages_now()
        return self._stages

    @property
    def today(self) -> date:
        """The day by UTC, as everywhere in a query: the same for every reader."""
        return self.now.astimezone(UTC).date()

    def fault(self, value: Value, detail: str, allowed: Sequence[str], meant: str = "") -> InvalidQuery:
        fault = Fault("unknown_value", detail, value.at, value.at + len(value.text), tuple(allowed), meant)
        return InvalidQuery(self.query.text, [fault])


def matching_models(
    actor: Actor,
    query: Query,
    *,
    more: Mapping[str, Compile] | None = None,
    within: QuerySet[RegisteredModel] | None = None,
    stages: Stages | None = None,
) -> QuerySet[RegisteredModel]:
    """The models the actor may see that the query finds; archived ones only where it speaks of `status`.

    Words about versions hold together of one version of the model; turned round, each of none of its versions.

    Args:
        more: how words beyond the registry's own are compiled, by name, as conditions on a model.
        within: what `access.visible_along` says of the actor, where it has been asked already.
        stages: those of `stages_now`, where they are known already.

    Raises InvalidQuery for a value that only the data can refuse, such as a stage there is not.
    """
    asking = Asking(actor, query, stages)
    found = within if within is not None else access.visible_along(actor)
    if not query.named("status"):
        found = found.filter(status=RegisteredModel.Status.ACTIVE)
    terms = [term for term in query.terms if not _of_version(term)]
    of_versions = [term for term in query.terms if _of_version(term)]
    conditions = [_model_condition(asking, term, more or {}) for term in terms]
    together = [_version_condition(asking, term) for term in of_versions if not term.negated]
    if together:
        conditions.append(_has_version(reduce(and_, together), one_by_one=asking.dense))
    conditions += [~_has_version(_version_condition(asking, term)) for term in of_versions if term.negated]
    text = _text_condition([term for term in terms if term.word is None])
    return found.filter(*text, *(c for c in conditions if c))


def matching_versions(
    actor: Actor,
    query: Query,
    *,
    of: RegisteredModel | None = None,
    more: Mapping[str, Compile] | None = None,
) -> QuerySet[ModelVersion]:
    """The versions the query finds, of models the actor may see. Words about models hold of the version's model; text
    is looked for in both.

    Args:
        of: one model, which the caller has asked for as the actor; archived or not.
        more: as for `matching_models`.

    Raises InvalidQuery as `matching_models` does.
    """
    asking = Asking(actor, query)
    versions = ModelVersion.objects.filter(model=of) if of is not None else ModelVersion.objects.all()
    models = access.visible_along(actor) if of is None else RegisteredModel.objects.all()
    if of is None and not query.named("status"):
        models = models.filter(status=RegisteredModel.Status.ACTIVE)
    of_versions = [term for term in query.terms if _of_version(term) or term.name == "tag"]
    rest = [term for term in query.terms if term.word is not None and term not in of_versions]
    about_models = [c for c in (_model_condition(asking, term, more or {}) for term in rest) if c]
    if of is None:
        versions = versions.filter(access.found_in(models.filter(*about_models, pk=OuterRef("model_id"))))
    elif about_models:
        versions = versions.filter(model__in=RegisteredModel.objects.filter(*about_models, pk=of.pk))
    conditions = []
    for term in of_versions:
        condition = _tag(asking, term) if term.name == "tag" else _version_condition(asking, term)
        conditions.append(~condition if term.negated else condition)
    own = _text_condition([term for term in query.terms if term.word is None])
    if own:
        versions = versions.filter(
            Q(*own) | Q(model__in=RegisteredModel.objects.filter(*own)) if of is None else Q(*own)
        )
    return versions.filter(*conditions)


def _of_version(term: Term) -> bool:
    return term.word is not None and term.word.of is Of.VERSION


def _has_version(condition: Condition, *, one_by_one: bool = False) -> Condition:
    held = ModelVersion.objects.filter(condition, model_id=OuterRef("pk"))
    return access.found_in(held) if one_by_one else Q(Exists(held))


# --- text ---


class _Words(Func):
    """The row's column of words, which Django does not know of."""

    def __init__(self) -> None:
        super().__init__(F("pk"), output_field=SearchVectorField())

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **more: Any) -> Any:
        key: Any = self.get_source_expressions()[0]
        return f"{compiler.quote_name_unless_alias(key.alias)}.search_words", []


def _text_condition(terms: Sequence[Term]) -> list[Any]:
    """Words as English is searched, with their other forms; or as they are written, to their beginnings."""
    conditions: list[Any] = []
    if given := [term for term in terms if not term.negated]:
        conditions.append(_contains(given))
    conditions += [~Q(_contains([term])) for term in terms if term.negated]
    return conditions


def _contains(terms: Sequence[Term]) -> Any:
    written = " ".join(f'"{_said(term)}"' if term.quoted else _said(term) for term in terms)
    english = SearchQuery(written, search_type="websearch", config="pg_catalog.english")
    parts = [part for term in terms if (part := _as_written(term))]
    if not parts or any(_said(term).casefold() == "or" for term in terms):
        return SearchVectorExact(_Words(), english)
    plain = SearchQuery(" & ".join(parts), search_type="raw", config="pg_catalog.simple")
    return SearchVectorExact(_Words(), english | plain)


def _said(term: Term) -> str:
    return term.values[0].text.replace('"', " ")


def _as_written(term: Term) -> str:
    """The term for to_tsquery: a phrase in order, or beginnings of words. Nothing but letters and digits gets in."""
    lexemes = [f"'{lexeme}'" for lexeme in _LEXEME.findall(_said(term).lower())]
    if term.quoted:
        return f"({' <-> '.join(lexemes)})" if lexemes else ""
    return " & ".join(f"{lexeme}:*" for lexeme in lexemes)


# --- words about models ---


def _model_condition(asking: Asking, term: Term, more: Mapping[str, Compile]) -> Condition:
    if term.word is None:
        return Q()
    compile_ = more.get(term.name) or _OF_MODELS[term.name]
    condition = compile_(asking, term)
    return ~condition if term.negated and condition else condition


def _any(conditions: Sequence[Condition]) -> Condition:
    return reduce(or_, conditions)


def _name(asking: Asking, term: Term) -> Condition:
    return _any([Q(**{f"slug__{'startswith' if v.beginning else 'exact'}": v.text.casefold()}) for v in term.values])


def _tier(asking: Asking, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        if value.span is not None:
            conditions.append(_within("risk_tier", value.span, lambda bound: bound))
        elif value.text == NONE:
            conditions.append(Q(risk_tier__isnull=True))
        else:
            conditions.append(Q(risk_tier=int(value.text)))
    condition = _any(conditions)
    # In SQL nothing is said of what is not there: without this, -tier:1 would miss models that have none.
    return condition & Q(risk_tier__isnull=False) if not any(v.text == NONE for v in term.values) else condition


def _owner(asking: Asking, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        if value.text == NONE:
            conditions.append(Q(owner__isnull=True))
        elif value.text.casefold() == "@me":
            conditions.append(Q(owner__uid=asking.actor.person or ""))
        elif value.text.startswith("usr_"):
            conditions.append(Q(owner__uid=value.text))
        else:
            conditions.append(Q(owner__username__iexact=value.text))
    return _any(conditions)


def _team(asking: Asking, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        if value.text == NONE and not value.beginning:
            conditions.append(Q(team=""))
        else:
            conditions.append(_lower("team", value.text, beginning=value.beginning))
    return _any(conditions)


def _lower(field: str, text: str, *, beginning: bool = False) -> Condition:
    """Equal, or beginning so, whatever the capitals; said so that an index on lower() serves."""
    return Q((StartsWith if beginning else Exact)(Lower(field), text.lower()))


def _status(asking: Asking, term: Term) -> Condition:
    given = {value.text for value in term.values}
    return Q() if "any" in given else Q(status__in=given)


def _regulation(asking: Asking, term: Term) -> Condition:
    return _any([Q(regulations__contains=[value.text]) for value in term.values])


def _review(asking: Asking, term: Term) -> Condition:
    today = asking.today
    conditions = []
    for value in term.values:
        if value.span is not None:
            conditions.append(_within("next_review", value.span, lambda bound: _as_day(asking, bound)))
        elif value.text == NONE:
            conditions.append(Q(next_review__isnull=True))
        elif value.text == "overdue":
            conditions.append(Q(next_review__lt=today))
        else:
            conditions.append(Q(next_review__gte=today, next_review__lte=today + timedelta(days=DUE_DAYS)))
    condition = _any(conditions)
    return condition if any(v.text == NONE for v in term.values) else condition & Q(next_review__isnull=False)


def _moment_of(field: str) -> Compile:
    def compiled(asking: Asking, term: Term) -> Condition:
        return _any([_moments(asking, field, value.span) for value in term.values if value.span is not None])

    return compiled


def _is(asking: Asking, term: Term) -> Condition:
    unowned, untiered = Q(owner__isnull=True), Q(risk_tier__isnull=True)
    meaning = {
        "unowned": unowned,
        "untiered": untiered,
        "incomplete": unowned | untiered,
        "empty": ~Q(Exists(ModelVersion.objects.filter(model_id=OuterRef("pk")))),
    }
    return _any([meaning[value.text] for value in term.values])


def _tag(asking: Asking, term: Term) -> Condition:
    if term.part:
        return _any([_tagged(term.part, value) for value in term.values])
    return _any([Q(tags__has_key=value.text) for value in term.values])


def _tagged(name: str, value: Value) -> Condition:
    if not value.beginning:
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
    "updated": _moment_of("updated_at"),
    "created": _moment_of("created_at"),
    "is": _is,
    "tag": _tag,
}


# --- words about versions ---


def _version_condition(asking: Asking, term: Term) -> Condition:
    return _OF_VERSIONS[term.name](asking, term)


def _stage(asking: Asking, term: Term) -> Condition:
    stages: dict[str, int] = {}
    known: list[str] = []
    for pk, slug, name in asking.stages:
        stages[slug.casefold()] = stages[name.casefold()] = pk
        known.append(slug)
    found = []
    for value in term.values:
        known_as = stages.get(value.text.casefold())
        if known_as is None:
            meant = nearest(value.text.casefold(), known)
            hint = f" Did you mean “{meant}”?" if meant else ""
            detail = f"There is no stage “{value.text}”.{hint} There are: {', '.join(known)}."
            raise asking.fault(value, detail, known, meant)
        found.append(known_as)
    return Q(stage__in=found)


def _alias(asking: Asking, term: Term) -> Condition:
    named = _any([_line("name", value) for value in term.values])
    return Q(Exists(AliasAssignment.objects.filter(OPEN, named, version_id=OuterRef("pk"))))


def _metric(asking: Asking, term: Term) -> Condition:
    spans = [_within("value", value.span, lambda bound: bound) for value in term.values if value.span is not None]
    named = _lower("name", term.part)
    measured = Metric.objects.filter(named, _any(spans), latest=True, slice="")
    few = list(measured.values_list("version_id", flat=True).order_by()[: FEW + 1])
    if len(few) <= FEW:
        return Q(pk__in=few)
    asking.dense = True
    return access.found_in(measured.filter(version_id=OuterRef("pk")))


def _digest(asking: Asking, term: Term) -> Condition:
    conditions = []
    for value in term.values:
        holding = Artifact.objects.filter(sha256__startswith=value.text).values("version_id")
        conditions.append(Q(fingerprint__startswith=value.text) | Q(pk__in=holding))
    return _any(conditions)


def _run(asking: Asking, term: Term) -> Condition:
    return _any([_line("run_id", value) for value in term.values])


def _commit(asking: Asking, term: Term) -> Condition:
    return _any([Q(code_commit__startswith=value.text) for value in term.values])


def _dataset(asking: Asking, term: Term) -> Condition:
    named = _any([_line("name", value) | Q(digest=value.text) for value in term.values])
    return Q(pk__in=DatasetReference.objects.filter(named).values("version_id"))


def _line(field: str, value: Value) -> Condition:
    return Q(**{f"{field}__{'startswith' if value.beginning else 'exact'}": value.text})


_OF_VERSIONS: Mapping[str, Compile] = {
    "stage": _stage,
    "alias": _alias,
    "metric": _metric,
    "digest": _digest,
    "run": _run,
    "commit": _commit,
    "dataset": _dataset,
    "registered": _moment_of("registered_at"),
}


# --- spans ---


def _within(field: str, span: Span, read: Callable[[Bound], Any]) -> Condition:
    condition = Q()
    if span.low is not None:
        condition &= Q(**{f"{field}__{'gte' if span.with_low else 'gt'}": read(span.low)})
    if span.high is not None:
        condition &= Q(**{f"{field}__{'lte' if span.with_high else 'lt'}": read(span.high)})
    return condition


def _as_day(asking: Asking, bound: Bound) -> date:
    """A day of the calendar: an age is counted from today on, because a review lies ahead."""
    if isinstance(bound, Ago):
        return asking.today + bound.distance
    assert isinstance(bound, date)
    return bound


def _moments(asking: Asking, field: str, span: Span) -> Condition:
    """Whole days by UTC, as moments; an age below thirty days is a moment later than thirty days ago."""
    bound = span.low if span.low is not None else span.high
    if isinstance(bound, Ago):
        moment = asking.now - bound.distance
        younger = span.high is not None
        within = span.with_high if younger else span.with_low
        return Q(**{f"{field}__{'gt' if younger else 'lt'}{'e' if within else ''}": moment})
    condition = Q()
    if isinstance(span.low, date):
        condition &= Q(**{f"{field}__gte": _midnight(span.low, after=not span.with_low)})
    if isinstance(span.high, date):
        condition &= Q(**{f"{field}__lt": _midnight(span.high, after=span.with_high)})
    return condition


def _midnight(day: date, *, after: bool) -> datetime:
    return datetime.combine(day + timedelta(days=1) if after else day, time(), UTC)
