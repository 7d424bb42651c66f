"""The evaluation table, and the metrics computed from it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from governance.checks import metrics_ci
from governance.checks.base import CheckOutcome, Conclusion, File, Finding, Severity
from governance.checks.metrics_ci import Estimate, Flags, Floats, NotComputable
from governance.checks.number_columns import NumberColumn, TableFormatError
from governance.checks.repeated_rows import RepeatedRows
from governance.checks.tables import Table, open_table

COMPUTED = frozenset({"accuracy", "precision", "recall", "f1", "auc", "log_loss", "brier", "mae", "rmse"})
_ALIASES = {
    "acc": "accuracy",
    "auroc": "auc",
    "brier_score": "brier",
    "f1_score": "f1",
    "logloss": "log_loss",
    "mean_absolute_error": "mae",
    "roc_auc": "auc",
    "roc_auc_score": "auc",
    "root_mean_squared_error": "rmse",
    "sensitivity": "recall",
}
_INTEGRAL = re.compile(r"[+-]?\d+\.(?:0{0,2}|0{4,})|[+-]?0\.0+")
"""A whole number with decimals. "1.000" may be a thousand."""
_FRACTION = re.compile(r"[+-]?\d*[.,]\d*[1-9]\d*(?:[eE][+-]?\d+)?")
_POSITIVE_OF = ({"0", "1"}, "1"), ({"false", "true"}, "true"), ({"no", "yes"}, "yes"), ({"-1", "1"}, "1")


TABLE_FORM = """\
A table with one row for each evaluated example: CSV with a header line, or Parquet if the server has the extra
`parquet`.

| column | content |
| --- | --- |
| `label` | the true label, or the true value |
| `prediction` | the predicted label or value |
| `score` | the probability, or a score, of the positive label |
| `id` | the id of the example; repeated rows of one id count once |

Either `prediction` or `score` is required. Other accepted names of the columns are in *Formats of texts and files*.
"""
"""Description of an evaluation table, in Markdown."""


def canonical_metric(name: str) -> str:
    """Return the canonical name of a metric, for common spellings."""
    plain = re.sub(r"[\s-]+", "_", name.strip().casefold())
    return _ALIASES.get(plain, plain)


@dataclass(frozen=True)
class Remark:
    """A note on how a table was read: a stable code, and a message."""

    code: str
    message: str
    harmless: bool = False


NOT_STATED = "(not stated)"
"""The group of rows whose cell is blank."""


@dataclass(frozen=True)
class Grouping:
    """One column of groups: the names of the groups, and the index of each row's group."""

    names: tuple[str, ...]
    of_row: np.ndarray


@dataclass
class Categories:
    """Collects one column of names as indices into `names`, which columns may share."""

    where: str
    name: str
    names: dict[str, int]
    blank: str = ""
    """The name of a blank cell; if empty, blank cells are refused."""
    codes: array[int] = field(default_factory=lambda: array("q"))
    _known: dict[str, int] = field(default_factory=dict)

    def add(self, cells: Sequence[str], line: int) -> None:
        """Add consecutive cells; `line` is the line of the first one. Raises TableFormatError."""
        known = self._known
        for cell in dict.fromkeys(cells):
            if cell not in known:
                known[cell] = self._code(cell, line, cells)
        self.codes.extend(map(known.__getitem__, cells))

    def indices(self) -> np.ndarray:
        """Return one index a row."""
        return np.frombuffer(self.codes, dtype=np.int64)

    def _code(self, cell: str, line: int, cells: Sequence[str]) -> int:
        name = canonical_name(cell)
        if not name or name.casefold() == "nan":
            if not self.blank:
                raise TableFormatError(f"{self.where}{line + cells.index(cell)}, {self.name} is blank or NaN.")
            name = self.blank
        return self.names.setdefault(name, len(self.names))


