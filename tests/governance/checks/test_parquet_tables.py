"""Evaluation tables in Parquet: read as the same table in CSV, or refused with what was found."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from governance import checks
from governance.checks import entry_points, runner
from governance.checks.base import EVALUATION_TABLE, CheckOutcome, Conclusion, File
from governance.checks.builtin.evaluation import Evaluation
from governance.checks.tables import TableFormatError, open_table
from tests.governance.checks.conftest import Shelf

Judged = Callable[..., CheckOutcome]
ROWS = 12_000
COLUMNS: dict[str, Any] = {
    "id": [f"c{n}" for n in range(ROWS)],
    "y_true": [n % 3 == 0 for n in range(ROWS)],
    "y_pred": [n % 4 == 0 for n in range(ROWS)],
    "score": [(n % 97) / 97 for n in range(ROWS)],
    "embedding": [[0.5, 1.5]] * ROWS,
}


def written(columns: dict[str, Any], **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink, **options)
    return bytes(sink.getvalue().to_pybytes())


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], File]:
    def made(content: bytes) -> File:
        path = tmp_path / "table"
        path.write_bytes(content)
        return File(EVALUATION_TABLE, "t.parquet", hashlib.sha256(content).hexdigest(), len(content), path)

    return made


def test_it_is_the_same_table_as_in_csv(file: Callable[[bytes], File]) -> None:
    flat = {name: column for name, column in COLUMNS.items() if name != "embedding"}
    lines = [",".join(flat), *(",".join(map(str, row)) for row in zip(*flat.values(), strict=True))]
    plain = Evaluation.read(file("\n".join(lines).lower().encode()), None, 0.5)
    for options in ({}, {"row_group_size": 700, "compression": "zstd"}, {"version": "1.0", "use_dictionary": False}):
        found = Evaluation.read(file(written(COLUMNS, **options)), None, 0.5)
        for metric in ("accuracy", "auc", "brier"):
            assert found.estimate(metric, 0.95, 1) == plain.estimate(metric, 0.95, 1)
        assert [(remark.code, remark.harmless) for remark in found.remarks] == [("table_form", True)]


def test_values_of_every_flat_type_are_read_as_text(file: Callable[[bytes], File]) -> None:
    content = written(
        {
            "text": pa.array(["a", None]),
            "category": pa.array(["x", "y"]).dictionary_encode(),
            "whole": pa.array([1, -2], pa.int32()),
            "float": pa.array([0.5, float("nan")]),
            "decimal": pa.array([Decimal("1.50"), Decimal("2E+1")], pa.decimal128(6, 2)),
            "day": pa.array([date(2026, 1, 2), None]),
            "moment": pa.array([datetime(2026, 1, 2, 3), None]),  # noqa: DTZ001 (a column without a time zone)
            "nothing": pa.nulls(2),
            "bytes": pa.array([b"a", b"b"]),
        }
    )
    table = open_table(file(content))
    assert list(table.records()) == [
        ("a", "x", "1", "0.5", "1.50", "2026-01-02", "2026-01-02 03:00:00", ""),
        ("", "y", "-2", "nan", "20.00", "", "", ""),
    ]
    assert "found: text, category" in table.described()
    assert "left out: bytes (binary)" in table.described()


REFUSED = {
    "truncated": (written(COLUMNS)[:-100], "is not a Parquet file that can be read"),
    "the beginning alone": (b"PAR1", "is not a Parquet file that can be read"),
    "encrypted": (b"PARE" + written(COLUMNS)[4:-4] + b"PARE", "is not a Parquet file that can be read"),
    "damaged": (b"PAR1" + b"\0" * 5000 + written(COLUMNS)[5004:], "is not a Parquet file that can be read"),
    "no rows": (written({"label": pa.array([], pa.string()), "score": pa.array([], pa.float64())}), "no rows"),
    "no label": (written({"target rate": [1], "score": [0.5]}), "lacks a column “label”"),
    "a blank score": (written({"label": [1, 0], "score": [0.5, None]}), "row 2, score: '' is not a finite number"),
    "a NaN": (written({"label": [1, 0], "score": [0.5, float("nan")]}), "row 2, score: 'nan' is not a finite number"),
    "a list as label": (written({"label": [[1], [0]], "score": [0.5, 0.1]}), "left out: label (list"),
    "no column": (written({"embedding": [[0.5]]}), "no column of numbers or text"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused_with_what_was_found(file: Callable[[bytes], File], name: str) -> None:
    content, said = REFUSED[name]
    with pytest.raises(TableFormatError) as caught:
        Evaluation.read(file(content), None, 0.5)
    assert said in str(caught.value)


def test_without_the_library_the_remedy_is_named(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "governance.checks.parquet_tables", raising=False)
    monkeypatch.delattr(checks, "parquet_tables", raising=False)
    outcome = judged(
        "evaluation.adequacy",
        {"t.parquet": written(COLUMNS)},
        kind=EVALUATION_TABLE,
        facts={"datasets": [], "evaluation": {}},
    )
    assert outcome.conclusion is Conclusion.ACTION_REQUIRED
    assert "pip install countersign[parquet]" in outcome.summary


def test_a_table_is_read_within_the_limits_of_the_sandbox(shelf: Shelf, sandboxed: Callable[..., runner.Run]) -> None:
    source = shelf.add(written(COLUMNS, compression="zstd"), "t.parquet", EVALUATION_TABLE)
    limits = {"thresholds": [{"metric": "accuracy", "value": 0.4}]}
    ended = sandboxed(entry_points.get("performance.threshold"), source, params=limits, facts={"metrics": []})
    assert ended.ending is runner.ExitReason.OUTCOME, ended.message
    assert ended.outcome is not None
    assert ended.outcome.conclusion is Conclusion.SUCCESS
