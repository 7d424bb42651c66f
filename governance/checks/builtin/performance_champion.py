"""`performance.champion`: the version is not worse than the one in the target now, by more than a tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from governance.checks import paired
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
from governance.checks.builtin.evaluation import (
    COMPUTED,
    TABLE_FORM,
    Evaluation,
    canonical_metric,
    canonical_name,
    remark_findings,
)
from governance.checks.declared_datasets import of_role, relation
from governance.checks.metrics_ci import Floats, NotComputable
from governance.checks.paired import Difference
from governance.checks.tables import TableFormatError

METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "auc": ("delong",),
    "accuracy": ("score", "mean", "bootstrap"),
    "recall": ("score", "bootstrap"),
    "precision": ("bootstrap",),
    "f1": ("bootstrap",),
    "log_loss": ("mean",),
    "brier": ("mean",),
    "mae": ("mean",),
    "rmse": ("mean",),
}
"""The methods of each metric; `auto` is the first."""
LESS_IS_BETTER: Final = frozenset({"log_loss", "brier", "mae", "rmse"})


class PerformanceChampion(Check):
    """Shows that a version is not worse than the champion by more than a tolerance, on the same examples.

    Measures: `metric`, `method`, `less_is_better`, `confidence`, `tolerance`, `rows`, `value` of the version,
    `champion` (number of the version in the target, and its value), `gain` (value, lower, upper: how much better the
    version is than the champion; for a metric of which less is better, the reduction), and `verdict` (holds, fails or
    open). To draw: the interval of `gain` beside 0 and -`tolerance`.
    """

    slug = "performance.champion"
    version = "1.0.0"
    title = "Not worse than the champion"
    category = "performance"
    description = (
        "The version is not worse than the version in the target now, beyond a tolerance, on the same examples."
    )
    guide = """\
The champion is the version that is in the target of the promotion now. The check compares both on the same examples and
computes the gain of the new version with its one-sided confidence bounds:

| bounds of the gain | conclusion |
| --- | --- |
| lower bound ≥ −`tolerance` | success: with the given confidence, the version is not worse by more than the tolerance |
| upper bound < −`tolerance` | failure: with the given confidence, the version is worse by more than the tolerance |
| otherwise | action required: there are too few examples to decide |

"No significant difference" is not a success: with few examples, a much worse model shows none.

Both evaluation tables need a column `id` with the same ids, the same labels and no repeated id, and both versions
declare the same evaluation dataset by its digest. Otherwise the conclusion is *action required*. A new champion is a
new input: the check runs again.

| metric | method |
| --- | --- |
| `auc` | paired DeLong |
| `accuracy`, `recall` | Tango's score bounds of paired shares |
| `log_loss`, `brier`, `mae`, `rmse` | mean and standard error of the paired differences; less is better |
| `precision`, `f1` | paired bootstrap within each class, 2,000 resamples; the seed follows from the inputs |

It does not establish that the champion is good, or that the examples represent the population on which the model is
used.

