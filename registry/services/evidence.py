"""What is added to a version in numbered revisions: metrics, a model card, evidence files.

Each addition is one event, counts the version's `evidence_revision` on, and gives a registered version a new
fingerprint; `governance.services.evidence` binds its live promotion requests to that. What is there already, word for
word, is not added again: a pipeline that repeats itself must not make approvals lapse.
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
from registry.services.blob_references import reference_blob
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
    """Add metrics; of the same (name, dataset, slice) the newest counts and the older stay. Values already there, all
    of them the newest, are returned as they are.

    Args:
        approved: which protected places the version holds: the event names the promotions behind them.

    Raises NotFound and PermissionDeniedError; ValidationFailedError, also for NaN and infinity.
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
    said = sorted((vars(metric) for metric in given), key=canonical.dumps)
    _added(METRICS_ADDED, actor, version, {"count": len(rows), "sha256": canonical.digest(said)}, approved)
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
    """Add a revision of the model card: YAML front matter and Markdown, at most 256 KB. The text that is there already
    is returned as it is.

    Args:
        approved: as `add_metrics` takes it.
        expected_revision: number of the newest revision its writer saw, 0 where there was none.

    Raises NotFound and PermissionDeniedError; ValidationFailedError; StaleRevisionError, with `existing`, where there
    is a newer revision than
    expected.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    person = access.require_person(actor)
    faults = ErrorCollector()
    check_card(faults, text, "/text")
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
    """Take in the bytes of an evidence file, hashed on the way, for `add_evidence`. Call it outside a transaction: it
    takes as long as the sender does.

    Args:
        kind: the checks' word for it, such as "evaluation.table".
        sha256: where given, what the bytes must have.
        announced: how many bytes the sender says there are; where that is too many none is read.

    Raises NotFound and PermissionDeniedError; ValidationFailedError, with nothing kept, for another digest or more
    bytes than
    COUNTERSIGN_MAX_EVIDENCE_BYTES.
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
    """Add an evidence file that `store_evidence` took in. What a process adds stands under whoever registered the
    version; the event names the process. The same bytes under the same name and kind, if they are the
    newest of that kind, are returned as they are.

    Args:
        kind: the checks' word for it, such as "evaluation.table".
        filename: a name without folders.
        approved: as `add_metrics` takes it.

    Raises NotFound and PermissionDeniedError; ValidationFailedError.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    person = access.require_person(actor) if actor.person is not None else version.registered_by
    faults = ErrorCollector()
    _check_kind(faults, kind)
    if "/" in filename or len(filename) > 250:
        faults.add("/filename", "filename", "A file name has no folders and at most 250 characters.")
    else:
        faults.path("/filename", filename)
    if not storage.exists(blob.sha256, blob.size):
        faults.add("", "not_stored", "These bytes are not in storage: send the file.")
    faults.raise_if_any()
    _, version = lock_version(version)
    last = Evidence.objects.filter(version=version, kind=kind).order_by("-revision").first()
    if last is not None and (last.blob_id, last.filename) == (blob.sha256, filename):
        return last
    now = clock.now()
    reference_blob(blob)
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
            "/kind", "kind", "A kind is words of lower-case letters, digits and _, joined by dots: evaluation.table."
        )


def card_digest(text: str) -> str:
    """SHA-256 of a card's text as UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def _added(
    action: str,
    actor: Actor,
    version: ModelVersion,
    data: "dict[str, Json | PrivateValue]",
    approved: AskApproved,
    thing: ObjectRef | None = None,
) -> None:
    """Count the addition, compute the new fingerprint, and record both."""
    version.evidence_revision += 1
    version.revision += 1
    if version.status == ModelVersion.Status.REGISTERED:
        version.fingerprint = fingerprint.compute(version)
    about = ObjectRef("version", str(version.uid))
    promoted, deviation = record_deviation(approved(version), version.fingerprint)
    event = recorder.record_event(
        action,
        actor=actor,
        target=thing or about,
        stream=f"model:{version.model.uid}",
        related_objects=[*([about] if thing is not None else []), *promoted],
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
    """What the event of an addition says of the approvals it deviates from.

    Args:
        approved: the protected places that the version holds.
        fingerprint: what the version has with the addition.

    Returns:
        The promotions behind the places, as related things; and the data `deviates_from`, where the fingerprint is
        another than the approved one.
    """
    deviations: list[Json] = [d for place in approved if (d := place.deviation(fingerprint)) is not None]
    promotions = dict.fromkeys(str(place.promotion) for place in approved)
    return [ObjectRef("promotion", uid) for uid in promotions], {"deviates_from": deviations} if deviations else {}
