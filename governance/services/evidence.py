"""Adding to a version after registration, with what that means for its open requests: one transaction.

The registry keeps the evidence; the gate binds its live requests to it anew, so that approvals lapse and checks run
again at the moment the evidence changes, and not when somebody next looks. Where the version holds a protected place,
the event names the promotion behind it. A file for a version that stands in such a place since before governance is
attached together with a request to approve the version there again.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from audit.actor import Actor
from governance import promotions
from governance.checks.base import ARTIFACT_FILES, METRICS, MODEL_CARD
from governance.checks.entry_points import installed
from governance.gate.approvals import Approval, approvals, approved
from governance.models import PromotionRequest
from registry import access
from registry.exceptions import FieldError, InvalidStateError, ValidationFailedError
from registry.models import Artifact, Evidence, Metric, ModelCard, ModelVersion
from registry.services import attachments, versions
from registry.services.versions import MetricSpec
from registry.storage import StoredBlob, Stream


@transaction.atomic
def attach_card(*, actor: Actor, version: ModelVersion, text: str, expected_revision: int | None = None) -> ModelCard:
    """Add a revision of the model card. Takes and raises what `registry.services.versions.add_card` does."""
    card = versions.add_card(
        actor=actor, version=version, text=text, approved=approved, expected_revision=expected_revision
    )
    promotions.rebind_requests(version, actor=actor)
    return card


@transaction.atomic
def attach_metrics(*, actor: Actor, version: ModelVersion, metrics: Sequence[MetricSpec]) -> list[Metric]:
    """Add metrics, each superseding an earlier one of the same name, dataset and slice."""
    added = versions.add_metrics(actor=actor, version=version, metrics=metrics, approved=approved)
    promotions.rebind_requests(version, actor=actor)
    return added


RUN = "mlflow.run"
"""The kind of what an MLflow tracking server says of a version's run."""
DOCUMENT = "document."
"""What the kinds of evidence that people read begin with."""


def evidence_kinds() -> list[str]:
    """The kinds of evidence files that an installed check reads, and that of a run that a worker copies."""
    kinds = {needed.kind for check in installed().checks.values() for needed in check.needs}
    return sorted((kinds | {RUN}) - {ARTIFACT_FILES, METRICS, MODEL_CARD})


def refuse_unknown_kind(kind: str) -> None:
    """Refuse a kind of evidence that no check reads and that is no document, naming the nearest one.

    Raises:
        ValidationFailedError: at /kind.
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
    stream: Stream,
    sha256: str | None = None,
    announced: int | None = None,
) -> StoredBlob:
    """Take in the bytes of an evidence file of a known kind. Raises what `registry.services.versions.store_evidence`
    raises; ValidationFailedError for a kind that is unknown, before anything is read."""
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    refuse_unknown_kind(kind)
    return versions.store_evidence(
        actor=actor, version=version, kind=kind, stream=stream, sha256=sha256, announced=announced
    )


def attach_evidence(
    *, actor: Actor, version: ModelVersion, kind: str, filename: str, stream: Stream, sha256: str | None = None
) -> Evidence:
    """Add an evidence file of a kind. The bytes are stored before the transaction begins: storage is slow, and bytes
    nobody refers to do no harm."""
    blob = store_evidence(actor=actor, version=version, kind=kind, stream=stream, sha256=sha256)
    return attach_stored(actor=actor, version=version, kind=kind, filename=filename, blob=blob)


@transaction.atomic
def attach_stored(*, actor: Actor, version: ModelVersion, kind: str, filename: str, blob: StoredBlob) -> Evidence:
    """Add an evidence file whose bytes `registry.services.versions.store_evidence` took in.

    Raises:
        Refusal: what `registry.services.versions.add_evidence` raises; ValidationFailedError for a kind that is
        unknown.
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
    """A file that was attached, and the live requests to approve its version again in the places it holds."""

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
    """Add a file to a version that was registered by its source alone. The bytes are stored before the transaction
    begins.

    Args:
        actor: who attaches it.
        version: registered by its source alone.
        path: what the version calls the file.
        stream: the bytes.
        sha256: where given, what the bytes must have.
        reason: of the request to approve the version again, where it stands in a protected place since before
            governance; a plain one where none is given.

    Returns:
        The file, and those requests.

    Raises:
        Refusal: what `registry.services.attachments` raises, and `governance.promotions.request` where such a request
            is needed; nothing is attached then.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    if _places_to_approve(version):
        _require_asking(actor, version)  # before the bytes are taken in, which may take long
    blob = attachments.store_file(actor=actor, version=version, path=path, stream=stream, sha256=sha256)
    return attach_stored_file(actor=actor, version=version, path=path, blob=blob, reason=reason)


@transaction.atomic
def attach_stored_file(
    *, actor: Actor, version: ModelVersion, path: str, blob: StoredBlob, reason: str = ""
) -> Attached:
    """Add a file whose bytes `registry.services.attachments.store_file` took in. Otherwise as `attach_file`."""
    there = Artifact.objects.filter(version=version, path=path, sha256=blob.sha256, blob__isnull=False).exists()
    added = attachments.attach_file(actor=actor, version=version, path=path, blob=blob, approved=approved)
    promotions.rebind_requests(version, actor=actor)
    if not there:
        for place in _places_to_approve(version):
            _require_asking(actor, version)
            promotions.request(
                actor=actor,
                version=version,
                target_stage=place.stage or None,
                target_alias=place.alias or None,
                reason=reason.strip() or _reason(path, place),
            )
    asked = [place.reapproval for place in approvals(version) if place.reapproval is not None]
    return Attached(added, tuple(PromotionRequest.objects.filter(pk__in=asked).order_by("pk")))


def _places_to_approve(version: ModelVersion) -> list[Approval]:
    """The places that nobody here approved the version for, and nobody asks to approve it in either."""
    return [place for place in approvals(version) if place.before_governance and place.reapproval is None]


def _require_asking(actor: Actor, version: ModelVersion) -> None:
    """Raise where the actor cannot open the request that a file for an approved place needs."""
    if actor.person is None:
        raise InvalidStateError(
            f"Version {version.number} holds a protected place, and takes a file only with a request to approve it "
            "there again, which a person or a token opens: attach the files with countersign attach.",
            code="review_needed",
        )
    access.require_permission(actor, access.Permission.REQUEST_PROMOTION, version.model)


def _reason(path: str, place: Approval) -> str:
    return f"The file “{path}” was attached to the version, which is in {place.name} since before governance."
