"""Import of models and versions from another registry; its statements about them are kept as claims.

Each model and each version is imported completely, in one transaction with its record, or not at all. A model or
version that was imported before is found by origin, name and number and left unchanged. The audit log has the time of
the import.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from audit import recorder
from audit.actions import Action
from audit.actor import Actor
from audit.recorder import ObjectRef, PrivateValue
from registry import access, sources
from registry.actions import MODEL_IMPORTED, VERSION_IMPORTED
from registry.exceptions import ConflictError
from registry.models import ImportRecord, ModelVersion, RegisteredModel, User
from registry.services import mlflow_names
from registry.services.sourcing import address_of
from registry.services.version_spec import VersionSpec
from registry.services.versions import declare_version
from registry.validation import ErrorCollector

MAX_CLAIMS_BYTES = 64 * 1024
"""Size limit of the other claims of one record."""


@dataclass(frozen=True)
class ImportedClaim:
    """What another registry states about a model (`number` empty) or about a version: see `ImportRecord`."""

    kind: str
    origin: str
    name: str
    number: str = ""
    created_there: datetime | None = None
    updated_there: datetime | None = None
    author_there: str = ""
    stage: str = ""
    aliases: Sequence[str] = ()
    approval: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)


def find_imported_model(origin: str, name: str) -> RegisteredModel | None:
    """Return the model that was imported from this origin under this name; None if there is none."""
    record = ImportRecord.objects.filter(origin=origin, name=name, number="").select_related("model").first()
    return record.model if record is not None else None


def imported_version_numbers(origin: str, name: str, numbers: Sequence[str]) -> dict[str, ImportRecord]:
    """Return the import records of versions that were imported before, by their number in the other registry."""
    rows = ImportRecord.objects.filter(origin=origin, name=name, number__in=numbers, version__isnull=False)
    return {row.number: row for row in rows.select_related("version__model", "version__stage")}


def changes_there(record: ImportRecord, claim: ImportedClaim) -> list[tuple[str, str, str]]:
    """Return what the other registry states differently now than at the import: (field, before, now)."""
    fields = (
        ("approval", record.approval, claim.approval),
        ("stage", record.stage, claim.stage),
        ("aliases", ", ".join(record.aliases), ", ".join(sorted(claim.aliases))),
    )
    return [(name, before, now) for name, before, now in fields if before.casefold() != now.casefold()]


@transaction.atomic
def import_model(
    *, actor: Actor, claim: ImportedClaim, register_as: str = "", owner: User | None = None, **facts: Any
) -> RegisteredModel:
    """Register a model of another registry, under its name there or `register_as`. Returns the existing one if it was
    imported.

    Args:
        actor: the person who imports, or a token of theirs.
        claim: what the other registry states about the model.
        register_as: another name; empty for the name in the claim.
        owner: the owner here; None for the importing person.
        facts: see `registry.services.models.register_model`.

    Raises:
        PermissionDeniedError: the actor may not register models.
        ValidationFailedError: a claim breaks a rule, or the name breaks a rule or is taken by a model from elsewhere.
    """
    existing = find_imported_model(claim.origin, claim.name)
    if existing is not None:
        return existing
    person = access.require_person(actor)
    kept = _cleaned(claim)
    model = mlflow_names.register_model_with_mlflow_name(
        actor=actor, name=register_as or claim.name, owner=owner, **facts
    )
    _record(MODEL_IMPORTED, actor, person, kept, model, None)
    return model


@transaction.atomic
def import_version(
    *, actor: Actor, model: RegisteredModel, claim: ImportedClaim, spec: VersionSpec, number: int | None = None
) -> ModelVersion:
    """Register a version of another registry. Returns the existing one, with `found` set, if it was imported.

    Args:
        actor: the person who imports, or a token of theirs.
        model: the model.
        claim: what the other registry states about the version.
        spec: its contents.
        number: the number to keep, if clients know the version by it; None for the next one.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        ValidationFailedError: a claim or the specification breaks a rule.
        ConflictError: the number is not free.
    """
    found = ImportRecord.objects.filter(origin=claim.origin, name=claim.name, number=claim.number)
    existing = found.exclude(version=None).select_related("version__model", "version__stage").first()
    if existing is not None:
        assert existing.version is not None
        existing.version.found = True
        return existing.version
    access.require_permission(actor, access.Permission.REGISTER_VERSION, model)
    person = access.require_person(actor)
    kept = _cleaned(claim)
    row = RegisteredModel.objects.get_for_update(model.pk)
    if number is not None and number != row.next_version:
        if number < row.next_version:
            raise ConflictError(
                f"{row.slug} has used the number {number} here: versions are imported in their order, and numbers are "
                "never reused. Import the model under another name (--prefix) to keep all its numbers.",
                code="number_taken",
            )
        row.next_version = number
        row.save(update_fields=["next_version"])
    spec, kept = _with_source_there(spec, kept)
    version = declare_version(actor=actor, model=row, spec=spec, reuse=False)
    _record(VERSION_IMPORTED, actor, person, kept, version.model, version)
    return version


def _with_source_there(spec: VersionSpec, claim: ImportedClaim) -> tuple[VersionSpec, ImportedClaim]:
    """Replace a `models:` source, which names a version of the other registry, by the version imported from there, or
    by a claim if it was not imported. Read as a version of this registry it could name the files of another model.
    """
    try:
        named = sources.read(spec.source).version
    except sources.SourceError:
        named = sources.NamedVersion("")
    if named is None:
        return spec, claim
    record = imported_version_numbers(claim.origin, named.name, [str(named.number)]).get(str(named.number))
    if record is not None and record.version is not None:
        return replace(spec, source=address_of(record.version)), claim
    claims = {**claim.claims, "source": spec.source[:2000]}
    return replace(spec, source=""), replace(claim, claims=claims)


def _record(
    action: Action,
    actor: Actor,
    person: User,
    claim: ImportedClaim,
    model: RegisteredModel,
    version: ModelVersion | None,
) -> None:
    uid = uuid4()
    about = ObjectRef("model", str(model.uid))
    event = recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("version", str(version.uid)) if version is not None else about,
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("import", str(uid)), *([about] if version is not None else [])],
        data={
            "kind": claim.kind,
            # Addresses, names and authors come from the other registry and may identify people.
            "origin": PrivateValue(claim.origin),
            "name": PrivateValue(claim.name),
            **({"number": claim.number} if claim.number else {}),
            **({"created_there": claim.created_there.isoformat()} if claim.created_there is not None else {}),
            **({"updated_there": claim.updated_there.isoformat()} if claim.updated_there is not None else {}),
            **({"author_there": PrivateValue(claim.author_there)} if claim.author_there else {}),
            **({"stage_there": claim.stage} if claim.stage else {}),
            **({"aliases_there": sorted(claim.aliases)} if claim.aliases else {}),
            **({"approval_there": claim.approval} if claim.approval else {}),
        },
    )
    ImportRecord.objects.create(
        uid=uid,
        kind=claim.kind,
        origin=claim.origin,
        name=claim.name,
        number=claim.number,
        model=model,
        version=version,
        created_there=claim.created_there,
        updated_there=claim.updated_there,
        author_there=claim.author_there,
        stage=claim.stage,
        aliases=sorted(claim.aliases),
        approval=claim.approval,
        claims=dict(claim.claims),
        imported_at=event.happened_at,
        imported_by=person,
    )


def _cleaned(claim: ImportedClaim) -> ImportedClaim:
    faults = ErrorCollector()
    for name, limit in (("origin", 500), ("name", 500), ("number", 100), ("author_there", 500), ("approval", 100)):
        faults.clean_line(f"/{name}", getattr(claim, name), limit, required=name in ("origin", "name"))
    faults.clean_line("/stage", claim.stage, 100)
    for index, alias in enumerate(claim.aliases):
        faults.clean_line(f"/aliases/{index}", alias, 255, required=True)
    if len(claim.aliases) > 200:
        faults.add("/aliases", "too_many", f"At most 200 aliases; these are {len(claim.aliases)}.")
    faults.clean_json("/claims", claim.claims)
    if not faults.errors and len(json.dumps(claim.claims).encode()) > MAX_CLAIMS_BYTES:
        faults.add("/claims", "too_large", f"At most {MAX_CLAIMS_BYTES // 1024} KiB of further claims are kept.")
    faults.raise_if_any()
    return claim
