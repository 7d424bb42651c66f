"""`performance.threshold`: named metrics are within their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from governance.checks.base import (
    EVALUATION_TABLE,
    METRICS,
    Check,
    CheckOutcome,
    Conclusion,
    Context,
    Finding,
    Parameters,
    RequiredEvidence,
    Sandbox,
    Severity,
)
from governance.checks.builtin.evaluation import (
    COMPUTED,
    TABLE_FORM,
    Evaluation,
    canonical_metric,
    remark_findings,
    unusable,
)
from governance.checks.metrics_ci import Estimate, NotComputable
from governance.checks.tables import TableFormatError
from registry.comparison import MetricBound

DISAGREEMENT = 0.005
"""Difference above which a declared value is reported as different from the computed one."""


class Threshold(Parameters):
    """One limit on a metric.

    `bound` "lower" compares the pessimistic end of the confidence interval: the lower end for minimum limits, the upper
    end for maximum limits. If omitted, it is "lower" for values computed from rows, else "point".
    """

    metric: Annotated[str, Field(min_length=1, max_length=250, title="Metric")]
    op: Annotated[Literal[">=", ">", "<=", "<"], Field(title="Relation")] = ">="
    value: Annotated[float, Field(strict=True, title="Limit")]
    bound: Annotated[Literal["point", "lower"] | None, Field(title="Compared")] = None
    dataset: Annotated[str | None, Field(max_length=250, title="Dataset")] = None
    slice: Annotated[str, Field(max_length=250, title="Slice")] = ""

    @property
    def on_value(self) -> MetricBound:
        """The operator and the limit."""
        return MetricBound(self.op, self.value)

    @property
    def words(self) -> str:
        """The limit as text, such as "auc >= 0.84"."""
        return f"{self.metric} {self.op} {self.value:g}"


class PerformanceThreshold(Check):
    """Compares metrics with their limits: computed from the evaluation table if it defines them, else as declared.

    A limit holds, fails, or stays open if the value meets it but the confidence bound does not: more rows are needed,
    and the conclusion is "needs action". Declared values are marked, because they cannot be recomputed here.
    """

    slug = "performance.threshold"
    version = "1.2.0"
    title = "Performance thresholds"
    category = "performance"
    description = "Every named metric is within its limit, computed from the evaluation table where there is one."
    guide = """
A metric is computed from the evaluation table if the table defines it; otherwise the declared value is judged and
marked as declared. With rows, the pessimistic end of the confidence interval is compared (`bound: lower`), so that a
small table does not pass by chance. `bound: point` compares the value itself.

A limit holds, fails, or stays open: the value meets the limit and the confidence bound does not. Then more rows are
needed, and the conclusion is `action_required`. A value that is not finite never holds.

