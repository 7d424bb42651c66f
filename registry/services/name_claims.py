"""Availability of model names, and the error for a name that is not free.

Slugs and MLflow names share one namespace, and a name belongs to the first model that had one that looks like it
(`RegisteredName`). An error names the conflicting model only to a caller who may see it; for others it is the same for
a name that is taken and for one that looks like a taken one.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit import clock
from audit.actor import Actor
from audit.postgresql import prepared_statements
from registry import access, characters
from registry.exceptions import FieldError, ValidationFailedError
from registry.models import RegisteredModel, RegisteredName

TAKEN = "taken"
LOOKS_ALIKE = "looks_alike"
OTHER_NAME = "other_models_slug"
UNAVAILABLE = "name_unavailable"

_CLAIM = """
    INSERT INTO registry_registeredname (model_id, skeleton) VALUES (%(model)s, %(skeleton)s)
    ON CONFLICT (skeleton) WHERE released_at IS NULL DO NOTHING RETURNING 1"""


class LostNameError(Exception):
    """Another registration took the name at the same time. Raised inside the transaction, which is rolled back."""


def claim(model: RegisteredModel) -> None:
    """Record the names of a new model.

    Raises:
        LostNameError: another model has a name that looks like one of them.
    """
    for digest in dict.fromkeys(characters.skeleton_digest(name) for name in (model.slug, model.display_name)):
        _claim(model, digest)


def claim_another(model: RegisteredModel, name: str) -> None:
    """Record another name of an existing model, unless it already has one that looks like it.

    Raises:
        LostNameError: another model has a name that looks like it.
    """
    digest = characters.skeleton_digest(name)
    if not RegisteredName.objects.filter(model=model, skeleton=digest, released_at__isnull=True).exists():
        _claim(model, digest)


def release(model: RegisteredModel, *, keeping: Iterable[str] = ()) -> None:
    """Release the names of a model except those in `keeping`, so that other models may use them."""
    kept = {characters.skeleton_digest(name) for name in keeping}
    held = RegisteredName.objects.filter(model=model, released_at__isnull=True).exclude(skeleton__in=kept)
    held.update(released_at=clock.now())


def _claim(model: RegisteredModel, digest: str) -> None:
    if not prepared_statements.execute_prepared(_CLAIM, {"model": model.pk, "skeleton": digest}):
        raise LostNameError


def holder_of(name: str) -> RegisteredModel | None:
    """Return the model that has this name or one that looks like it, regardless of visibility; None if the name
    is free.
    """
    row = RegisteredName.objects.raw_first(
        "skeleton = %(skeleton)s AND released_at IS NULL", skeleton=characters.skeleton_digest(name)
    )
    return RegisteredModel.objects.get_by_pk(row.model_id) if row is not None else None


def unavailable(names: Iterable[str]) -> set[str]:
    """Return those of the names that are taken or look like one that is."""
    digests = {name: characters.skeleton_digest(name) for name in names}
    held = RegisteredName.objects.filter(skeleton__in=digests.values(), released_at__isnull=True)
    found = set(held.values_list("skeleton", flat=True))
    return {name for name, digest in digests.items() if digest in found}


def refusal(
    actor: Actor, name: str, holder: RegisteredModel, pointer: str, *, for_mlflow: bool
) -> ValidationFailedError:
    """Return the error for a name that is not free.

    Args:
        actor: the actor who wants the name.
        name: the name.
        holder: the model that has it, or one that looks like it.
        pointer: JSON pointer of the field.
        for_mlflow: an MLflow client gave the name. Then only the holder’s own MLflow name has the code "taken", because
            the client continues by adding a version to the model of this name.

    Returns:
        The error, to be raised by the caller.
    """
    if not access.check_permission(actor, access.Permission.VIEW, holder):
        code = UNAVAILABLE
        detail = (
            f"The name “{name}” is not available: choose another. If you look for a model of this name, ask for access "
            "to it."
        )
    elif name == holder.display_name or (name == holder.slug and not for_mlflow):
        code = TAKEN
        detail = f"There is a model “{name}” already: choose another name, or add a version to it."
    elif name == holder.slug:
        code = OTHER_NAME
        detail = (
            f"“{name}” is what pages and the REST interface call the model that MLflow clients "
            f"call “{holder.display_name}”: "
            "use that name, or choose another."
        )
    else:
        alike = next(
            known
            for known in (holder.display_name, holder.slug)
            if characters.skeleton_digest(known) == characters.skeleton_digest(name)
        )
        code = LOOKS_ALIKE
        detail = (
            f"“{name}” looks like “{alike}”, which is a registered model{_foreign(name, alike)}: choose a name that "
            "differs clearly."
        )
    return ValidationFailedError([FieldError(pointer, code, detail)])


def refuse_unavailable(actor: Actor, name: str, pointer: str, *, for_mlflow: bool) -> None:
    """Refuse a name that is taken or looks like one that is.

    Raises:
        ValidationFailedError: the name is not free; see `refusal`.
    """
    holder = holder_of(name)
    if holder is not None:
        raise refusal(actor, name, holder, pointer, for_mlflow=for_mlflow)


def _foreign(name: str, alike: str) -> str:
    """Return the code points of up to three non-ASCII characters of the name that the other one does not have,
    for the message.
    """
    other = sorted(set(name) - set(alike) - set(map(chr, range(128))))
    return f" ({', '.join(map(characters.code_point, other[:3]))})" if other else ""
