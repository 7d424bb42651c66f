"""The evaluation table, and the metrics computed from it."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass

import numpy as np

from governance.checks import metrics_ci
from governance.checks.base import File
from governance.checks.metrics_ci import Estimate, Flags, Floats, NotComputable
from governance.checks.repeated_rows import RepeatedRows
from governance.checks.tables import NumberReader, TableFormatError, open_table

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
_INTEGRAL = re.compile(r"[+-]?\d+\.0*")
_POSITIVE_OF = ({"0", "1"}, "1"), ({"false", "true"}, "true"), ({"no", "yes"}, "yes"), ({"-1", "1"}, "1")


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

    @classmethod
    def read(cls, file: File, positive: str | None, decision_threshold: float) -> Evaluation:
        """Read a table; see `governance.checks.tables` for the accepted forms. Repeated rows count once.

        Args:
            file: the CSV file.
            positive: the positive label; None to derive it from common label pairs.
            decision_threshold: score from which a row is predicted positive.

        Raises:
            TableFormatError: a score is not a finite number, a cell is blank, a column is missing, or the form is
                ambiguous.
        """
        table = open_table(file)
        has = {name for name in ("score", "prediction", "id") if table.place(name) is not None}
        if table.place("label") is None:
            raise TableFormatError(table.lacks(["label"]))
        if not has & {"score", "prediction"}:
            raise TableFormatError(
                f"{file.path} needs a column score or prediction besides label: {table.described()}. Name it score, "
                "y_score, probability, prediction or y_pred."
            )
        codes: dict[str, int] = {}
        labels, scores, predictions = array("q"), array("d"), array("q")
        numbers = NumberReader()
        of_label, of_score, of_prediction = (table.place(name) or 0 for name in ("label", "score", "prediction"))
        of_id = table.place("id")
        repeated = RepeatedRows(file.path, "id" in has, len(table.columns) > 2 or "score" in has)
        for line, record in enumerate(table.records(), table.lines_before + 2):
            labels.append(_code(record[of_label], codes, f"{file.path}, row {line}, label"))
            if "score" in has:
                scores.append(numbers.read(record[of_score], f"{file.path}, row {line}, score"))
            if "prediction" in has:
                predictions.append(_code(record[of_prediction], codes, f"{file.path}, row {line}, prediction"))
            repeated.add(record[of_id] if of_id is not None else "", record, line)
        numbers.finish()
        if not labels:
            raise TableFormatError(f"{file.path} has no rows below its header.")
        kept = repeated.first_of_each()
        remarks = _remarks(file, (*table.peculiarities, *numbers.peculiarities), kept, len(labels), repeated.has_ids)
        every = slice(None) if kept is None else kept
        coded = np.frombuffer(labels, dtype=np.int64)[every]
        if len(np.unique(coded)) == 1:
            only = next(name for name, code in codes.items() if code == coded[0])
            message = f"Every row of {file.path} has the label {only[:80]!r}: nothing shows how other cases are judged."
            remarks.append(Remark("single_class", f"{message} Evaluate on rows of every class."))
        return cls(
            classes=tuple(codes),
            labels=coded,
            scores=np.frombuffer(scores, dtype=np.float64)[every] if "score" in has else None,
            predictions=np.frombuffer(predictions, dtype=np.int64)[every] if "prediction" in has else None,
            positive=_name(positive) if positive is not None else None,
            decision_threshold=decision_threshold,
            remarks=tuple(remarks),
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
                hits = self._predicted() == self.labels
                return metrics_ci.proportion(int(hits.sum()), len(hits), confidence)
            case "precision" | "recall" | "f1":
                return self._of_confusion(name, confidence, seed)
            case "auc":
                return metrics_ci.auc(self._actual(), self._scores(), confidence)
            case "log_loss":
                chance = np.clip(self._chances(), 1e-15, 1 - 1e-15)
                return metrics_ci.mean(-np.log(np.where(self._actual(), chance, 1 - chance)), confidence)
            case "brier":
                return metrics_ci.mean((self._chances() - self._actual()) ** 2, confidence)
            case "mae":
                return metrics_ci.mean(np.abs(self._errors()), confidence)
            case "rmse":
                return metrics_ci.root_mean(self._errors() ** 2, confidence)
        raise NotComputable(f"{metric} is not one of those computed here: {', '.join(sorted(COMPUTED))}")

    def _of_confusion(self, name: str, confidence: float, seed: int) -> Estimate:
        actual = self._actual()
        predicted = self._predicted() == self.classes.index(self._positive())
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

    def _actual(self) -> Flags:
        return np.asarray(self.labels == self.classes.index(self._positive()))

    def _scores(self) -> Floats:
        if self.scores is None:
            raise NotComputable("the table has no column score")
        return self.scores

    def _chances(self) -> Floats:
        scores = self._scores()
        if scores.min() < 0 or scores.max() > 1:
            raise NotComputable("the scores are not probabilities: some lie outside 0 to 1")
        return scores

    def _predicted(self) -> np.ndarray:
        """Return the predictions, or derive them from the scores if there are two labels."""
        if self.predictions is not None:
            known = np.isin(np.unique(self.predictions), np.unique(self.labels))
            if not known.any():
                raise NotComputable("predictions and labels have no value in common")
            return self.predictions
        positive = self.classes.index(self._positive())
        others = [code for code in np.unique(self.labels) if code != positive]
        other = others[0] if others else -1
        return np.where(self._scores() >= self.decision_threshold, positive, other)

    def _errors(self) -> Floats:
        if self.predictions is None:
            raise NotComputable("the table has no column prediction")
        numbers = NumberReader()
        try:
            read = [numbers.read(name, f"the value {name[:40]!r}") for name in self.classes]
            values = np.array(read, dtype=np.float64)
            numbers.finish()
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


def _code(text: str, codes: dict[str, int], where: str) -> int:
    name = _name(text)
    if not name or name.casefold() == "nan":
        raise TableFormatError(f"{where} is blank or NaN.")
    return codes.setdefault(name, len(codes))


def _name(text: str) -> str:
    """Return a label's name; "1.0" and "1" are the same."""
    name = text.strip()
    return name.partition(".")[0].removeprefix("+") if _INTEGRAL.fullmatch(name) else name
