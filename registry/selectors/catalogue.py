"""Models: which there are, and one by its name. What an actor may see is asked of `registry.access`; nothing here
decides it anew."""

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from audit.actor import Actor
from registry import access
from registry.exceptions import NotFoundError
from registry.models import IS_CURRENT, ModelVersion, RegisteredModel, StageOccupancy


def annotate_counts(models: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    """The same models, each with its owner, `latest_number` (of its newest registered version) and `in_exclusive`
    (number of the version in the lifecycle's exclusive stage, such as Production)."""
    newest = ModelVersion.objects.filter(model_id=OuterRef("pk"), status=ModelVersion.Status.REGISTERED)
    exclusive = StageOccupancy.objects.filter(IS_CURRENT, model_id=OuterRef("pk"), exclusive=True)
    return models.select_related("owner").annotate(
        latest_number=Subquery(newest.order_by("-number").values("number")[:1]),
        in_exclusive=Subquery(exclusive.order_by("-stage__position").values("version__number")[:1]),
    )


def model(actor: Actor, slug: str) -> RegisteredModel:
    """A model by its name. Raises NotFound, the same for absent and invisible; PermissionDeniedError for a token that
    was not
    issued for reading models."""
    access.require_scope(actor, "models:read")
    found = access.visible_models(actor).select_related("owner", "accountable_executive").filter(slug=slug).first()
    if found is None:
        raise NotFoundError(access.model_not_found_message(slug))
    return found


def models_called(name: str) -> QuerySet[RegisteredModel]:
    """Find the model MLflow clients call by a name, whoever may see it; its slug is not looked at. One row at most."""
    return RegisteredModel.objects.alias(mlflow_calls=Coalesce("renamed", "mlflow_name", "slug")).filter(
        mlflow_calls=name
    )