| finding | how to fix it |
| --- | --- |
| `limit_missed` | Improve the model, or let an officer change the limit. |
| `inconclusive` | Evaluate on more rows. |
| `declared_differs` | The declared value disagrees with the rows. Correct it; the rows were judged. |
| `not_computable` | Attach an evaluation table that defines the metric, or declare its value. |
| `repeated_ids`, `repeated_rows` | Evaluate on different examples; a repeated one is counted once. |
| `table_form` | Information: how the table was read. |
| `table_unusable` | The message names the line, what was found and what to write. |
"""
    needs = (
        RequiredEvidence(METRICS, required=False, form="Declared with the version: name, value, data set, slice."),
        RequiredEvidence(EVALUATION_TABLE, required=False, form=TABLE_FORM, example="evaluation_table.csv"),
    )
    facts = ("metrics",)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=4 << 30, cpu=180, wall=240)

    class Params(Parameters):
        """The limits, and how the table is read."""

        thresholds: Annotated[tuple[Threshold, ...], Field(min_length=1, max_length=50, title="Limits")]
        confidence: Annotated[float, Field(strict=True, ge=0.8, lt=1, title="Confidence")] = 0.95
        positive: Annotated[str | None, Field(max_length=250, title="Label that counts as positive")] = None
        decision_threshold: Annotated[float, Field(strict=True, title="Score from which a row counts as positive")] = (
            0.5
        )

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return every limit of both sets with the higher confidence; None if they read tables differently."""
        if (first.positive, first.decision_threshold) != (second.positive, second.decision_threshold):
            return None
        limits = tuple(dict.fromkeys((*first.thresholds, *second.thresholds)))
        return first.model_copy(update={"thresholds": limits, "confidence": max(first.confidence, second.confidence)})

    def missing(self, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
        """Return the limits that neither a declared metric nor rows can decide."""
        lacking = []
        rows = EVALUATION_TABLE in available
        for limit in params.thresholds:
            computable = canonical_metric(limit.metric) in COMPUTED
            declared = bool(_declared(limit, facts)) and limit.bound != "lower"
            if declared or (rows and computable):
                continue
            parts = []
            if limit.bound != "lower":
                parts.append(f"the metric {limit.metric}")
            if computable:
                parts.append(f"an evaluation table ({EVALUATION_TABLE}) to compute {limit.metric} from")
            # If no evidence could supply the limit, the policy is wrong: the check runs and reports that.
            if parts:
                lacking.append(" or ".join(parts))
        return tuple(dict.fromkeys(lacking))

    def judge_again(self, measures: Mapping[str, Any], before: Any, params: Any) -> Conclusion | None:
        """Compare the measured values with other limits on the same metrics, if the table is read in the same way."""
        if any(getattr(before, name) != getattr(params, name) for name in ("confidence", *_READING)):
            return None
        measured = {limit.metric: limit for limit in before.thresholds}
        if len(measured) != len(before.thresholds):
            return None
        verdicts = [_judge_measured(limit, measured.get(limit.metric), measures) for limit in params.thresholds]
        if "fails" in verdicts:
            return Conclusion.FAILURE
        if None in verdicts:
            return None
        return Conclusion.ACTION_REQUIRED if "open" in verdicts else Conclusion.SUCCESS

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if every limit holds."""
        table = ctx.one(EVALUATION_TABLE)
        evaluation: Evaluation | None = None
        findings: list[Finding] = []
        if table is not None:
            try:
                evaluation = Evaluation.read(table, params.positive, params.decision_threshold)
            except TableFormatError as error:
                return unusable(str(error), table.path)
            findings += remark_findings(evaluation, table)
        judged = [j for limit in params.thresholds for j in _judge(limit, ctx, params, evaluation, findings)]
        measures = {"limits": [j.as_json() for j in judged]}
        failed = [j for j in judged if j.verdict == "fails"]
        undecided = [j for j in judged if j.verdict == "open"]
        if failed:
            summary = "; ".join(j.sentence for j in failed[:5]) + "."
            return CheckOutcome(Conclusion.FAILURE, summary[:2000], tuple(findings), measures)
        if undecided:
            summary = "; ".join(j.sentence for j in undecided[:5]) + "."
            return CheckOutcome(Conclusion.ACTION_REQUIRED, summary[:2000], tuple(findings), measures)
        summary = "; ".join(j.sentence for j in judged[:5]) + (" …" if len(judged) > 5 else ".")
        return CheckOutcome(Conclusion.SUCCESS, summary[:2000], tuple(findings), measures)


@dataclass(frozen=True)
class _Judged:
    limit: Threshold
    verdict: Literal["holds", "fails", "open"]
    sentence: str
    source: str = ""
    estimate: Estimate | None = None
    declared: float | None = None
    dataset: str = ""

    def as_json(self) -> dict[str, Any]:
        measured: dict[str, Any] = {"limit": self.limit.words, "verdict": self.verdict, "source": self.source}
        if self.estimate is not None:
            measured |= {
                "value": self.estimate.value,
                "lower": self.estimate.lower,
                "upper": self.estimate.upper,
                "rows": self.estimate.rows,
            }
        elif self.declared is not None:
            measured["value"] = self.declared
        if self.dataset:
            measured["dataset"] = self.dataset
        return measured


_READING = ("positive", "decision_threshold")
"""The parameters by which the table is read."""
_Verdict = Literal["holds", "fails", "open"]


def _judge_measured(limit: Threshold, before: Threshold | None, measures: Mapping[str, Any]) -> _Verdict | None:
    """Compare what an earlier run measured for `before` with another limit; None if it measured something else."""
    if before is None or (limit.dataset, limit.slice) != (before.dataset, before.slice):
        return None
    rows = [row for row in measures.get("limits", ()) if row.get("limit") == before.words]
    verdicts = [_verdict_on(limit, row) for row in rows]
    if "fails" in verdicts:
        return "fails"
    return (None if None in verdicts else "open" if "open" in verdicts else "holds") if verdicts else None


def _verdict_on(limit: Threshold, row: Mapping[str, Any]) -> _Verdict | None:
    computed = row.get("source") == "computed"
    bound = limit.bound or ("lower" if computed else "point")
    pessimistic = row.get("lower" if limit.on_value.is_minimum else "upper")
    value = row.get("value")
    compared = value if bound == "point" else pessimistic
    if value is None or (compared is None and computed):
        return None
    if compared is not None and limit.on_value.holds(compared):
        return "holds"
    return "open" if compared is None or limit.on_value.holds(value) else "fails"


def _judge(
    limit: Threshold, ctx: Context, params: Any, evaluation: Evaluation | None, findings: list[Finding]
) -> list[_Judged]:
    declared = _declared(limit, ctx.facts)
    reason = "no evaluation table was given"
    if evaluation is not None:
        try:
            estimate = evaluation.estimate(limit.metric, params.confidence, ctx.seed)
        except NotComputable as error:
            reason = str(error)
        else:
            findings += _disagreements(limit, estimate, declared)
            return [_from_rows(limit, estimate, params.confidence, findings)]
    if not declared or limit.bound == "lower":
        what = f"{limit.metric} cannot be judged: {reason}"
        findings.append(
            Finding("not_computable", f"{what}. Add an evaluation table that defines it.", where=limit.words)
        )
        return [_Judged(limit, "open", what)]
    return [_from_declared(limit, dataset, value, findings) for dataset, value in declared]


def _from_rows(limit: Threshold, estimate: Estimate, confidence: float, findings: list[Finding]) -> _Judged:
    holds = limit.on_value.holds
    pessimistic = estimate.lower if limit.on_value.is_minimum else estimate.upper
    bound = limit.bound or "lower"
    compared = estimate.value if bound == "point" else pessimistic
    numbers = f"{limit.metric} is {estimate.value:.4f} on {estimate.rows:,} rows"
    if bound == "lower":
        numbers += (
            f", {confidence * 100:g} % {'lower' if limit.on_value.is_minimum else 'upper'} bound {pessimistic:.4f}"
        )
    if holds(compared):
        return _Judged(limit, "holds", f"{numbers}; meets {limit.words}", "computed", estimate)
    if not holds(estimate.value):
        findings.append(Finding("limit_missed", f"{numbers}; {limit.words} is required.", where=limit.words))
        return _Judged(limit, "fails", f"{numbers}; does not meet {limit.words}", "computed", estimate)
    message = f"{numbers}: too few rows to confirm {limit.words}. Evaluate on more."
    findings.append(Finding("inconclusive", message, Severity.WARNING, limit.words))
    return _Judged(limit, "open", f"{numbers}: too few rows to confirm {limit.words}", "computed", estimate)


def _from_declared(limit: Threshold, dataset: str, value: float, findings: list[Finding]) -> _Judged:
    where = f" on {dataset}" if dataset else ""
    numbers = f"{limit.metric} is declared as {value:.4f}{where}"
    if limit.on_value.holds(value):
        return _Judged(limit, "holds", f"{numbers}; meets {limit.words}", "declared", None, value, dataset)
    findings.append(Finding("limit_missed", f"{numbers}; {limit.words} is required.", where=limit.words))
    return _Judged(limit, "fails", f"{numbers}; does not meet {limit.words}", "declared", None, value, dataset)


def _disagreements(limit: Threshold, estimate: Estimate, declared: list[tuple[str, float]]) -> list[Finding]:
    return [
        Finding(
            "declared_differs",
            f"{limit.metric} was declared as {value:.4f}{f' on {dataset}' if dataset else ''}, but the rows give "
            f"{estimate.value:.4f}. The rows were judged.",
            Severity.WARNING,
            limit.words,
        )
        for dataset, value in declared
        if abs(value - estimate.value) > DISAGREEMENT
    ]


def _declared(limit: Threshold, facts: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the declared values a limit applies to, by name, slice and, if named, dataset. Each must satisfy it."""
    wanted = limit.metric.casefold()
    rows = [m for m in facts["metrics"] if m["slice"] == limit.slice and limit.dataset in (None, m["dataset"])]
    exact = [m for m in rows if m["name"] == limit.metric]
    chosen = exact or [
        m
        for m in rows
        if m["name"].casefold() == wanted or canonical_metric(m["name"]) == canonical_metric(limit.metric)
    ]
    return [(m["dataset"], float(m["value"])) for m in chosen]
