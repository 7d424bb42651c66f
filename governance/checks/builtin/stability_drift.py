"""`stability.drift`: the scores of the version are distributed as those of a reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from governance.checks import distributions
from governance.checks.base import (
    CHAMPION_EVALUATION_TABLE,
    EVALUATION_TABLE,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    File,
    Finding,
    Parameters,
    RequiredEvidence,
    Sandbox,
    Severity,
)
from governance.checks.builtin.evaluation import TABLE_FORM, unusable
from governance.checks.metrics_ci import Floats
from governance.checks.number_columns import NumberColumn
from governance.checks.repeated_rows import RepeatedRows
from governance.checks.tables import TableFormatError, open_table

REFERENCE_SCORES = "reference.scores"
CURRENT_SCORES = "current.scores"


def _scores(file: File, findings: list[Finding]) -> Floats:
    """Return the scores of a table; repeated rows count once, because they would narrow the noise."""
    table = open_table(file)
    place, identity = table.place("score"), table.place("id")
    if place is None:
        raise TableFormatError(table.missing_columns_message(["score"]))
    column = NumberColumn(f"{file.path}, row ", "score")
    repeated = RepeatedRows(file.path, identity is not None, has_detail=True)
    for line, batch in table.batches():
        column.add([row[place] for row in batch], line)
        repeated.add([row[identity].strip() for row in batch] if identity is not None else (), batch, line)
    scores = column.finish()
    if not len(scores):
        raise TableFormatError(f"{file.path} has no rows below its header.")
    if peculiar := (*table.peculiarities, *column.peculiarities):
        findings.append(
            Finding("table_form", f"{file.path} was read as: {', '.join(peculiar)}.", Severity.INFO, file.path)
        )
    kept = repeated.first_of_each()
    if kept is None:
        return scores
    message = f"{file.path} has {len(scores):,} rows, of which {len(kept):,} are different: each was counted once."
    findings.append(Finding("repeated_rows", message, Severity.WARNING, file.path))
    return np.asarray(scores[kept])


def _scores_fault(file: File) -> str:
    try:
        _scores(file, [])
    except TableFormatError as error:
        return unusable(str(error), file.path).findings[0].message
    return ""


class StabilityDrift(Check):
    """The distribution of the scores of a version does not differ from a reference by more than the limits.

    Measures: `reference` and `current`, each with `file` and `rows`; `histogram` (`edges` between the bins, and the
    shares `reference` and `current` of the rows in each bin; the first and the last bin are open); `psi` with `value`,
    `noise` (what it exceeds by chance), `limit` and `verdict`; `ks` with `value` (D), `p`, `limit` and `verdict`. A
    verdict is holds or fails. To draw: both shares of each bin side by side.
    """

    slug = "stability.drift"
    version = "1.0.0"
    title = "Scores are stable"
    category = "stability"
    description = "The scores of the version are distributed as those of a reference, apart from chance."
    guide = """\
The scores of the version are compared with reference scores, such as the scores of the training data:

- **Population stability index (PSI).** Shares of the scores in `bins` bins, which hold equal shares of the reference.
  The limit is exceeded if the PSI is above `max_psi` **and** above the value that it exceeds by chance with 5 %
  probability: with 200 rows, a PSI of 0.17 is normal without any shift.
- **Kolmogorov-Smirnov D.** The largest difference of the two distribution functions, at most `max_ks_d`. The p-value is
  reported and not judged: with a million rows it is tiny for differences that do not matter.

Both samples need `min_rows` different rows. `current.scores` is compared if it is attached, otherwise the column
`score` of the evaluation table. With `reference: production`, the reference is the evaluation table of the version that
is in the target now.

The check compares the scores, not the inputs of the model, and does not establish that the model performs well on
either sample.

