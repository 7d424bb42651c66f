"""MLflow prompts, which are registered models with a tag. Pure.

Clients exclude models with the tag from every search and refuse to use them as models. So the tag is set only when a
prompt is registered: otherwise it could hide a model in Production.
"""

from __future__ import annotations

from collections.abc import Mapping

IS_PROMPT = "mlflow.prompt.is_prompt"
"""The tag; MLflow compares its value case-insensitively."""


def is_prompt(tags: Mapping[str, str]) -> bool:
    """Return whether these are the tags of a prompt."""
    return tags.get(IS_PROMPT, "").lower() == "true"


def refused_change(before: Mapping[str, str], after: Mapping[str, str], *, of_prompt: bool) -> str | None:
    """Return why a change of tags is refused.

    Args:
        before: the current tags; those of the model for a new version.
        after: the tags after the change.
        of_prompt: whether the model was registered as a prompt.

    Returns:
        The rule and the remedy; None if the change is allowed.
    """
    if before.get(IS_PROMPT) == after.get(IS_PROMPT):
        return None
    if of_prompt and is_prompt(after):
        return None
    return (
        f"The tag {IS_PROMPT} marks prompts, and MLflow clients hide models that have it. It is set when a prompt is "
        "registered, and cannot be added to a model or its versions or removed from a prompt."
    )
