"""Response schemas of model versions. `version_inputs` has the requests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from django.conf import settings
from pydantic import Field

from governance.interfaces.rest.approval_schemas import ApprovedInputs, PlacementResponse, approved_inputs
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.schemas import Page, PersonResponse, ResponseBody, UtcDateTime
from governance.monitoring.health import HealthState
from governance.selectors.health import health_of_version, health_of_versions
from governance.selectors.whole_versions import WholeVersion
from registry import model_card as cards
from registry import selectors
from registry.comparison import lock_fault
from registry.models import Artifact, DatasetReference, ImportRecord, ModelVersion
from registry.services import uploads


class ArtifactResponse(ResponseBody):
    """A file of a version."""

    path: str
    sha256: str
    size: int
    stored: bool
    state: str = Field(
        description="stored, missing, examining (a worker verifies it), refused or failed (upload it again)"
    )
    detail: str = Field(description="The error and the remedy, if it was refused or failed.")
    format: str = Field(description="The detected file format; empty until a worker has examined the file.")
    approved: bool = Field(
        description="False if it was attached after the version was put in a protected placement: no promotion covers "
        "it, and `resolve` does not list it under `artifacts`."
    )
    url: str

    @classmethod
    def of(cls, artifact: Artifact, version_url: str, inputs: ApprovedInputs | None = None) -> ArtifactResponse:
        return cls(
            path=artifact.path,
            sha256=artifact.sha256,
            size=artifact.size,
            stored=artifact.blob_id is not None,
            state=uploads.upload_state(artifact),
            detail=uploads.upload_error(artifact),
            format=artifact.blob.format if artifact.blob is not None else "",
            approved=inputs is None or artifact.uid not in inputs.unapproved_files,
            url=f"{version_url}/artifacts/{quote(artifact.path)}",
        )


class DatasetResponse(ResponseBody):
    """A dataset reference, and how reliably it identifies the data."""

    role: str
    name: str
    reference: str
    uri: str
    digest_algorithm: str
    digest: str
    form: str = Field(description="sha256, dvc, lakefs, …; empty for a label")
    strength: str = Field(description="strong, medium or weak")
    stronger: str = Field(description="What would identify the data more reliably; empty if nothing would.")
    identity: str = Field(description="Identity of the dataset, the same for all its references.")

    @classmethod
    def of(cls, reference: DatasetReference) -> DatasetResponse:
        return cls(
            role=reference.role,
            name=reference.name,
            reference=reference.reference,
            uri=reference.uri,
            digest_algorithm=reference.digest_algorithm,
            digest=reference.digest,
            form=reference.form,
            strength=reference.strength,
            stronger=reference.better_identity_hint,
            identity=reference.identity,
        )


class MetricResponse(ResponseBody):
    """The newest value of a metric."""

    name: str
    value: float
    dataset: str
    slice: str
    revision: int


class CardSummary(ResponseBody):
    """The newest revision of the model card, without its text."""

    revision: int
    sha256: str
    added_at: UtcDateTime
    url: str


class EvidenceResponse(ResponseBody):
    """The newest evidence file of a kind."""

    kind: str
    filename: str
    sha256: str
    size: int
    revision: int
    added_at: UtcDateTime
    url: str


class VersionSummary(ResponseBody):
    """A version in a list."""

    model: str
    number: int
    status: str
    stage: str
    aliases: list[str]
    health: str = Field(
        description="Health in production: healthy, watch, breached, silent or not_monitored; its signals have the "
        "reasons."
    )
    fingerprint: str | None
    registered_by: PersonResponse
    created_at: UtcDateTime
    registered_at: UtcDateTime | None
    revision: int
    url: str


class ImportRecordResponse(ResponseBody):
    """What another registry recorded about an imported version. All of it is unverified."""

    kind: str = Field(description="mlflow, sagemaker, azureml or comet")
    origin: str
    name: str
    number: str
    created_there: UtcDateTime | None
    author_there: str
    stage_there: str
    aliases_there: list[str]
    approval_there: str = Field(description="The approval recorded there; it does not count as an approval here.")
    claims: dict[str, Any]
    imported_at: UtcDateTime
    imported_by: PersonResponse
    before_governance: bool = Field(
        description="Whether it still has the stage or a protected alias that it had there, without checks and "
        "approvals here."
    )

    @classmethod
    def of(cls, version: ModelVersion, record: ImportRecord | None) -> ImportRecordResponse | None:
        if record is None:
            return None
        return cls(
            kind=record.kind,
            origin=record.origin,
            name=record.name,
            number=record.number,
            created_there=record.created_there,
            author_there=record.author_there,
            stage_there=record.stage,
            aliases_there=record.aliases,
            approval_there=record.approval,
            claims=record.claims,
            imported_at=record.imported_at,
            imported_by=PersonResponse.of(record.imported_by),
            before_governance=bool(selectors.imported_occupancies([version.pk])),
        )


class VersionList(Page[VersionSummary]):
    """A page of versions, newest first."""


class UnreadableFieldResponse(ResponseBody):
    """A stored text of a version that cannot be parsed."""

    field: str
    detail: str = Field(description="The reason and the remedy.")


class VersionResponse(VersionSummary):
    """A version."""

    source: str
    run_id: str
    run_link: str
    code_repository: str
    code_commit: str
    code_clean: bool | None
    has_environment_lock: bool
    parameters: dict[str, Any]
    signature: dict[str, Any]
    licence: str
    description: str
    notes: str = Field(description="Markdown.")
    tags: dict[str, str]
    registered_with: str | None = Field(description="Id of the token that registered it, `tok_…`.")
    environment_lock_sha256: str | None
    trained_by: PersonResponse | None
    parents: list[str] = Field(description="Each as model/number, limited to those the caller may see.")
    artifacts: list[ArtifactResponse]
    datasets: list[DatasetResponse]
    metrics: list[MetricResponse]
    card: CardSummary | None
    evidence: list[EvidenceResponse]
    evidence_revision: int
    unreadable: list[UnreadableFieldResponse] = Field(
        description="Stored texts that cannot be parsed: the model card, the environment lock."
    )
    approved_fingerprint: str | None = Field(
        description="The fingerprint approved for the protected placement it holds, the stage before aliases; null if "
        "it holds none, or was not approved here."
    )
    deviates: bool = Field(description="Whether anything was added since it was put in a protected placement.")
    places: list[PlacementResponse] = Field(description="The protected placements it holds, and the additions since.")
    abandoned_at: UtcDateTime | None = Field(description="When it was abandoned because its files were not uploaded.")
    imported: ImportRecordResponse | None = Field(description="The source of the import, and what was recorded there.")
    page: str


def _unreadable(card_text: str, environment_lock: str) -> list[UnreadableFieldResponse]:
    found = []
    try:
        cards.parse(card_text)
    except cards.ModelCardParseError as fault:
        found.append(UnreadableFieldResponse(field="/card", detail=f"{fault} Attach a corrected card."[:500]))
    if fault_of_lock := lock_fault(environment_lock):
        detail = f"{fault_of_lock}: it is compared line by line. Register a new version with a corrected file."
        found.append(UnreadableFieldResponse(field="/environment_lock", detail=detail[:500]))
    return found


class VersionDeclaration(VersionResponse):
    """A version that was declared, or found by an identical declaration."""

    same_artifacts: list[str] = Field(
        description="Older registered versions of the model with identical files and other inputs, each as "
        "model/number; newest first, at most five."
    )

    @classmethod
    def of(cls, whole: WholeVersion) -> VersionDeclaration:
        version = whole.version
        older = [f"{version.model.slug}/{v.number}" for v in selectors.same_artifacts(version)]
        return cls(**dict(shown(whole)), same_artifacts=older)


class Resolved(ResponseBody):
    """The version a reference resolves to."""

    reference: str
    model: str
    version: int
    stage: str
    aliases: list[str]
    fingerprint: str = Field(description="SHA-256 over everything that decisions depend on, in its current state.")
    approved_fingerprint: str | None = Field(
        description="The fingerprint approved for the requested placement, or for the placement it holds; null if it "
        "holds no protected placement, or was not approved here."
    )
    deviates: bool = Field(description="Whether `fingerprint` differs from the approved one because of additions.")
    places: list[PlacementResponse] = Field(description="The protected placements it holds, and the additions since.")
    artifacts: list[ArtifactResponse] = Field(description="The approved files, without `unapproved_files`.")
    unapproved_files: list[ArtifactResponse] = Field(
        description="Files attached since, which no promotion covers. Do not deploy them."
    )
    signature: dict[str, Any]
    before_governance: bool = Field(
        description="Whether it has held this placement since before the import, without an approval here."
    )
    revision: int
    url: str


def url_of(version: ModelVersion) -> str:
    """The API URL of the version."""
    return f"{PREFIX}/models/{version.model.slug}/versions/{version.number}"


def shown(whole: WholeVersion) -> VersionResponse:
    """Build the response for a version, from what the actor may see of it."""
    version, card = whole.version, whole.card
    url = url_of(version)
    inputs = approved_inputs(whole.approvals)
    return VersionResponse(
        **row(version, whole.aliases, health_of_version(version)),
        source=version.source,
        run_id=version.run_id,
        run_link=version.run_link,
        code_repository=version.code_repository,
        code_commit=version.code_commit,
        code_clean=version.code_clean,
        has_environment_lock=bool(version.environment_lock),
        parameters=version.parameters,
        signature=version.signature,
        licence=version.licence,
        description=version.description,
        notes=version.notes,
        tags=version.tags,
        registered_with=version.registered_with.uid if version.registered_with is not None else None,
        environment_lock_sha256=_sha256(version.environment_lock) if version.environment_lock else None,
        trained_by=PersonResponse.maybe(version.trained_by),
        parents=[f"{slug}/{number}" for slug, number in whole.parents],
        artifacts=artifacts_of(version, whole.files, inputs),
        datasets=[DatasetResponse.of(d) for d in whole.datasets],
        metrics=[
            MetricResponse(name=m.name, value=m.value, dataset=m.dataset, slice=m.slice, revision=m.revision)
            for m in whole.metrics
        ],
        card=CardSummary(revision=card.revision, sha256=card.sha256, added_at=card.added_at, url=f"{url}/card")
        if card is not None
        else None,
        evidence=[
            EvidenceResponse(
                kind=e.kind,
                filename=e.filename,
                sha256=e.blob_id,
                size=e.blob.size,
                revision=e.revision,
                added_at=e.added_at,
                url=f"{url}/evidence/{e.kind}",
            )
            for e in whole.evidence
        ],
        evidence_revision=version.evidence_revision,
        unreadable=_unreadable(card.text if card is not None else "", version.environment_lock),
        approved_fingerprint=inputs.approved_fingerprint,
        deviates=inputs.deviates,
        places=inputs.places,
        abandoned_at=version.abandoned_at,
        imported=ImportRecordResponse.of(version, whole.imported),
        page=f"{settings.PUBLIC_URL}/models/{version.model.slug}/versions/{version.number}/",
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def row(version: ModelVersion, aliases: Sequence[str], health: HealthState) -> dict[str, Any]:
    """The fields of a version in a list.

    Args:
        version: the version, with its model, stage and who registered it.
        aliases: the names of the aliases that point at it now, in order.
        health: its health in production.
    """
    return {
        "model": version.model.slug,
        "number": version.number,
        "status": version.status,
        "stage": version.stage.slug,
        "aliases": list(aliases),
        "health": health.health,
        "fingerprint": version.fingerprint or None,
        "registered_by": PersonResponse.of(version.registered_by),
        "created_at": version.created_at,
        "registered_at": version.registered_at,
        "revision": version.revision,
        "url": url_of(version),
    }


def rows_of(versions: Sequence[Any]) -> list[VersionSummary]:
    """The versions of a list, read by `with_aliases`, with their models and stages."""
    health = health_of_versions(versions)
    return [
        VersionSummary(**row(version, sorted(alias.name for alias in version.held_aliases), health[version.pk]))
        for version in versions
    ]


def artifacts_of(version: ModelVersion, files: Sequence[Artifact], inputs: ApprovedInputs) -> list[ArtifactResponse]:
    """The files of a version."""
    url = url_of(version)
    return [ArtifactResponse.of(artifact, url, inputs) for artifact in files]
