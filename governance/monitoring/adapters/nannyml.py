"""NannyML results: `result.to_df(multilevel=False).to_json(orient="records")`, one record a chunk. Pure.

The names of the columns were read in `nannyml/base.py` and the calculators of release 0.13: a chunk has `chunk_key`,
`chunk_start_date`, `chunk_period` and so on; a metric has `NAME_value`, `NAME_sampling_error`, `NAME_alert` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from governance.monitoring.adapters.collecting import Collector, UnreadableReportError, read_json, read_time

METHODS: Final = (
    "jensen_shannon",
    "kolmogorov_smirnov",
    "wasserstein",
    "hellinger",
    "l_infinity",
    "chi2",
)
"""Methods of univariate drift: a column is named `COLUMN_METHOD_value`."""
_MULTIVARIATE: Final = ("reconstruction_error", "domain_classifier_auroc")
_BUSINESS: Final = ("business_value", "business_cost")
_CHUNK: Final = "chunk_"
_BESIDE: Final = (
    *("_sampling_error", "_upper_confidence_boundary", "_lower_confidence_boundary", "_upper_threshold"),
    *("_lower_threshold", "_alert", "_targets_missing_rate"),
)
_LEVELS: Final = re.compile(r"'([^']*)'")


def read(body: bytes) -> Collector:
    """Read the chunks of the analysis period, each value at the end of its chunk.

    Drift of a column is `data_drift` with the slice `feature=COLUMN`, or `prediction_drift` for columns that begin with
    `y_pred`. An estimated performance is named `estimated_METRIC`. Chunks of the reference period are not stored.

    Args:
        body: JSON.

    Raises:
        UnreadableReportError: it is not a list of chunks.
    """
    document = read_json(body, "A NannyML result")
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise UnreadableReportError(
            "A NannyML result is a list of chunks: write it by "
            "`result.to_df(multilevel=False).to_json(orient='records')`."
        )
    rows = [{_flat(key): value for key, value in row.items()} for row in document]
    if not any(key.startswith(_CHUNK) for row in rows for key in row):
        raise UnreadableReportError("A chunk of NannyML has columns such as chunk_key and chunk_end_date.")
    found = Collector()
    analysis = [(index, row) for index, row in enumerate(rows) if row.get("chunk_period", "analysis") == "analysis"]
    for index, row in enumerate(rows):
        if row.get("chunk_period", "analysis") != "analysis":
            found.skip(f"/{index}", f"a chunk of the {row.get('chunk_period')} period")
    for index, row in analysis:
        at = read_time(row.get("chunk_end_date"))
        if at is None and index != analysis[-1][0]:
            found.skip(f"/{index}", "the chunk has no end date; only the last one without a date is stored")
            continue
        begin = read_time(row.get("chunk_start_date"))
        if begin is not None:
            found.begin = min(found.begin or begin, begin)
        _chunk(found, f"/{index}", row, at)
    return found


def _chunk(found: Collector, where: str, row: Mapping[str, Any], at: datetime | None) -> None:
    size = _size(row)
    for key, value in row.items():
        place = f"{where}/{key}"
        if key.startswith(_CHUNK) or key.endswith(_BESIDE) or value is None:
            continue
        if key.endswith("_realized"):
            found.add(place, key.removesuffix("_realized"), value, sample_size=size, at=at)
        elif not key.endswith("_value"):
            found.skip(place, "a column that is not read")
        else:
            _value(found, place, key.removesuffix("_value"), row, value, size, at)


def _value(
    found: Collector,
    place: str,
    name: str,
    row: Mapping[str, Any],
    value: object,
    size: int | None,
    at: datetime | None,
) -> None:
    for method in METHODS:
        if name.endswith(f"_{method}"):
            column = name.removesuffix(f"_{method}")
            kind = "prediction_drift" if column.startswith("y_pred") else "data_drift"
            found.add(place, method, value, kind=kind, labels={"feature": column}, sample_size=size, at=at)
            return
    if name in _MULTIVARIATE:
        found.add(place, name, value, kind="data_drift", sample_size=size, at=at)
        return
    kind = "business" if name in _BUSINESS else "metric"
    estimated = f"{name}_realized" in row
    found.add(place, f"estimated_{name}" if estimated else name, value, kind=kind, sample_size=size, at=at)


def _size(row: Mapping[str, Any]) -> int | None:
    first, last = row.get("chunk_start_index"), row.get("chunk_end_index")
    if isinstance(first, int) and isinstance(last, int) and first <= last:
        return last - first + 1
    return None


def _flat(key: str) -> str:
    """Return the name of a column as `to_df(multilevel=False)` writes it, also for a key such as `('chunk', 'key')`."""
    if not key.startswith("("):
        return key
    joined = "_".join(_LEVELS.findall(key))
    return joined.replace("chunk_chunk_chunk", "chunk").replace("chunk_chunk", "chunk")
