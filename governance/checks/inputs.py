"""The inputs of a check run, and the digest over all of them.

The digest is the SHA-256 of canonical JSON {api, slug, version, validated parameters, digests of the files the check
reads, facts it reads}. The same digest means the same outcome; a run on another digest is stale. A check receives
nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from audit import canonical, clock
from governance.checks.base import (
    ARTIFACT_FILES,
    CHAMPION,
    ENVIRONMENT_LOCK,
    EVALUATION_TABLE,
    METRICS,
    MODEL_CARD,
    Check,
    missing_evidence,
)
from governance.checks.sources import Source
from governance.models import AdvisoryMirror, DocumentSignOff, PromotionRequest
from registry import selectors
from registry.models import DatasetReference, ModelVersion
from registry.selectors import VersionContents


@dataclass(frozen=True)
class Inputs:
    """Everything one check receives for one request, and what is missing."""

    sources: tuple[Source, ...]
    facts: Mapping[str, Any]
    missing: tuple[str, ...]
    digest: str

    @property
    def size(self) -> int:
        """Bytes of the files that the check reads."""
        return sum(source.size for source in self.sources)


class InputResolver:
    """Reads the evidence of a request's version, each kind once and only if a check needs it.

    `contents` may be shared with other readers of the same version.
    """

    def __init__(self, request: PromotionRequest, contents: VersionContents | None = None) -> None:
        self._request = request
        self._version: ModelVersion = request.version
        self._contents = contents or VersionContents(request.version)

    def inputs(self, check: Check, params: Any) -> Inputs:
        """Return the inputs of `check` with validated `params`.

        Raises:
            CheckContractError: `Check.missing` failed.
        """
        kinds = [e.kind for e in check.needs]
        sources = tuple(s for kind in kinds for s in self._sources(kind))
        facts = {name: FACTS[name](self) for name in sorted(check.facts)}
        available = {s.kind for s in sources}
        if METRICS in kinds and self.metrics:
            available.add(METRICS)
        return Inputs(
            sources=sources,
            facts=facts,
            missing=missing_evidence(check, frozenset(available), facts, params),
            digest=canonical.digest(
                {
                    "api": check.api,
                    "slug": check.slug,
                    "version": check.version,
                    "params": params.model_dump(mode="json"),
                    "files": [s.as_json() for s in sources],
                    "facts": facts,
                }
            ),
        )

    def _sources(self, kind: str) -> tuple[Source, ...]:
        if kind == ARTIFACT_FILES:
            return self._artifacts
        if kind == MODEL_CARD:
            return self._card
        if kind == METRICS:
            return ()
        if kind.startswith(CHAMPION):
            return self._champion_evidence.get(kind, ())
        if kind == ENVIRONMENT_LOCK and kind not in self._evidence:
            return self._lock
        return self._evidence.get(kind, ())

    @cached_property
    def _artifacts(self) -> tuple[Source, ...]:
        rows = self._contents.files(self._version)
        return tuple(Source(ARTIFACT_FILES, a.path, a.sha256, a.size, stored=a.blob_id is not None) for a in rows)

    @cached_property
    def _card(self) -> tuple[Source, ...]:
        card = self._contents.card(self._version)
        if card is None:
            return ()
        raw = card.text.encode()
        return (Source(MODEL_CARD, "MODEL_CARD.md", hashlib.sha256(raw).hexdigest(), len(raw), text=card.text),)

    @property
    def _lock(self) -> tuple[Source, ...]:
        """The environment lock that was given at registration."""
        text = self._version.environment_lock
        if not text.strip():
            return ()
        raw = text.encode()
        digest = hashlib.sha256(raw).hexdigest()
        return (Source(ENVIRONMENT_LOCK, "environment lock of the registration", digest, len(raw), text=text),)

    @cached_property
    def _evidence(self) -> dict[str, tuple[Source, ...]]:
        """The latest revision of each kind."""
        rows = self._contents.evidence(self._version)
        return {e.kind: (Source(e.kind, e.filename, e.blob.sha256, e.blob.size),) for e in rows}

    @cached_property
    def _champion(self) -> ModelVersion | None:
        """The version in the target now; the version of the request only if no other is in the target."""
        version, stage = self._version, self._request.target_stage
        if stage is None:
            return selectors.version_at_alias(version.model_id, self._request.target_alias)
        other = selectors.version_in_stage(version.model_id, stage.pk, other_than=version.pk)
        return other or (version if version.stage_id == stage.pk else None)

    @cached_property
    def _champion_contents(self) -> VersionContents:
        return VersionContents(*filter(None, (self._champion,)))

    @cached_property
    def _champion_evidence(self) -> dict[str, tuple[Source, ...]]:
        champion = self._champion
        if champion is None or champion.pk == self._version.pk:
            return {}
        found: dict[str, tuple[Source, ...]] = {}
        for e in self._champion_contents.evidence(champion):
            kind, path = CHAMPION + e.kind, f"version {champion.number}: {e.filename}"
            found[kind] = (Source(kind, path, e.blob.sha256, e.blob.size),)
        return found

    @property
    def champion(self) -> dict[str, Any] | None:
        """The version in the target now, with its datasets; None if there is none."""
        champion = self._champion
        if champion is None:
            return None
        return {
            "number": champion.number,
            "uid": str(champion.uid),
            "is_same": champion.pk == self._version.pk,
            "datasets": _datasets(self._champion_contents.datasets(champion)),
        }

    @property
    def datasets(self) -> list[dict[str, str]]:
        """The declared datasets."""
        return _datasets(self._contents.datasets(self._version))

    @property
    def evaluation(self) -> dict[str, str | None]:
        """When the bytes of the evaluation table were first attached to a version of the model: attaching an old
        table again does not make it newer.
        """
        table = next(iter(self._evidence.get(EVALUATION_TABLE, ())), None)
        first = selectors.first_attached(self._version.model_id, EVALUATION_TABLE, table.sha256) if table else None
        return {"registered_at": first.isoformat() if first is not None else None}

    @cached_property
    def metrics(self) -> list[dict[str, Any]]:
        """The latest revision of each declared metric."""
        rows = self._contents.metrics(self._version)
        return [{"name": m.name, "value": m.value, "dataset": m.dataset, "slice": m.slice} for m in rows]

    @cached_property
    def verification_keys(self) -> list[dict[str, Any]]:
        """The public keys that count for the version's model now."""
        return selectors.keys_in_force(self._version.model, clock.now())

    @property
    def sign_offs(self) -> list[dict[str, Any]]:
        """The signatures under parts of the regulatory document of the version, the newest last."""
        return [
            {
                "name": row.signed_name,
                "roles": list(row.roles),
                "signed_on": row.signed_at.date().isoformat(),
                "parts": dict(row.parts),
            }
            for row in DocumentSignOff.objects.filter(version=self._version)
        ]

    @property
    def target(self) -> dict[str, str | None]:
        """The target of the promotion: a stage's slug, or an alias."""
        stage = self._request.target_stage
        return {
            "stage": stage.slug if stage is not None else None,
            "alias": self._request.target_alias or None,
        }

    @cached_property
    def advisories(self) -> dict[str, Any]:
        """The imported advisories, without the advisories themselves: see `advisory_facts`."""
        mirror = AdvisoryMirror.objects.filter(replaced_at__isnull=True).first()
        if mirror is None:
            return {"mirror": None, "packages": {}}
        named = {"sha256": mirror.sha256, "modified": mirror.modified.isoformat(), "records": mirror.records}
        return {"mirror": named, "packages": {}}

    @property
    def code(self) -> dict[str, Any]:
        """The declared code."""
        version = self._version
        dirty = None if version.code_clean is None else not version.code_clean
        return {"repository": version.code_repository, "commit": version.code_commit, "dirty": dirty}

    @property
    def licence(self) -> str:
        """The licence that was given at registration; empty if none was."""
        return self._version.licence


def _datasets(rows: Iterable[DatasetReference]) -> list[dict[str, str]]:
    return [
        {
            "role": d.role,
            "name": d.name,
            "version": d.reference,
            "uri": d.uri,
            "algorithm": d.digest_algorithm,
            "digest": d.digest,
            "strength": d.strength,
        }
        for d in rows
    ]


FACTS: Mapping[str, Callable[[InputResolver], Any]] = {
    "advisories": lambda shelf: shelf.advisories,
    "champion": lambda shelf: shelf.champion,
    "code": lambda shelf: shelf.code,
    "datasets": lambda shelf: shelf.datasets,
    "evaluation": lambda shelf: shelf.evaluation,
    "licence": lambda shelf: shelf.licence,
    "metrics": lambda shelf: shelf.metrics,
    "sign_offs": lambda shelf: shelf.sign_offs,
    "target": lambda shelf: shelf.target,
    "verification_keys": lambda shelf: shelf.verification_keys,
}
"""How each of `base.FACT_NAMES` is read."""


def seed(inputs_digest: str) -> int:
    """Return the random seed of a run, derived from its inputs, so that a repeated run gives the same outcome."""
    return int(inputs_digest[:16], 16)
