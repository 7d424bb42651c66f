"""Recalling a dataset: versions that depend on it and hold a protected place are found by `services.impacts`."""

from __future__ import annotations

from uuid import uuid4

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import ObjectRef
from governance.actions import DATASET_RECALLED
from governance.models import DatasetRecall
from registry import access
from registry.exceptions import ConflictError
from registry.models import DatasetReference
from registry.validation import ErrorCollector


def may_recall(actor: Actor) -> access.Allowed | access.Denied:
    """Return whether the actor may recall datasets: compliance officers, signed in."""
    return access.check_org_permission(actor, access.OrgPermission.MANAGE_POLICIES)


@transaction.atomic
def recall(*, actor: Actor, dataset: DatasetReference, reason: str) -> DatasetRecall:
    """Record that a dataset must not be relied on any more.

    Args:
        actor: a compliance officer.
        dataset: any reference to the dataset that the actor may see.
        reason: why; recorded in the event.

    Raises:
        PermissionDeniedError: the actor may not recall datasets.
        ValidationFailedError: the reason is empty.
        ConflictError: the dataset is recalled already (`already_recalled`).
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    person = access.require_person(actor)
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    existing = DatasetRecall.objects.filter(identity=dataset.identity).first()
    if existing is not None:
        raise ConflictError(f"{dataset.name} is recalled already.", code="already_recalled")
    uid = uuid4()
    event = recorder.record_event(
        DATASET_RECALLED,
        actor=actor,
        target=ObjectRef("dataset_recall", str(uid)),
        stream="organisation",
        related_objects=[ObjectRef("dataset", dataset.identity)],
        data={"identity": dataset.identity, "name": dataset.name},
        reason=reason,
    )
    made = DatasetRecall(
        uid=uid,
        identity=dataset.identity,
        name=dataset.name,
        reason=reason,
        recalled_by=person,
        recalled_at=event.happened_at,
    )
    made.save(force_insert=True)
    return made
