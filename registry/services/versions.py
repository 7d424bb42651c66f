"""Versions: declared with their contents, files stored, registered; then extended in numbered revisions.

Every write locks the model's row, then the version's: the lock order of the product, which also makes version numbers
consecutive. Bytes are stored before any lock is taken.
"""

from collections.abc import Sequence

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef
from registry import access, fingerprint, stage_transitions, storage
from registry.actions import VERSION_DECLARED, VERSION_REGISTERED
from registry.exceptions import FieldError, InvalidStateError, NotFoundError, ValidationFailedError
from registry.models import (
    AccessToken,
    Artifact,
    Contribution,
    DatasetReference,
    Metric,
    ModelCard,
    ModelVersion,
    RegisteredModel,
    Stage,
    Upload,
    User,
)
from registry.services.blob_references import attach_blob_to_artifact, hold_blob
from registry.services.contributions import record_contribution
from registry.services.evidence import add_card, add_evidence, add_metrics, card_digest, store_evidence
from registry.services.models import refuse_prompt_tag
from registry.services.sourcing import with_source
from registry.services.uploads import queue_for_processing, received_upload_ids, require_accepts_files, upload_error
from registry.services.version_lock import lock_version
from registry.services.version_spec import (
    ArtifactSpec,
    DatasetSpec,
    DatasetText,
    MetricSpec,
    VersionSpec,
    declaration_digest,
    identity_strength,
    spec_fields,
    validate_spec,
)
from registry.validation import ErrorCollector

__all__ = [
    "ArtifactSpec",
    "DatasetSpec",
    "DatasetText",
    "MetricSpec",
    "VersionSpec",
    "add_card",
    "add_evidence",
    "add_metrics",
    "complete_registration",
    "declare_version",
    "store_artifact",
    "store_evidence",
]

_DECLARED_BEFORE = """
    model_id = %(model)s AND declaration = %(declaration)s AND abandoned_at IS NULL AND deleted_at IS NULL
    AND registered_by_id = %(person)s AND registered_with_id IS NOT DISTINCT FROM %(token)s
    ORDER BY number DESC LIMIT 1"""
_NAMED = 10
"""Number of missing files named in an error message."""


