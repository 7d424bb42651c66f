"""Additions to a version in numbered revisions: metrics, a model card, evidence files.

Each addition is one event, increments the version's `evidence_revision`, and gives a registered version a new
fingerprint, to which `governance.services.evidence` binds its live promotion requests. Identical content is not added
again: a pipeline that repeats a run must not invalidate approvals.
"""

import hashlib
import re
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from audit import canonical, clock, recorder
from audit.actor import Actor
from audit.leaf import Json
from audit.recorder import ObjectRef, PrivateValue
from registry import access, fingerprint, selectors, storage
from registry.actions import CARD_ADDED, EVIDENCE_ADDED, METRICS_ADDED
from registry.approved import Approved, AskApproved, nothing_approved
from registry.exceptions import FieldError, StaleRevisionError, ValidationFailedError
from registry.models import Contribution, Evidence, Metric, ModelCard, ModelVersion
from registry.services.blob_references import hold_blobs, reference_blob
from registry.services.contributions import record_contribution
from registry.services.version_lock import lock_version
from registry.services.version_spec import MetricSpec, check_card, cleaned_metrics
from registry.validation import ErrorCollector

_PARTS: dict[str, Contribution.Part] = {
    METRICS_ADDED: Contribution.Part.METRICS,
    CARD_ADDED: Contribution.Part.CARD,
    EVIDENCE_ADDED: Contribution.Part.EVIDENCE,
}
_KIND = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*")


@transaction.atomic
def add_metrics(
    *,
    actor: Actor,
    version: ModelVersion,
    metrics: Sequence[MetricSpec],
    approved: AskApproved = nothing_approved,
) -> list[Metric]:
    """Add metrics. Of the same (name, dataset, slice) the newest counts and the older ones stay.

    If every given value is already the newest, the existing rows are returned and nothing is written.

    Args:
        actor: the person or token that adds them.
        version: the version.
        metrics: finite values with name, dataset and slice; at least one.
        approved: returns the protected stages and aliases that the version holds; the event names their promotions.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        ValidationFailedError: a metric breaks a rule, for example NaN or infinity.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    faults = ErrorCollector()
    given = cleaned_metrics(faults, metrics, required=True)
    faults.raise_if_any()
    _, version = lock_version(version)
    latest = {(m.name, m.dataset, m.slice): m for m in selectors.latest_metrics(version)}
    there = [latest.get((m.name, m.dataset, m.slice)) for m in given]
    if all(row is not None and row.value == m.value for row, m in zip(there, given, strict=True)):
        return [row for row in there if row is not None]
    now = clock.now()
    revision = version.evidence_revision + 1
    superseded = [row.pk for row in there if row is not None]
    Metric.objects.filter(pk__in=superseded).update(latest=False)
    rows = Metric.objects.bulk_create(
        [Metric(version=version, revision=revision, recorded_at=now, **vars(metric)) for metric in given]
    )
    recorded = sorted((vars(metric) for metric in given), key=canonical.dumps)
    _added(METRICS_ADDED, actor, version, {"count": len(rows), "sha256": canonical.digest(recorded)}, approved)
    return rows


@transaction.atomic
def add_card(
    *,
    actor: Actor,
    version: ModelVersion,
    text: str,
    approved: AskApproved = nothing_approved,
    expected_revision: int | None = None,
) -> ModelCard:
    """Add a revision of the model card. If the newest revision has the same text, it is returned and nothing is
    written.

    Args:
        actor: the person who adds it, or a token of theirs.
        version: the version.
        text: YAML front matter and Markdown, at most 256 KB.
        approved: see `add_metrics`.
        expected_revision: number of the newest revision that the author saw, 0 for none; None to skip the check.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION, or is a process.
        ValidationFailedError: the card breaks a rule.
        StaleRevisionError: there is another newest revision than expected (`existing`).
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    person = access.require_person(actor)
    faults = ErrorCollector()
    check_card(faults, text, "/text", must_be_readable=True)
    faults.raise_if_any()
    _, version = lock_version(version)
    last = ModelCard.objects.filter(version=version).order_by("-revision").first()
    digest = card_digest(text)
    if last is not None and last.sha256 == digest:
        return last
    if expected_revision is not None and last is not None and last.revision != expected_revision:
        raise StaleRevisionError(
            f"Revision {last.revision} of the card was added meanwhile: read it, then add yours again.", existing=last
        )
    card = ModelCard.objects.create(
        version=version,
        text=text,
        sha256=digest,
        revision=last.revision + 1 if last is not None else 1,
        added_by=person,
        added_at=clock.now(),
    )
    data: dict[str, Json | PrivateValue] = {"revision": card.revision, "sha256": digest}
    _added(CARD_ADDED, actor, version, data, approved, ObjectRef("card", str(card.uid)))
    return card


