"""Every parser of texts and files from outside: called in one place, and any input ends in its named error."""

from __future__ import annotations

import ast
import hashlib
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import canonical
from governance import policies
from governance.checks.base import EVALUATION_TABLE, CheckContractError, File, outcome_from_json
from governance.checks.builtin.evaluation import Evaluation
from governance.checks.formats.detect import sniff_stream
from governance.checks.metrics_ci import NotComputable
from governance.checks.tables import TableFormatError
from governance.integrations.importers.exports import ExportFault
from governance.integrations.importers.exports import read as read_export
from governance.interfaces.rest import parsers
from governance.interfaces.rest.problem import Problem
from governance.interfaces.web import markdown, previews
from registry import datasets, json_text, moments, questionnaire, sources, yaml_reader
from registry import model_card as cards
from registry.comparison import compare_signatures, read_lock
from registry.search import InvalidQuery, parser
from registry.search.fields import WORDS
from tests.governance.checks import formats_made

ROOT = Path(__file__).resolve().parents[2]

# --- one place ---

READERS = {
    "json": {"load", "loads"},
    "csv": {"reader", "DictReader"},
    "yaml": {"load", "load_all", "safe_load", "safe_load_all", "full_load", "unsafe_load", "compose", "parse", "scan"},
    "zipfile": {"ZipFile"},
    "tarfile": {"open"},
    "pickle": {"load", "loads", "Unpickler"},
    "marshal": {"load", "loads"},
    "tomllib": {"load", "loads"},
}
OUTSIDE = {
    "json": {
        "audit/verifier.py",
        "registry/json_text.py",
        "governance/interfaces/rest/parsers.py",
        "governance/interfaces/mlflow/request.py",
        "governance/outbound_http/server.py",
        "governance/checks/base.py",
        "governance/checks/formats/detect.py",
        "governance/checks/formats/tensors.py",
        "governance/checks/scan/json_reader.py",
        "governance/client.py",
        "governance/development/devserver.py",
        "governance/settings/environment.py",
    },
    # A preview shows the beginning of a table and judges nothing.
    "csv": {"governance/checks/tables.py", "governance/client.py", "governance/interfaces/web/previews.py"},
    "zipfile": {"governance/checks/formats/archives.py"},
    "tarfile": {"governance/checks/formats/archives.py", "governance/checks/formats/detect.py"},
}
"""Where texts and files from outside are parsed."""
OWN = {
    "json": {
        "audit/leaf.py",
        "audit/models.py",
        "audit/signer.py",
        "audit/witness.py",
        "registry/fingerprint.py",
        "governance/checks/child.py",
        "governance/checks/runner.py",
        "governance/documents/pdf_files.py",
        "governance/documents/reading.py",
        "governance/gate/approvals.py",
        "governance/liveness.py",
        "governance/management/commands/run_check.py",
        "governance/selectors/compact_rows.py",
        "governance/selectors/packets.py",
        "governance/selectors/whole_versions.py",
        "registry/models/joined_rows.py",
        "governance/settings/testing.py",
        "governance/interfaces/web/audit.py",
        "governance/interfaces/web/packets.py",
        "governance/notifications/webhooks/payloads.py",
    },
    "zipfile": {"governance/development/demo/artifacts.py", "governance/interfaces/web/audit_bundles.py"},
}
"""Where what the product itself wrote is parsed."""


