"""Names that MLflow clients give: any that is a lawful slug is the model's own; for another a slug is made."""

import re
import unicodedata
from typing import Any

from django.db import transaction

from audit.actor import Actor
from registry.exceptions import InvalidInput
from registry.models import RegisteredModel
from registry.rules import Faults, is_model_slug
from registry.selectors.catalogue import models_called
from registry.services.models import register_model

_TRIES = 20


def register_called(*, actor: Actor, name: str, **facts: Any) -> RegisteredModel:
    """Put a model on record under the name an MLflow client gives it. “Churn Model” becomes `churn-model` everywhere
    else, or `churn-model-2` where that is taken, and stays “Churn Model” for MLflow clients.

    Raises as `register_model` does; InvalidInput with the code `taken` where a model is called so already.
    """
    faults = Faults()
    faults.mlflow_name("/name", name)
    faults.refuse()
    if is_model_slug(name):
        return register_model(actor=actor, slug=name, **facts)
    stem = slug_of(name)
    for number in range(1, _TRIES + 1):
        slug = stem if number == 1 else f"{stem}-{number}"
        if not is_model_slug(slug) or RegisteredModel.objects.filter(slug=slug).exists():
            continue
        try:
            with transaction.atomic():
                return register_model(
                    actor=actor, slug=slug, mlflow_name=name, **{"title": name[:200].strip(), **facts}
                )
        except InvalidInput as refusal:
            # Somebody took the slug a moment ago: the next one may be free. The same name twice is refused below.
            if {e.code for e in refusal.errors} != {"taken"} or called(name) is not None:
                raise
    faults.add("/name", "taken", f"Every short form of “{name}” is taken: choose another name.")
    raise InvalidInput(faults.errors)


def called(name: str) -> RegisteredModel | None:
    """The model MLflow clients call so, whoever may see it: for services, which ask for permission themselves."""
    return models_called(name).first()


def slug_of(name: str) -> str:
    """A lawful slug that resembles a name: “Prüfung/2 (neu)” gives `prufung-2-neu`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:190].strip("-") or "model"
