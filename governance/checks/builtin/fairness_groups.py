"""`fairness.groups`: favourable predictions and errors are distributed alike over the groups of people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from governance.checks import group_rates
from governance.checks.base import (
    EVALUATION_TABLE,
    MAX_FINDINGS,
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
    TABLE_FORM,
    Evaluation,
    Grouping,
    canonical_name,
    remark_findings,
    unusable,
)
from governance.checks.group_rates import Extreme, Rates
from governance.checks.metrics_ci import Flags, Floats
from governance.checks.tables import TableFormatError

FEWEST_SHOWN = 10
"""Counts below this number, and rates that follow from such counts, are not part of the result."""
MOST_GROUPS = 100


class FairnessGroups(Check):
    """Favourable predictions and errors do not differ between groups of people by more than the limits.

    Measures: `confidence`, `favourable`, and `columns`, a list with for each column of groups:

    - `name`; `small_groups`, the number of groups that are not listed because they have fewer than 10 rows;
    - `groups`, the largest first, each with `name`, `rows`, `judged`, and the rates `selection`, `true_positive` and
      `false_positive` as {value, lower, upper}, or null if the group has no such row;
    - `limits`, each with `measure` (demographic_parity_difference, demographic_parity_ratio or
      equalized_odds_difference), `value`, `lower`, `upper`, `limit` and `verdict` (holds, fails or open).

    A `value` or `rows` is null if it would disclose a count below 10; bounds are then rounded to two decimals. To draw:
    for each rate, the groups with their intervals; for each limit, its interval beside the limit.
    """

    slug = "fairness.groups"
    version = "1.0.0"
    title = "Groups are treated alike"
    category = "fairness"
    description = "The rates of favourable predictions and of errors do not differ between groups beyond the limits."
    guide = """\
For each column in `group_columns`, the rates of its groups are compared:

| limit | compared |
| --- | --- |
| `max_dp_diff` | largest difference of the shares of favourable predictions (demographic parity difference) |
| `min_dp_ratio` | smallest ratio of these shares (demographic parity ratio; 0.8 is the four-fifths rule) |
| `max_eo_diff` | largest difference of the true or of the false positive rates (equalised odds difference) |

A limit is judged with one-sided confidence bounds, because the rates of small groups vary by chance:

- it **holds** if the bound shows, with the given confidence, that no two groups differ more;
- it **fails** if the bound shows that two groups differ more, corrected for the number of pairs;
- otherwise it is **open**, and the conclusion is *action required*: evaluate more people of the groups concerned.

A limit can be left out of the judgement with `null`. Groups with fewer than `min_group` rows are listed and not judged.
If a column has fewer than two judged groups, the conclusion is *action required*. Rows with a blank cell are a group of
their own, *(not stated)*.

The column `prediction` contains the two labels, one of which is `favourable`. With `decision_threshold`, the column
`score` is compared with the threshold instead.

Groups are personal data. The result contains rates and counts of groups, no rows; counts below 10, rates that follow
from them, and names of groups with fewer than 10 rows are left out.

The check does not establish that a difference is unjustified, or that its absence makes a decision fair: it compares
the groups that are named, one column at a time.

