"""Rules for a folder in the format of MLflow: what `mlflow.pyfunc.load_model` and the flavors import, run and read.

Sources: mlflow/pyfunc/__init__.py (load_model), mlflow/utils/model_utils.py, and the module of each flavor, of MLflow
2.9 to 3.17.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from governance.checks.base import Severity
from governance.checks.formats.names import Format
from governance.checks.scan.notes import Entry, Notes
from governance.checks.scan.report import Effect, EffectKind, ScanFinding, Verdict
from registry import yaml_reader

FILE = "MLmodel"

LOADERS = frozenset(
    {
        "mlflow.catboost", "mlflow.diffusers", "mlflow.diviner", "mlflow.dspy", "mlflow.fastai", "mlflow.gluon",
        "mlflow.h2o", "mlflow.johnsnowlabs", "mlflow.keras", "mlflow.lightgbm", "mlflow.mleap", "mlflow.onnx",
        "mlflow.openai", "mlflow.paddle", "mlflow.pmdarima", "mlflow.prompt.promptlab_model", "mlflow.prophet",
        "mlflow.pyfunc.loaders.chat_agent", "mlflow.pyfunc.loaders.chat_model", "mlflow.pyfunc.loaders.code_model",
        "mlflow.pyfunc.loaders.responses_agent", "mlflow.pyfunc.model", "mlflow.pytorch",
        "mlflow.sentence_transformers", "mlflow.shap", "mlflow.sklearn", "mlflow.spacy", "mlflow.spark",
        "mlflow.statsmodels", "mlflow.tensorflow", "mlflow.transformers", "mlflow.xgboost",
    }
)  # fmt: skip
"""MLflow's own loaders. Not mlflow.langchain and mlflow.llama_index, which import what their data files name."""

CLASSES = frozenset(
    {
        "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMModel",
        "lightgbm.sklearn.LGBMRanker", "lightgbm.sklearn.LGBMRegressor", "pyspark.ml.pipeline.PipelineModel",
        "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBModel",
        "xgboost.sklearn.XGBRanker", "xgboost.sklearn.XGBRFClassifier", "xgboost.sklearn.XGBRFRegressor",
        "xgboost.sklearn.XGBRegressor",
    }
)  # fmt: skip
"""Classes that a flavor may name in `model_class`; the flavor imports the class and calls it."""

_MODULES: Mapping[str, frozenset[str]] = {
    "pickle_module_info.txt": frozenset({"mlflow.pytorch.pickle_module", "pickle", "cloudpickle"}),
    "keras_module.txt": frozenset({"keras", "tensorflow.keras", "tf_keras"}),
}
"""Files whose text is the name of a module that a flavor imports (mlflow.pytorch, mlflow.tensorflow)."""
MODULE_FILES = frozenset(_MODULES)

_IMPORTABLE = (".py", ".pyc", ".so", ".pyd")

_PATHS = frozenset(
    {
        "adapter_weights", "data", "model_binary", "model_data", "model_path", "peft_adaptor", "pickled_model",
        "python_model", "saved_model_dir", "serialized_explainer",
    }
)  # fmt: skip
"""Keys of a flavor that name a file or a folder that it reads."""
_OPTIONAL_PATHS = frozenset({"env", "conda", "virtualenv", "conda_env", "python_env", "artifact_path"})
"""Keys that name files which loading a model does not read."""
_ELSEWHERE = {"local_base_model_path", "base_model"}
"""Keys that name weights which the flavor reads from another place."""


def judge(entry: Entry, notes: Notes) -> None:
    """Note what loading the MLflow model described by the file `entry` does."""
    try:
        document = yaml_reader.read(entry.text.decode())
    except (UnicodeDecodeError, yaml_reader.YamlUnreadableError) as error:
        notes.unreadable(
            entry.path, "mlmodel_unreadable", f"MLmodel cannot be read, so what loading it does is not known: {error}."
        )
        return
    flavors = document.get("flavors") if isinstance(document, dict) else None
    if not isinstance(flavors, dict) or not flavors or not all(isinstance(flavor, dict) for flavor in flavors.values()):
        message = "MLmodel has no mapping of flavors, so what loading it does is not known. Save the model with MLflow."
        notes.unreadable(entry.path, "mlmodel_unreadable", message)
        return
    example = document.get("saved_input_example_info")
    if isinstance(example, dict):
        _refer(entry, notes, example, "saved_input_example_info")
    _Flavor(entry, notes, "MLmodel", document).note_code()
    for name, flavor in flavors.items():
        _Flavor(entry, notes, f"flavors.{name}", flavor).judge(str(name))


def is_copy(entry: Entry, notes: Notes) -> bool:
    """Return whether an MLmodel file is the copy that MLflow writes to the folder `metadata` on Databricks."""
    folder = posixpath.dirname(entry.path)
    if posixpath.basename(folder) != "metadata":
        return False
    original = notes.entries.get(posixpath.join(posixpath.dirname(folder), FILE))
    return original is not None and original.text == entry.text


