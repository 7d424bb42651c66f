"""The differential fuzz of `pickle_fuzz`, in a process with limited memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]


def fuzzed(seed: int, count: int, *options: str) -> dict[str, Any]:
    child = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.governance.checks.scan.pickle_fuzz",
            "--seed",
            str(seed),
            "--count",
            str(count),
            *options,
        ],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(child.stdout)
    return found


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 12_000), *(pytest.param(seed, 250_000, marks=pytest.mark.long) for seed in range(2, 6))]
)
def test_no_stream_judged_safe_makes_an_unpickler_import_or_call_more(seed: int, count: int) -> None:
    found = fuzzed(seed, count)

    assert found["misses"] == []
    assert found["streams"] == count
    assert found["loaded"] > count / 50, "too few streams are safe and load: the fuzz would find nothing"


@pytest.mark.parametrize(
    ("seed", "count"), [(1, 4_000), *(pytest.param(seed, 100_000, marks=pytest.mark.long) for seed in range(2, 5))]
)
def test_no_joblib_file_judged_safe_makes_joblib_import_or_call_more(seed: int, count: int) -> None:
    found = fuzzed(seed, count, "--joblib")

    assert found["misses"] == []
    assert found["loaded"] > count / 50, "too few files are safe and load: the fuzz would find nothing"