| finding | remedy |
| --- | --- |
| `limit_exceeded` | Examine the model and its training data; reweight, change thresholds, or justify the difference. |
| `inconclusive`, `few_groups`, `small_group` | Evaluate more people of these groups. |
| `rate_undefined` | Add people of the group with each label. |
| `prediction_missing`, `score_missing` | Add the column to the table. |
| `predictions_not_labels`, `not_two_labels` | Write the two labels, or set `decision_threshold` for scores. |
| `table_unusable` | Correct the table; the message names the line, what was found and what to write. |
| `repeated_ids`, `repeated_rows` | Evaluate on different examples; a repeated one is counted once. |
| `table_form` | Information: how the table was read. |
| `too_many_groups` | Write bands, such as `18-25`, instead of numbers or names. |
"""
    needs = (
        RequiredEvidence(
            EVALUATION_TABLE,
            form=TABLE_FORM + "\nThe columns that the policy names in `group_columns` contain the group of each row.\n",
            example="evaluation_table.csv",
        ),
    )
    sandbox: ClassVar[Sandbox] = Sandbox(memory=4 << 30, cpu=180, wall=240)

    class Params(Parameters):
        """The groups, the favourable outcome, and the limits."""

        group_columns: Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=250)], ...],
            Field(min_length=1, max_length=10, title="Columns of groups"),
        ]
        favourable: Annotated[str, Field(min_length=1, max_length=250, title="Favourable label")]
        min_group: Annotated[int, Field(strict=True, ge=10, le=1_000_000, title="Rows of a judged group at least")] = (
            200
        )
        two_groups_of: Annotated[
            int,
            Field(strict=True, ge=0, le=1_000_000, title="Rows of two groups at least, if more than of a judged group"),
        ] = 0
        max_dp_diff: Annotated[
            float | None, Field(strict=True, ge=0, le=1, title="Difference of favourable shares at most")
        ] = 0.1
        min_dp_ratio: Annotated[
            float | None, Field(strict=True, ge=0, le=1, title="Ratio of favourable shares at least")
        ] = 0.8
        max_eo_diff: Annotated[
            float | None, Field(strict=True, ge=0, le=1, title="Difference of error rates at most")
        ] = 0.1
        confidence: Annotated[float, Field(strict=True, ge=0.8, lt=1, title="Confidence")] = 0.95
        decision_threshold: Annotated[
            float | None,
            Field(strict=True, title="Score that separates the predictions, instead of the column prediction"),
        ] = None
        favourable_scores: Annotated[
            Literal["high", "low"], Field(title="Scores that are favourable: from the threshold up, or below it")
        ] = "high"

        @field_validator("group_columns")
        @classmethod
        def _names_each_once(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
            if len({column.strip().casefold() for column in columns}) < len(columns):
                raise ValueError("a column is named twice")
            return columns

        @model_validator(mode="after")
        def _has_limit(self) -> FairnessGroups.Params:
            if self.max_dp_diff is None and self.min_dp_ratio is None and self.max_eo_diff is None:
                raise ValueError("every limit is null: set max_dp_diff, min_dp_ratio or max_eo_diff")
            return self

    def combine(self, first: Any, second: Any) -> Any | None:
        """Return all columns of both sets with the stricter limits; None if they read the table differently."""
        if any(
            getattr(first, name) != getattr(second, name)
            for name in ("favourable", "decision_threshold", "favourable_scores")
        ):
            return None
        smallest = min(first.min_group, second.min_group)
        largest = max(first.min_group, second.min_group, first.two_groups_of, second.two_groups_of)
        return first.model_copy(
            update={
                "group_columns": tuple(dict.fromkeys((*first.group_columns, *second.group_columns))),
                "min_group": smallest,
                "two_groups_of": largest if largest > smallest else 0,
                "max_dp_diff": _stricter(min, first.max_dp_diff, second.max_dp_diff),
                "min_dp_ratio": _stricter(max, first.min_dp_ratio, second.min_dp_ratio),
                "max_eo_diff": _stricter(min, first.max_eo_diff, second.max_eo_diff),
                "confidence": max(first.confidence, second.confidence),
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if every limit holds for every column."""
        table = ctx.one(EVALUATION_TABLE)
        if table is None:
            return unusable("No evaluation table was given.", "")
        try:
            evaluation = Evaluation.read(table, None, 0.5, group_columns=params.group_columns)
            actual, selected = _flags(evaluation, params, table)
        except TableFormatError as error:
            return unusable(str(error), table.path)
        except _NotJudgedError as error:
            return CheckOutcome(Conclusion.ACTION_REQUIRED, str(error), (error.finding,))
        findings = remark_findings(evaluation, table)
        columns = [
            _Column(name, evaluation.groups[name], actual, selected, params, findings).judge()
            for name in params.group_columns
        ]
        measures = {
            "confidence": params.confidence,
            "favourable": params.favourable,
            "columns": [column.as_json() for column in columns],
        }
        verdicts = [limit.verdict for column in columns for limit in column.limits]
        summary = "; ".join(column.sentence for column in columns)[:1990] + "."
        if "fails" in verdicts:
            conclusion = Conclusion.FAILURE
        elif "open" in verdicts or not all(column.limits for column in columns):
            conclusion = Conclusion.ACTION_REQUIRED
        else:
            conclusion = Conclusion.SUCCESS
        return CheckOutcome(conclusion, summary, tuple(findings[:MAX_FINDINGS]), measures)


