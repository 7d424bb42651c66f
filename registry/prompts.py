"""Prompts, which MLflow keeps among registered models and tells apart by a tag. Pure.

Clients leave what carries the tag out of every search and refuse to work with it as a model. So it is set when a prompt
is registered, and on nothing that is a model: a tag would hide a model in Production.
"""

from __future__ import annotations

from collections.abc import Mapping

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag; MLflow reads its value without regard to capitals."""


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Whether these are the tags of a prompt."""
    return tags.get(IS_PROMPT, "").lower() == "true"


def refused_change(before: Mapping[str, str], after: Mapping[str, str], *, of_prompt: bool) -> str | None:
    """Tell what is wrong with a change of tags.

    Args:
        before: the tags as they are; those of the model itself where a version is new.
        after: the tags as they would be.
        of_prompt: whether the model was registered as a prompt.

    Returns:
        The rule and its remedy; None where nothing is wrong.
    """
    if before.get(IS_PROMPT) == after.get(IS_PROMPT):
        return None
    if of_prompt and is_prompt(after):
        return None
    return (
        f"The tag {IS_PROMPT} tells prompts from models, and clients show nothing that carries it: it is set when a "
        "prompt is registered, and neither added to a model or its versions nor taken from a prompt."
    )
