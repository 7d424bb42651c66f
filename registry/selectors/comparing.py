"""Versions as input of `registry.comparison`."""

from collections.abc import Sequence
from typing import Any

from registry.comparison import Dataset, File, VersionSnapshot
from registry.models import ModelVersion
from registry.selectors.contents import VersionContents


def comparison_inputs(
    versions: Sequence[ModelVersion], contents: VersionContents | None = None
) -> list[VersionSnapshot]:
    """Return the compared facts of each version, in their order. The versions have their models joined.

    Args:
        versions: the versions.
        contents: their contents, if already read.
    """
    held = contents or VersionContents(*versions)
    return [
        VersionSnapshot(
            model=version.model.slug,
            number=version.number,
            fingerprint=version.fingerprint,
            metrics={(m.name, m.dataset, m.slice): m.value for m in held.metrics(version)},
            parameters=version.parameters,
            signature=version.signature,
            card=card.text if (card := held.card(version)) is not None else "",
            datasets=[
                Dataset(d.role, d.name, d.reference, d.uri, d.digest_algorithm, d.digest, d.strength)
                for d in held.datasets(version)
            ],
            lock=version.environment_lock,
            files={a.path: File(a.sha256, a.size) for a in held.files(version)},
            facts=_facts(version),
        )
        for version in versions
    ]


def _facts(version: ModelVersion) -> dict[str, str]:
    clean: dict[Any, str] = {True: "clean", False: "with local changes", None: ""}
    facts = {
        "repository": version.code_repository,
        "commit": version.code_commit,
        "working copy": clean[version.code_clean],
        "training run": version.run_id,
        "source": version.source,
        "licence": version.licence,
    }
    return {name: value for name, value in facts.items() if value}