class _NotJudgedError(Exception):
    """The table does not define what is compared."""

    def __init__(self, code: str, message: str, where: str) -> None:
        super().__init__(message[:2000])
        self.finding = Finding(code, message[:2000], Severity.HIGH, where)


def _stricter(choose: Any, first: float | None, second: float | None) -> float | None:
    given = [value for value in (first, second) if value is not None]
    return choose(given) if given else None


def _flags(evaluation: Evaluation, params: Any, table: File) -> tuple[Flags, Flags]:
    """Return whether the label, and whether the prediction, of each row is favourable."""
    labels = {evaluation.classes[int(code)] for code in np.unique(evaluation.labels)}
    favourable = canonical_name(params.favourable)
    if len(labels | {favourable}) != 2:
        shown = ", ".join(sorted(name[:40] for name in labels)[:5])
        raise _NotJudgedError(
            "not_two_labels",
            f"The column label of {table.path} has {len(labels):,} values ({shown}); two are required, one of which is "
            f"the favourable label {params.favourable!r}.",
            table.path,
        )
    actual = np.array([name == favourable for name in evaluation.classes], dtype=bool)[evaluation.labels]
    if params.decision_threshold is not None:
        if evaluation.scores is None:
            raise _NotJudgedError(
                "score_missing", f"{table.path} has no column score to compare with the threshold.", table.path
            )
        high = evaluation.scores >= params.decision_threshold
        return actual, np.asarray(high if params.favourable_scores == "high" else ~high)
    if evaluation.predictions is None:
        raise _NotJudgedError(
            "prediction_missing",
            f"{table.path} has no column prediction. Add it, or set decision_threshold for the column score.",
            table.path,
        )
    predicted = {evaluation.classes[int(code)] for code in np.unique(evaluation.predictions)}
    if strange := sorted(predicted - labels - {favourable}):
        raise _NotJudgedError(
            "predictions_not_labels",
            f"The column prediction of {table.path} has {len(strange):,} values that are no labels, such as "
            f"{strange[0][:40]!r}. Write the two labels; name a column of probabilities score, and set "
            "decision_threshold.",
            table.path,
        )
    chosen = np.array([name == favourable for name in evaluation.classes], dtype=bool)[evaluation.predictions]
    return actual, chosen


@dataclass(frozen=True)
class _Limit:
    """One limit of a column, as judged."""

    measure: str
    extreme: Extreme
    limit: float
    verdict: Literal["holds", "fails", "open"]
    discloses: bool
    """Whether the exact value would disclose a count below 10."""

    @property
    def words(self) -> str:
        shown = self.as_json()
        value = "not defined" if shown["value"] is None else f"{shown['value']:.3f}"
        name = self.measure.replace("_", " ").replace("equalized", "equalised")
        return f"{name} {value}, bounds {shown['lower']:.3f} to {shown['upper']:.3f}, limit {self.limit:g}"

    def as_json(self) -> dict[str, Any]:
        value, lower, upper = self.extreme.value, self.extreme.lower, self.extreme.upper
        if self.discloses:
            value, lower, upper = None if value is None else round(value, 2), *_rounded_outward(lower, upper)
        return {
            "measure": self.measure,
            "value": value,
            "lower": lower,
            "upper": upper,
            "limit": self.limit,
            "verdict": self.verdict,
        }