def store_evidence(
    *,
    actor: Actor,
    version: ModelVersion,
    kind: str,
    stream: storage.Stream,
    sha256: str | None = None,
    announced: int | None = None,
) -> storage.StoredBlob:
    """Store the bytes of an evidence file, hashed while streaming, for `add_evidence`.

    Call it outside a transaction: it takes as long as the upload.

    Args:
        actor: the person or token that sends it.
        version: the version.
        kind: the kind of evidence as checks name it, such as "evaluation.table".
        stream: the bytes.
        sha256: the expected digest in hexadecimal; None for any.
        announced: the size in bytes that the client declares. If it is too large, the stream is not read.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        ValidationFailedError: the kind is invalid, the digest differs, or there are more than
            COUNTERSIGN_MAX_EVIDENCE_BYTES bytes; nothing is stored.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    faults = ErrorCollector()
    _check_kind(faults, kind)
    if sha256 is not None:
        faults.sha256("/sha256", sha256)
    faults.raise_if_any()

    def accept(blob: storage.StoredBlob) -> None:
        if sha256 is not None and blob.sha256 != sha256:
            detail = f"The bytes have SHA-256 {blob.sha256}, not {sha256}: send them again. Nothing was kept."
            raise ValidationFailedError([FieldError("/sha256", "wrong_digest", detail)])

    try:
        if announced is not None and announced > settings.COUNTERSIGN_MAX_EVIDENCE_BYTES:
            raise storage.BlobTooLargeError(settings.COUNTERSIGN_MAX_EVIDENCE_BYTES)
        return storage.write(stream, limit=settings.COUNTERSIGN_MAX_EVIDENCE_BYTES, accept=accept)
    except storage.BlobTooLargeError as fault:
        detail = f"An evidence file has at most {fault.limit:,} bytes: send a summary, or register it as an artifact."
        raise ValidationFailedError([FieldError("", "too_large", detail)]) from None


@transaction.atomic
def add_evidence(
    *,
    actor: Actor,
    version: ModelVersion,
    kind: str,
    filename: str,
    blob: storage.StoredBlob,
    approved: AskApproved = nothing_approved,
) -> Evidence:
    """Add an evidence file that `store_evidence` stored.

    Evidence of a process is stored under the account that registered the version; the event names the process. If the
    newest evidence of the kind has the same bytes and name, it is returned and nothing is written.

    Args:
        actor: the person, token or process that adds it.
        version: the version.
        kind: the kind of evidence as checks name it, such as "evaluation.table".
        filename: a name without folders.
        blob: the stored bytes.
        approved: see `add_metrics`.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        ValidationFailedError: kind or file name is invalid, or the bytes are not stored.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    person = access.require_person(actor) if actor.person is not None else version.registered_by
    faults = ErrorCollector()
    _check_kind(faults, kind)
    if "/" in filename or len(filename) > 250:
        faults.add("/filename", "filename", "A file name has no folders and at most 250 characters.")
    else:
        faults.path("/filename", filename)
    # The store is queried before the model is locked, because it may be slow.
    held = hold_blobs([blob]).get(blob.sha256)
    if held is None:
        faults.add("", "not_stored", "These bytes are not in storage: send the file.")
    faults.raise_if_any()
    assert held is not None
    _, version = lock_version(version)
    last = Evidence.objects.filter(version=version, kind=kind).order_by("-revision").first()
    if last is not None and (last.blob_id, last.filename) == (blob.sha256, filename):
        return last
    now = clock.now()
    reference_blob(held)
    evidence = Evidence.objects.create(
        version=version,
        kind=kind,
        filename=filename,
        blob_id=blob.sha256,
        revision=last.revision + 1 if last is not None else 1,
        added_by=person,
        added_at=now,
    )
    _added(
        EVIDENCE_ADDED,
        actor,
        version,
        {
            "kind": kind,
            "filename": PrivateValue(filename),
            "sha256": blob.sha256,
            "size": blob.size,
            "revision": evidence.revision,
        },
        approved,
        ObjectRef("evidence", str(evidence.uid)),
    )
    return evidence


def _check_kind(faults: ErrorCollector, kind: str) -> None:
    if not _KIND.fullmatch(kind) or len(kind) > 80:
        faults.add(
            "/kind",
            "kind",
            "A kind consists of words of lower-case letters, digits and _, joined by dots: evaluation.table.",
        )


def card_digest(text: str) -> str:
    """Return the SHA-256 of a card's text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _added(
    action: str,
    actor: Actor,
    version: ModelVersion,
    data: "dict[str, Json | PrivateValue]",
    approved: AskApproved,
    target: ObjectRef | None = None,
) -> None:
    """Increment the revisions, compute the new fingerprint, and record the event."""
    version.evidence_revision += 1
    version.revision += 1
    if version.status == ModelVersion.Status.REGISTERED:
        version.fingerprint = fingerprint.compute(version)
    about = ObjectRef("version", str(version.uid))
    promoted, deviation = record_deviation(approved(version), version.fingerprint)
    event = recorder.record_event(
        action,
        actor=actor,
        target=target or about,
        stream=f"model:{version.model.uid}",
        related_objects=[*([about] if target is not None else []), *promoted],
        data={
            **data,
            "evidence_revision": version.evidence_revision,
            "fingerprint": version.fingerprint or None,
            **deviation,
        },
    )
    version.save(update_fields=["evidence_revision", "revision", "fingerprint"])
    record_contribution(actor=actor, version=version, part=_PARTS[action], event=event)


def record_deviation(approved: Sequence[Approved], fingerprint: str) -> tuple[list[ObjectRef], dict[str, Json]]:
    """Return what the event of an addition records about the approvals from which it deviates.

    Args:
        approved: the protected stages and aliases that the version holds.
        fingerprint: the fingerprint of the version with the addition.

    Returns:
        The promotions of these stages and aliases as related objects; and the data `deviates_from` if the fingerprint
        differs from the approved one.
    """
    deviations: list[Json] = [d for place in approved if (d := place.deviation(fingerprint)) is not None]
    promotions = dict.fromkeys(str(place.promotion) for place in approved)
    return [ObjectRef("promotion", uid) for uid in promotions], {"deviates_from": deviations} if deviations else {}