def test_what_comes_from_outside_is_parsed_in_one_place_for_each_form() -> None:
    found: dict[str, set[str]] = {}
    for app in ("audit", "registry", "governance"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                    continue
                if node.attr in READERS.get(node.value.id, ()):
                    found.setdefault(node.value.id, set()).add(str(path.relative_to(ROOT)))
    assert found == {
        module: OUTSIDE.get(module, set()) | OWN.get(module, set()) for module in {*OUTSIDE, *OWN} & READERS.keys()
    }


# --- arbitrary input ---


def read_card(text: str) -> None:
    """All that is made of a card: pages, the document, the check and comparisons."""
    card = cards.parse(text)
    canonical.dumps({name: cards.to_json_value(value) for name, value in card.metadata.items()})
    cards.find_missing_sections(
        card, required_metadata=["license"], required_sections=["evaluation", "limitations"], min_words=5
    )
    for section in cards.top_sections(card):
        card.source(section)


def read_yaml(text: str) -> None:
    repr(yaml_reader.read(text)).encode()


def read_dataset(text: str) -> None:
    form, _, rest = text.partition("\n")
    for each in (*datasets.FORMS, form[:20]):
        try:
            found = datasets.read(each, rest)
        except datasets.DatasetParseError:
            continue
        datasets.identity(found)
        datasets.identity_hint(found)


def read_signature(text: str) -> None:
    compare_signatures({"inputs": text}, {"inputs": text[1:], "outputs": text})


def read_table(raw: bytes, folder: Path) -> None:
    path = folder / "table.csv"
    path.write_bytes(raw)
    table = Evaluation.read(File(EVALUATION_TABLE, "t.csv", hashlib.sha256(raw).hexdigest(), len(raw), path), None, 0.5)
    for metric in ("accuracy", "auc", "f1", "mae", "log_loss"):
        try:
            table.estimate(metric, 0.95, 1)
        except NotComputable:
            continue


def recognise(raw: bytes) -> None:
    sniff_stream(io.BytesIO(raw), len(raw))


TEXTS: dict[str, tuple[Callable[[str], object], tuple[type[Exception], ...]]] = {
    "YAML": (read_yaml, (yaml_reader.YamlUnreadableError,)),
    "model card": (read_card, (cards.ModelCardParseError,)),
    "prose of a card": (lambda text: markdown.to_html(cards.divide(text)[1]), ()),
    "policy": (policies.parse, (ValueError,)),
    "questionnaire": (questionnaire.parse, (ValueError,)),
    "JSON": (json_text.parse_json, (json_text.JsonTextError,)),
    "signature": (read_signature, ()),
    "environment lock": (read_lock, ()),
    "dataset": (read_dataset, ()),
    "dataset of any form": (datasets.detect_formats, ()),
    "source": (sources.read, (sources.SourceError,)),
    "moment": (moments.read_foreign_moment, (moments.MomentError,)),
    "search": (lambda text: parser.parse(text, WORDS), (InvalidQuery,)),
}
BYTES: dict[str, tuple[Callable[[bytes], object], tuple[type[Exception], ...]]] = {
    "body of a request": (parsers.read_json, (Problem,)),
    "export of a registry": (lambda raw: read_export("x.json", raw), (ExportFault,)),
    "JSON": (json_text.parse_json, (json_text.JsonTextError,)),
    "outcome of a check": (outcome_from_json, (CheckContractError,)),
    "file of a version": (recognise, ()),
    "preview of a table": (lambda raw: previews.preview(raw, "a.csv", complete=len(raw) % 2 == 0), ()),
}
SEEDS = [
    b'---\nlicense: no\nx: !!bool maybe\ny: !!int ""\nz: "\\ud800"\n---\n# Model\n## Intended use\nwords\n',
    b"outs:\n- md5: b202f333fba4fd38d4b8e5e693077aab\n  path: a.csv\n  files:\n  - {relpath: a, md5: x}\n",
    b"stages:\n  train:\n    deps:\n    - path: a\n      md5: b202f333fba4fd38d4b8e5e693077aab\n",
    b"slug: a\ntitle: abc\napplies_to: {stages: [production]}\nchecks:\n- check: artifact.format\n",
    b"title: Q\nquestions:\n- {id: a, ask: b?, answers: [{id: x, text: yes, points: 1}]}\ntiers: {1: 2, 2: 1}\n",
    b"dependencies:\n- python=3.11\n- pip:\n  - a==1\nx: !!bool maybe\n",
    b'name,label,score\n1,1,0.5\n2,0,"0,7"\n',
    b"sep=;\nid;y_true;y_score\n1;1;0,5\n1;0;7%\n",
    b'[{"ModelPackageArn": "arn:aws:sagemaker:r:1:p/a/1", "ModelPackageGroupName": "a", "CreationTime": 1e999}]',
    b'{"creation_context": {"created_at": 5}, "id": null, "name": "a", "version": null, "latest_version": "7"}',
    b'{"registryModelId": [], "modelName": "a", "versions": [{"version": {}}, 5]}',
    b'{"conclusion": "success", "summary": "a", "findings": [{"code": 1}], "measures": {"a": NaN}}',
    b'[{"name": "a", "type": "double", "required": 1e400}]',
    b'# a comment\nnumpy==1.0 --hash=sha256:x\n@EXPLICIT\nhttps://a/b-1.0-0.conda\n[[package]]\nname = "a"\n',
    formats_made.ubj_model(),
    formats_made.gguf(),
    formats_made.saved_model(),
    formats_made.sentencepiece(),
    formats_made.png(),
    formats_made.parquet(),
    formats_made.onnx_model(),
    formats_made.zipped({"schema.json": formats_made.SCHEMA, "a.npy": b"\x93NUMPY\x01\x00"}),
    formats_made.tar_gz({"a.txt": b"text", "b.py": b"x"}),
    formats_made.safetensors(formats_made.ONE_TENSOR, bytes(16)),
]
PIECES = [b"", b"\0", b"\n", b"\xff", b"\xed\xa0\x80", b"---\n", b"!!bool ", b"&a ", b"*a", b"[" * 40, b"{",
          b'"', b"NaN", b"\\ud800", b"1" * 500, b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xae", b"\x80\x04",
          b"PK\x03\x04", b";"]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid beginning that was cut, repeated and spoilt in a few places."""
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(raw)))
        cut = draw(st.integers(0, 12))
        raw = raw[:at] + draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=6))) + raw[at + cut :]
    return raw


INPUTS = st.one_of(mutated(), mutated(), st.binary(max_size=200))
TEXT_INPUTS = st.one_of(
    INPUTS.map(lambda raw: raw.decode("utf-8", errors="replace")),
    INPUTS.map(lambda raw: raw.decode("utf-8", errors="surrogateescape")),
    st.text(max_size=120),
)
FUZZED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.parametrize("name", TEXTS)
def test_a_parser_of_texts_ends_in_its_named_error(name: str) -> None:
    parse, named = TEXTS[name]

    @FUZZED
    @given(TEXT_INPUTS)
    def feed(text: str) -> None:
        with suppress(*named):
            parse(text)

    feed()


@pytest.mark.parametrize("name", BYTES)
def test_a_parser_of_bytes_ends_in_its_named_error(name: str) -> None:
    parse, named = BYTES[name]

    @FUZZED
    @given(INPUTS)
    def feed(raw: bytes) -> None:
        with suppress(*named):
            parse(raw)

    feed()


@FUZZED
@given(raw=INPUTS)
def test_an_evaluation_table_ends_in_its_named_error(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    with suppress(TableFormatError):
        read_table(raw, tmp_path_factory.getbasetemp())


@FUZZED
@given(value=st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=8), st.lists, max_leaves=12))
def test_json_is_read_back_or_refused(value: Any) -> None:
    try:
        found = json_text.parse_json(json.dumps(value))
    except json_text.JsonTextError:
        return
    assert json.dumps(found) == json.dumps(value)