@dataclass
class _Column:
    """One column of groups, and what is found about it."""

    name: str
    grouping: Grouping
    actual: Flags
    selected: Flags
    params: Any
    findings: list[Finding]
    limits: list[_Limit] = field(default_factory=list)
    sentence: str = ""

    def judge(self) -> _Column:
        """Judge the limits and add the findings."""
        judged = np.flatnonzero(self._rows >= self.params.min_group)
        many = int((self._rows > 0).sum())
        if many > MOST_GROUPS:
            self._leave_open(
                "too_many_groups",
                f"the column {self.name} has {many:,} groups; at most {MOST_GROUPS} can be compared. Write bands",
            )
            return self
        for group in np.flatnonzero((self._rows >= FEWEST_SHOWN) & (self._rows < self.params.min_group)):
            message = f"{self._named(int(group))} has fewer than {self.params.min_group:,} rows and was not judged."
            self.findings.append(Finding("small_group", message, Severity.INFO, self.name))
        large = int((self._rows >= max(self.params.min_group, self.params.two_groups_of)).sum())
        if large < 2:
            needed = max(self.params.min_group, self.params.two_groups_of)
            self._leave_open(
                "few_groups",
                f"{large} group{'s' if large != 1 else ''} of {self.name} with {needed:,} rows; two are required",
            )
            return self
        self._judge_selection(judged)
        self._judge_errors(judged)
        worst = [limit for verdict in ("fails", "open", "holds") for limit in self.limits if limit.verdict == verdict]
        self.sentence = (
            f"{self.name}: {worst[0].words}"
            if worst[0].verdict != "holds"
            else (f"{self.name}: {len(judged)} groups within {len(self.limits)} limits")
        )
        return self

    def as_json(self) -> dict[str, Any]:
        """Return the groups and limits without counts below 10."""
        known = int((self._rows > 0).sum()) <= MOST_GROUPS
        shown: list[int] = np.flatnonzero(self._rows >= FEWEST_SHOWN).tolist() if known else []
        hidden = int(self._rows.sum() - self._rows[shown].sum())
        # The number of hidden rows must not follow from the number of all rows.
        unsaid = min(shown, key=lambda group: self._rows[group]) if shown and 0 < hidden < FEWEST_SHOWN else None
        rates = {name: self._rates(of) for name, of in self._counted.items()}
        return {
            "name": self.name,
            "groups": [
                {
                    "name": self.grouping.names[group][:80],
                    "rows": int(self._rows[group]) if group != unsaid else None,
                    "judged": bool(self._rows[group] >= self.params.min_group),
                    **{name: found[group] for name, found in rates.items()},
                }
                for group in sorted(shown, key=lambda group: -self._rows[group])
            ],
            "small_groups": int(((self._rows > 0) & (self._rows < FEWEST_SHOWN)).sum()),
            "limits": [limit.as_json() for limit in self.limits],
        }

    @cached_property
    def _rows(self) -> Floats:
        return self._count(np.ones(len(self.actual), dtype=bool))

    @cached_property
    def _counted(self) -> dict[str, tuple[Floats, Floats]]:
        """The number of favourable predictions and of rows of each group: of all, and by label."""
        everyone = np.ones(len(self.actual), dtype=bool)
        conditions = {"selection": everyone, "true_positive": self.actual, "false_positive": ~self.actual}
        return {name: (self._count(rows & self.selected), self._count(rows)) for name, rows in conditions.items()}

    @cached_property
    def _discloses(self) -> bool:
        """Whether the exact difference of rates of judged groups would disclose a count below 10."""
        judged = self._rows >= self.params.min_group
        return any(bool((_is_small(hits, rows) & judged & (rows > 0)).any()) for hits, rows in self._counted.values())

    def _count(self, rows: Flags) -> Floats:
        return np.bincount(self.grouping.of_row[rows], minlength=len(self.grouping.names)).astype(np.float64)

    def _rates(self, counted: tuple[Floats, Floats]) -> list[dict[str, float | None] | None]:
        hits, rows = counted
        found = group_rates.rates(hits, np.maximum(rows, 1), self.params.confidence)
        return [_rate(found, group, hits[group], rows[group]) for group in range(len(rows))]

    def _judge_selection(self, judged: np.ndarray) -> None:
        hits, rows = (counts[judged] for counts in self._counted["selection"])
        if self.params.max_dp_diff is not None:
            extreme = group_rates.largest_difference(hits, rows, self.params.confidence)
            self._judge_limit("demographic_parity_difference", extreme, self.params.max_dp_diff)
        if self.params.min_dp_ratio is not None:
            extreme = group_rates.smallest_ratio(hits, rows, self.params.confidence)
            self._judge_limit("demographic_parity_ratio", extreme, self.params.min_dp_ratio, is_minimum=True)

    def _judge_errors(self, judged: np.ndarray) -> None:
        if self.params.max_eo_diff is None:
            return
        found = []
        for name in ("true_positive", "false_positive"):
            hits, rows = (counts[judged] for counts in self._counted[name])
            for group in judged[rows == 0]:
                what = "favourable" if name == "true_positive" else "unfavourable"
                message = (
                    f"{self._named(int(group))} has no row with the {what} label, so its error rate is not defined."
                )
                self.findings.append(Finding("rate_undefined", message, Severity.WARNING, self.name))
            if (rows > 0).sum() >= 2:
                known = rows > 0
                found.append(
                    group_rates.largest_difference(hits[known], rows[known], self.params.confidence, comparisons=2)
                )
        if len(found) < 2:
            self._judge_limit("equalized_odds_difference", Extreme(None, 0.0, 1.0), self.params.max_eo_diff)
            return
        largest = max(found, key=lambda extreme: extreme.value or 0.0)
        bounds = max(extreme.lower for extreme in found), max(extreme.upper for extreme in found)
        self._judge_limit("equalized_odds_difference", Extreme(largest.value, *bounds), self.params.max_eo_diff)

    def _judge_limit(self, measure: str, extreme: Extreme, limit: float, *, is_minimum: bool = False) -> None:
        holds = extreme.lower >= limit if is_minimum else extreme.upper <= limit
        fails = extreme.upper < limit if is_minimum else extreme.lower > limit
        verdict: Literal["holds", "fails", "open"] = "fails" if fails else "open"
        if holds and extreme.value is not None:
            verdict = "holds"
        judged = _Limit(measure, extreme, limit, verdict, self._discloses)
        self.limits.append(judged)
        if judged.verdict == "fails":
            self.findings.append(Finding("limit_exceeded", f"{self.name}: {judged.words}.", Severity.HIGH, self.name))
        elif judged.verdict == "open":
            message = f"{self.name}: {judged.words}: too few rows to decide. Evaluate more."
            self.findings.append(Finding("inconclusive", message, Severity.WARNING, self.name))

    def _leave_open(self, code: str, words: str) -> None:
        self.sentence = f"{self.name}: {words}"
        self.findings.append(Finding(code, f"{self.name}: {words}.", Severity.HIGH, self.name))

    def _named(self, group: int) -> str:
        return f"The group {self.grouping.names[group][:80]!r} of {self.name}"


def _rate(found: Rates, group: int, hits: float, rows: float) -> dict[str, float | None] | None:
    """Return a rate with its bounds, less exact if it would disclose a small count; None if there is no row."""
    if rows == 0:
        return None
    value, lower, upper = (float(each[group]) for each in (found.value, found.lower, found.upper))
    if min(hits, rows - hits) >= FEWEST_SHOWN:
        return {"value": value, "lower": lower, "upper": upper}
    lower, upper = _rounded_outward(lower, upper)
    return {"value": None, "lower": lower, "upper": upper}


def _rounded_outward(lower: float, upper: float) -> tuple[float, float]:
    return math.floor(lower * 100) / 100, math.ceil(upper * 100) / 100


def _is_small(hits: Floats, rows: Floats) -> Flags:
    """Return which rates follow from a count below 10."""
    return np.asarray(np.minimum(hits, rows - hits) < FEWEST_SHOWN)
