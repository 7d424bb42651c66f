"""Adding to a version after registration, with what that means for its open requests: one transaction.

The registry keeps the evidence; the gate binds its live requests to it anew, so that approvals lapse and checks run
again at the moment the evidence changes, and not when somebody next looks.
"""

from collections.abc import Sequence

from django.db import transaction

from audit.actor import Actor
from governance import promotions
from registry.models import Artifact, Evidence, Metric, ModelCard, ModelVersion
from registry.services import attachments, versions
from registry.services.versions import MetricSpec
from registry.storage import StoredBlob, Stream


@transaction.atomic
def attach_card(*, actor: Actor, version: ModelVersion, text: str) -> ModelCard:
    """Add a revision of the model card. Raises what `registry.services.versions.add_card` raises."""
    card = versions.add_card(actor=actor, version=version, text=text)
    promotions.refresh(version, actor=actor)
    return card


@transaction.atomic
def attach_metrics(*, actor: Actor, version: ModelVersion, metrics: Sequence[MetricSpec]) -> list[Metric]:
    """Add metrics, each superseding an earlier one of the same name, dataset and slice."""
    added = versions.add_metrics(actor=actor, version=version, metrics=metrics)
    promotions.refresh(version, actor=actor)
    return added


def attach_evidence(
    *, actor: Actor, version: ModelVersion, kind: str, filename: str, stream: Stream, sha256: str | None = None
) -> Evidence:
    """Add an evidence file of a kind. The bytes are stored before the transaction begins: storage is slow, and bytes
    nobody refers to do no harm."""
    blob = versions.store_evidence(actor=actor, version=version, kind=kind, stream=stream, sha256=sha256)
    return attach_stored(actor=actor, version=version, kind=kind, filename=filename, blob=blob)


@transaction.atomic
def attach_stored(*, actor: Actor, version: ModelVersion, kind: str, filename: str, blob: StoredBlob) -> Evidence:
    """Add an evidence file whose bytes `registry.services.versions.store_evidence` took in."""
    added = versions.add_evidence(actor=actor, version=version, kind=kind, filename=filename, blob=blob)
    promotions.refresh(version, actor=actor)
    return added


def attach_file(
    *, actor: Actor, version: ModelVersion, path: str, stream: Stream, sha256: str | None = None
) -> Artifact:
    """Add a file to a version that was registered by its source alone. The bytes are stored before the transaction
    begins. Raises what `registry.services.attachments` raises."""
    blob = attachments.store_file(actor=actor, version=version, path=path, stream=stream, sha256=sha256)
    return attach_stored_file(actor=actor, version=version, path=path, blob=blob)


@transaction.atomic
def attach_stored_file(*, actor: Actor, version: ModelVersion, path: str, blob: StoredBlob) -> Artifact:
    """Add a file whose bytes `registry.services.attachments.store_file` took in."""
    added = attachments.attach_file(actor=actor, version=version, path=path, blob=blob)
    promotions.refresh(version, actor=actor)
    return added
