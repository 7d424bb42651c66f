"""The fingerprint of a version: one digest over everything a decision rests on.

SHA-256 over the canonical JSON (RFC 8785) of what was fixed at registration and of the latest revisions added since.
The version's number is left out: the same content registered twice has the same fingerprint, which is how a second
registration is recognised. What a decision signs names the version beside it.
"""

from typing import Any

from audit import canonical
from registry.models import Artifact, DatasetReference, Evidence, Metric, ModelCard, ModelVersion

FORM = "countersign.fingerprint/1"
_EXACT = 2**53 - 1


def compute(version: ModelVersion) -> str:
    """The fingerprint of a version as the database holds it now, in hexadecimal."""
    return canonical.digest(content(version))


def content(version: ModelVersion) -> dict[str, Any]:
    """What the fingerprint is over. Read from the database, never from the instance: jsonb rewrites numbers, and the
    digest has to come out the same for every reader."""
    row = ModelVersion.objects.select_related("model", "trained_by").get(pk=version.pk)
    card = ModelCard.objects.filter(version=row).order_by("-revision").values_list("sha256", flat=True).first()
    return {
        "form": FORM,
        "model": str(row.model.uid),
        "artifacts": _sorted(Artifact.objects.filter(version=row).values("path", "sha256", "size")),
        "datasets": _sorted(
            DatasetReference.objects.filter(version=row).values(
                "role", "name", "reference", "uri", "digest_algorithm", "digest"
            )
        ),
        "parents": sorted(str(uid) for uid in row.parents.values_list("uid", flat=True)),
        "source": row.source,
        "run": {"id": row.run_id, "link": row.run_link},
        "code": {"repository": row.code_repository, "commit": row.code_commit, "clean": row.code_clean},
        "environment": row.environment_lock,
        "parameters": _numbers(row.parameters),
        "signature": _numbers(row.signature),
        "licence": row.licence,
        "trained_by": row.trained_by.uid if row.trained_by is not None else None,
        "metrics": _sorted(
            {"name": m.name, "dataset": m.dataset, "slice": m.slice, "value": m.value} for m in latest_metrics(row)
        ),
        "card": card,
        "evidence": _sorted(
            {"kind": e.kind, "filename": e.filename, "sha256": e.blob_id} for e in latest_evidence(row)
        ),
    }


def latest_metrics(version: ModelVersion) -> list[Metric]:
    """The latest revision of each (name, dataset, slice)."""
    rows = Metric.objects.filter(version=version).order_by("name", "dataset", "slice", "-revision")
    return list(rows.distinct("name", "dataset", "slice"))


def latest_evidence(version: ModelVersion) -> list[Evidence]:
    """The latest revision of each kind."""
    rows = Evidence.objects.filter(version=version).order_by("kind", "-revision")
    return list(rows.distinct("kind").select_related("blob"))


def _sorted(rows: Any) -> list[dict[str, Any]]:
    """In an order that depends on what they say alone, not on a collation or on when they were written."""
    return sorted((dict(row) for row in rows), key=canonical.dumps)


def _numbers(value: Any) -> Any:
    """jsonb gives a large float back as a long integer; the rules let no such integer in, so it is a float again."""
    if isinstance(value, dict):
        return {key: _numbers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_numbers(member) for member in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return float(value)
    return value
