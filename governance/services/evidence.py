"""Add to a version after registration, with the effect on its open requests, in one transaction.

The registry stores the evidence; the version's live requests are bound to the new fingerprint at once, so that
approvals lapse and checks run again when the evidence changes. If the version holds a protected place, the event names
the promotion behind it. A file for a version that holds such a place since before governance is attached together with
a request to approve the version there again.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from audit.actor import Actor
from governance import promotions
from governance.checks import evidence_reading
from governance.checks.base import is_attachable
from governance.checks.entry_points import installed
from governance.gate.approvals import Approval, approvals, approved
from governance.models import PromotionRequest
from registry import access
from registry.exceptions import FieldError, InvalidStateError, ValidationFailedError
from registry.models import Artifact, Evidence, Metric, ModelCard, ModelVersion
from registry.services import attachments, versions
from registry.services.versions import MetricSpec
from registry.storage import StoredBlob, Stream, open_blob


@transaction.atomic
def attach_card(*, actor: Actor, version: ModelVersion, text: str, expected_revision: int | None = None) -> ModelCard:
    """Add a revision of the model card; see `registry.services.versions.add_card` for arguments and errors."""
    card = versions.add_card(
        actor=actor, version=version, text=text, approved=approved, expected_revision=expected_revision
    )
    promotions.rebind_requests(version, actor=actor)
    return card


@transaction.atomic
def attach_metrics(*, actor: Actor, version: ModelVersion, metrics: Sequence[MetricSpec]) -> list[Metric]:
    """Add metrics; see `registry.services.versions.add_metrics`. A metric replaces one of the same name, dataset
    and slice.
    """
    added = versions.add_metrics(actor=actor, version=version, metrics=metrics, approved=approved)
    promotions.rebind_requests(version, actor=actor)
    return added


RUN = "mlflow.run"
"""Evidence kind of the run data from an MLflow tracking server."""
DOCUMENT = "document."
"""Prefix of the kinds of evidence that people read."""


def evidence_kinds() -> list[str]:
    """Return the kinds of evidence files that installed checks read, and the kind of a copied MLflow run."""
    kinds = {needed.kind for check in installed().checks.values() for needed in check.needs}
    return sorted(filter(is_attachable, kinds | {RUN}))


def refuse_unknown_kind(kind: str) -> None:
    """Refuse a kind of evidence that no check reads and that is no document; the message names the nearest kind.

    Raises:
        ValidationFailedError: the kind is unknown (`unknown_kind` at /kind).
    """
    known = evidence_kinds()
    if kind in known or kind.startswith(DOCUMENT):
        return
    near = difflib.get_close_matches(kind.lower(), [*known, f"{DOCUMENT}{kind.rpartition('.')[2]}"], n=1, cutoff=0.5)
    raise ValidationFailedError(
        [
            FieldError(
                "/kind",
                "unknown_kind",
                f"No check reads evidence of the kind “{kind[:80]}”{f': did you mean {near[0]}?' if near else '.'} "
                f"The kinds are: {', '.join(known)}, and {DOCUMENT}NAME for what people read.",
            )
        ]
    )


def store_evidence(
    *,
    actor: Actor,
    version: ModelVersion,
    kind: str,
    filename: str,
    stream: Stream,
    sha256: str | None = None,
    announced: int | None = None,
) -> StoredBlob:
    """Store the bytes of an evidence file of a known kind. The kind is checked before anything is read.

    Then the file is read by the parser of the checks that read this kind. Call it outside transactions: this takes as
    long as the upload and the reading.

    Args:
        actor: who adds it; needs REGISTER_VERSION.
        version: the version.
        kind: kind of evidence.
        filename: name of the file, for messages.
        stream: the bytes.
        sha256: expected digest in hex, if known.
        announced: announced size in bytes, if known.

    Returns:
        The stored blob, which nothing refers to yet.

    Raises:
        ValidationFailedError: the kind is unknown, or no check can read the file (`unreadable_evidence`).
        DomainError: as `registry.services.versions.store_evidence`.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    refuse_unknown_kind(kind)
    blob = versions.store_evidence(
        actor=actor, version=version, kind=kind, stream=stream, sha256=sha256, announced=announced
    )
    fault = evidence_reading.find_fault(kind, filename[:250], blob.sha256, blob.size, open_blob)
    if fault:
        raise ValidationFailedError([FieldError("", "unreadable_evidence", f"{fault} Nothing was attached.")])
    return blob