@transaction.atomic
def declare_version(
    *,
    actor: Actor,
    model: RegisteredModel,
    spec: VersionSpec,
    reuse: bool = True,
) -> ModelVersion:
    """Declare the next version of a model: its files by path, digest and size, and everything else that is fixed.

    Without files it is registered at once, by its source alone, and files may be attached later
    (`registry.services.attachments`). With files it is `registering` until each is stored and `complete_registration`
    is called.

    Args:
        actor: the person who declares it, or a token of theirs.
        model: the model.
        spec: the specification.
        reuse: if the same person declared the same with the same token before, return that version with `found` set, so
            that a pipeline may repeat itself. False always creates a new version.

    Returns:
        The version.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        InvalidStateError: the model is archived, or no lifecycle is installed.
        ValidationFailedError: the specification breaks a rule.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, model)
    person, token = access.require_person_and_token(actor)
    faults = ErrorCollector()
    spec = with_source(faults, actor, validate_spec(faults, spec))
    _check_parents(faults, actor, spec.parents)
    faults.raise_if_any()
    row = RegisteredModel.objects.get_for_update(model.pk)
    if row.status == RegisteredModel.Status.ARCHIVED:
        raise InvalidStateError(
            f"{row.slug} is archived and takes no versions: an owner or an officer can make it active again.",
            code="model_archived",
        )
    refuse_prompt_tag(row, {}, spec.tags)
    declared = declaration_digest(row, spec)
    if reuse:
        existing = ModelVersion.objects.raw_first(
            _DECLARED_BEFORE,
            model=row.pk,
            declaration=declared,
            person=person.pk,
            token=token.pk if token is not None else None,
        )
        if existing is not None:
            existing.model, existing.found = row, True
            return existing
    version = _build_version(row, spec, declared, person, token)
    if spec.is_source_only:
        version.fingerprint = fingerprint.compute_source_only(version)
        event = _append_registered(actor, version, before=None)
        version.status, version.registered_at = ModelVersion.Status.REGISTERED, event.happened_at
        version.save(force_insert=True)
        stage_transitions.set_initial_stage(version=version, event=event)
        return version
    _save_children(version, spec)
    if spec.artifacts:
        event = recorder.record_event(
            VERSION_DECLARED,
            actor=actor,
            target=_ref(version),
            stream=_stream(row),
            related_objects=[ObjectRef("model", str(row.uid))],
            changes=[Change("status", None, str(version.status)), Change("stage", None, version.stage.slug)],
            data={"number": version.number, "files": len(spec.artifacts), "declaration": declared},
        )
        stage_transitions.set_initial_stage(version=version, event=event)
    else:
        stage_transitions.set_initial_stage(version=version, event=register(actor=actor, version=version, before=None))
    return version


def store_artifact(
    *, actor: Actor, version: ModelVersion, path: str, stream: storage.Stream, announced: int | None = None
) -> Artifact:
    """Store one declared file of a version, hashed while streaming. The same bytes again change nothing.

    The bytes are required even if another version has the same: knowing a digest does not prove possession of the file.

    Args:
        actor: the person or token that sends it.
        version: the version.
        path: the declared path.
        stream: the bytes.
        announced: the size in bytes that the client declares. If it differs from the declared one, the stream is not
            read.

    Raises:
        NotFoundError: the model is not visible to the actor, or the version declares no such file.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        InvalidStateError: the version is registered or abandoned.
        ValidationFailedError: the bytes have another size or digest than declared; nothing is stored.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    artifact = Artifact.objects.filter(version=version, path=path).first()
    if artifact is None:
        raise NotFoundError(f"Version {version.number} of {version.model.slug} declares no file “{path}”.")
    require_accepts_files(version)
    declared = artifact
    if announced is not None and announced != artifact.size:
        raise _other_size(artifact)

    def accept(blob: storage.StoredBlob) -> None:
        if blob.size != declared.size:
            raise _other_size(declared)
        if blob.sha256 != declared.sha256:
            raise ValidationFailedError(
                [
                    FieldError(
                        "",
                        "wrong_digest",
                        f"“{declared.path}” was declared with SHA-256 {declared.sha256}, and these bytes have "
                        f"{blob.sha256}: send the file that was declared, or declare a new version. Nothing was kept.",
                    )
                ]
            )

    try:
        storage.write(stream, limit=artifact.size, accept=accept)
    except storage.BlobTooLargeError:
        raise _other_size(artifact) from None
    with transaction.atomic():
        blob = hold_blob(storage.StoredBlob(artifact.sha256, artifact.size))
        model, version = lock_version(version)
        artifact = Artifact.objects.get_for_update(artifact.pk)
        if artifact.blob_id is not None:
            return artifact
        require_accepts_files(version)
        Upload.objects.filter(artifact=artifact).delete()
        event = attach_blob_to_artifact(
            actor=actor, model=model, version=version, artifact=artifact, blob=blob, data={}
        )
        record_contribution(actor=actor, version=version, part=Contribution.Part.FILES, event=event)
    return artifact


def complete_registration(*, actor: Actor, version: ModelVersion) -> ModelVersion:
    """Register a version whose files are all stored: what was declared is fixed, and it gets a fingerprint.

    A registered version is returned unchanged. If uploaded files still have to be processed, the version is returned
    with `examining` set to the keys of the uploads for which the caller enqueues tasks; the worker that stores the last
    one registers it.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        InvalidStateError: files are missing (named in the message), or the version is abandoned.
        StorageUnavailableError: the store is unavailable.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    person, token = access.require_person_and_token(actor)
    # The store is queried before any lock is taken, because it may be slow.
    sent = received_upload_ids(version)
    there = Artifact.objects.filter(version=version, blob__isnull=False)
    vanished = {file.pk for file in there if not storage.exists(file.sha256, file.size)}
    with transaction.atomic():
        return _complete_locked(actor, version, person, token, sent, vanished)


def _complete_locked(
    actor: Actor,
    version: ModelVersion,
    person: User,
    token: AccessToken | None,
    sent: frozenset[str],
    vanished: set[int],
) -> ModelVersion:
    """Register the version, or queue its received files. `sent` and `vanished` are what the store had before."""
    _, version = lock_version(version)
    if version.status == ModelVersion.Status.REGISTERED:
        return version
    require_accepts_files(version)
    files = list(Artifact.objects.filter(version=version).select_related("upload").order_by("path"))
    missing, version.examining = queue_for_processing(
        (file for file in files if file.blob_id is None), sent, person, token
    )
    missing += [file for file in files if file.pk in vanished]
    if missing:
        named = ", ".join(file.path for file in missing[:_NAMED])
        named += f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        details = "".join(f" {upload_error(file)}" for file in missing[:_NAMED] if upload_error(file))
        raise InvalidStateError(
            f"{len(missing)} of {len(files)} files are not stored: {named}.{details} Upload them, then complete the "
            "version.",
            code="files_missing",
            requirements=[file.path for file in missing],
        )
    if not version.examining:
        event = register(actor=actor, version=version, before=str(version.status))
        record_contribution(actor=actor, version=version, part=Contribution.Part.REGISTRATION, event=event)
    return version


def _build_version(
    model: RegisteredModel, spec: VersionSpec, declared: str, person: User, token: AccessToken | None
) -> ModelVersion:
    """Return the version's unsaved row, and take its number."""
    stage = Stage.objects.raw_first("initial")
    if stage is None:
        raise InvalidStateError(
            "No lifecycle is installed, so a version has no stage to begin in: an administrator must finish the setup.",
            code="lifecycle_missing",
        )
    now = clock.now()
    version = ModelVersion(
        model=model,
        number=model.next_version,
        stage=stage,
        declaration=declared,
        registered_by=person,
        registered_with=token,
        created_at=now,
        source_only=not spec.artifacts,
        evidence_revision=1 if spec.metrics or spec.card else 0,
        **spec_fields(spec),
    )
    model.next_version += 1
    model.updated_at = now
    model.save(update_fields=["next_version", "updated_at"])
    return version


