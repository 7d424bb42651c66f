"""Readers of other monitors' reports: what they store, what they name as not stored, and what they refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.monitoring.adapters import FORMATS, UnreadableReportError, read_report
from governance.monitoring.reports import Report, cleaned_report
from registry.exceptions import ValidationFailedError

REPORTS = Path(__file__).with_name("reports")
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def read(format_: str, name: str) -> Report:
    report = read_report(format_, (REPORTS / name).read_bytes(), now=NOW)
    return cleaned_report(report, now=NOW + timedelta(days=1))


def values(report: Report) -> dict[tuple[str, str, str], float]:
    return {(signal.kind, signal.name, signal.slice): signal.value for signal in report.signals}


def unread(report: Report) -> dict[str, str]:
    return {part.where: part.reason for part in report.unread}


def test_evidently() -> None:
    drift = read("evidently", "evidently_drift.json")
    assert values(drift) == {
        ("data_drift", "drifted_columns_count_count", ""): 1.0,
        ("data_drift", "drifted_columns_count_share", ""): 1 / 3,
        ("data_drift", "k_s_p_value", "feature=age"): 5.767442464026997e-13,
        ("data_drift", "k_s_p_value", "feature=income"): 0.30235866776963,
        ("data_drift", "z_test_p_value", "feature=region"): 0.05398668977084187,
    }
    assert list(unread(drift)) == ["/tests"]
    assert drift.window_to == NOW
    quality = values(read("evidently", "evidently_classification.json"))
    assert quality["metric", "roc_auc", ""] == 0.7071210340775558
    assert quality["metric", "f1_by_label", "label=1"] == 0.7602040816326531
    assert len(quality) == 10 + 4 * 2


def test_evidently_before_0_7() -> None:
    report = read("evidently", "evidently_0_4.json")
    assert values(report) == {
        ("prediction_drift", "wasserstein_distance_normed", "feature=prediction"): 0.17727435621157941,
        ("data_drift", "number_of_drifted_columns", ""): 3,
        ("data_drift", "share_of_drifted_columns", ""): 0.23076923076923078,
        ("data_drift", "k_s_p_value", "feature=income"): 0.031,
        ("metric", "accuracy", ""): 0.91, ("metric", "precision", ""): 0.88,
        ("metric", "recall", ""): 0.79, ("metric", "f1", ""): 0.83,
    }  # fmt: skip
    assert report.window_to == datetime(2026, 7, 28, 15, 45, 34, 123456, tzinfo=UTC)
    assert unread(report) == {
        "/metrics/2/result/number_of_drifted_columns": "the same signal is given twice for the same time; the first "
        "one is stored",
        "/metrics/2/result/share_of_drifted_columns": "the same signal is given twice for the same time; the first "
        "one is stored",
        "/metrics/3/result/current/rate_plots_data": "not one number",
    }


def test_nannyml() -> None:
    report = read("nannyml", "nannyml_estimated.json")
    found = [(s.name, s.kind, s.value, s.sample_size) for s in report.signals]
    assert found == [
        ("estimated_roc_auc", "metric", 0.968, 5000),
        ("estimated_roc_auc", "metric", 0.9617, 5000),
        ("business_value", "business", 125000.0, 5000),
    ]
    assert (report.window_from, report.signals[0].at) == (
        datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 30, 23, 59, 59, 999000, tzinfo=UTC),
    )  # fmt: skip
    assert unread(report) == {"/0": "a chunk of the reference period"}
    assert values(read("nannyml", "nannyml_univariate.json")) == {
        ("data_drift", "jensen_shannon", "feature=car_value"): 0.021,
        ("data_drift", "jensen_shannon", "feature=salary_range"): 0.34,
        ("prediction_drift", "kolmogorov_smirnov", "feature=y_pred_proba"): 0.19,
    }


def test_nannyml_with_two_levels_of_columns() -> None:
    body = b"""[{"('chunk', 'key')": "a", "('chunk', 'chunk_index')": 0, "('chunk', 'end_date')": 1782863999999,
                 "('chunk', 'period')": "analysis", "('f1', 'value')": 0.8, "('f1', 'alert')": false}]"""
    assert values(read_report("nannyml", body, now=NOW)) == {("metric", "f1", ""): 0.8}


def test_mlflow() -> None:
    report = read("mlflow", "mlflow_run.json")
    assert [(s.name, s.kind, s.value, s.dataset) for s in report.signals] == [
        ("auc", "metric", 0.87, ""),
        ("auc", "metric", 0.88, "decisions-july"),
        ("system/cpu_utilization_percentage", "technical", 41.5, ""),
    ]
    assert unread(report) == {"/run/data/metrics/2": "“NaN” is not a finite number"}
    assert report.window_from < report.window_to


def test_sagemaker() -> None:
    report = read("sagemaker", "sagemaker_violations.json")
    assert values(report) == {
        ("data_drift", "baseline_drift_distance", "feature=Day Mins"): 0.134,
        ("data_drift", "data_type_match", "feature=Churn"): pytest.approx(0.9971751412429379),
        ("data_drift", "violations", ""): 3,
        ("data_drift", "violations", "check=baseline_drift_check"): 1,
        ("data_drift", "violations", "check=data_type_check"): 1,
        ("data_drift", "violations", "check=missing_column_check"): 1,
    }
    assert list(unread(report)) == ["/violations/2"]
    assert values(read_report("sagemaker", b'{"violations": []}', now=NOW)) == {("data_drift", "violations", ""): 0}
    bias = values(read("sagemaker", "sagemaker_bias.json"))
    assert bias["metric", "CI", "facet=Age, facet_value=40"] == 0.0751544567666083
    assert bias["metric", "auc", ""] == 0.4968
    statistics = read("sagemaker", "sagemaker_statistics.json")
    found = values(statistics)
    assert found["technical", "item_count", ""] == 1204
    assert found["data_drift", "completeness", "feature=Day Mins"] == pytest.approx(1200 / 1204)
    assert found["metric", "accuracy", ""] == 0.913
    assert (statistics.window_from, statistics.window_to) == (
        datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert set(unread(statistics)) == {
        "/binary_classification_metrics/confusion_matrix", "/binary_classification_metrics/auc",
    }  # fmt: skip


def test_prometheus() -> None:
    report = read("prometheus", "exposition.txt")
    assert [(s.kind, s.name, s.slice, s.dataset, s.value, s.sample_size) for s in report.signals] == [
        ("metric", "model_auc", "", "decisions", 0.861, 812),
        ("technical", "request_duration_seconds_sum", "route=/score", "", 53423.5, None),
        ("technical", "request_duration_seconds_count", "route=/score", "", 144320.0, None),
        ("technical", "http_errors_total", 'code=500, path=a%3Db%2C"c"', "", 3.0, None),
        ("technical", "rpc_duration_seconds", "quantile=0.99", "", 0.132, None),
        ("technical", "up", "", "", 1.0, None),
    ]
    assert set(unread(report)) == {"line 5", "line 6", "line 13", "line 15"}


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[]", b"{}", b"[1]", b"null", b'"x"', b"[" * 99, b"a b c d\n", b"#"]
)
def test_what_is_no_report_is_refused(format_: str, body: bytes) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        read_report(format_, body, now=NOW)
    assert refused.value.errors[0].code in {"unreadable_report", "no_signals"}
    assert refused.value.errors[0].detail


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["metrics", "metric", "result", "config", "value", "type", "column", "current", "run", "data", "key",
             "timestamp", "step", "violations", "description", "constraint_check_type", "dataset", "features", "name",
             "numerical_statistics", "common", "chunk_key", "chunk_end_date", "chunk_period", "f1_value", "item_count"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(document=_JSON)
def test_no_document_makes_a_reader_fail(document: object) -> None:
    import json

    for format_, reader in FORMATS.items():
        if format_ == "prometheus":
            continue
        try:
            found = reader(json.dumps(document).encode())
        except UnreadableReportError:
            continue
        for signal in found.signals:
            assert signal.name


@given(text=st.text(alphabet='abc_{}="\\, \n\t#1e5.NaN', max_size=80))
def test_no_text_makes_the_reader_of_expositions_fail(text: str) -> None:
    try:
        found = FORMATS["prometheus"](text.encode())
    except UnreadableReportError:
        return
    assert found.signals or found.unread_total