| finding | remedy |
| --- | --- |
| `inconclusive` | Evaluate both versions on more examples. |
| `worse` | Improve the version. |
| `no_champion` | The policy decides with `on_no_champion` whether a first version passes. |
| `champion_table_missing` | Attach `evaluation.table` to the version in the target, evaluated on the same examples. |
| `table_missing`, `table_unusable` | Attach an evaluation table; the message names the line and what to write. |
| `not_computable` | Compare a metric for which the tables have the columns, or add the columns. |
| `repeated_ids`, `repeated_rows` | Evaluate on different examples; a repeated one is counted once. |
| `table_form` | Information: how the table was read. |
| `same_table` | Both versions have the same table: attach the predictions of each. |
| `ids_missing`, `ids_repeated`, `ids_differ`, `labels_differ` | Evaluate both on the same examples, with ids. |
| `dataset_not_declared`, `dataset_differs` | Declare the evaluation dataset of both versions with one digest. |
"""
    needs = (
        RequiredEvidence(
            EVALUATION_TABLE,
            form=TABLE_FORM + "\nThe column `id` is required, and every id occurs once.\n",
            example="evaluation_table.csv",
        ),
        RequiredEvidence(
            CHAMPION_EVALUATION_TABLE,
            required=False,
            form="The evaluation table of the version in the target. It is read from that version, not attached.",
            example="champion_evaluation_table.csv",
        ),
    )
    facts = ("champion", "datasets")
    sandbox: ClassVar[Sandbox] = Sandbox(memory=4 << 30, cpu=180, wall=240)

    class Params(Parameters):
        """What is compared, and how much worse is accepted."""

        metric: Annotated[str, Field(min_length=1, max_length=250, title="Metric")]
        tolerance: Annotated[float, Field(strict=True, ge=0, title="Accepted loss of the metric")] = 0.01
        confidence: Annotated[float, Field(strict=True, ge=0.8, lt=1, title="Confidence")] = 0.95
        on_no_champion: Annotated[
            Literal["success", "action_required"], Field(title="Conclusion if no version is in the target")
        ] = "action_required"
        method: Annotated[Literal["auto", "delong", "score", "mean", "bootstrap"], Field(title="Method")] = "auto"
        positive: Annotated[str | None, Field(max_length=250, title="Label that counts as positive")] = None
        decision_threshold: Annotated[float, Field(strict=True, title="Score from which a row counts as positive")] = (
            0.5
        )

        @field_validator("metric")
        @classmethod
        def _is_computed(cls, metric: str) -> str:
            if canonical_metric(metric) not in COMPUTED:
                raise ValueError(f"{metric} is not computed from rows: name one of {', '.join(sorted(COMPUTED))}")
            return canonical_metric(metric)

        @model_validator(mode="after")
        def _has_method(self) -> PerformanceChampion.Params:
            if self.method not in ("auto", *METHODS[self.metric]):
                raise ValueError(
                    f"{self.metric} is not compared by {self.method}: name auto or {' or '.join(METHODS[self.metric])}"
                )
            return self

        @property
        def chosen_method(self) -> str:
            """The method that is used."""
            return METHODS[self.metric][0] if self.method == "auto" else self.method

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return the smaller tolerance and the higher confidence; None if the sets compare different things."""
        if any(
            getattr(first, name) != getattr(second, name)
            for name in ("metric", "chosen_method", "positive", "decision_threshold")
        ):
            return None
        outcomes = {first.on_no_champion, second.on_no_champion}
        return first.model_copy(
            update={
                "tolerance": min(first.tolerance, second.tolerance),
                "confidence": max(first.confidence, second.confidence),
                "on_no_champion": "action_required" if "action_required" in outcomes else "success",
                "method": first.chosen_method,
            }
        )

    def missing(self, available: frozenset[str], facts: Mapping[str, Any], params: Any) -> tuple[str, ...]:
        """Return the evaluation table if there is a champion to compare with and no table."""
        champion = facts["champion"]
        if champion is None or champion["is_same"]:
            return ()
        return super().missing(available, facts, params)

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if the lower bound of the gain is not below the tolerance."""
        champion = ctx.facts["champion"]
        if champion is None:
            message = "No version is in the target, so there is nothing to compare with."
            accepted = params.on_no_champion == "success"
            finding = Finding("no_champion", message, Severity.INFO if accepted else Severity.WARNING)
            conclusion = Conclusion.SUCCESS if accepted else Conclusion.ACTION_REQUIRED
            return CheckOutcome(conclusion, message, (finding,), {"champion": None})
        if champion["is_same"]:
            message = "The version is in the target itself, so there is no other version to compare with."
            return CheckOutcome(Conclusion.NEUTRAL, message, (), {"champion": None})
        findings: list[Finding] = []
        try:
            difference = _compare(ctx, params, findings)
        except _NotComparableError as reason:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, str(reason), (reason.finding, *findings))
        return _judged(difference, params, champion["number"], findings)


class _NotComparableError(Exception):
    """The comparison cannot be made until a person adds something."""

    def __init__(self, code: str, message: str, where: str = "") -> None:
        super().__init__(message[:2000])
        self.finding = Finding(code, message[:2000], Severity.HIGH, where)


def _compare(ctx: Context, params: Any, findings: list[Finding]) -> Difference:
    number = ctx.facts["champion"]["number"]
    table, other_table = ctx.one(EVALUATION_TABLE), ctx.one(CHAMPION_EVALUATION_TABLE)
    if table is None:
        raise _NotComparableError("table_missing", "The version has no evaluation table. Attach one.")
    if other_table is None:
        raise _NotComparableError(
            "champion_table_missing",
            f"Version {number}, which is in the target, has no evaluation table. Evaluate it on the same examples and "
            f"attach the table to version {number}.",
        )
    _require_one_dataset(ctx, number)
    first, second = (_read(file, params) for file in (table, other_table))
    findings += remark_findings(first, table)
    order = _paired(first, second, table, other_table)
    if table.sha256 == other_table.sha256:
        message = f"The evaluation table is that of version {number}, byte for byte: both versions predict the same."
        findings.append(Finding("same_table", message, Severity.WARNING, table.path))
    try:
        return _difference(first, second, order, params, ctx.seed)
    except NotComputable as error:
        raise _NotComparableError("not_computable", f"{params.metric} cannot be compared: {error}.") from None


def _read(file: File, params: Any) -> Evaluation:
    try:
        return Evaluation.read(file, params.positive, params.decision_threshold, keep_ids=True)
    except TableFormatError as error:
        raise _NotComparableError("table_unusable", f"{error} Attach a corrected table.", file.path) from None


def _require_one_dataset(ctx: Context, number: int) -> None:
    """Require that both versions declare one evaluation dataset, by a digest of strength strong or medium."""
    ours = of_role(ctx, "evaluation")
    theirs = [reference for reference in ctx.facts["champion"]["datasets"] if reference["role"] == "evaluation"]
    for whose, declared in (("this version", ours), (f"version {number}", theirs)):
        if not any(reference["strength"] != "weak" for reference in declared):
            raise _NotComparableError(
                "dataset_not_declared",
                f"No evaluation dataset with a digest is declared for {whose}, so it is unknown whether both versions "
                "were evaluated on the same data. Register the version with its evaluation dataset and the SHA-256.",
            )
    same = any(
        relation(one, other) == "same" and "weak" not in (one["strength"], other["strength"])
        for one in ours
        for other in theirs
    )
    if not same:
        raise _NotComparableError(
            "dataset_differs",
            f"The version was evaluated on {ours[0]['name']}, and version {number} on {theirs[0]['name']}, with "
            "another digest. Evaluate both on one dataset.",
        )


def _paired(first: Evaluation, second: Evaluation, table: File, other_table: File) -> np.ndarray:
    """Return for each row of the first table the row of the second with the same id."""
    places: list[dict[str, int]] = []
    for evaluation, file in ((first, table), (second, other_table)):
        if evaluation.ids is None:
            raise _NotComparableError(
                "ids_missing", f"{file.path} has no column id. Add the ids of the examples.", file.path
            )
        by_id = {canonical_name(name): row for row, name in enumerate(evaluation.ids)}
        if len(by_id) != evaluation.rows_read:
            raise _NotComparableError(
                "ids_repeated",
                f"{file.path} has {evaluation.rows_read:,} rows with {len(by_id):,} ids. Keep one row of each example.",
                file.path,
            )
        places.append(by_id)
    ours, theirs = places
    if ours.keys() != theirs.keys():
        raise _NotComparableError(
            "ids_differ",
            f"{len(ours.keys() & theirs.keys()):,} ids are in both tables, {len(ours.keys() - theirs.keys()):,} only "
            f"in {table.path} and {len(theirs.keys() - ours.keys()):,} only in {other_table.path}. Evaluate both "
            "versions on the same examples.",
            table.path,
        )
    order = np.fromiter((theirs[name] for name in ours), dtype=np.int64, count=len(ours))
    codes = {name: code for code, name in enumerate(first.classes)}
    same_code = np.array([codes.get(name, -1) for name in second.classes], dtype=np.int64)
    differing = int((first.labels != same_code[second.labels[order]]).sum())
    if differing:
        raise _NotComparableError(
            "labels_differ",
            f"{differing:,} of {len(ours):,} examples have another label in {other_table.path}. Evaluate both versions "
            "with the same labels.",
            table.path,
        )
    return order


def _difference(first: Evaluation, second: Evaluation, order: np.ndarray, params: Any, seed: int) -> Difference:
    metric, method, confidence = params.metric, params.chosen_method, params.confidence
    if metric == "auc":
        return paired.auc(first.actual(), first.raw_scores(), second.raw_scores()[order], confidence)
    if metric in LESS_IS_BETTER:
        compute = paired.root_mean if metric == "rmse" else paired.mean
        return compute(first.losses(metric), second.losses(metric)[order], confidence).reversed()
    if metric == "accuracy" and method != "bootstrap":
        ours, theirs = first.hits(), second.hits()[order]
        if method == "mean":
            return paired.mean(ours.astype(np.float64), theirs.astype(np.float64), confidence)
        return paired.share(ours, theirs, confidence)
    actual = first.actual()
    ours, theirs = first.predicted_positive(), second.predicted_positive()[order]
    if method == "score":
        return paired.share(ours[actual], theirs[actual], confidence)
    rows = len(actual)

    def of_counts(hits: Floats, alarms: Floats, misses: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            match metric:
                case "precision":
                    return np.asarray(hits / (hits + alarms))
                case "recall":
                    return np.asarray(hits / (hits + misses))
                case "f1":
                    return np.asarray(2 * hits / (2 * hits + alarms + misses))
            return np.asarray(1 - (alarms + misses) / rows)

    return paired.of_confusion(of_counts, actual, ours, theirs, confidence, seed)


def _judged(difference: Difference, params: Any, number: int, findings: list[Finding]) -> CheckOutcome:
    less = params.metric in LESS_IS_BETTER
    value, other = (abs(each) if less else each for each in (difference.first, difference.second))
    holds = difference.lower >= -params.tolerance
    fails = difference.upper < -params.tolerance
    level, required = f"{params.confidence * 100:g} %", f"{0 - params.tolerance:+g}"
    compared = (
        f"{params.metric} is {value:.4f}, and {other:.4f} for version {number} in the target, on "
        f"{difference.rows:,} examples"
    )
    if holds:
        interval = f"with {level} confidence the gain is at least {difference.lower:+.4f}; {required} is required"
        conclusion, verdict = Conclusion.SUCCESS, "holds"
    elif fails:
        interval = f"with {level} confidence the gain is at most {difference.upper:+.4f}; {required} is required"
        conclusion, verdict = Conclusion.FAILURE, "fails"
        findings.append(Finding("worse", f"{compared}; {interval}."))
    else:
        interval = (
            f"the {level} bounds of the gain are {difference.lower:+.4f} and {difference.upper:+.4f}, which does not "
            f"show whether it is at least {required}. Evaluate both versions on more examples"
        )
        conclusion, verdict = Conclusion.ACTION_REQUIRED, "open"
        findings.append(Finding("inconclusive", f"{compared}; {interval}.", Severity.WARNING))
    measures = {
        "metric": params.metric,
        "method": difference.method,
        "less_is_better": less,
        "confidence": params.confidence,
        "tolerance": params.tolerance,
        "rows": difference.rows,
        "value": value,
        "champion": {"number": number, "value": other},
        "gain": {"value": difference.value, "lower": difference.lower, "upper": difference.upper},
        "verdict": verdict,
    }
    return CheckOutcome(conclusion, f"{compared}; {interval}.", tuple(findings), measures)
