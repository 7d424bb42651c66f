"""Files of Amazon SageMaker Model Monitor: `constraint_violations.json` and `statistics.json`. Pure.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-violations.html,
model-monitor-byoc-statistics.html and model-monitor-model-quality-metrics.html of the same guide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from governance.monitoring.adapters.collecting import Collector, UnreadableReportError, read_json, read_time, text_of

_NUMBER = r"([-+]?[0-9][0-9.eE+-]{0,30})"
_PATTERNS: Final[dict[str, tuple[re.Pattern[str], str, str, float]]] = {
    "baseline_drift_check": (re.compile(rf"distance: ?{_NUMBER}"), "baseline_drift_distance", "data_drift", 1.0),
    "data_type_check": (re.compile(rf"Only {_NUMBER}% of data"), "data_type_match", "data_drift", 0.01),
    "completeness_check": (re.compile(rf"[Vv]alue: ?{_NUMBER}"), "completeness", "data_drift", 1.0),
    "categorical_values_check": (re.compile(rf"Only {_NUMBER}% of data"), "domain_match", "data_drift", 0.01),
    "bias_drift_check": (re.compile(rf"[Vv]alue {_NUMBER}"), "", "metric", 1.0),
    "feature_attribution_drift_check": (re.compile(rf"[Vv]alue {_NUMBER}"), "", "contribution", 1.0),
}
"""By type of check: where the description has its number, the name of the signal, its kind, and the factor."""
_QUALITY = re.compile(rf"Metric \S{{1,100}} with {_NUMBER}")
_SLICES: Final = ("feature_name", "facet", "facet_value", "label")
_FEATURE_STATISTICS: Final = ("mean", "std_dev", "min", "max", "sum", "distinct_count")
_TIMES: Final = ("start_time", "end_time", "evaluation_time")


def read(body: bytes) -> Collector:
    """Read one of the two files.

    Violations: `violations` counts all of them, and those of each type of check as a slice; a description with a number
    becomes a signal as well. Statistics: number of rows, completeness and statistics of each feature, and the metrics
    of model quality.

    Args:
        body: JSON.

    Raises:
        UnreadableReportError: it is neither of the files.
    """
    document = read_json(body, "A file of SageMaker Model Monitor")
    if not isinstance(document, dict):
        raise UnreadableReportError("A file of SageMaker Model Monitor is a JSON object.")
    found = Collector()
    if isinstance(document.get("violations"), list):
        _violations(found, document["violations"])
        _unknown(found, "", document, {"violations", "version"})
    elif "dataset" in document or "features" in document or any(key.endswith("_metrics") for key in document):
        _statistics(found, document)
    else:
        raise UnreadableReportError(
            "The document has no member `violations` (constraint_violations.json) and no `dataset`, `features` or "
            "`…_metrics` (statistics.json)."
        )
    return found


def _violations(found: Collector, violations: list[Any]) -> None:
    counted: Counter[str] = Counter()
    for index, violation in enumerate(violations):
        where = f"/violations/{index}"
        if not isinstance(violation, dict):
            found.skip(where, "not a violation")
            continue
        check = text_of(violation.get("constraint_check_type")) or "unknown"
        counted[check] += 1
        metric = text_of(violation.get("metric_name"))
        default = (_QUALITY, metric, "metric", 1.0)
        pattern, name, kind, factor = _PATTERNS.get(check, default)
        number = pattern.search(text_of(violation.get("description"))) if name or metric else None
        if number is None:
            found.skip(where, "its description has no number; it is counted in `violations`")
            continue
        labels = {key: violation[key] for key in _SLICES if text_of(violation.get(key))}
        if "feature_name" in labels:
            labels["feature"] = labels.pop("feature_name")
        found.add(where, name or metric, _scaled(number[1], factor), kind=kind, labels=labels)
    found.add("/violations", "violations", sum(counted.values()), kind="data_drift")
    for check, count in sorted(counted.items()):
        found.add("/violations", "violations", count, kind="data_drift", labels={"check": check})


def _statistics(found: Collector, document: Mapping[str, Any]) -> None:
    dataset = document.get("dataset")
    rows: int | None = None
    if isinstance(dataset, dict):
        found.begin, found.end = read_time(dataset.get("start_time")), read_time(dataset.get("end_time"))
        count = dataset.get("item_count")
        rows = int(count) if isinstance(count, int | float) and not isinstance(count, bool) and count >= 0 else None
        found.add("/dataset/item_count", "item_count", count, kind="technical")
        _unknown(found, "/dataset", dataset, {"item_count", *_TIMES})
    features = document.get("features", [])
    for index, feature in enumerate(features if isinstance(features, list) else []):
        _feature(found, f"/features/{index}", feature)
    metrics = [key for key in document if key.endswith("_metrics")]
    for key in metrics:
        _quality(found, f"/{key}", document[key], rows)
    _unknown(found, "", document, {"version", "dataset", "features", *metrics})


def _feature(found: Collector, where: str, feature: Any) -> None:
    name = text_of(feature.get("name")) if isinstance(feature, dict) else ""
    if not name:
        found.skip(where, "a feature without a name")
        return
    kinds = [key for key in ("numerical_statistics", "string_statistics") if isinstance(feature.get(key), dict)]
    _unknown(found, where, feature, {"name", "inferred_type", *kinds})
    for key in kinds:
        values = feature[key]
        labels = {"feature": name}
        common = values.get("common")
        present, missing = (common.get(c) if isinstance(common, dict) else None for c in ("num_present", "num_missing"))
        if isinstance(present, int) and isinstance(missing, int) and present + missing > 0:
            rows = present + missing
            share = present / rows
            found.add(f"{where}/common", "completeness", share, kind="data_drift", labels=labels, sample_size=rows)
        for statistic in _FEATURE_STATISTICS:
            if statistic in values:
                place = f"{where}/{key}/{statistic}"
                size = present if isinstance(present, int) else None
                found.add(place, statistic, values[statistic], kind="data_drift", labels=labels, sample_size=size)
        _unknown(found, f"{where}/{key}", values, {"common", "distribution", *_FEATURE_STATISTICS})


def _quality(found: Collector, where: str, metrics: Any, rows: int | None) -> None:
    """Metrics of model quality: objects with a `value`. Curves and confusion matrices are not stored."""
    for name, metric in metrics.items() if isinstance(metrics, dict) else ():
        if isinstance(metric, dict) and "value" in metric:
            found.add(f"{where}/{name}", name, metric["value"], sample_size=rows)
        else:
            found.skip(f"{where}/{name}", "a matrix or curve, not one number")


def _unknown(found: Collector, where: str, given: Mapping[str, Any], known: set[str]) -> None:
    for name in sorted(given.keys() - known):
        found.skip(f"{where}/{name}", "an unknown member")


def _scaled(text: str, factor: float) -> object:
    try:
        return float(text) * factor
    except ValueError:
        return text
