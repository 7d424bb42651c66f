"""Scans of skops files: what the library writes passes, every other name is refused."""

from __future__ import annotations

import json
import operator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from tests.governance.checks.formats_made import LABELS, SAMPLES, zipped
from tests.governance.checks.scan.scanned import codes, scanned, summary

TEXTS = ["red apple", "green pear"] * 10


def node(loader: str, module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__loader__": loader, "__module__": module, "__class__": name, **more}


def skops_file(root: dict[str, Any], **members: bytes) -> bytes:
    return zipped({"schema.json": json.dumps({**root, "protocol": 2, "_skops_version": "0.16"}).encode(), **members})


LIST = node("ListNode", "builtins", "list", content=[])
JSON = node("JsonNode", "builtins", "str", content="1", is_json=True)


@pytest.mark.parametrize(
    ("estimator", "samples"),
    [
        (LogisticRegression(), SAMPLES),
        (RandomForestClassifier(n_estimators=3), SAMPLES),
        (HistGradientBoostingClassifier(max_iter=2), SAMPLES),
        (SGDClassifier(random_state=np.random.RandomState(1)), SAMPLES),
        (make_pipeline(StandardScaler(), FunctionTransformer(np.tanh), LogisticRegression()), SAMPLES),
        (make_pipeline(TfidfVectorizer(), LogisticRegression()), TEXTS),
        (make_pipeline(ColumnTransformer([("one", OneHotEncoder(), [0])]), LogisticRegression()), SAMPLES),
        (GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2, scoring="roc_auc"), SAMPLES),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_a_fitted_estimator_is_safe(estimator: Any, samples: Any, tmp_path: Path) -> None:
    skops.io.dump(estimator.fit(samples, LABELS), tmp_path / "m.skops")
    result = scanned((tmp_path / "m.skops").read_bytes())
    assert summary(result) == ("safe", set())
    assert any(effect.subject.startswith("sklearn.") and effect.allowed for effect in result.effects)


@pytest.mark.parametrize(
    "unsafe",
    [
        FunctionTransformer(partial(np.save, "/tmp/x")),
        FunctionTransformer(operator.attrgetter("__class__")),
        FunctionTransformer(operator.methodcaller("tofile", "/tmp/x")),
        FunctionTransformer("text".join),
        FunctionTransformer(eval),
        FunctionTransformer(np.load),
        FunctionTransformer(json.loads),
    ],
    ids=range(7),
)
def test_a_callable_that_the_file_chooses_is_unsafe(unsafe: Any, tmp_path: Path) -> None:
    try:
        skops.io.dump(unsafe, tmp_path / "m.skops")
    except Exception as error:  # skops does not write every callable
        pytest.skip(str(error))
    assert scanned((tmp_path / "m.skops").read_bytes()).verdict == "unsafe"


@pytest.mark.parametrize(
    ("root", "code"),
    [
        (node("OperatorFuncNode", "operator", "call", attrs=LIST), "skops_call"),
        (node("MethodNode", "builtins", "str", content={"func": "format", "obj": JSON}), "skops_call"),
        (node("PartialNode", "functools", "partial", content={"func": LIST}), "skops_call"),
        (node("FunctionNode", "os", "system"), "import_not_allowed"),
        (node("FunctionNode", "numpy", "add", content={"module_path": "os", "function": "system"}),
         "import_not_allowed"),
        (node("TypeNode", "subprocess", "Popen"), "import_not_allowed"),
        (node("ObjectNode", "sklearn.datasets._base", "os.getpid"), "import_not_allowed"),
        (node("ObjectNode", "sklearn.linear_model", "_logistic.LogisticRegression"), "import_not_allowed"),
        (node("ConstructorFromReduceNode", "sklearn.svm._classes", "SVC", content=LIST), "import_not_allowed"),
        (node("NdArrayNode", "numpy", "memmap", type="json", content=[], shape=LIST), "import_not_allowed"),
        (node("DictNode", "collections", "ChainMap", content={}, key_types=LIST), "import_not_allowed"),
        (node("ExecNode", "builtins", "str"), "skops_node_unknown"),
        (node("RandomGeneratorNode", "numpy.random._generator", "Generator", content={"bit_generator": node(
            "DictNode", "builtins", "dict", content={"bit_generator": {**JSON, "content": '"seed"'}})}),
         "import_not_allowed"),
    ],
)  # fmt: skip
def test_each_kind_of_node_allows_only_its_own_names(root: dict[str, Any], code: str) -> None:
    hidden = node("ListNode", "builtins", "list", content=[LIST, {"anything": [root]}])
    for schema in (root, hidden):
        result = scanned(skops_file(schema))
        assert str(result.verdict) == "unsafe"
        assert code in codes(result)
        assert all(finding.where.startswith("schema.json: ") for finding in result.findings)


def test_a_policy_can_allow_one_class_by_its_exact_name() -> None:
    schema = skops_file(node("ObjectNode", "acme.models", "Scorer"))
    assert summary(scanned(schema)) == ("unsafe", {"import_not_allowed"})
    assert summary(scanned(schema, extra_allowed=frozenset({"acme.models.Scorer"}))) == ("safe", set())
    refused = frozenset({"os.system", "acme.models.Scorer.run"})
    assert scanned(skops_file(node("ObjectNode", "os", "system")), extra_allowed=refused).verdict == "unsafe"
    called = skops_file(node("ConstructorFromReduceNode", "acme.models", "Scorer", content=LIST))
    assert scanned(called, extra_allowed=frozenset({"acme.models.Scorer"})).verdict == "unsafe"


def test_a_schema_with_two_meanings_is_not_safe() -> None:
    double = b'{"__loader__": "ListNode", "__class__": "list", "__module__": "builtins", "content": [], '
    double += b'"__module__": "os", "protocol": 2}'
    assert summary(scanned(zipped({"schema.json": double}))) == ("unreadable", {"unreadable_file"})
    both = skops_file(LIST, **{"config.json": b"{}", "metadata.json": b"{}"})
    assert "two_formats" in codes(scanned(both))
    array = node("NdArrayNode", "numpy", "ndarray", type="numpy", file="gone.npy")
    assert summary(scanned(skops_file(array))) == ("unreadable", {"missing_member"})
