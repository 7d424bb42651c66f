"""Deleting and renaming models and versions that were never governed, for clients whose protocol has it.

A deleted model or version is a tombstone: its row and its events stay, and no actor sees it. Its name is free again,
the number of a version is not. An object that was ever governed is neither deleted nor renamed: who approved it, and
what ran, must stay provable. `why_governed` is that rule for every interface; the database enforces it as well
(`registry_deleted_ungoverned`, `governance_deleted_unrequested`).
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from audit import recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access, selectors, stage_transitions
from registry.actions import MODEL_DELETED, MODEL_RENAMED, VERSION_DELETED
from registry.exceptions import InvalidStateError
from registry.models import (
    IS_CURRENT,
    AliasAssignment,
    Assessment,
    ImportRecord,
    ModelVersion,
    PeriodicReview,
    RegisteredModel,
    Stage,
    Upload,
)
from registry.services import name_claims, tier_use
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector

RETIRED = "archived"
"""The slug of the stage to which a deleted version goes, if the transition is ungoverned."""


def may_delete(*, actor: Actor, model: RegisteredModel) -> access.Allowed | access.Denied:
    """Return whether the actor may delete or rename the model, or delete a version of it: an owner, or a token of one
    that may edit models.
    """
    answer = access.check_permission(actor, access.Permission.EDIT, model)
    person = access.person_of(actor)
    if isinstance(answer, access.Denied) or person is None:
        return answer
    if access.filter_users_with_permission([person], access.Permission.GRANT_ROLE, model):
        return answer
    return access.Denied(
        lambda who: f"Only an owner deletes or renames {model.slug} or a version of it.",
        lambda: _owners(model),
        code="owner_required",
        access_request=(model.slug, str(access.Role.OWNER)),
    )


def why_governed(model: RegisteredModel, version: ModelVersion | None = None, *, renaming: bool = False) -> list[str]:
    """Return the reasons why a model, or one version of it, may not be deleted or renamed.

    Args:
        model: the model.
        version: the version to delete; None for the whole model.
        renaming: the model is to be renamed, so that references between its own versions count too.

    Returns:
        The reasons, each to follow "because"; empty if nothing was ever governed.
    """
    of_it = Q(model=model) if version is None else Q(version=version)
    parents = (
        ModelVersion.objects.filter(model=model) if version is None else ModelVersion.objects.filter(pk=version.pk)
    )
    children = ModelVersion.objects.filter(parents__in=parents)
    if version is None and not renaming:
        children = children.exclude(model=model)
    reasons = []
    if tier_use.is_in_use(model, version):
        reasons.append("it is or was in a protected stage or behind a protected alias, or a promotion was requested")
    if ImportRecord.objects.filter(of_it).exists():
        reasons.append("it was imported from another registry")
    if children.exists():
        reasons.append("another version was made from it")
    if version is None and (
        Assessment.objects.filter(model=model).exists() or PeriodicReview.objects.filter(model=model).exists()
    ):
        reasons.append("its risk was assessed or it was reviewed")
    return reasons


@transaction.atomic
def delete_model(*, actor: Actor, model: RegisteredModel, reason: str) -> None:
    """Delete a model and its versions. A model of the same name may be registered afterwards; its version numbers start
    at 1.

    Raises:
        NotFoundError: the model is not visible to the actor, or was deleted.
        PermissionDeniedError: the actor is not an owner of it.
        InvalidStateError: the model or a version was governed, or files of a version are being processed.
        ValidationFailedError: the reason is empty.
    """
    reason = _checked(actor, model, reason)
    row = RegisteredModel.objects.get_for_update(model.pk)
    _refuse_governed(row, why_governed(row), f"the model {row.display_name}")
    for version in ModelVersion.objects.filter(model=row).order_by("pk").select_for_update(no_key=True, of=("self",)):
        version.model, version.stage = row, Stage.objects.get_by_pk(version.stage_id)
        _delete(actor, row, version, reason)
    event = recorder.record_event(
        MODEL_DELETED,
        actor=actor,
        target=ObjectRef("model", str(row.uid)),
        stream=f"model:{row.uid}",
        changes=[Change("deleted", False, True)],
        data={"slug": row.slug},
        reason=reason,
    )
    name_claims.release(row)
    row.deleted_at = row.updated_at = event.happened_at
    row.revision += 1
    row.save(update_fields=["deleted_at", "updated_at", "revision"])


@transaction.atomic
def delete_version(*, actor: Actor, version: ModelVersion, reason: str) -> None:
    """Delete a version. Its number is not used again.

    Raises:
        NotFoundError: the version is not visible to the actor, or was deleted.
        PermissionDeniedError: the actor is not an owner of the model.
        InvalidStateError: the version was governed, or its files are being processed.
        ValidationFailedError: the reason is empty.
    """
    reason = _checked(actor, version.model, reason)
    model, version = lock_version(version)
    _refuse_governed(model, why_governed(model, version), f"version {version.number} of {model.display_name}")
    event = _delete(actor, model, version, reason)
    model.updated_at = event.happened_at
    model.save(update_fields=["updated_at"])


@transaction.atomic
def rename_model(*, actor: Actor, model: RegisteredModel, name: str, reason: str) -> RegisteredModel:
    """Change the name of a model for MLflow clients. The slug, used by pages, the REST interface and the log, does not
    change.

    Raises:
        ValidationFailedError: the name is invalid or not free (code `taken` if the actor sees the model with this
            name), or the reason is empty.
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor is not an owner of it.
        InvalidStateError: the model was governed, or another request took the name at the same time.
    """
    reason = _checked(actor, model, reason)
    faults = ErrorCollector()
    faults.mlflow_name("/name", name)
    faults.raise_if_any()
    row = RegisteredModel.objects.get_for_update(model.pk)
    before = row.display_name
    if name == before:
        return row
    _refuse_governed(row, why_governed(row, renaming=True), f"the model {before}")
    holder = name_claims.holder_of(name)
    if holder is not None and holder.pk != row.pk:
        raise name_claims.refusal(actor, name, holder, "/name", for_mlflow=True)
    event = recorder.record_event(
        MODEL_RENAMED,
        actor=actor,
        target=ObjectRef("model", str(row.uid)),
        stream=f"model:{row.uid}",
        changes=[Change("renamed", PrivateValue(before), PrivateValue(name))],
        reason=reason,
    )
    try:
        name_claims.claim_another(row, name)
    except name_claims.LostNameError:
        raise InvalidStateError(
            f"The name {name} was being registered by another request: try again.", code="name_contended"
        ) from None
    name_claims.release(row, keeping=(row.slug, name))
    row.renamed = name
    row.revision += 1
    row.updated_at = event.happened_at
    row.save(update_fields=["renamed", "revision", "updated_at"])
    return row


def _checked(actor: Actor, model: RegisteredModel, reason: str) -> str:
    access.require_permission(actor, access.Permission.EDIT, model)
    answer = may_delete(actor=actor, model=model)
    if isinstance(answer, access.Denied):
        raise answer.refusal()
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    return reason


def _refuse_governed(model: RegisteredModel, reasons: list[str], what: str) -> None:
    if reasons:
        raise InvalidStateError(
            f"{what[0].upper()}{what[1:]} cannot be deleted or renamed, because {'; '.join(reasons)}. "
            f"Retire it instead: move versions to Archived, or have an owner archive {model.slug} on its page.",
            code="governed",
        )


def _delete(actor: Actor, model: RegisteredModel, version: ModelVersion, reason: str) -> Event:
    examined = Upload.objects.filter(artifact__version=version, state__in=("queued", "examining"))
    if examined.exists():
        raise InvalidStateError(
            f"Files of version {version.number} of {model.display_name} are being read: delete it when that is done.",
            code="files_examined",
        )
    retired = _retired(version)
    held = list(
        AliasAssignment.objects.filter(IS_CURRENT, version=version).order_by("name").values_list("name", flat=True)
    )
    event = recorder.record_event(
        VERSION_DELETED,
        actor=actor,
        target=ObjectRef("version", str(version.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("model", str(model.uid))],
        changes=[
            Change("deleted", False, True),
            *([Change("stage", version.stage.slug, retired.slug)] if retired is not None else []),
            *(Change("alias", name, None) for name in held),
        ],
        data={"number": version.number},
        reason=reason,
    )
    for name in held:
        stage_transitions.remove_alias(model_id=model.pk, name=name, event=event)
    if retired is not None:
        stage_transitions.apply_transition(version=version, target=retired, event=event, promotion=None, displaced=None)
    Upload.objects.filter(artifact__version=version).delete()
    version.deleted_at = version.updated_at = event.happened_at
    version.revision += 1
    version.save(update_fields=["deleted_at", "updated_at", "revision"])
    return event


def _retired(version: ModelVersion) -> Stage | None:
    """Return the stage for a deleted version, so that it does not occupy a stage in use; None if it keeps its stage."""
    retired = Stage.objects.raw_first("slug = %(slug)s AND NOT protected", slug=RETIRED)
    if retired is None or retired.pk == version.stage_id:
        return None
    return retired if selectors.lifecycle().is_allowed(version.stage.slug, retired.slug) else None


def _owners(model: RegisteredModel) -> tuple[str, ...]:
    owners = access.users_with_permission(access.Permission.EDIT, model) & access.users_with_permission(
        access.Permission.GRANT_ROLE, model
    )
    return tuple(str(owner) for owner in owners.order_by("name", "pk")[:5])
