"""What loading the files of a version does, from a run of `artifact.scan`, for pages.

The measures of a run are what a sandbox returned, so their form is validated here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from governance.checks.scan.report import Verdict
from governance.models import CheckRun

SCAN = "artifact.scan"
_VERBS = {"imports": "imports", "executes": "executes", "reads": "reads outside the version"}


@dataclass(frozen=True)
class LoadingEffect:
    """One effect of loading. `verb` is imports, executes, or reads outside the version."""

    verb: str
    subject: str
    where: str
    allowed: bool


@dataclass(frozen=True)
class LoadingEffects:
    """The effects that a run found.

    Attributes:
        run: the run.
        verdict: safe, unsafe, unreadable or unsupported; empty if the run has no result.
        effects: those the result lists, what is not allowed first.
        total: the number of all effects.
        refused: files that are not safe, each with its verdict; at most those the result lists.
    """

    run: CheckRun
    verdict: str
    effects: tuple[LoadingEffect, ...]
    total: int
    refused: tuple[tuple[str, str], ...]

    @property
    def left_out(self) -> int:
        """The number of effects that the result does not list."""
        return max(0, self.total - len(self.effects))


def loading_effects(runs: Iterable[CheckRun | None]) -> LoadingEffects | None:
    """Return what the run of `artifact.scan` among these runs found.

    Args:
        runs: the latest run of each check, with measures.

    Returns:
        The effects; None if the check has no run among them.
    """
    run = next((run for run in runs if run is not None and run.check_slug == SCAN), None)
    if run is None:
        return None
    measures: dict[str, Any] = run.measures if isinstance(run.measures, dict) else {}
    listed = measures.get("effects")
    effects = tuple(_effect(each) for each in (listed if isinstance(listed, list) else []) if isinstance(each, dict))
    total = measures.get("effects_total")
    files = measures.get("files")
    verdicts = {
        str(path): str(file.get("verdict", ""))
        for path, file in (files.items() if isinstance(files, dict) else [])
        if isinstance(file, dict)
    }
    return LoadingEffects(
        run=run,
        verdict=next((str(verdict) for verdict in Verdict if measures.get("verdict") == verdict), ""),
        effects=effects,
        total=total if isinstance(total, int) else len(effects),
        refused=tuple((path, verdict) for path, verdict in verdicts.items() if verdict != "safe"),
    )


def _effect(row: dict[str, Any]) -> LoadingEffect:
    return LoadingEffect(
        verb=_VERBS.get(str(row.get("kind")), str(row.get("kind"))),
        subject=str(row.get("subject", "")),
        where=str(row.get("where", "")),
        allowed=row.get("allowed") is True,
    )
