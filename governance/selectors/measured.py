"""Metric values that checks computed from evaluation tables, beside the declared values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from governance.models import CheckRun

DIFFERS = "declared_differs"
"""Code of the finding that a declared value differs from the computed one (`performance.threshold`)."""


@dataclass(frozen=True)
class Measured:
    """A value that a check computed. `disagrees`: the declared value differs by more than the check allows."""

    value: float
    disagrees: bool


def measured_by(runs: Iterable[CheckRun]) -> dict[str, Measured]:
    """Return the values computed by completed runs.

    Measures of another form are ignored, because plug-ins may use any form.

    Args:
        runs: check runs; the last one counts where several computed the same limit.

    Returns:
        Values by the text of the limit they were computed for, such as "auc >= 0.84".
    """
    found: dict[str, Measured] = {}
    for run in runs:
        limits = run.measures.get("limits") if isinstance(run.measures, dict) else None
        if run.status != CheckRun.Status.COMPLETED or not isinstance(limits, list):
            continue
        differing = {finding.get("where") for finding in run.findings if finding.get("code") == DIFFERS}
        for row in limits:
            if not isinstance(row, dict) or row.get("source") != "computed":
                continue
            words, value = row.get("limit"), row.get("value")
            if isinstance(words, str) and isinstance(value, int | float) and not isinstance(value, bool):
                found[words] = Measured(float(value), words in differing)
    return found