def _save_children(version: ModelVersion, spec: VersionSpec) -> None:
    """Save the version's row and the rows of its declared contents."""
    version.save(force_insert=True)
    if spec.parents:
        version.parents.set(spec.parents)
    Artifact.objects.bulk_create(
        [Artifact(version=version, path=file.path, sha256=file.sha256, size=file.size) for file in spec.artifacts]
    )
    DatasetReference.objects.bulk_create(
        [
            DatasetReference(version=version, strength=identity_strength(dataset), **vars(dataset))
            for dataset in spec.datasets
            if isinstance(dataset, DatasetSpec)  # texts were parsed by validate_spec()
        ]
    )
    Metric.objects.bulk_create(
        [Metric(version=version, revision=1, recorded_at=version.created_at, **vars(metric)) for metric in spec.metrics]
    )
    if spec.card:
        ModelCard.objects.create(
            version=version,
            text=spec.card,
            sha256=card_digest(spec.card),
            revision=1,
            added_by=version.registered_by,
            added_at=version.created_at,
        )


def register(*, actor: Actor, version: ModelVersion, before: str | None, completed_by: str | None = None) -> Event:
    """Register a locked version, with its fingerprint and its event. Called when its last file is stored.

    Args:
        actor: the actor of the event.
        version: the locked version.
        before: its previous status; None if it was created in this transaction.
        completed_by: uid of the person who completed the upload, if a worker registers the version.

    Returns:
        The event.
    """
    version.fingerprint = fingerprint.compute(version)
    event = _append_registered(actor, version, before=before, completed_by=completed_by)
    version.status = ModelVersion.Status.REGISTERED
    version.registered_at = event.happened_at
    if before is not None:
        version.revision += 1
    version.save(update_fields=["status", "registered_at", "fingerprint", "revision"])
    return event


def _append_registered(
    actor: Actor, version: ModelVersion, *, before: str | None, completed_by: str | None = None
) -> Event:
    return recorder.record_event(
        VERSION_REGISTERED,
        actor=actor,
        target=_ref(version),
        stream=_stream(version.model),
        related_objects=[ObjectRef("model", str(version.model.uid))],
        changes=[Change("status", before, str(ModelVersion.Status.REGISTERED))],
        data={
            "number": version.number,
            "stage": version.stage.slug,
            "fingerprint": version.fingerprint,
            "declaration": version.declaration,
            **({"completed_by": completed_by} if completed_by is not None else {}),
        },
    )


def _check_parents(faults: ErrorCollector, actor: Actor, parents: Sequence[ModelVersion]) -> None:
    wanted = {parent.pk for parent in parents}
    if not wanted:
        return
    seen = ModelVersion.objects.filter(
        pk__in=wanted, status=ModelVersion.Status.REGISTERED, model__in=access.visible_models(actor)
    ).count()
    if seen != len(wanted):
        faults.add("/parents", "unknown_version", "A parent is a registered version that you may see.")


def _other_size(artifact: Artifact) -> ValidationFailedError:
    return ValidationFailedError(
        [
            FieldError(
                "",
                "wrong_size",
                f"“{artifact.path}” was declared with {artifact.size:,} bytes, and these are not as many: send the "
                "file that was declared, or declare a new version. Nothing was kept.",
            )
        ]
    )


def _ref(version: ModelVersion) -> ObjectRef:
    return ObjectRef("version", str(version.uid))


def _stream(model: RegisteredModel) -> str:
    return f"model:{model.uid}"
