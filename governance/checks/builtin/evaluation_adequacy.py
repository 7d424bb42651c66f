"""`evaluation.adequacy`: the evaluation table is large, recent and separate from the training data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

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
    canonical_name,
    find_table_fault,
    remark_findings,
    unusable,
)
from governance.checks.declared_datasets import of_role, relation
from governance.checks.tables import TableFormatError, open_table
from registry import moments

TRAINING_IDS = "training.ids"
_CLASSES_SHOWN = 50
_ROWS_NAMED = 5


def _training_ids(file: File) -> Iterator[str]:
    """Yield the ids. Raises TableFormatError."""
    rows = 0
    for rows, (name,) in enumerate(open_table(file).rows(required=("id",)), 1):  # noqa: B007 (their number, after the loop)
        yield canonical_name(name)
    if not rows:
        raise TableFormatError(f"{file.path} has no rows below its header.")


def _unusable_ids(error: TableFormatError) -> str:
    return f"{error} Attach a corrected file."


def _training_ids_fault(file: File) -> str:
    try:
        for _ in _training_ids(file):
            pass
    except TableFormatError as error:
        return _unusable_ids(error)
    return ""


class EvaluationAdequacy(Check):
    """The evaluation table has enough rows of every class, is recent, and shares no example with the training data.

    Measures: `rows` (different examples), `rows_read`, `classes` (list of name and rows, the smallest first, at most
    50), `age_days`, `dated_by` (registration or dataset), `datasets` (pairs of evaluation and training dataset with
    their relation: same, different or unknown), `shared_ids` (null if it was not counted).
    """

    slug = "evaluation.adequacy"
    version = "1.0.0"
    title = "Evaluation data is adequate"
    category = "performance"
    description = (
        "The evaluation table has enough rows of every class, is recent, and is separate from the training data."
    )
    guide = """\
Every other check of performance computes its numbers from the evaluation table. This check establishes that the table
can support them:

- **Size.** At least `min_rows` different examples. Repeated rows count once.
- **Classes.** At least `min_per_class` rows of each label, and at least two labels. Set it to 0 if the labels are
  numbers to be predicted, not classes.
- **Age.** At most `max_age_days` since the table was first attached to a version of the model. Attaching the same file
  again does not make it newer. If the version of a declared evaluation dataset is a date, such as `2026-09-30`, that
  date counts if it is earlier.
- **Separation.** No declared evaluation dataset is identical to a declared training dataset. Two datasets are compared
  by digests of the same kind, of the strength strong or medium. If an evidence file `training.ids` is attached, its ids
  are also compared with the ids of the evaluation table.

It does not establish that the rows represent the population on which the model is used, or that the labels are right.

