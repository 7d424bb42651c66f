"""Metrics of an MLflow run, as its REST API returns them (runs/get, runs/search, metrics/get-history). Pure.

Source: https://mlflow.org/docs/latest/rest-api.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from governance.monitoring.adapters.collecting import Collector, UnreadableReportError, read_json, read_time, text_of

_KNOWN = frozenset({"run", "runs", "metrics", "next_page_token"})


def read(body: bytes) -> Collector:
    """Read metrics, each at its time. Keys that begin with `system/` are technical signals.

    Of several steps at one time the last one is stored.

    Args:
        body: JSON.

    Raises:
        UnreadableReportError: it has neither a run nor metrics.
    """
    document = read_json(body, "A response of MLflow")
    if not isinstance(document, dict) or not document.keys() & {"run", "runs", "metrics"}:
        raise UnreadableReportError("A response of MLflow has the member `run`, `runs` or `metrics`.")
    found = Collector()
    for name in sorted(document.keys() - _KNOWN):
        found.skip(f"/{name}", "an unknown member")
    rows = list(_metrics(found, document))
    latest: dict[tuple[str, str, Any], tuple[str, Mapping[str, Any]]] = {}
    for where, row in sorted(rows, key=lambda item: _step(item[1])):
        place = (text_of(row.get("key")), text_of(row.get("dataset_name")), row.get("timestamp"))
        if place in latest:
            found.skip(latest[place][0], "a later step has the same time")
        latest[place] = (where, row)
    for where, row in latest.values():
        at = read_time(_whole(row.get("timestamp")))
        if at is None:
            found.skip(where, "it has no time in milliseconds since 1970")
            continue
        key = text_of(row.get("key"))
        kind = "technical" if key.startswith("system/") else "metric"
        found.add(where, key, row.get("value"), kind=kind, dataset=text_of(row.get("dataset_name")), at=at)
    return found


def _metrics(found: Collector, document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every metric object with its place."""
    runs = document.get("runs", [document["run"]] if "run" in document else [])
    groups = [("/metrics", document.get("metrics", []))]
    for index, run in enumerate(runs if isinstance(runs, list) else []):
        where = f"/runs/{index}" if "runs" in document else "/run"
        data = run.get("data") if isinstance(run, dict) else None
        groups.append((f"{where}/data/metrics", data.get("metrics", []) if isinstance(data, dict) else None))
    for where, rows in groups:
        if not isinstance(rows, list):
            found.skip(where, "not a list of metrics")
            continue
        for index, row in enumerate(rows):
            if isinstance(row, dict):
                yield f"{where}/{index}", row
            else:
                found.skip(f"{where}/{index}", "not a metric")


def _step(row: Mapping[str, Any]) -> int:
    step = _whole(row.get("step", 0))
    return step if step is not None else 0


def _whole(value: object) -> int | None:
    """Return an integer; MLflow writes int64 as text in some versions."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) else None
