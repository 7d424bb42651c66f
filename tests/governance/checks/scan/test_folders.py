"""Rules over several files: MLflow and Hugging Face folders, shards, and code beside weights."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from governance.checks.base import Severity
from governance.checks.formats.names import Format
from governance.checks.scan.folder import Entry, judge
from governance.checks.scan.report import Effect, EffectKind, FileScan, Options, ScanFinding, Verdict
from tests.governance.checks import formats_made
from tests.governance.checks.scan.made import LOADER, codes, scanned
from tests.governance.checks.scan.scanned import onnx_with_data

CODE = "import os\nos.system('id')\n"
WEIGHTS = formats_made.safetensors(formats_made.ONE_TENSOR, bytes(16))


def mlmodel(**flavor: Any) -> str:
    return json.dumps({"flavors": {"python_function": {"loader_module": "mlflow.sklearn", **flavor}}})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"MLmodel": LOADER, "model.ubj": formats_made.ubj_model()}, set()),
        ({"MLmodel": LOADER}, {("reference_missing", "MLmodel")}),
        ({"MLmodel": mlmodel(model_path="../m.pkl")}, {("reference_outside", "MLmodel")}),
        ({"MLmodel": mlmodel(data="/etc/passwd")}, {("reference_outside", "MLmodel")}),
        ({"MLmodel": mlmodel(data="C:\\m")}, {("reference_outside", "MLmodel")}),
        ({"MLmodel": mlmodel(artifacts={"a": {"path": "artifacts/a", "uri": "file:///home/a"}})},
         {("reference_missing", "MLmodel")}),
        ({"MLmodel": mlmodel(env={"conda": "conda.yaml"})}, set()),
        ({"MLmodel": mlmodel(env={"conda": "../conda.yaml"})}, {("reference_outside", "MLmodel")}),
        ({"MLmodel": mlmodel(loader_module="x")}, {("unknown_loader", "MLmodel")}),
        ({"MLmodel": mlmodel(loader_module="mlflow.sklearn.x")}, {("unknown_loader", "MLmodel")}),
        ({"MLmodel": mlmodel(loader_module="mlflow.llama_index")}, {("unknown_loader", "MLmodel")}),
        ({"MLmodel": mlmodel(loader_module=5)}, {("mlmodel_unreadable", "MLmodel")}),
        ({"MLmodel": mlmodel(code="code"), "code/x.py": CODE, "code/w.txt": "1"}, {("code_runs", "code/x.py")}),
        ({"MLmodel": mlmodel(code="code"), "code/__init__.py": ""}, set()),
        ({"MLmodel": mlmodel(model_code_path="/home/a/agent.py"), "agent.py": CODE}, {("code_runs", "agent.py")}),
        ({"MLmodel": mlmodel(), "notes/plot.py": CODE}, {("code_file", "notes/plot.py")}),
        ({"MLmodel": json.dumps({"flavors": {"xgboost": {"model_class": "os.system"}}})},
         {("unknown_loader", "MLmodel")}),
        ({"MLmodel": json.dumps({"flavors": {"transformers": {"source_model_name": "a/b"}}})},
         {("reference_outside", "MLmodel")}),
        ({"MLmodel": "flavors: {a: {}, a: {}}"}, {("mlmodel_unreadable", "MLmodel")}),
        ({"MLmodel": "flavors: [1]"}, {("mlmodel_unreadable", "MLmodel")}),
        ({"MLmodel": "flavors: {}"}, {("mlmodel_unreadable", "MLmodel")}),
        ({"MLmodel": json.dumps({**json.loads(mlmodel()), "model_code_path": "agent.txt"}), "agent.txt": CODE},
         {("code_runs", "agent.txt")}),
        ({"MLmodel": LOADER, "model.ubj": formats_made.ubj_model(), "metadata/MLmodel": LOADER}, set()),
        ({"MLmodel": LOADER, "model.ubj": formats_made.ubj_model(), "metadata/MLmodel": LOADER + "\n"},
         {("reference_missing", "metadata/MLmodel")}),
        ({"MLmodel": "flavors: !!python/object/apply:os.system [id]"}, {("mlmodel_unreadable", "MLmodel")}),
        ({"m/MLmodel": LOADER, "model.ubj": formats_made.ubj_model()}, {("reference_missing", "m/MLmodel")}),
        ({"data/pickle_module_info.txt": "os"}, {("unknown_loader", "data/pickle_module_info.txt")}),
        ({"data/pickle_module_info.txt": "mlflow.pytorch.pickle_module"}, set()),
    ],
)  # fmt: skip
def test_an_mlflow_folder(files: dict[str, bytes | str], expected: set[tuple[str, str]]) -> None:
    assert codes(scanned(files)) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"config.json": {"model_type": "bert", "architectures": ["BertModel"]}}, set()),
        ({"config.json": {"auto_map": {"AutoModel": "modeling_x.X"}}, "modeling_x.py": CODE},
         {("code_runs", "modeling_x.py")}),
        ({"config.json": {"auto_map": {"AutoModel": "modeling_x.X"}}}, {("reference_missing", "config.json")}),
        ({"config.json": {"auto_map": {"AutoModel": "owner/repo--modeling_x.X"}}},
         {("reference_outside", "config.json")}),
        ({"tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["tok.T", None]}}, "tok.py": CODE},
         {("code_runs", "tok.py")}),
        ({"config.json": {"text_config": {"auto_map": {"AutoConfig": "c.C"}}}, "c.py": CODE}, {("code_runs", "c.py")}),
        ({"config.json": {"custom_pipelines": {"task": {"impl": "p.P"}}}, "p.py": CODE}, {("code_runs", "p.py")}),
        ({"config.json": {"model_file": "arch.py"}, "arch.py": CODE}, {("code_runs", "arch.py")}),
        ({"config.json": {"model_type": "x"}, "modeling_x.py": CODE}, {("code_file", "modeling_x.py")}),
        ({"config.json": "{"}, {("config_unreadable", "config.json")}),
        ({"model_index.json": {"_class_name": "P", "unet": ["diffusers", "UNet"], "vae": [None, None]}}, set()),
        ({"model_index.json": {"unet": ["mine", "UNet"]}, "unet/mine.py": CODE}, {("code_runs", "unet/mine.py")}),
        ({"model_index.json": {"unet": ["os", "system"]}}, {("unknown_loader", "model_index.json")}),
        ({"modules.json": [{"type": "sentence_transformers.models.Transformer"}]}, set()),
        ({"modules.json": [{"type": "custom.Module"}], "custom.py": CODE}, {("code_runs", "custom.py")}),
        ({"model.safetensors.index.json": {"weight_map": {"w": "m-1.safetensors"}}, "m-1.safetensors": WEIGHTS}, set()),
        ({"model.safetensors.index.json": {"weight_map": {"w": "m-1.safetensors"}}},
         {("reference_missing", "model.safetensors.index.json")}),
        ({"a/pytorch_model.bin.index.json": {"weight_map": {"w": "../../m.bin"}}},
         {("reference_outside", "a/pytorch_model.bin.index.json")}),
        ({"model.safetensors.index.json": {"weight_map": {"w": "weights"}}, "weights/w.safetensors": WEIGHTS},
         {("reference_missing", "model.safetensors.index.json")}),
        ({"model.safetensors.index.json": {"weight_map": ["m.bin"]}},
         {("config_unreadable", "model.safetensors.index.json")}),
        ({"pytorch_model.bin.index.json": {}}, {("config_unreadable", "pytorch_model.bin.index.json")}),
        ({"modules.json": [{"path": "../1_Pooling", "type": "sentence_transformers.models.Pooling"}]},
         {("reference_outside", "modules.json")}),
        ({"modules.json": [{"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]}, set()),
        ({"vocab.json": "{not json"}, set()),
    ],
)  # fmt: skip
def test_a_hugging_face_folder(files: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    found = scanned({path: text if isinstance(text, str | bytes) else json.dumps(text) for path, text in files.items()})
    assert codes(found) == expected


def test_code_is_allowed_by_digest_with_the_name_of_its_reader() -> None:
    files = {"MLmodel": mlmodel(loader_module="x", code="code"), "code/x.py": CODE, "code/y.py": "y = 1\n"}
    one, two = (hashlib.sha256(files[name].encode()).hexdigest() for name in ("code/x.py", "code/y.py"))
    found = scanned(files, allowed_code={one: "Ada"})
    # The other file of code could change what the one that was read does, so the loader is still refused.
    assert codes(found) == {("unknown_loader", "MLmodel"), ("code_allowed", "code/x.py"), ("code_runs", "code/y.py")}
    found = scanned(files, allowed_code={one: "Ada", two: "Ben"})
    assert codes(found) == {("code_allowed", "code/x.py"), ("code_allowed", "code/y.py")}
    assert all(finding.severity is Severity.INFO for finding in found.findings if finding.code == "code_allowed")
    assert dict(found.files)["code/x.py"].verdict is Verdict.SAFE
    assert any("Ada read it" in finding.message for finding in found.findings)
    executed = {effect.subject for effect in found.effects if effect.kind is EffectKind.EXECUTES}
    assert executed == {"code/x.py", "code/y.py"}
    assert all(effect.allowed for effect in found.effects)


def test_the_folder_judges_the_code_that_a_single_file_names() -> None:
    text = b'{"auto_map": {"AutoModel": "m.M"}, "x": {"trust_remote_code": true}}'
    named = ScanFinding("code_named", "auto_map names code.", Severity.CRITICAL, "auto_map")
    other = ScanFinding("code_named", "trust_remote_code names code.", Severity.CRITICAL, "x.trust_remote_code")
    imports = Effect(EffectKind.IMPORTS, "m.M", "auto_map", allowed=False)
    code = Entry("m.py", FileScan(Format.CODE, Verdict.UNSAFE), 5, "d" * 64)
    for findings, verdict in (((named,), Verdict.SAFE), ((named, other), Verdict.UNSAFE)):
        scan = FileScan(Format.TEXT, Verdict.UNSAFE, findings, (imports,))
        entries = [Entry("config.json", scan, len(text), "", text), code]
        judged = dict(judge(entries, Options(allowed_code={"d" * 64: "Ada"})).files)
        assert judged["config.json"].verdict is verdict
        assert judged["config.json"].findings == findings[1:]
        assert judged["config.json"].effects == ()
        assert judged["m.py"].verdict is Verdict.SAFE
    unparsed = Entry("a.json", scan, 9, "", b"not JSON,")
    assert dict(judge([unparsed], Options()).files)["a.json"].findings == findings


def test_the_kind_of_a_folder_follows_from_its_files() -> None:
    assert scanned({"MLmodel": LOADER}).kind == "mlflow"
    assert scanned({"config.json": '{"model_type": "bert"}'}).kind == "huggingface"
    assert scanned({"config.json": '{"a": 1}'}).kind == "folder"
    saved = {"saved_model.pb": formats_made.saved_model(), "variables/variables.data-00000-of-00001": bytes(range(99))}
    assert scanned(saved).kind == "savedmodel"


def test_no_files_and_empty_files_are_not_safe() -> None:
    assert scanned({}).verdict is Verdict.UNREADABLE
    assert codes(scanned({})) == {("no_files", "")}
    found = scanned({"model.onnx": b"", "pkg/__init__.py": b""})
    assert codes(found) == {("empty_file", "model.onnx")}
    assert dict(found.files)["pkg/__init__.py"].verdict is Verdict.SAFE


def test_external_data_of_onnx_are_raw_numbers() -> None:
    raw = bytes(range(256)) * 4
    assert scanned({"m.onnx": onnx_with_data("d/w.data"), "d/w.data": raw}).verdict is Verdict.SAFE
    assert codes(scanned({"m.onnx": onnx_with_data("w.data"), "d/w.data": raw})) == {
        ("reference_missing", "m.onnx"),
        ("unreadable_file", "d/w.data"),
    }
    assert codes(scanned({"m.onnx": onnx_with_data("d"), "d/w.txt": "1"})) == {("reference_missing", "m.onnx")}
    two_in_one = b"#" * 40 + formats_made.zipped({"a.txt": b"1"})
    assert codes(scanned({"m.onnx": onnx_with_data("w.data"), "w.data": two_in_one})) == {("unreadable_file", "w.data")}