| finding | remedy |
| --- | --- |
| `few_rows`, `few_in_class`, `single_class` | Evaluate on more rows, and on rows of every class. |
| `date_unknown` | Attach the evaluation table again, so that its date is recorded. |
| `too_old` | Evaluate on recent data and attach the new table. |
| `same_dataset`, `shared_ids` | Remove the training examples from the evaluation data, evaluate again, declare both. |
| `datasets_not_declared`, `overlap_unknown` | Declare both datasets with a SHA-256 digest, or attach `training.ids`. |
| `validation_reused` | Evaluate on data that no choice was made on. The finding does not change the conclusion. |
| `training_ids_unusable` | Correct the file `training.ids`; the message names the line and what to write. |
| `table_unusable` | Correct the table; the message names the line, what was found and what to write. |
| `repeated_ids`, `repeated_rows` | Evaluate on different examples; a repeated one is counted once. |
| `table_form` | Information: how the table was read. |
| `ids_missing` | Add a column `id` with the example ids to the evaluation table. |
"""
    needs = (
        RequiredEvidence(
            EVALUATION_TABLE, form=TABLE_FORM, example="evaluation_table.csv", find_fault=find_table_fault
        ),
        RequiredEvidence(
            TRAINING_IDS,
            required=False,
            form="A table with a column `id`: the ids of all examples on which the model was trained, as in the "
            "evaluation table.",
            example="training_ids.csv",
            find_fault=_training_ids_fault,
        ),
    )
    facts = ("datasets", "evaluation")
    sandbox: ClassVar[Sandbox] = Sandbox(memory=4 << 30, cpu=180, wall=240)

    class Params(Parameters):
        """The limits."""

        min_rows: Annotated[int, Field(strict=True, ge=1, le=20_000_000, title="Rows at least")] = 1000
        min_per_class: Annotated[int, Field(strict=True, ge=0, le=20_000_000, title="Rows of each class at least")] = 50
        max_age_days: Annotated[int, Field(strict=True, ge=1, le=3650, title="Age in days at most")] = 90
        forbid_training_overlap: Annotated[bool, Field(strict=True, title="Separate from the training data")] = True

    def combine(self, first: Any, second: Any) -> Any:
        """Return the stricter value of each limit."""
        return first.model_copy(
            update={
                "min_rows": max(first.min_rows, second.min_rows),
                "min_per_class": max(first.min_per_class, second.min_per_class),
                "max_age_days": min(first.max_age_days, second.max_age_days),
                "forbid_training_overlap": first.forbid_training_overlap or second.forbid_training_overlap,
            }
        )

    def run(self, ctx: Context, params: Any) -> CheckOutcome:
        """Return success if every limit holds."""
        table = ctx.one(EVALUATION_TABLE)
        if table is None:
            return unusable("No evaluation table was given.", "")
        try:
            evaluation = Evaluation.read(table, None, 0.5, keep_ids=True, needs_output=False)
        except TableFormatError as error:
            return unusable(str(error), table.path)
        judged = _Judged(findings=remark_findings(evaluation, table, without=("single_class",)))
        _judge_size(evaluation, params, judged, table)
        _judge_age(ctx, params, judged)
        if params.forbid_training_overlap:
            _judge_separation(ctx, evaluation, table, judged)
        return judged.outcome(params)


@dataclass
class _Judged:
    """What was found so far."""

    findings: list[Finding]
    measures: dict[str, Any] = field(default_factory=dict)
    failed: bool = False
    unknown: bool = False

    def fail(self, code: str, message: str, where: str = "") -> None:
        self.failed = True
        self.findings.append(Finding(code, message, Severity.HIGH, where))

    def leave_open(self, code: str, message: str, where: str = "") -> None:
        self.unknown = True
        self.findings.append(Finding(code, message, Severity.WARNING, where))

    def outcome(self, params: Any) -> CheckOutcome:
        found = tuple(self.findings[:MAX_FINDINGS])
        reasons = [f.message for f in found if f.severity is Severity.HIGH] or [
            f.message for f in found if f.code in _OPEN
        ]
        if self.failed or self.unknown:
            more = f" ({len(reasons) - 1} more)" if len(reasons) > 1 else ""
            conclusion = Conclusion.FAILURE if self.failed else Conclusion.ACTION_REQUIRED
            return CheckOutcome(conclusion, f"{reasons[0]}{more}"[:2000], found, self.measures)
        separate = ", separate from the training data" if params.forbid_training_overlap else ""
        summary = f"{self.measures['rows']:,} rows, {self.measures['age_days']} days old{separate}."
        return CheckOutcome(Conclusion.SUCCESS, summary, found, self.measures)


_OPEN = frozenset({"datasets_not_declared", "overlap_unknown", "ids_missing", "date_unknown", "training_ids_unusable"})


def _judge_size(evaluation: Evaluation, params: Any, judged: _Judged, table: File) -> None:
    rows = len(evaluation.labels)
    codes, counts = np.unique(evaluation.labels, return_counts=True)
    sizes = sorted(zip(counts.tolist(), (evaluation.classes[int(code)] for code in codes), strict=True))
    judged.measures |= {
        "rows": rows,
        "rows_read": evaluation.rows_read,
        "classes": [{"name": name[:80], "rows": count} for count, name in sizes[:_CLASSES_SHOWN]],
    }
    if rows < params.min_rows:
        judged.fail("few_rows", f"{table.path} has {rows:,} rows; {params.min_rows:,} are required.", table.path)
    if params.min_per_class == 0:
        return
    if len(sizes) == 1:
        judged.fail(
            "single_class",
            f"Every row of {table.path} has the label {sizes[0][1][:80]!r}; two are required.",
            table.path,
        )
    small = [(count, name) for count, name in sizes if count < params.min_per_class]
    for count, name in small[:_CLASSES_SHOWN]:
        judged.fail(
            "few_in_class",
            f"The class {name[:80]!r} has {count:,} rows; {params.min_per_class:,} are required."
            + (" If the labels are numbers and not classes, set min_per_class to 0." if len(small) > 20 else ""),
            table.path,
        )


def _judge_age(ctx: Context, params: Any, judged: _Judged) -> None:
    dated: list[tuple[datetime, str]] = []
    if registered := (ctx.facts["evaluation"] or {}).get("registered_at"):
        dated.append((datetime.fromisoformat(registered), "registration"))
    for reference in of_role(ctx, "evaluation"):
        try:
            day = moments.read_day(reference["version"])
        except moments.MomentError:
            continue
        dated.append((datetime(day.year, day.month, day.day, tzinfo=UTC), "dataset"))
    if not dated:
        judged.leave_open("date_unknown", "It is not known when the evaluation table was registered. Attach it again.")
        return
    since, dated_by = min(dated)
    days = (ctx.now - since) // timedelta(days=1)
    judged.measures |= {"age_days": max(days, 0), "dated_by": dated_by}
    if ctx.now - since > timedelta(days=params.max_age_days):
        what = "was first attached" if dated_by == "registration" else "is of an evaluation dataset dated"
        judged.fail(
            "too_old",
            f"The evaluation table {what} {since.date()}, {days:,} days ago; at most {params.max_age_days:,} days are "
            "accepted. Evaluate on recent data.",
        )


def _judge_separation(ctx: Context, evaluation: Evaluation, table: File, judged: _Judged) -> None:
    shared = _shared_ids(ctx, evaluation, table, judged)
    judged.measures["shared_ids"] = None if shared is None else len(shared)
    if shared:
        named = ", ".join(str(row) for row in shared[:_ROWS_NAMED])
        judged.fail(
            "shared_ids",
            f"{len(shared):,} of {len(evaluation.labels):,} evaluated examples are training examples: example {named}"
            f"{' …' if len(shared) > _ROWS_NAMED else ''} of the table. Evaluate on other examples.",
            table.path,
        )
    trained, evaluated = of_role(ctx, "training"), of_role(ctx, "evaluation")
    pairs = [(one, other, relation(one, other)) for one in evaluated for other in trained]
    judged.measures["datasets"] = [
        {"evaluation": one["name"], "training": other["name"], "relation": related} for one, other, related in pairs
    ]
    for one, other, related in pairs:
        if related == "same":
            judged.fail(
                "same_dataset", f"The evaluation dataset {one['name']} is the training dataset {other['name']}."
            )
    for one in evaluated:
        if any(relation(one, other) == "same" for other in of_role(ctx, "validation")):
            message = f"The evaluation dataset {one['name']} is also declared for validation: choices were made on it."
            judged.findings.append(Finding("validation_reused", message, Severity.WARNING))
    if shared is not None:
        return
    missing = [role for role, found in (("training", trained), ("evaluation", evaluated)) if not found]
    if missing:
        judged.leave_open(
            "datasets_not_declared",
            f"No dataset with the role {' and none with the role '.join(missing)} is declared, so it is unknown "
            f"whether the data is separate. Declare it with its SHA-256, or attach {TRAINING_IDS}.",
        )
    for one, other, related in pairs:
        if related == "unknown":
            judged.leave_open(
                "overlap_unknown",
                f"The identifiers of {one['name']} ({one['algorithm'] or 'label'}) and {other['name']} "
                f"({other['algorithm'] or 'label'}) do not show whether they are the same data. Declare the SHA-256 of "
                f"both, or attach {TRAINING_IDS}.",
            )


def _shared_ids(ctx: Context, evaluation: Evaluation, table: File, judged: _Judged) -> list[int] | None:
    """Return the numbers of the evaluated examples that are training examples; None if ids cannot be compared."""
    trained = ctx.one(TRAINING_IDS)
    if trained is None:
        return None
    if evaluation.ids is None:
        message = f"{TRAINING_IDS} is attached, but {table.path} has no column id to compare with. Add the ids."
        judged.leave_open("ids_missing", message, table.path)
        return None
    numbered = {canonical_name(name): number for number, name in enumerate(evaluation.ids, 1)}
    found: set[int] = set()
    try:
        for name in _training_ids(trained):
            if (number := numbered.get(name)) is not None:
                found.add(number)
    except TableFormatError as error:
        judged.leave_open("training_ids_unusable", _unusable_ids(error), trained.path)
        return None
    return sorted(found)
