"""Serialize models and versions in MLflow's format. A version has one form everywhere: clients compare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from governance.gate.approvals import foremost
from governance.selectors.compact_rows import CompactVersion, GateStatus, ModelRow
from registry.validation import RESERVED_TAGS

NO_STAGE = "None"
"""MLflow's name of the initial stage."""

APPROVED_FINGERPRINT = f"{RESERVED_TAGS}approved_fingerprint"
"""Tag with the fingerprint that was approved for the placement a version holds."""
LATER_ADDITIONS = f"{RESERVED_TAGS}later_additions"
"""Tag of a version with additions since it was put in a placement it holds."""

_RUN_STATES = {
    "open": "APPROVAL",
    "ready": "APPROVAL",
    "blocked": "FAILED",
    "rejected": "FAILED",
    "promoted": "SUCCEEDED",
}
"""Request state as the state of an MLflow deployment job. Withdrawn, expired and superseded requests are not shown."""


def serialize_version(row: CompactVersion, *, reference: str = "", additions: str = "") -> dict[str, Any]:
    """Serialize a ModelVersion.

    The actor is in `user_id` and the state of the gate in `deployment_job_state`. The approval is in tags that begin
    with `countersign.`, which clients cannot set.

    Args:
        row: the version.
        reference: the requested placement: an alias name after @; empty for a number.
        additions: text that lists the additions since the approval; if empty, the tag refers to the version's page.

    Returns:
        The JSON members of a ModelVersion.
    """
    shown: dict[str, Any] = {
        "name": row.name,
        "version": str(row.number),
        "creation_timestamp": row.created,
        "last_updated_timestamp": row.updated,
        "user_id": row.by,
        "current_stage": row.stage or NO_STAGE,
        "description": row.description,
        "source": row.source,
        "run_id": row.run_id,
        "run_link": row.run_link,
        "status": "READY" if row.registered else "PENDING_REGISTRATION",
    }
    if not row.registered:
        shown["status_message"] = "Its files are still being uploaded."
    if tags := _with_approval(row, reference, additions):
        shown["tags"] = _tags(tags)
    if row.aliases:
        shown["aliases"] = list(row.aliases)
    if row.gate is not None and row.gate.state in _RUN_STATES:
        shown["deployment_job_state"] = _gate(row.gate)
    return shown


def serialize_model(row: ModelRow) -> dict[str, Any]:
    """Serialize a RegisteredModel."""
    shown: dict[str, Any] = {
        "name": row.name,
        "creation_timestamp": row.created,
        "last_updated_timestamp": row.updated,
        "user_id": row.owner,
        "description": row.description,
    }
    if row.latest:
        shown["latest_versions"] = [serialize_version(latest) for latest in row.latest]
    if row.tags:
        shown["tags"] = _tags(row.tags)
    if row.aliases:
        shown["aliases"] = [{"alias": alias, "version": str(number)} for alias, number in row.aliases]
    return shown


def request_url(number: int) -> str:
    """The URL of a promotion request's page."""
    return f"{settings.PUBLIC_URL}/promotions/{number}/"


def model_page(slug: str) -> str:
    """The URL of a model's page."""
    return f"{settings.PUBLIC_URL}/models/{slug}/"


def _with_approval(row: CompactVersion, reference: str, additions: str) -> dict[str, str]:
    tags = {key: value for key, value in row.tags.items() if not key.casefold().startswith(RESERVED_TAGS)}
    approval = foremost(row.approvals, reference)
    if approval is None:
        return tags
    if approval.fingerprint is not None:
        tags[APPROVED_FINGERPRINT] = approval.fingerprint
    if any(place.deviates for place in row.approvals):
        tags[LATER_ADDITIONS] = additions or f"see {model_page(row.slug)}versions/{row.number}/"
    return tags


def _gate(gate: GateStatus) -> dict[str, str]:
    waits = {
        "open": "waits for people" if gate.under_review else "waits for checks",
        "ready": "waits for execution",
        "blocked": "blocked",
        "rejected": "rejected",
        "promoted": "promoted",
    }[gate.state]
    return {
        "job_id": "countersign",
        "run_id": str(gate.number),
        "job_state": "CONNECTED",
        "run_state": _RUN_STATES[gate.state],
        "current_task_name": f"{gate.target}: {waits}, {request_url(gate.number)}",
    }


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]