class _Flavor:
    """One flavor of an MLmodel file. `place` is its position in the file."""

    def __init__(self, entry: Entry, notes: Notes, place: str, flavor: Mapping[str, Any]) -> None:
        self._entry, self._notes, self._place, self._flavor = entry, notes, place, flavor

    def judge(self, name: str) -> None:
        shipped = self.note_code()
        if name == "python_function":
            self._loader(shipped)
        self._named("model_class", CLASSES, "class")
        self._named("keras_module", _MODULES["keras_module.txt"], "module")
        _refer(self._entry, self._notes, self._flavor, self._place)
        for key in _ELSEWHERE & self._flavor.keys():
            self._elsewhere(key)
        if name == "transformers" and "model_binary" not in self._flavor and "source_model_name" in self._flavor:
            self._elsewhere("source_model_name")

    def note_code(self) -> list[str]:
        """Note the shipped code that this flavor puts on the import path or runs; return its paths."""
        found: list[str] = []
        for key in ("code", "code_path", "code_paths"):
            value = self._flavor.get(key)
            for target in value if isinstance(value, list) else [value] if value else []:
                found += self._notes.refer(self._entry.path, str(target), f"{self._place}.{key}")
        for path in found:
            if path.endswith(_IMPORTABLE) or self._notes.entries[path].scan.format is Format.CODE:
                self._notes.run(path, self._entry.path)
        script = self._flavor.get("model_code_path")
        if script:
            # MLflow runs the file of that name beside MLmodel, whatever folder it was logged from.
            base = posixpath.basename(str(script).replace("\\", "/"))
            for path in self._notes.refer(self._entry.path, base, f"{self._place}.model_code_path"):
                self._notes.run(path, self._entry.path)
        return found

    def _loader(self, shipped: list[str]) -> None:
        where = f"{self._place}.loader_module"
        loader = self._flavor.get("loader_module")
        if not isinstance(loader, str):
            message = "The flavor python_function has no loader_module, so how it is loaded is not known."
            self._notes.unreadable(self._entry.path, "mlmodel_unreadable", message)
            return
        allowed = loader in LOADERS or self._is_allowed_code(loader, shipped)
        self._notes.imports(
            self._entry.path, loader, where, allowed,
            f"Loading this imports the module “{loader[:200]}” and calls it; it is not one of MLflow's own loaders. "
            "Save the model with a flavor of MLflow, or have the shipped code reviewed and allowed (allowed_code).",
        )  # fmt: skip

    def _is_allowed_code(self, loader: str, shipped: list[str]) -> bool:
        """Return whether the module is shipped code that the policy allows, and so is all other code beside it."""
        module = loader.replace(".", "/")
        defines = [path for path in shipped if path.endswith((f"/{module}.py", f"/{module}/__init__.py"))]
        allowed = self._notes.options.allowed_code
        entries = self._notes.entries
        return bool(defines) and all(entries[path].sha256 in allowed or not entries[path].size for path in shipped)

    def _named(self, key: str, known: frozenset[str], kind: str) -> None:
        name = self._flavor.get(key)
        if name is None:
            return
        self._notes.imports(
            self._entry.path, str(name), f"{self._place}.{key}", str(name) in known,
            f"Loading this imports the {kind} “{str(name)[:200]}” and calls it; it is not one that the flavor uses. "
            "Save the model with MLflow's own flavor of its library.",
        )  # fmt: skip

    def _elsewhere(self, key: str) -> None:
        target, where = str(self._flavor[key])[:200], f"{self._place}.{key}"
        message = (
            f"Loading this reads weights from “{target}”, outside the version: the fingerprint does not cover them. "
            "Save the model with its weights (save_pretrained=True), and register that version."
        )
        self._notes.effect(self._entry.path, Effect(EffectKind.READS, target, where, allowed=False))
        finding = ScanFinding("reference_outside", message, Severity.CRITICAL, where)
        self._notes.found(self._entry.path, Verdict.UNSAFE, finding)


def _refer(entry: Entry, notes: Notes, mapping: Mapping[str, Any], place: str) -> None:
    """Note the references in a mapping: values of known keys, and of `path` in mappings below it, such as artifacts."""
    for key, value, where in _walk(mapping, place):
        if key in _PATHS or key in _OPTIONAL_PATHS or key == "path":
            notes.refer(entry.path, value, where, required=key not in _OPTIONAL_PATHS)


def _walk(mapping: Mapping[str, Any], place: str) -> Iterator[tuple[str, str, str]]:
    for key, value in mapping.items():
        where = f"{place}.{key}"
        if isinstance(value, str):
            yield str(key), value, where
        elif isinstance(value, dict) and key not in ("config", "model_config", "signature"):
            yield from _walk(value, where)
        elif isinstance(value, list):
            for number, member in enumerate(value):
                if isinstance(member, dict):
                    yield from _walk(member, f"{where}[{number}]")


def judge_module_file(entry: Entry, notes: Notes) -> None:
    """Note the module that a flavor imports, because a text file names it."""
    name = entry.text.decode(errors="replace").strip()
    known = _MODULES[posixpath.basename(entry.path)]
    message = (
        f"Loading this with MLflow imports the module “{name[:200]}”; known are {', '.join(sorted(known))}. Save the "
        "model with one of them."
    )
    notes.imports(entry.path, name[:200], "", name in known, message)