| finding | remedy |
| --- | --- |
| `psi_exceeded`, `ks_exceeded` | Find out what changed: the population, the data, or the model. |
| `few_rows` | Attach more scores. |
| `constant_scores` | All reference scores are equal, so there is no distribution to compare with. |
| `within_noise` | The PSI is above the limit, and may be so by chance. Attach more scores. |
| `table_unusable` | Correct the table; the message names the line, what was found and what to write. |
| `repeated_ids`, `repeated_rows` | Evaluate on different examples; a repeated one is counted once. |
| `table_form` | Information: how the table was read. |
| `no_champion`, `champion_table_missing` | Attach an evaluation table to the version in the target. |
"""
    needs = (
        RequiredEvidence(
            REFERENCE_SCORES,
            required=False,
            form="A table with a column `score`: the scores of the reference, such as the training data. A column `id` "
            "is optional.",
            example="reference_scores.csv",
            find_fault=_scores_fault,
        ),
        RequiredEvidence(
            CURRENT_SCORES,
            required=False,
            form="A table with a column `score`: current scores of the version. A column `id` is optional.",
            example="current_scores.csv",
            find_fault=_scores_fault,
        ),
        RequiredEvidence(
            EVALUATION_TABLE,
            required=False,
            form=TABLE_FORM,
            example="evaluation_table.csv",
            find_fault=_scores_fault,
        ),
        RequiredEvidence(
            CHAMPION_EVALUATION_TABLE,
            required=False,
            form="The evaluation table of the version in the target. It is read from that version, not attached.",
            example="champion_evaluation_table.csv",
        ),
    )
    facts = ("champion",)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=4 << 30, cpu=180, wall=240)

    class Params(Parameters):
        """The limits, and what is compared."""

        max_psi: Annotated[float, Field(strict=True, ge=0, title="Population stability index at most")] = 0.2
        max_ks_d: Annotated[float, Field(strict=True, ge=0, le=1, title="Kolmogorov-Smirnov D at most")] = 0.1
        bins: Annotated[int, Field(strict=True, ge=2, le=100, title="Bins")] = 10
        min_rows: Annotated[int, Field(strict=True, ge=50, le=20_000_000, title="Rows of each sample at least")] = 1000
        reference: Annotated[
            Literal["training", "production"],
            Field(title="Reference: the evidence reference.scores, or the version in the target"),
        ] = "training"

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the stricter limits; None if the sets compare with different references or bins."""
        if (first.reference, first.bins) != (second.reference, second.bins):
            return None
        return first.model_copy(
            update={
                "max_psi": min(first.max_psi, second.max_psi),
                "max_ks_d": min(first.max_ks_d, second.max_ks_d),
                "min_rows": max(first.min_rows, second.min_rows),
            }
        )

    def missing(self, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
        """Return what is missing of the reference and of the current scores."""
        lacking = []
        if params.reference == "training" and REFERENCE_SCORES not in available:
            lacking.append(REFERENCE_SCORES)
        if not {CURRENT_SCORES, EVALUATION_TABLE} & available:
            lacking.append(f"an evaluation table with scores ({EVALUATION_TABLE}) or other scores ({CURRENT_SCORES})")
        return tuple(lacking)

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if both limits hold."""
        reference = ctx.one(REFERENCE_SCORES if params.reference == "training" else CHAMPION_EVALUATION_TABLE)
        current = ctx.one(CURRENT_SCORES) or ctx.one(EVALUATION_TABLE)
        if reference is None or current is None:
            return _lacking(ctx, params, has_reference=reference is not None)
        findings: list[Finding] = []
        try:
            before, after = (_scores(file, findings) for file in (reference, current))
        except TableFormatError as error:
            return unusable(str(error), "")
        measures: dict[str, Any] = {
            "reference": {"file": reference.path, "rows": len(before)},
            "current": {"file": current.path, "rows": len(after)},
        }
        for file, scores in ((reference, before), (current, after)):
            if len(scores) < params.min_rows:
                message = f"{file.path} has {len(scores):,} rows; {params.min_rows:,} are required. Attach more scores."
                return _open("few_rows", message, file.path, findings, measures)
        found = distributions.histogram(before, after, params.bins)
        if not len(found.edges):
            message = f"All scores of {reference.path} are equal, so there is no distribution to compare with."
            return _open("constant_scores", message, reference.path, findings, measures)
        return _judged(before, after, found, params, findings, measures)


def _lacking(ctx: Context, params: Any, *, has_reference: bool) -> CheckOutcome:
    if has_reference or params.reference == "training":
        return unusable("Reference scores or current scores are missing.", "")
    champion = ctx.facts["champion"]
    if champion is None or champion["is_same"]:
        return _open("no_champion", "No other version is in the target, so there is no reference.", "", [], {})
    message = (
        f"Version {champion['number']}, which is in the target, has no evaluation table. Attach one to version "
        f"{champion['number']}."
    )
    return _open("champion_table_missing", message, "", [], {})


def _open(code: str, message: str, where: str, findings: list[Finding], measures: Mapping[str, Any]) -> CheckOutcome:
    finding = Finding(code, message[:2000], Severity.HIGH, where)
    return CheckOutcome(Conclusion.ACTION_REQUIRED, message[:2000], (finding, *findings), measures)


def _judged(
    before: Floats,
    after: Floats,
    found: distributions.Histogram,
    params: Any,
    findings: list[Finding],
    measures: dict[str, Any],
) -> CheckOutcome:
    psi = distributions.population_stability_index(found, len(before), len(after))
    noise = distributions.psi_noise(len(found.reference), len(before), len(after), 0.95)
    distance, chance = distributions.kolmogorov_smirnov(before, after)
    shifted = psi > params.max_psi and psi > noise
    far = distance > params.max_ks_d
    measures |= {
        "histogram": {
            "edges": found.edges.tolist(),
            "reference": found.reference.tolist(),
            "current": found.current.tolist(),
        },
        "psi": {"value": psi, "noise": noise, "limit": params.max_psi, "verdict": "fails" if shifted else "holds"},
        "ks": {"value": distance, "p": chance, "limit": params.max_ks_d, "verdict": "fails" if far else "holds"},
    }
    words = (
        f"PSI {psi:.3f} (limit {params.max_psi:g}, by chance up to {noise:.3f}), KS D {distance:.3f} (limit "
        f"{params.max_ks_d:g})"
    )
    compared = f"{words}, on {len(before):,} reference scores and {len(after):,} current scores."
    if shifted:
        message = (
            f"The PSI is {psi:.3f}; at most {params.max_psi:g} is accepted, and {noise:.3f} is explained by chance."
        )
        findings.append(Finding("psi_exceeded", message))
    elif psi > params.max_psi:
        message = (
            f"The PSI is {psi:.3f}, above the limit {params.max_psi:g}, but up to {noise:.3f} is explained by chance."
        )
        findings.append(Finding("within_noise", f"{message} Attach more scores.", Severity.WARNING))
    if far:
        findings.append(
            Finding(
                "ks_exceeded", f"The Kolmogorov-Smirnov D is {distance:.3f}; at most {params.max_ks_d:g} is accepted."
            )
        )
    conclusion = Conclusion.FAILURE if shifted or far else Conclusion.SUCCESS
    return CheckOutcome(conclusion, compared, tuple(findings), measures)
