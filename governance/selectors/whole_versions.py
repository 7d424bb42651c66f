"""A version with everything that an interface shows of it, limited by visibility, in one prepared query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audit.actor import Actor
from governance.gate.approvals import APPROVALS_OF_VERSION, Approval, read_approvals
from registry.access.visibility_sql import visibility_clause
from registry.models import (
    Artifact,
    DatasetReference,
    Evidence,
    ImportRecord,
    Metric,
    ModelCard,
    ModelVersion,
)
from registry.selectors import contents
from registry.selectors.versions import ALIASES_OF_VERSION, parse_reference, reference_to_number, visible_version

_OF_THIS: Final = "v.id"


@dataclass(frozen=True)
class ResolvedVersion:
    """The version of a reference, with its files and approvals."""

    version: ModelVersion
    approvals: Sequence[Approval]
    """Approvals for its protected stage and aliases."""
    aliases: Sequence[str]
    """Names, in order."""
    files: Sequence[Artifact]
    """By path, each with its blob and its upload."""


@dataclass(frozen=True)
class WholeVersion(ResolvedVersion):
    """A version with everything it consists of."""

    parents: Sequence[tuple[str, int]]
    """Visible recorded parents: name of the model and number, in that order."""
    datasets: Sequence[DatasetReference]
    """By role and name."""
    metrics: Sequence[Metric]
    """The latest revision of each (name, dataset, slice)."""
    card: ModelCard | None
    """Its latest revision."""
    evidence: Sequence[Evidence]
    """The latest revision of each kind, with its blob."""
    imported: ImportRecord | None
    """What another registry stated about it, with the person who imported it."""


_RESOLVED: Final = (APPROVALS_OF_VERSION, ALIASES_OF_VERSION)


def resolved_version(actor: Actor, reference: str) -> ResolvedVersion:
    """Return the registered version to which a reference resolves. One query. Same errors as `selectors.resolve`."""
    columns = [*_RESOLVED, contents.FILES.column(contents.FILES_OF.format(_OF_THIS))]
    version, (approvals, aliases, files) = visible_version(actor, parse_reference(reference), columns)
    return ResolvedVersion(version, read_approvals(approvals), sorted(aliases), contents.FILES.of_column(files))


def whole_version(actor: Actor, slug: str, number: int) -> WholeVersion:
    """Return a version with everything it consists of. One query. Same errors as `registry.selectors.version`."""
    columns = [
        *_RESOLVED,
        contents.FILES.column(contents.FILES_OF.format(_OF_THIS)),
        _parents(actor),
        contents.DATASETS.column(contents.DATASETS_OF.format(_OF_THIS)),
        contents.METRICS.column(contents.METRICS_OF.format(_OF_THIS)),
        contents.CARDS.column(contents.CARD_OF.format(_OF_THIS)),
        contents.EVIDENCE.column(contents.EVIDENCE_OF.format(_OF_THIS)),
        contents.IMPORTS.column(contents.IMPORT_OF.format(_OF_THIS)),
    ]
    version, found = visible_version(actor, reference_to_number(slug, number), columns)
    approvals, aliases, files, parents, datasets, metrics, cards, evidence, imports = found
    return WholeVersion(
        version,
        read_approvals(approvals),
        sorted(aliases),
        contents.FILES.of_column(files),
        parents=[(model, its_number) for model, its_number in json.loads(parents or "[]")],
        datasets=contents.DATASETS.of_column(datasets),
        metrics=contents.METRICS.of_column(metrics),
        card=next(iter(contents.CARDS.of_column(cards)), None),
        evidence=contents.EVIDENCE.of_column(evidence),
        imported=next(iter(contents.IMPORTS.of_column(imports)), None),
    )


def _parents(actor: Actor) -> str:
    """Return a column with the visible recorded parents of `v`. It uses the tables of the surrounding statement."""
    condition = visibility_clause(actor).condition
    return f"""
        (SELECT json_agg(json_build_array(m.slug, w.number) ORDER BY m.slug, w.number)::text
           FROM registry_modelversion_parents p JOIN registry_modelversion w ON w.id = p.to_modelversion_id
           JOIN registry_registeredmodel m ON m.id = w.model_id
          WHERE p.from_modelversion_id = v.id AND w.deleted_at IS NULL AND {condition})"""  # noqa: S608 - text of ours
