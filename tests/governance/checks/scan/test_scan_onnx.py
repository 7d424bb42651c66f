"""Scans of ONNX models, built field by field."""

from __future__ import annotations

import pytest

from governance.checks.scan.report import Reference
from tests.governance.checks.formats_made import ONE_TENSOR, safetensors
from tests.governance.checks.scan.scanned import codes, field, scanned, summary


def node(operator: str, domain: str = "", *attributes: bytes) -> bytes:
    return field(1, "x") + field(2, "y") + field(4, operator) + b"".join(field(5, a) for a in attributes) + (
        field(7, domain) if domain else b""
    )  # fmt: skip


def graph(*nodes: bytes, tensors: tuple[bytes, ...] = (), more: bytes = b"") -> bytes:
    return b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, t) for t in tensors) + more


def model(main: bytes, more: bytes = b"") -> bytes:
    return field(1, 8) + field(7, main) + field(8, field(2, 17)) + more


def tensor(**external: str) -> bytes:
    entries = b"".join(field(13, field(1, key) + field(2, value)) for key, value in external.items())
    return field(1, 1) + field(2, 1) + field(8, "w") + entries + (field(14, 1) if external else field(9, bytes(4)))


RELU = node("Relu")
PYTHON = node("PyOp", "ai.onnx.contrib")


def inside(part: bytes) -> bytes:
    """A node with a subgraph in an attribute."""
    return node("If", "", field(1, "then_branch") + field(6, graph(part)))


@pytest.mark.parametrize(
    "content",
    [
        model(graph(RELU, tensors=(tensor(),))),
        model(graph(inside(inside(RELU)), node("Scaler", "ai.onnx.ml"), node("Gelu", "com.microsoft"))),
        model(graph(node("Mine", "local")), field(25, field(1, "Mine") + field(10, "local") + field(7, RELU))),
    ],
)
def test_standard_operators_and_functions_of_the_model_are_safe(content: bytes) -> None:
    assert summary(scanned(content)) == ("safe", set())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (model(graph(node("Foo", "acme"))), "onnx_custom_operator"),
        (model(graph(PYTHON)), "onnx_python_operator"),
        (model(graph(inside(inside(PYTHON)))), "onnx_python_operator"),
        (model(graph(node("If", "", field(11, graph(PYTHON))))), "onnx_python_operator"),
        (model(graph(RELU), field(20, field(2, graph(PYTHON)))), "onnx_python_operator"),
        (model(graph(node("F", "l")), field(25, field(1, "F") + field(10, "l") + field(7, node("B", "n")))),
         "onnx_custom_operator"),
        (model(graph(node("EPContext", "com.microsoft"))), "onnx_native_context"),
        (model(graph(node("PythonOp", "com.microsoft"))), "onnx_python_operator"),
        (model(graph(node("Constant", "", field(1, "value") + field(5, tensor(location="/etc/passwd"))))),
         "reference_outside"),
        (model(graph(RELU, more=field(15, field(1, tensor(location="/etc/passwd"))))), "reference_outside"),
        (model(graph(RELU, tensors=(tensor(location="w.bin", basepath="/etc"),))), "external_data_key"),
        *((model(graph(RELU, tensors=(tensor(location=path),))), "reference_outside") for path in (
            "/etc/passwd", "../w", "a/../../w", "..\\w", "C:w", "file:///w", "~/w", "$HOME/w", "a\x00b", "",
            "*/_ORT_MEM_ADDR_/*")),
    ],
)  # fmt: skip
def test_what_leads_out_of_the_model_is_unsafe(content: bytes, code: str) -> None:
    result = scanned(content)
    assert summary(result) == ("unsafe", {code})
    assert result.findings[0].where
    assert code == "external_data_key" or not result.references


def test_external_data_are_references() -> None:
    result = scanned(model(graph(RELU, tensors=(tensor(location="data/w.bin", offset="0", length="4"),))))
    assert summary(result) == ("safe", set())
    assert result.references == (Reference("data/w.bin", "graph[0]/tensor[0] 'w'"),)


@pytest.mark.parametrize(
    "content",
    [
        model(graph(RELU, tensors=(tensor(offset="4"),))),
        model(graph(RELU, tensors=(tensor(location="w", offset="-4"),))),
        model(graph(node("Foo") + field(4, "Relu"))),
        model(graph(RELU)[:-1]) + b"\x0b",
        model(graph(field(4, b"\xff\xfe"))),
    ],
)
def test_a_broken_structure_is_not_safe(content: bytes) -> None:
    assert str(scanned(content).verdict) == "unreadable"


def test_safetensors_pass_by_the_rules_of_their_header() -> None:
    assert summary(scanned(safetensors(ONE_TENSOR, bytes(16)))) == ("safe", set())
    assert codes(scanned(safetensors(ONE_TENSOR, bytes(17)))) == {"unreadable_file"}


def test_code_is_unsafe_until_a_policy_allows_its_digest() -> None:
    result = scanned(b"import os\n", "model.py")
    assert summary(result) == ("unsafe", {"code_file"})
    digest = result.effects[0].where.removeprefix("sha256:")
    allowed = scanned(b"import os\n", "model.py", allowed_code={digest: "R. Viewer"})
    assert summary(allowed) == ("safe", {"code_file_allowed"})
    assert "R. Viewer" in allowed.findings[0].message
    assert scanned(b"import os \n", "model.py", allowed_code={digest: "R. Viewer"}).verdict == "unsafe"
