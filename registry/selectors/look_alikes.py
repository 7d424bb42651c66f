"""Data from before names and tags that imitate or hide a model were refused, for the deployment check."""

from __future__ import annotations

from django.db.models.functions import Coalesce

from registry import characters, prompts
from registry.models import RegisteredModel, RegisteredName


def imitations() -> list[tuple[str, str]]:
    """Return models whose name looks like an older model’s: the slug of each, and of the other."""
    held = RegisteredName.objects.filter(released_at__isnull=True)
    holders = dict(held.values_list("skeleton", "model__slug"))
    found = []
    names = RegisteredModel.objects.order_by("pk").values_list("slug", Coalesce("renamed", "mlflow_name", "slug"))
    for slug, called in names:
        for name in dict.fromkeys((slug, called)):
            holder = holders.get(characters.skeleton_digest(name))
            if holder is not None and holder != slug:
                found.append((slug, holder))
    return found


def hidden_by_prompt_tag() -> list[str]:
    """Return the slugs of models with a version in a protected stage that MLflow clients do not show, because
    they have the tag of prompts.
    """
    tagged = RegisteredModel.objects.filter(tags__has_key=prompts.IS_PROMPT, versions__stage__protected=True)
    return [model.slug for model in tagged.order_by("slug").distinct() if prompts.is_prompt(model.tags)]
