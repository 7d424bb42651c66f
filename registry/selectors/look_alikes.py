"""What was registered before names and tags were refused for hiding or imitating a model, for the deployment check."""

from __future__ import annotations

from registry import characters, prompts
from registry.models import RegisteredModel, RegisteredName


def imitations() -> list[tuple[str, str]]:
    """List models whose name looks like an older model’s: the slug of each, and of the other."""
    holders = dict(RegisteredName.objects.values_list("skeleton", "model__slug"))
    found = []
    for slug, mlflow_name in RegisteredModel.objects.order_by("pk").values_list("slug", "mlflow_name"):
        for name in (slug, mlflow_name) if mlflow_name is not None else (slug,):
            holder = holders.get(characters.skeleton_digest(name))
            if holder is not None and holder != slug:
                found.append((slug, holder))
    return found


def hidden_by_prompt_tag() -> list[str]:
    """List models with a version in a protected stage that MLflow clients do not show, because they carry the tag of
    prompts: their slugs."""
    tagged = RegisteredModel.objects.filter(tags__has_key=prompts.IS_PROMPT, versions__stage__protected=True)
    return [model.slug for model in tagged.order_by("slug").distinct() if prompts.is_prompt(model.tags)]
