"""Queries on models. `registry.access` decides visibility."""

from typing import Any

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from audit.actor import Actor
from registry import access
from registry.access.visibility_sql import visibility_clause
from registry.exceptions import NotFoundError
from registry.models import IS_CURRENT, ModelVersion, RegisteredModel, StageOccupancy
from registry.models.joined_rows import JoinedRows

_MODEL = JoinedRows(RegisteredModel, "m", ("owner", "accountable_executive"))


def all_models() -> QuerySet[RegisteredModel]:
    """Return all models, for callers that filter by keys which they read from a visible list."""
    return RegisteredModel.objects.all()


def selectable_rows(kind: type[Model], actor: Actor | None) -> QuerySet[Any]:
    """Return the rows of a kind that an actor may select in a form: visible models; of every other kind, all rows."""
    if kind is RegisteredModel and actor is not None:
        return access.visible_models(actor)
    return kind._default_manager.all()


def annotate_counts(models: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    """Add to each model its owner, `latest_number` (newest registered version) and `in_exclusive` (number of the
    version in the lifecycle's exclusive stage, such as Production).
    """
    newest = ModelVersion.objects.filter(model_id=OuterRef("pk"), status=ModelVersion.Status.REGISTERED)
    exclusive = StageOccupancy.objects.filter(IS_CURRENT, model_id=OuterRef("pk"), exclusive=True)
    return models.select_related("owner").annotate(
        latest_number=Subquery(newest.order_by("-number").values("number")[:1]),
        in_exclusive=Subquery(exclusive.order_by("-stage__position").values("version__number")[:1]),
    )


def model(actor: Actor, slug: str) -> RegisteredModel:
    """Return the model with that slug.

    Raises:
        NotFoundError: the model is absent or not visible; the message is the same.
        PermissionDeniedError: a token without `models:read`.
    """
    access.require_scope(actor, "models:read")
    seen = visibility_clause(actor)
    found = _MODEL.fetch(
        f"m.slug = %(slug)s AND {seen.condition}", {"slug": slug, **seen.parameters}, beginning=f"WITH {seen.tables}"
    )
    if not found:
        raise NotFoundError(access.model_not_found_message(slug))
    return found[0]


def models_called(name: str) -> QuerySet[RegisteredModel]:
    """Return the model with that MLflow name, regardless of visibility; at most one row. The slug counts only if
    it has no other name.
    """
    return RegisteredModel.objects.alias(mlflow_calls=Coalesce("renamed", "mlflow_name", "slug")).filter(
        mlflow_calls=name
    )