def attach_evidence(
    *, actor: Actor, version: ModelVersion, kind: str, filename: str, stream: Stream, sha256: str | None = None
) -> Evidence:
    """Add an evidence file. Its bytes are stored before the transaction begins, because storage is slow.

    Bytes without a reference are harmless; storage sweeping removes them. Errors as `store_evidence` and
    `attach_stored`.
    """
    blob = store_evidence(actor=actor, version=version, kind=kind, filename=filename, stream=stream, sha256=sha256)
    return attach_stored(actor=actor, version=version, kind=kind, filename=filename, blob=blob)


@transaction.atomic
def attach_stored(*, actor: Actor, version: ModelVersion, kind: str, filename: str, blob: StoredBlob) -> Evidence:
    """Add an evidence file whose bytes `store_evidence` stored.

    Raises:
        ValidationFailedError: the kind is unknown.
        DomainError: as `registry.services.versions.add_evidence`.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    refuse_unknown_kind(kind)
    added = versions.add_evidence(
        actor=actor, version=version, kind=kind, filename=filename, blob=blob, approved=approved
    )
    promotions.rebind_requests(version, actor=actor)
    return added


@dataclass(frozen=True)
class Attached:
    """An attached file, and the live requests to approve its version again in the places it holds."""

    artifact: Artifact
    requests: tuple[PromotionRequest, ...] = ()


def attach_file(
    *,
    actor: Actor,
    version: ModelVersion,
    path: str,
    stream: Stream,
    sha256: str | None = None,
    reason: str = "",
) -> Attached:
    """Add a file to a version that was registered by its source alone. Its bytes are stored before the transaction
    begins.

    Args:
        actor: who attaches it.
        version: registered by its source alone.
        path: path of the file in the version.
        stream: the bytes.
        sha256: expected digest in hex, if known.
        reason: reason of the request to approve the version again, if it holds a protected place since before
            governance; a default text if empty.

    Returns:
        The file, and those requests.

    Raises:
        DomainError: as `registry.services.attachments`, and as `governance.promotions.request` if such a request is
            needed. Nothing is attached then.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    if _places_to_approve(version):
        _require_may_request(actor, version)  # before the bytes are read, which may take long
    blob = attachments.store_file(actor=actor, version=version, path=path, stream=stream, sha256=sha256)
    return attach_stored_file(actor=actor, version=version, path=path, blob=blob, reason=reason)


@transaction.atomic
def attach_stored_file(
    *, actor: Actor, version: ModelVersion, path: str, blob: StoredBlob, reason: str = ""
) -> Attached:
    """Add a file whose bytes `registry.services.attachments.store_file` stored; see `attach_file`."""
    there = Artifact.objects.filter(version=version, path=path, sha256=blob.sha256, blob__isnull=False).exists()
    added = attachments.attach_file(actor=actor, version=version, path=path, blob=blob, approved=approved)
    promotions.rebind_requests(version, actor=actor)
    if not there:
        for place in _places_to_approve(version):
            _require_may_request(actor, version)
            promotions.request(
                actor=actor,
                version=version,
                target_stage=place.stage or None,
                target_alias=place.alias or None,
                reason=reason.strip() or _reason(path, place),
            )
    reapprovals = [place.reapproval for place in approvals(version) if place.reapproval is not None]
    return Attached(added, tuple(PromotionRequest.objects.filter(pk__in=reapprovals).order_by("pk")))


def _places_to_approve(version: ModelVersion) -> list[Approval]:
    """Return the places held since before governance for which there is no live request for approval."""
    return [place for place in approvals(version) if place.before_governance and place.reapproval is None]


def _require_may_request(actor: Actor, version: ModelVersion) -> None:
    """Refuse an actor who cannot open the request that a file for an approved place needs."""
    if actor.person is None:
        raise InvalidStateError(
            f"Version {version.number} holds a protected place, and takes a file only with a request to approve it "
            "there again, which a person or a token opens: attach the files with countersign attach.",
            code="review_needed",
        )
    access.require_permission(actor, access.Permission.REQUEST_PROMOTION, version.model)


def _reason(path: str, place: Approval) -> str:
    return f"The file “{path}” was attached to the version, which is in {place.name} since before governance."
