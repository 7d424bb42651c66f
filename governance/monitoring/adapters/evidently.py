"""Evidently reports as JSON: `report.run(…).json()` of release 0.7, and `report.json()` of the releases before. Pure.

The structure was read from reports that Evidently 0.7.23 wrote, and from published reports of release 0.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from governance.monitoring.adapters.collecting import Collector, UnreadableReportError, read_json, read_time, text_of

_UPPER: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR: Final = re.compile(r"[^a-z0-9]+")
_PREDICTIONS: Final = ("prediction", "y_pred", "proba")
_NOT_LABELS: Final = frozenset({"type", "method", "threshold", "drift_share", "tests"})
_MODELS: Final = ("classification_name", "regression_name")


def read(body: bytes) -> Collector:
    """Read the values of metrics of the current data.

    Drift of a column is named by its method, such as `k_s_p_value`, with the slice `feature=COLUMN`; a column that
    begins with prediction, y_pred or proba is prediction drift. Tests and values of the reference data are not stored.

    Args:
        body: JSON.

    Raises:
        UnreadableReportError: it has no list of metrics.
    """
    document = read_json(body, "An Evidently report")
    metrics = document.get("metrics") if isinstance(document, dict) else None
    if not isinstance(metrics, list):
        raise UnreadableReportError("An Evidently report has the list `metrics`: write it by `report.run(…).json()`.")
    found = Collector()
    found.end = read_time(document.get("timestamp"))
    for name in sorted(document.keys() - {"metrics", "version", "timestamp"}):
        if document[name]:
            found.skip(f"/{name}", "only `metrics` is read; limits are set by policy")
    for index, metric in enumerate(metrics):
        where = f"/metrics/{index}"
        if isinstance(metric, dict) and isinstance(metric.get("config"), dict) and "value" in metric:
            _metric(found, where, metric)
        elif isinstance(metric, dict) and isinstance(metric.get("result"), dict):
            _legacy(found, where, text_of(metric.get("metric")), metric["result"])
        else:
            found.skip(where, "a metric with neither `value` nor `result`")
    return found


def _metric(found: Collector, where: str, metric: Mapping[str, Any]) -> None:
    """One metric of release 0.7."""
    config, value = metric["config"], metric["value"]
    type_ = text_of(config.get("type")).rpartition(":")[2]
    column = text_of(config.get("column"))
    labels = {
        "feature" if key == "column" else key: given
        for key, given in config.items()
        if key not in _NOT_LABELS
        and isinstance(given, str | int | float)
        and not isinstance(given, bool)
        and not (key in _MODELS and given == "default")
    }
    drift = "Drift" in type_
    quality = any(key in config for key in _MODELS)
    kind = _drift_of(column) if drift or column else "metric" if quality else "technical"
    name = _snake(text_of(config.get("method")) if type_ == "ValueDrift" else type_)
    if not name:
        found.skip(where, "a metric without a type")
    elif not isinstance(value, dict):
        found.add(where, name, value, kind=kind, labels=labels)
    elif name.endswith("_by_label"):
        for label, number in value.items():
            found.add(f"{where}/value/{label}", name, number, kind=kind, labels={**labels, "label": label})
    else:
        for part, number in value.items():
            found.add(f"{where}/value/{part}", f"{name}_{_snake(part)}", number, kind=kind, labels=labels)


def _legacy(found: Collector, where: str, metric: str, result: Mapping[str, Any]) -> None:
    """One metric of a release before 0.7."""
    if "drift_score" in result:
        _column(found, where, result)
        return
    by_column = result.get("drift_by_columns")
    for column, drift in by_column.items() if isinstance(by_column, dict) else ():
        _column(found, f"{where}/result/drift_by_columns/{column}", drift)
    for key in ("number_of_drifted_columns", "share_of_drifted_columns"):
        if key in result:
            found.add(f"{where}/result/{key}", key, result[key], kind="data_drift")
    current = result.get("current")
    if not isinstance(current, dict):
        if "share_of_drifted_columns" not in result:
            found.skip(where, f"{metric or 'a metric'} has no numbers of the current data that are read")
        return
    labels = {"feature": result["column_name"]} if text_of(result.get("column_name")) else {}
    kind = "metric" if "Quality" in metric or "Performance" in metric else "technical"
    for key, value in current.items():
        place = f"{where}/result/current/{key}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            found.add(place, key, value, kind=kind, labels=labels)
        elif value is not None:
            found.skip(place, "not one number")


def _column(found: Collector, where: str, drift: Any) -> None:
    column = text_of(drift.get("column_name")) if isinstance(drift, dict) else ""
    method = _snake(text_of(drift.get("stattest_name"))) if column else ""
    if not method:
        found.skip(where, "the drift of a column without its name or its method")
        return
    found.add(where, method, drift.get("drift_score"), kind=_drift_of(column), labels={"feature": column})


def _drift_of(column: str) -> str:
    return "prediction_drift" if column.casefold().startswith(_PREDICTIONS) else "data_drift"


def _snake(name: str) -> str:
    """`RocAuc` → `roc_auc`, `K-S p_value` → `k_s_p_value`."""
    return _SEPARATOR.sub("_", _UPPER.sub("_", name).lower()).strip("_")
