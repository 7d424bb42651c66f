"""The files that people ship with models, as one artifact each: the verdict on every one of them."""

from __future__ import annotations

import json

import pytest

from governance.checks.scan.report import Verdict
from governance.development.demo import artifacts
from tests.governance.checks import formats_made
from tests.governance.checks.scan.made import scanned

SSTI = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
CONDA = "name: m\ndependencies:\n  - python=3.11\n  - pip:\n      - scikit-learn==1.9.1\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"model.ubj": formats_made.ubj_model()}, Verdict.SAFE),
        ({"m.gguf": formats_made.gguf()}, Verdict.SAFE),
        ({"roc.png": formats_made.png()}, Verdict.SAFE),
        ({"sentencepiece.bpe.model": formats_made.sentencepiece()}, Verdict.SAFE),
        ({"README.md": "# Modèle d’octroi, seuil à 20 € \n".encode("windows-1252")}, Verdict.SAFE),
        ({"conda.yaml": CONDA, "requirements.txt": "scikit-learn==1.9.1\n"}, Verdict.SAFE),
        (artifacts.files("onnx", ["a", "b"], 1), Verdict.SAFE),
        (artifacts.files("safetensors", ["a", "b"], 1), Verdict.SAFE),
        (artifacts.files("skops", ["a", "b"], 1), Verdict.SAFE),
        (artifacts.files("npy", ["a", "b"], 1), Verdict.SAFE),
        (artifacts.files("pickle", ["a", "b"], 1), Verdict.SAFE),
        ({"tokenizer_config.json": json.dumps({"chat_template": SSTI})}, Verdict.UNSAFE),
        ({"MLmodel": "flavors: {python_function: {loader_module: x, code: code}}", "code/x.py": "import os\n"},
         Verdict.UNSAFE),
        ({"model.onnx": b""}, Verdict.UNREADABLE),
        ({"model.bin": bytes(range(256))}, Verdict.UNREADABLE),
        ({"model.7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40)}, Verdict.UNSUPPORTED),
    ],
)  # fmt: skip
def test_the_verdict_on_what_people_ship(files: dict[str, bytes | str], expected: Verdict) -> None:
    found = scanned(files)
    assert found.verdict is expected, found.findings
