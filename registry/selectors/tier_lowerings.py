"""Who lowered the current risk tiers of models: the separation of duties excludes them from approving."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef
from django.db.models.functions import Least

from registry.models import Assessment


def who_lowered(models: Collection[int]) -> dict[int, frozenset[str]]:
    """Return, by model key, the uids of those who proposed or confirmed a less strict tier that still counts. One
    query.

    A lowering counts until the model is assessed as strictly as before it. Another assessment that keeps the lower tier
    does not end it. Models without one are missing.
    """
    later = Assessment.objects.filter(
        model=OuterRef("model"),
        number__gt=OuterRef("number"),
        tier__lte=Least(OuterRef("tier_before"), OuterRef("computed_tier")),
    )
    rows = Assessment.objects.filter(~Exists(later), model__in=models, proposal__isnull=False).order_by("number")
    found: dict[int, frozenset[str]] = {}
    for model, proposer, confirmer in rows.values_list("model_id", "proposal__proposed_by__uid", "proposal__closed_by"):
        found[model] = found.get(model, frozenset()) | frozenset(filter(None, (proposer, confirmer)))
    return found
