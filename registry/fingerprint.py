"""The fingerprint of a version: one digest over everything that decisions depend on.

SHA-256 over the canonical JSON (RFC 8785) of what was fixed at registration and of the latest revisions added since.
The version's number is not included: the same content registered twice has the same fingerprint. A decision signature
names the version as well.
"""

import json
from typing import Any

from audit import canonical
from audit.postgresql import prepared_statements
from registry.models import ModelVersion

SCHEMA_VERSION = "countersign.fingerprint/1"
_EXACT = 2**53 - 1

_RESTS_ON = """
    SELECT m.uid, v.source, v.run_id, v.run_link, v.code_repository, v.code_commit, v.code_clean, v.environment_lock,
           v.parameters::text, v.signature::text, v.licence, t.uid,
           (SELECT c.sha256 FROM registry_modelcard c WHERE c.version_id = v.id ORDER BY c.revision DESC LIMIT 1),
           ARRAY(SELECT p.uid::text FROM registry_modelversion_parents l JOIN registry_modelversion p
                     ON p.id = l.to_modelversion_id
                  WHERE l.from_modelversion_id = v.id),
           (SELECT json_agg(json_build_object('path', a.path, 'sha256', a.sha256, 'size', a.size))
              FROM registry_artifact a WHERE a.version_id = v.id)::text,
           (SELECT json_agg(json_build_object('role', d.role, 'name', d.name, 'reference', d.reference, 'uri', d.uri,
                                              'digest_algorithm', d.digest_algorithm, 'digest', d.digest))
              FROM registry_datasetreference d WHERE d.version_id = v.id)::text,
           (SELECT json_agg(json_build_object('name', x.name, 'dataset', x.dataset, 'slice', x.slice, 'value', x.value))
              FROM (SELECT DISTINCT ON (n.name, n.dataset, n.slice) n.* FROM registry_metric n
                     WHERE n.version_id = v.id ORDER BY n.name, n.dataset, n.slice, n.revision DESC) x)::text,
           (SELECT json_agg(json_build_object('kind', y.kind, 'filename', y.filename, 'sha256', y.blob_id))
              FROM (SELECT DISTINCT ON (e.kind) e.* FROM registry_evidence e
                     WHERE e.version_id = v.id ORDER BY e.kind, e.revision DESC) y)::text
      FROM registry_modelversion v
      JOIN registry_registeredmodel m ON m.id = v.model_id
      LEFT JOIN registry_user t ON t.id = v.trained_by_id
     WHERE v.id = %(version)s"""


def compute(version: ModelVersion) -> str:
    """Return the fingerprint of a version in the current state of the database, in hexadecimal."""
    return canonical.digest(fingerprint_payload(version))


def fingerprint_payload(version: ModelVersion) -> dict[str, Any]:
    """Return the document over which the fingerprint is computed. One query.

    Reads the database, not the instance: jsonb rewrites numbers, and the digest must be the same for every reader.
    """
    (found,) = prepared_statements.execute_prepared(_RESTS_ON, {"version": version.pk})
    model, source, run, link, repository, commit, clean, lock, parameters, signature, licence, trainer, card = found[
        :13
    ]
    parents, files, datasets, metrics, evidence = found[13:]
    return {
        "form": SCHEMA_VERSION,
        "model": str(model),
        "artifacts": _sorted(files),
        "datasets": _sorted(datasets),
        "parents": sorted(parents),
        "source": source,
        "run": {"id": run, "link": link},
        "code": {"repository": repository, "commit": commit, "clean": clean},
        "environment": lock,
        "parameters": canonical_numbers(json.loads(parameters)),
        "signature": canonical_numbers(json.loads(signature)),
        "licence": licence,
        "trained_by": trainer,
        "metrics": _sorted(metrics),
        "card": card,
        "evidence": _sorted(evidence),
    }


def compute_source_only(version: ModelVersion) -> str:
    """Return the fingerprint of a new version that has only text in its own row: no files, data, parents, metrics,
    card, parameters or model signature.

    There is nothing that the database could rewrite, so it is not queried; a test compares this with `compute`.
    """
    return canonical.digest(
        {
            "form": SCHEMA_VERSION,
            "model": str(version.model.uid),
            "source": version.source,
            "run": {"id": version.run_id, "link": version.run_link},
            "code": {
                "repository": version.code_repository,
                "commit": version.code_commit,
                "clean": version.code_clean,
            },
            "environment": version.environment_lock,
            "licence": version.licence,
            "trained_by": version.trained_by.uid if version.trained_by is not None else None,
            "card": None,
            "parameters": {},
            "signature": {},
            "artifacts": [],
            "datasets": [],
            "parents": [],
            "metrics": [],
            "evidence": [],
        }
    )


def _sorted(rows: str | None) -> list[dict[str, Any]]:
    """Return the rows in an order that depends on their content only. A metric that is a whole number is read
    back without a decimal point; RFC 8785 writes both in the same way.
    """
    return sorted(json.loads(rows or "[]"), key=canonical.dumps)


def canonical_numbers(value: Any) -> Any:
    """Convert long integers to floats: jsonb returns a large float as an integer, and validation accepts no such
    integers.
    """
    if isinstance(value, dict):
        return {key: canonical_numbers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [canonical_numbers(member) for member in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return float(value)
    return value
