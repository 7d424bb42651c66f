"""Scans of Keras archives and HDF5 files."""

from __future__ import annotations

import io
import json
from typing import Any

import h5py
import numpy as np
import pytest

from governance.checks.scan import hdf5
from tests.governance.checks.formats_made import zipped
from tests.governance.checks.scan.scanned import codes, keras_archive, keras_layer, keras_model, scanned, summary

DENSE = keras_layer(
    "Dense",
    units=2,
    activation="relu",
    kernel_initializer=keras_layer("GlorotUniform", "keras.initializers", seed=None),
)
LAMBDA = keras_layer("Lambda", name="f", function={"class_name": "__lambda__", "config": {"code": "4wAAAA=="}})
BYTECODE = ["4wEAAAAAAAAAAAAAAAEAAAADAAAA8wYAAACXAHwAUwCpAU6pAKkB", None, None]


def function(name: str, module: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": "function"}


def h5(**attributes: Any) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["weights/dense"] = np.zeros((2, 3))
        for name, value in attributes.items():
            file.attrs[name] = value
    return stream.getvalue()


SAFE = [
    keras_model(DENSE),
    keras_model(keras_layer("TimeDistributed", layer=keras_model(DENSE))),
    keras_model(keras_layer("StringLookup", vocabulary=["a", "b"]), keras_layer("Add", "keras.src.ops.numpy")),
    keras_model(keras_layer("Dense", activation=function("gelu", "keras.activations"))),
    {**keras_model(DENSE), "compile_config": {
        "optimizer": keras_layer("Adam", "keras.optimizers", learning_rate=0.1), "loss": "mse", "metrics": ["mae"]}},
    {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"units": 1}}]}},
    keras_model({"class_name": "TFOpLambda", "config": {"function": "math.add"}}),
    keras_model({"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "float32"}}),
]  # fmt: skip
UNSAFE = [
    (keras_model(LAMBDA), "keras_code"),
    (keras_model(keras_layer("TimeDistributed", layer=keras_model(keras_model(LAMBDA)))), "keras_code"),
    (keras_model(keras_layer("Dense", activation={"value": BYTECODE})), "keras_code"),
    ({"class_name": "Sequential", "config": {"layers": [
        {"class_name": "Lambda", "config": {"function": BYTECODE, "function_type": "lambda"}}]}}, "keras_code"),
    (keras_model(keras_layer("TorchModuleWrapper", module="AA")), "keras_code"),
    (keras_model(keras_layer("TFSMLayer", filepath="/tmp/other")), "keras_code"),
    (keras_model(keras_layer("Dense", activation=function("get_file", "keras.utils"))), "import_not_allowed"),
    (keras_model(keras_layer("Dense", activation=function("system", "os"))), "import_not_allowed"),
    (keras_model(keras_layer("Popen", "subprocess", args="id")), "import_not_allowed"),
    (keras_model(keras_layer("Map", "keras.src.ops.core")), "import_not_allowed"),
    (keras_model({"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}), "import_not_allowed"),
    (keras_model({**DENSE, "registered_name": "bank>Dense"}), "custom_object"),
    (keras_model(keras_layer("StringLookup", vocabulary="/etc/passwd")), "reads_file"),
    ({**keras_model(DENSE), "compile_config": {"loss": function("load", "numpy")}}, "import_not_allowed"),
    ({**keras_model(DENSE), "build_config": {"any": [LAMBDA]}}, "keras_code"),
    (keras_model({"class_name": "__typespec__", "spec_name": "Popen", "module": "subprocess", "config": [],
                  "registered_name": None}), "import_not_allowed"),
]  # fmt: skip


@pytest.mark.parametrize("config", SAFE)
def test_layers_of_keras_are_safe(config: Any) -> None:
    assert summary(scanned(keras_archive(config, **{"model.weights.h5": h5()}))) == ("safe", set())
    assert summary(scanned(h5(model_config=json.dumps(config)))) == ("safe", set())


@pytest.mark.parametrize(("config", "code"), UNSAFE)
def test_what_runs_or_reads_something_else_is_unsafe_wherever_it_is_nested(config: Any, code: str) -> None:
    for result in (scanned(keras_archive(config)), scanned(h5(model_config=json.dumps(config)))):
        assert str(result.verdict) == "unsafe"
        assert code in codes(result)
        assert not all(effect.allowed for effect in result.effects)


def test_a_policy_can_allow_a_class_of_another_package() -> None:
    config = keras_archive(keras_model(keras_layer("Backbone", "keras_hub.models", name="b")))
    assert scanned(config).verdict == "unsafe"
    assert scanned(config, extra_allowed=frozenset({"keras_hub.models.Backbone"})).verdict == "safe"


@pytest.mark.parametrize(
    "raw", [b"[]", b"{", b'{"class_name": 1}', b"[" * 9_999, b'{"class_name": "A", "class_name": "B"}']
)
def test_a_broken_configuration_is_unreadable(raw: bytes) -> None:
    assert str(scanned(keras_archive(raw)).verdict) == "unreadable"


def test_weights_in_an_archive_are_scanned() -> None:
    outside = io.BytesIO()
    with h5py.File(outside, "w") as file:
        file["layer"] = h5py.ExternalLink("/etc/passwd", "/")
    archive = keras_archive(keras_model(DENSE), **{"model.weights.h5": outside.getvalue()})
    result = scanned(archive)
    assert summary(result) == ("unsafe", {"hdf5_outside"})
    assert [finding.where for finding in result.findings] == ["model.weights.h5: /layer"]
    packed = zipped({"config.json": json.dumps(keras_model(DENSE)).encode(), "metadata.json": b"{}",
                     "model.weights.h5": outside.getvalue()}, compression=8)  # fmt: skip
    assert codes(scanned(packed)) == {"hdf5_outside"}


def test_storage_outside_an_hdf5_file_is_unsafe(tmp_path: Any) -> None:
    external, virtual, linked = (tmp_path / name for name in ("external.h5", "virtual.h5", "linked.h5"))
    with h5py.File(external, "w") as file:
        file.create_dataset("d", (4,), "f8", external=[("/etc/passwd", 0, 32)])
    with h5py.File(virtual, "w") as file:
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource("/data/other.h5", "d", (4,))
        file.create_virtual_dataset("d", layout)
    with h5py.File(linked, "w") as file:
        file["a/b"] = 1
        file["a/again"] = file["a"]
        file["soft"] = h5py.SoftLink("/a/b")
    for path in (external, virtual):
        assert summary(scanned(path.read_bytes())) == ("unsafe", {"hdf5_outside"})
    assert summary(scanned(linked.read_bytes())) == ("safe", set())


def test_pickles_in_attributes_are_unsafe() -> None:
    assert summary(scanned(h5(TITLE=np.bytes_(b"cos\ngetpid\n(tR.")))) == ("unsafe", {"hdf5_pickle"})
    assert summary(scanned(h5(TITLE=np.bytes_(b"a table")))) == ("safe", set())


def test_without_h5py_the_file_is_unsupported_and_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "h5py", None)
    result = scanned(keras_archive(keras_model(DENSE), **{"model.weights.h5": h5()}))
    assert summary(result) == ("unsupported", {"hdf5_unsupported"})
    assert "countersign[keras]" in result.findings[0].message


def test_a_broken_hdf5_file_is_unreadable() -> None:
    assert str(scanned(h5()[:700]).verdict) == "unreadable"
