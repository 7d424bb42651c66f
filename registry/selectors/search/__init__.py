"""Execution of a search query: its terms as conditions on models and on versions.

`registry.access` decides visibility; nothing here widens it, and no error reveals invisible data. Only public names
(fields, choices, stages) are validated; an unknown owner, team, tag or dataset gives no results, as one that is not
visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import and_

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit.actor import Actor
from registry import access
from registry.models import ModelVersion, RegisteredModel
from registry.search import FieldTarget, Query, Term
from registry.selectors.search.conditions import Compile, Condition, SearchContext, Stages, stages_now
from registry.selectors.search.model_words import model_condition, tag
from registry.selectors.search.text import text_condition
from registry.selectors.search.version_words import version_condition

__all__ = ["Compile", "SearchContext", "Stages", "matching_models", "matching_versions", "stages_now"]


def matching_models(
    actor: Actor,
    query: Query,
    *,
    more: Mapping[str, Compile] | None = None,
    within: QuerySet[RegisteredModel] | None = None,
    stages: Stages | None = None,
) -> QuerySet[RegisteredModel]:
    """Return the visible models that match the query; archived ones only if it has the field `status`.

    All terms about versions must hold for one version of the model; a negated one for none of its versions.

    Args:
        actor: the reader.
        query: the parsed query.
        more: compilers of fields of other packages, by name, as conditions on a model.
        within: the result of `access.visible_models_for_list`, if already computed.
        stages: the result of `stages_now`, if already read.

    Raises:
        InvalidQuery: a value is invalid according to the data, such as an unknown stage.
    """
    context = SearchContext(actor, query, stages)
    found = within if within is not None else access.visible_models_for_list(actor)
    if not query.named("status"):
        found = found.filter(status=RegisteredModel.Status.ACTIVE)
    terms = [term for term in query.terms if not _of_version(term)]
    of_versions = [term for term in query.terms if _of_version(term)]
    conditions = [model_condition(context, term, more or {}) for term in terms]
    together = [version_condition(context, term) for term in of_versions if not term.negated]
    if together:
        conditions.append(_has_version(reduce(and_, together), one_by_one=context.dense))
    conditions += [~_has_version(version_condition(context, term)) for term in of_versions if term.negated]
    text = text_condition([term for term in terms if term.word is None])
    return found.filter(*text, *(c for c in conditions if c))


def matching_versions(
    actor: Actor,
    query: Query,
    *,
    of: RegisteredModel | None = None,
    more: Mapping[str, Compile] | None = None,
) -> QuerySet[ModelVersion]:
    """Return the versions of visible models that match the query.

    Terms about models apply to the version's model; text is searched in both.

    Args:
        actor: the reader.
        query: the parsed query.
        of: only versions of this model, archived or not; the caller has checked its visibility.
        more: see `matching_models`.

    Raises:
        InvalidQuery: see `matching_models`.
    """
    context = SearchContext(actor, query)
    versions = ModelVersion.objects.filter(model=of) if of is not None else ModelVersion.objects.all()
    models = access.visible_models_for_list(actor) if of is None else RegisteredModel.objects.all()
    if of is None and not query.named("status"):
        models = models.filter(status=RegisteredModel.Status.ACTIVE)
    of_versions = [term for term in query.terms if _of_version(term) or term.name == "tag"]
    rest = [term for term in query.terms if term.word is not None and term not in of_versions]
    about_models = [c for c in (model_condition(context, term, more or {}) for term in rest) if c]
    if of is None:
        versions = versions.filter(access.exists_in(models.filter(*about_models, pk=OuterRef("model_id"))))
    elif about_models:
        versions = versions.filter(model__in=RegisteredModel.objects.filter(*about_models, pk=of.pk))
    conditions = []
    for term in of_versions:
        condition = tag(context, term) if term.name == "tag" else version_condition(context, term)
        conditions.append(~condition if term.negated else condition)
    own = text_condition([term for term in query.terms if term.word is None])
    if own:
        versions = versions.filter(
            Q(*own) | Q(model__in=RegisteredModel.objects.filter(*own)) if of is None else Q(*own)
        )
    return versions.filter(*conditions)


def _of_version(term: Term) -> bool:
    return term.word is not None and term.word.of is FieldTarget.VERSION


def _has_version(condition: Condition, *, one_by_one: bool = False) -> Condition:
    held = ModelVersion.objects.filter(condition, model_id=OuterRef("pk"))
    return access.exists_in(held) if one_by_one else Q(Exists(held))
