"""Judge a Keras configuration: every layer, wrapper, function and nested object that loading makes from it.

Source: `keras.src.saving.serialization_lib.deserialize_keras_object` (Keras 3.15) and the serialization of tf.keras 2,
which has no `module`. The whole JSON is walked, so no nesting hides an object.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from governance.checks.base import Severity
from governance.checks.scan import allowed_names, json_reader, name_lists
from governance.checks.scan.collecting import Collector, shown
from governance.checks.scan.report import Options

_VALUES = frozenset(
    {
        "__keras_tensor__",
        "__tensor__",
        "__numpy__",
        "__bytes__",
        "__ellipsis__",
        "__slice__",
        "TensorShape",
        "__tuple__",
    }
)
"""Class names that stand for plain values."""
_SPECS = frozenset({"TensorSpec", "RaggedTensorSpec", "SparseTensorSpec", "KerasTensor"})
_SPEC_MODULES = frozenset(
    {
        "tensorflow.python.framework.tensor_spec", "tensorflow.python.framework.tensor",
        "tensorflow.python.ops.ragged.ragged_tensor", "tensorflow.python.framework.sparse_tensor", None,
    }
)  # fmt: skip
_CODE = {
    "Lambda": "executes Python bytecode, or a function by its name",
    "__lambda__": "executes Python bytecode from the file",
    "TorchModuleWrapper": "loads a pickle of a torch module",
    "TFSMLayer": "loads and runs a TensorFlow SavedModel from a path",
    "JaxLayer": "runs a function that the file names",
    "FlaxLayer": "runs a module that the file names",
    "TensorFlowOpLayer": "runs a TensorFlow operation that the file contains",
    "ClassMethod": "calls a method that the file names",
    "InstanceMethod": "calls a method that the file names",
    "InstanceProperty": "reads a property that the file names",
}
"""Classes that run what the file contains or names."""
_TF_OPERATIONS = frozenset(
    {
        "__operators__.add", "__operators__.getitem", "__operators__.ne", "__operators__.eq", "math.add",
        "math.subtract", "math.multiply", "math.divide", "math.truediv", "math.pow", "math.sqrt", "math.square",
        "math.exp", "math.log", "math.abs", "math.maximum", "math.minimum", "math.reduce_mean", "math.reduce_sum",
        "math.reduce_max", "math.l2_normalize", "math.sigmoid", "math.tanh", "math.softplus", "math.negative",
        "concat", "reshape", "cast", "expand_dims", "squeeze", "stack", "split", "tile", "transpose", "shape",
        "clip_by_value", "one_hot", "nn.relu", "nn.relu6", "nn.softmax", "nn.gelu", "linalg.matmul", "image.resize",
        "compat.v1.shape", "zeros_like", "ones_like",
    }
)  # fmt: skip
_MARSHAL = re.compile(r"\s*(4|Y)[w-z0-9+/][A-Za-z0-9+/\s]{6}")
"""Base64 of a marshalled code object: its first byte is 0xE3 or 0x63."""
_LISTS = "keras_names.txt"


@cache
def _bare_names() -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for name in name_lists.names(_LISTS))


def is_config(value: Any) -> bool:
    """Return whether a JSON value looks like the configuration of a Keras object."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def judge(config: Any, place: str, found: Collector, options: Options) -> None:
    """Judge a configuration.

    Args:
        config: the JSON value.
        place: where it is in the file, such as "config.json".
        found: collects the findings.
        options: `extra_allowed` may name further classes.
    """
    for path, value in json_reader.walk(config):
        where = f"{place}: {path}" if place and path else place or path
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and _MARSHAL.match(value[0]):
            _refuse_code("__lambda__", where, found)
        if not isinstance(value, dict):
            continue
        name = value.get("class_name")
        if isinstance(name, str):
            layer = value.get("config")
            label = layer.get("name") if isinstance(layer, dict) else None
            _judge_object(
                value, name, f"{where} (layer {shown(label)})" if isinstance(label, str) else where, found, options
            )
        elif name is not None:
            found.unreadable("broken_config", f"The class name {shown(name)} is not a text.", where)
        if value.get("function_type") in ("lambda", "function") and name != "Lambda":
            _refuse_code("Lambda", where, found)
        _judge_vocabulary(value, where, found)


def judge_code(config: Any, place: str, found: Collector) -> None:
    """Judge a configuration only for code it contains: loading keeps the graph of unknown classes instead of importing
    them.
    """
    for path, value in json_reader.walk(config):
        where = f"{place}: {path}" if place and path else place or path
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and _MARSHAL.match(value[0]):
            _refuse_code("__lambda__", where, found)
        elif isinstance(value, dict) and value.get("class_name") in ("Lambda", "__lambda__"):
            _refuse_code(value["class_name"], where, found)


def _judge_object(value: dict[str, Any], name: str, where: str, found: Collector, options: Options) -> None:
    module, registered = value.get("module"), value.get("registered_name")
    inner = value.get("config")
    if name in _CODE:
        _refuse_code(name, where, found)
        return
    if name in _VALUES:
        return
    if name == "__typespec__":
        if value.get("spec_name") not in _SPECS or module not in _SPEC_MODULES or value.get("registered_name"):
            _refuse_name(f"{module}.{value.get('spec_name')}", where, found)
        return
    if name in ("TFOpLambda", "SlicingOpLambda"):
        function = inner.get("function") if isinstance(inner, dict) else None
        if function not in _TF_OPERATIONS:
            _refuse_name(f"tensorflow.{function}", where, found)
        return
    if "config" not in value and module is None:
        return
    if name == "function":
        name = inner if isinstance(inner, str) else f"{inner!r}"
        registered = None if registered in ("function", name) else registered
    qualified = f"{module}.{name}" if isinstance(module, str) else name
    allowed = allowed_names.is_added(qualified, options.extra_allowed) or (
        qualified in name_lists.names(_LISTS) if isinstance(module, str) else name in _bare_names()
    )
    if isinstance(registered, str) and registered not in ("", name) and registered not in options.extra_allowed:
        found.imports(registered, where, allowed=False)
        found.find(
            "custom_object",
            f"The object is of the registered class {shown(registered)}, whose code is not part of Keras: loading runs "
            "what the program registered under that name. Use layers of Keras.",
            where,
        )
    if allowed:
        if not (isinstance(module, str) and module.startswith("keras.")):
            found.imports(qualified, where, allowed=True)
    else:
        _refuse_name(qualified, where, found)


def _refuse_name(qualified: str, where: str, found: Collector) -> None:
    found.imports(qualified, where, allowed=False)
    found.find(
        "import_not_allowed",
        f"Loading imports {shown(qualified)}, which is not on the list of Keras classes and functions. Use layers of "
        "Keras, or let a reviewer examine the name and add it to extra_allowed of the policy.",
        where,
        severity=Severity.CRITICAL,
    )


def _refuse_code(name: str, where: str, found: Collector) -> None:
    found.executes(name, where)
    found.find(
        "keras_code",
        f"Loading or calling {name} {_CODE[name]}. Replace it by layers of Keras, or export the model to ONNX.",
        where,
        severity=Severity.CRITICAL,
    )


def _judge_vocabulary(value: dict[str, Any], where: str, found: Collector) -> None:
    vocabulary = value.get("vocabulary")
    if isinstance(vocabulary, str):
        found.reads(vocabulary, where)
        found.find(
            "reads_file",
            f"The vocabulary is the path {shown(vocabulary)}: loading reads that file of the machine or address. Save "
            "the model with the vocabulary as a list.",
            where,
            severity=Severity.CRITICAL,
        )