@dataclass(frozen=True)
class Evaluation:
    """The columns label, score and prediction of an evaluation table; at least one of the latter two is present.

    Labels and predictions are stored as indices into `classes`, which keeps a million rows small. Arrays have one
    element per row.
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    scores: Floats | None
    predictions: np.ndarray | None
    positive: str | None
    decision_threshold: float
    remarks: tuple[Remark, ...] = ()
    """Notes on how the table was read."""
    ids: tuple[str, ...] | None = None
    """Example ids, if they were to be kept and the table has them."""
    groups: Mapping[str, Grouping] = field(default_factory=dict)
    """By name of the column."""
    rows_read: int = 0
    """Number of rows in the file, with repeated ones."""

    @classmethod
    def read(
        cls,
        file: File,
        positive: str | None,
        decision_threshold: float,
        *,
        keep_ids: bool = False,
        group_columns: Sequence[str] = (),
        needs_output: bool = True,
    ) -> Evaluation:
        """Read a table; see `governance.checks.tables` for the accepted forms. Repeated rows count once.

        Args:
            file: the table.
            positive: the positive label; None to derive it from common label pairs.
            decision_threshold: score from which a row is predicted positive.
            keep_ids: whether to keep the example ids.
            group_columns: columns to read as groups.
            needs_output: whether a column score or prediction must exist.

        Raises:
            TableFormatError: a score is not a finite number, a cell is blank, a column is missing, or the form is
                ambiguous.
        """
        table = open_table(file)
        places = _places(table, group_columns, needs_output=needs_output)
        where = f"{file.path}, row "
        codes: dict[str, int] = {}
        labels, predictions = Categories(where, "label", codes), Categories(where, "prediction", codes)
        scores = NumberColumn(where, "score")
        groups = {name: Categories(where, name, {}, blank=NOT_STATED) for name in group_columns}
        ids: list[str] = []
        repeated = RepeatedRows(file.path, "id" in places, len(table.columns) > 2 or "score" in places)
        for line, batch in table.batches():
            columns = list(zip(*batch, strict=True))
            labels.add(columns[places["label"]], line)
            if "score" in places:
                scores.add(columns[places["score"]], line)
            if "prediction" in places:
                predictions.add(columns[places["prediction"]], line)
            for name, group in groups.items():
                group.add(columns[places[f"group {name}"]], line)
            identities = list(map(str.strip, columns[places["id"]])) if "id" in places else []
            repeated.add(identities, batch, line)
            if keep_ids:
                ids.extend(identities)
        read = scores.finish()
        if not labels.codes:
            raise TableFormatError(f"{file.path} has no rows below its header.")
        kept = repeated.first_of_each()
        remarks = _remarks(
            file, (*table.peculiarities, *scores.peculiarities), kept, len(labels.codes), repeated.has_ids
        )
        every = slice(None) if kept is None else kept
        coded = labels.indices()[every]
        if len(np.unique(coded)) == 1:
            only = next(name for name, code in codes.items() if code == coded[0])
            message = f"Every row of {file.path} has the label {only[:80]!r}: nothing shows how other cases are judged."
            remarks.append(Remark("single_class", f"{message} Evaluate on rows of every class."))
        chosen: Iterable[int] = range(len(ids)) if kept is None else kept.tolist()
        return cls(
            classes=tuple(codes),
            labels=coded,
            scores=read[every] if "score" in places else None,
            predictions=predictions.indices()[every] if "prediction" in places else None,
            positive=canonical_name(positive) if positive is not None else None,
            decision_threshold=decision_threshold,
            remarks=tuple(remarks),
            ids=tuple(ids[n] for n in chosen) if ids else None,
            groups={name: Grouping(tuple(group.names), group.indices()[every]) for name, group in groups.items()},
            rows_read=len(labels.codes),
        )

    def estimate(self, metric: str, confidence: float, seed: int) -> Estimate:
        """Return a metric with its confidence bounds.

        Args:
            metric: name of the metric, in a common spelling.
            confidence: one-sided confidence level, between 0 and 1.
            seed: seed of resampling.

        Raises:
            NotComputable: the table does not define the metric.
        """
        name = canonical_metric(metric)
        match name:
            case "accuracy":
                hits = self.hits()
                return metrics_ci.proportion(int(hits.sum()), len(hits), confidence)
            case "precision" | "recall" | "f1":
                return self._of_confusion(name, confidence, seed)
            case "auc":
                return metrics_ci.auc(self.actual(), self.raw_scores(), confidence)
            case "log_loss" | "brier" | "mae":
                return metrics_ci.mean(self.losses(name), confidence)
            case "rmse":
                return metrics_ci.root_mean(self.losses(name), confidence)
        raise NotComputable(f"{metric} is not one of those computed here: {', '.join(sorted(COMPUTED))}")

    def losses(self, metric: str) -> Floats:
        """Return the loss of each row, of which `metric` is the mean; for rmse, the square root of the mean.

        Raises:
            NotComputable: the table does not define it, or `metric` is not log_loss, brier, mae or rmse.
        """
        match metric:
            case "log_loss":
                chance = np.clip(self._chances(), 1e-15, 1 - 1e-15)
                return -np.log(np.where(self.actual(), chance, 1 - chance))
            case "brier":
                return np.asarray((self._chances() - self.actual()) ** 2)
            case "mae":
                return np.abs(self._errors())
            case "rmse":
                return np.asarray(self._errors() ** 2)
        raise NotComputable(f"{metric} is no mean of the rows")

    def hits(self) -> Flags:
        """Return whether the prediction of each row is its label. Raises NotComputable."""
        return np.asarray(self._predicted() == self.labels)

    def predicted_positive(self) -> Flags:
        """Return whether each row is predicted positive. Raises NotComputable."""
        return np.asarray(self._predicted() == self.classes.index(self._positive()))

    def _of_confusion(self, name: str, confidence: float, seed: int) -> Estimate:
        actual, predicted = self.actual(), self.predicted_positive()
        hits = int((actual & predicted).sum())
        alarms, misses = int((~actual & predicted).sum()), int((actual & ~predicted).sum())
        if name == "precision":
            return metrics_ci.proportion(hits, hits + alarms, confidence)
        if name == "recall":
            return metrics_ci.proportion(hits, hits + misses, confidence)
        return metrics_ci.f1(hits, alarms, misses, len(actual) - hits - alarms - misses, confidence, seed)

    def _positive(self) -> str:
        labels: set[str] = {self.classes[int(code)] for code in np.unique(self.labels)}
        if len(labels) > 2:
            raise NotComputable(f"the table has {len(labels)} labels, and this metric is for two")
        if self.positive is not None:
            if self.positive not in labels:
                raise NotComputable(f"no row has the positive label {self.positive!r}")
            return self.positive
        for pair, positive in _POSITIVE_OF:
            if {label.casefold() for label in labels} <= pair:
                match = [label for label in labels if label.casefold() == positive]
                if match:
                    return match[0]
        raise NotComputable(f"which label counts as positive is not said: name one of {', '.join(sorted(labels))}")

    def actual(self) -> Flags:
        """Return whether the label of each row is the positive one. Raises NotComputable."""
        return np.asarray(self.labels == self.classes.index(self._positive()))

    def raw_scores(self) -> Floats:
        """Return the column score. Raises NotComputable if there is none."""
        if self.scores is None:
            raise NotComputable("the table has no column score")
        return self.scores

    def _chances(self) -> Floats:
        scores = self.raw_scores()
        if scores.min() < 0 or scores.max() > 1:
            raise NotComputable("the scores are not probabilities: some lie outside 0 to 1")
        return scores

    def _predicted(self) -> np.ndarray:
        """Return the predictions, or derive them from the scores if there are two labels."""
        if self.predictions is not None:
            given, labels = np.unique(self.predictions), np.unique(self.labels)
            known = np.isin(given, labels)
            if not known.any():
                raise NotComputable("predictions and labels have no value in common")
            fractions = [name for code in given[~known] if _FRACTION.fullmatch(name := self.classes[int(code)])]
            if fractions and not any(_FRACTION.fullmatch(self.classes[int(code)]) for code in labels):
                raise NotComputable(
                    f"predictions such as {fractions[0][:40]} are no labels: name a column of probabilities score"
                )
            return self.predictions
        positive = self.classes.index(self._positive())
        others = [code for code in np.unique(self.labels) if code != positive]
        other = others[0] if others else -1
        return np.where(self.raw_scores() >= self.decision_threshold, positive, other)

    def _errors(self) -> Floats:
        if self.predictions is None:
            raise NotComputable("the table has no column prediction")
        numbers = NumberColumn("the labels")
        try:
            numbers.add(self.classes, 0)
            values = numbers.finish()
        except TableFormatError as error:
            raise NotComputable(str(error)) from error
        return np.asarray(values[self.labels] - values[self.predictions])


def _remarks(
    file: File, peculiarities: tuple[str, ...], kept: np.ndarray | None, rows: int, has_ids: bool
) -> list[Remark]:
    found = []
    if peculiarities:
        found.append(Remark("table_form", f"{file.path} was read as: {', '.join(peculiarities)}.", harmless=True))
    if kept is not None:
        what = "different ids" if has_ids else "different rows, each repeated as often as the others"
        message = f"{file.path} has {rows:,} rows with {len(kept):,} {what}: each was counted once."
        code = "repeated_ids" if has_ids else "repeated_rows"
        found.append(Remark(code, f"{message} Evaluate on {rows:,} different examples to narrow the bounds."))
    return found


def unusable(reason: str, path: str) -> CheckOutcome:
    """Return the outcome for a table that cannot be read."""
    return CheckOutcome(
        Conclusion.ACTION_REQUIRED,
        f"The table cannot be used: {reason}"[:2000],
        (Finding("table_unusable", f"{reason} Add a corrected table."[:2000], where=path),),
    )


def find_table_fault(file: File) -> str:
    """Return why an evaluation table cannot be read; empty if it can. Parameters of a policy are not considered."""
    try:
        Evaluation.read(file, None, 0.5, needs_output=False)
    except TableFormatError as error:
        return unusable(str(error), file.path).findings[0].message
    return ""


def remark_findings(evaluation: Evaluation, table: File, *, without: Collection[str] = ()) -> list[Finding]:
    """Return the notes on how a table was read as findings, except those with a code in `without`."""
    return [
        Finding(r.code, r.message, Severity.INFO if r.harmless else Severity.WARNING, table.path)
        for r in evaluation.remarks
        if r.code not in without
    ]


def _places(table: Table, group_columns: Sequence[str], *, needs_output: bool) -> dict[str, int]:
    """Return the positions of the columns that are read. Raises TableFormatError if one is missing."""
    found = {name: place for name in ("label", "score", "prediction", "id") if (place := table.place(name)) is not None}
    if "label" not in found:
        raise TableFormatError(table.missing_columns_message(["label"]))
    if needs_output and not {"score", "prediction"} & found.keys():
        raise TableFormatError(
            f"{table.file.path} needs a column score or prediction besides label: {table.described()}. Name it score, "
            "y_score, probability, prediction or y_pred."
        )
    groups = {name: table.place(name) for name in group_columns}
    lacking = [name for name, place in groups.items() if place is None]
    if lacking:
        raise TableFormatError(table.missing_columns_message(lacking))
    return found | {f"group {name}": place for name, place in groups.items() if place is not None}


def canonical_name(text: str) -> str:
    """Return a label or an id as they are compared: "17.0", which tools write for numbers, is "17"."""
    name = text.strip()
    return name.partition(".")[0].removeprefix("+") if _INTEGRAL.fullmatch(name) else name
