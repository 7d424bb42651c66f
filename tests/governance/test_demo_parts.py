"""What the demonstration is made of: files, evaluations, working days, descriptions, the password."""

from __future__ import annotations

import io
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from governance.checks.formats.detect import sniff_stream
from governance.checks.formats.names import Format
from governance.development.demo import artifacts, catalogue, evaluation, passwords
from governance.development.demo.world import World
from registry.services.versions import MetricSpec

DAY = timedelta(days=1)

FORMS = {
    "onnx": Format.ONNX,
    "safetensors": Format.SAFETENSORS,
    "skops": Format.SKOPS,
    "npy": Format.NPY,
    "pickle": Format.PICKLE,
}


@pytest.mark.parametrize(("form", "recognised"), FORMS.items())
def test_files_have_their_format_and_the_same_bytes_every_time(form: str, recognised: Format) -> None:
    features = [f"feature_{n}" for n in range(12)]
    made = artifacts.files(form, features, seed=7)
    model, preprocess = made.values()
    assert sniff_stream(io.BytesIO(model), len(model)).format == recognised
    assert [step["feature"] for step in json.loads(preprocess)["steps"]] == features
    assert artifacts.files(form, features, seed=7) == made
    assert artifacts.files(form, features, seed=8) != made
    assert list(artifacts.files(form, features, seed=7, alone=True).values()) == [model]


def test_arrays_can_be_read_by_numpy() -> None:
    weights = np.linspace(-1, 1, 5, dtype=np.float32)
    assert np.array_equal(np.load(io.BytesIO(artifacts.npy(weights)), allow_pickle=False), weights)
    raw = artifacts.safetensors({"a": weights, "b": weights[:2]})
    length = int.from_bytes(raw[:8], "little")
    begin, end = json.loads(raw[8 : 8 + length])["b"]["data_offsets"]
    assert np.array_equal(np.frombuffer(raw[8 + length :][begin:end], "<f4"), weights[:2])


@pytest.mark.parametrize(
    ("kind", "quality", "name"), [("ranker", 0.87, "AUC"), ("classifier", 0.93, "Accuracy"), ("forecast", 0.09, "MAPE")]
)
def test_an_evaluation_has_the_quality_that_its_history_needs(kind: str, quality: float, name: str) -> None:
    measured = evaluation.measure(kind, quality, {"young": -0.04, "old": 0.01}, rows=1_500, rate=0.1, seed=3)
    values: dict[tuple[str, str], MetricSpec] = {(m.name, m.slice): m for m in measured.metrics}
    assert values[name, ""].value == pytest.approx(quality, abs=0.012)
    better = (values[name, "old"].value > values[name, "young"].value) != (kind == "forecast")
    assert better, "the weaker slice is measured as the weaker one"
    assert measured.table.count(b"\n") == 1_501


@pytest.mark.parametrize("day", range(7))
def test_working_days_keep_their_order_whatever_day_it_is(day: int) -> None:
    world = World(until=datetime(2026, 11, 16, 0, 10, tzinfo=UTC) + day * DAY, password="none")
    moments = [world.workday(days) for days in (10.6, 6.3, 5.7, 5.2, 2.9, 1.8, 1.2)]
    assert moments == sorted(moments)
    assert moments[-1] < world.until
    assert {moment.weekday() for moment in moments} <= set(range(5))


def test_models_are_described_with_unique_slugs_in_every_tier() -> None:
    described = catalogue.models()
    assert len({model.slug for model in described}) == len(described)
    assert {model.tier for model in described} == {1, 2, 3, None}


def test_a_secret_is_readable_by_this_account_only(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("old")
    path.chmod(0o644)
    first: Any = passwords.new_password()
    passwords.keep(path, first)
    assert path.read_text() == f"{first}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert passwords.new_password() != first
