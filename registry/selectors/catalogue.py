"""Models: which there are, and one by its name. What an actor may see is asked of `registry.access`; nothing here
decides it anew."""

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from audit.actor import Actor
from registry import access
from registry.exceptions import NotFound
from registry.models import OPEN, ModelVersion, RegisteredModel, StageOccupancy


def catalogue(
    actor: Actor,
    *,
    words: str = "",
    tier: int | None = None,
    stage: str | None = None,
    owner: str | None = None,
    team: str | None = None,
    tag: tuple[str, str] | None = None,
    status: str = RegisteredModel.Status.ACTIVE,
) -> QuerySet[RegisteredModel]:
    """The models the actor may see, narrowed down; one query however many there are.

    Each comes with `latest_number` (of its newest registered version), `in_exclusive` (number of the version in the
    lifecycle's exclusive stage, such as Production) and its owner.

    Args:
        words: searched in names, titles, purpose and description; also a beginning of the name.
        tier: 1 to 3; 0 finds models without one.
        stage: slug of a stage that some version of the model is in.
        owner: uid of the owner.
        team: exact name.
        tag: a key and its value.
        status: "active", "archived"; empty for both.
    """
    found = access.visible_to(actor).select_related("owner")
    if status:
        found = found.filter(status=status)
    if words := words.replace("\x00", " ").strip()[:500]:
        vector = SearchVector("slug", "title", "purpose", "description", "team", config="english")
        found = found.annotate(_text=vector).filter(
            Q(_text=SearchQuery(words, search_type="websearch", config="english"))
            | Q(slug__icontains=words)
            | Q(title__icontains=words)
        )
    if tier is not None:
        found = found.filter(risk_tier=tier) if tier else found.filter(risk_tier__isnull=True)
    if stage is not None:
        held = StageOccupancy.objects.filter(OPEN, model_id=OuterRef("pk"), stage__slug=stage)
        found = found.filter(Exists(held))
    if owner is not None:
        found = found.filter(owner__uid=owner)
    if team is not None:
        found = found.filter(team=team)
    if tag is not None:
        found = found.filter(tags__contains={tag[0]: tag[1]})
    newest = ModelVersion.objects.filter(model_id=OuterRef("pk"), status=ModelVersion.Status.REGISTERED)
    exclusive = StageOccupancy.objects.filter(OPEN, model_id=OuterRef("pk"), exclusive=True)
    return found.annotate(
        latest_number=Subquery(newest.order_by("-number").values("number")[:1]),
        in_exclusive=Subquery(exclusive.order_by("-stage__position").values("version__number")[:1]),
    ).order_by("slug")


def model(actor: Actor, slug: str) -> RegisteredModel:
    """A model by its name. Raises NotFound, the same for absent and invisible; NotPermitted for a token that was not
    issued for reading models."""
    access.require_scope(actor, "models:read")
    found = access.visible_to(actor).select_related("owner", "accountable_executive").filter(slug=slug).first()
    if found is None:
        raise NotFound(access.absent_model(slug))
    return found
