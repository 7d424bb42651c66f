"""Versions as `registry.comparison` takes them."""

from collections.abc import Sequence
from typing import Any

from registry.comparison import Dataset, File, VersionSnapshot
from registry.models import ModelVersion
from registry.selectors.contents import VersionContents


def comparison_inputs(
    versions: Sequence[ModelVersion], contents: VersionContents | None = None
) -> list[VersionSnapshot]:
    """What each of these versions is compared in, in their order. The versions come with their models joined.

    Args:
        contents: what they consist of, where that was read already.
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
