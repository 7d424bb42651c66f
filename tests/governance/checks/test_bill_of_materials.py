"""`bom.cyclonedx`: the schema, the hashes of the model, and references, on a document of the documentation page."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from governance.checks import entry_points, runner
from governance.checks.attestations.provenance import folder_digest
from governance.checks.base import ARTIFACT_FILES, CheckOutcome, Conclusion, Context, File
from governance.checks.builtin.bom_cyclonedx import MAX_BOM, MAX_ENTRIES
from tests.governance.checks.conftest import NOW, Shelf
from tests.governance.checks.signing_made import MODEL, sha256, written

KIND = "bom.cyclonedx"
Judge = Callable[..., CheckOutcome]


@pytest.fixture
def document() -> dict[str, Any]:
    check = entry_points.get(KIND)
    example = Path(entry_points.__file__).parent / "examples" / check.needs[1].example
    found: dict[str, Any] = json.loads(example.read_text())
    return found


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    def run(document: Any, files: Mapping[str, bytes] = MODEL, size: int | None = None, **params: Any) -> CheckOutcome:
        check = entry_points.get(KIND)
        raw = document if isinstance(document, bytes) else written(document)
        local = tmp_path / "bom"
        local.write_bytes(raw)
        found = [File(ARTIFACT_FILES, path, sha256(content), len(content), local) for path, content in files.items()]
        found.append(File(KIND, "bom.json", sha256(raw), len(raw) if size is None else size, local))
        outcome = check.run(Context(tuple(found), {}, NOW, 7), entry_points.parameters(check, params))
        outcome.as_json()
        return outcome

    return run


def codes(outcome: CheckOutcome) -> set[str]:
    return {finding.code for finding in outcome.findings}


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the member at a JSON pointer replaced; removed if the value is ...."""
    made = copy.deepcopy(document)
    parent: Any = made
    steps = [int(step) if step.isdigit() else step for step in path.split("/")[1:]]
    for step in steps[:-1]:
        parent = parent[step]
    if value is ...:
        del parent[steps[-1]]
    else:
        parent[steps[-1]] = value
    return made


def test_the_example_passes_in_the_sandbox(
    sandboxed: Callable[..., runner.Run], shelf: Shelf, document: dict[str, Any]
) -> None:
    sources = [shelf.add(content, path) for path, content in MODEL.items()]
    ended = sandboxed(entry_points.get(KIND), *sources, shelf.add(written(document), "bom.json", KIND))
    assert ended.outcome is not None, ended.message
    assert ended.outcome.conclusion is Conclusion.SUCCESS
    assert ended.outcome.measures["datasets"] == 2


CARD = "/metadata/component/modelCard"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("/bomFormat", "SPDX", "schema"),
        ("/metadata/component/type", "model", "schema"),
        ("/metadata/component/colour", "red", "schema"),
        ("/serialNumber", "urn:uuid:1", "schema"),
        ("/specVersion", "1.5", "version_not_accepted"),
        ("/specVersion", ..., "malformed"),
        ("/metadata/component/type", "library", "no_model"),
        ("/metadata/component", ..., "no_model"),
        ("/metadata/component/hashes/0/content", "0" * 64, "other_model"),
        ("/metadata/component/hashes/0/alg", "SHA-512", "other_model"),
        ("/metadata/component/hashes", ..., "other_model"),
        (CARD, ..., "no_model_card"),
        (CARD, {}, "no_model_card"),
        (f"{CARD}/modelParameters/datasets", [], "no_datasets"),
        (f"{CARD}/modelParameters", ..., "no_datasets"),
        (f"{CARD}/modelParameters/datasets/0/ref", "dataset:lost", "dangling_ref"),
        (f"{CARD}/modelParameters/datasets/0/ref", "pkg:pypi/scikit-learn@1.9.1", "dangling_ref"),
        (f"{CARD}/modelParameters/datasets/0/ref", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#x", "dangling_ref"),
        ("/dependencies/0/ref", "lost", "dangling_ref"),
        ("/dependencies/0/dependsOn/1", "lost", "dangling_ref"),
        ("/components/0/bom-ref", "dataset:evaluation", "duplicate_ref"),
        ("/compositions", [{"aggregate": "complete", "assemblies": ["lost"]}], "dangling_ref"),
        ("/vulnerabilities", [{"id": "CVE-1", "affects": [{"ref": "lost"}]}], "dangling_ref"),
    ],
)
def test_faults_are_named(judge: Judge, document: dict[str, Any], path: str, value: Any, code: str) -> None:
    outcome = judge(changed(document, path, value))
    assert outcome.conclusion is Conclusion.FAILURE
    assert code in codes(outcome), outcome.findings


def test_what_a_policy_does_not_require_may_be_absent(judge: Judge, document: dict[str, Any]) -> None:
    without = changed(document, CARD, ...)
    outcome = judge(without, require_model_card=False, require_datasets=False)
    assert outcome.conclusion is Conclusion.SUCCESS
    assert codes(judge(document, versions=["1.6"])) == {"version_not_accepted"}
    older = changed(changed(document, "/specVersion", "1.6"), "/$schema", ...)
    assert judge(older, versions=["1.6"]).conclusion is Conclusion.SUCCESS
    extra = {**MODEL, "notes.md": b"#"}
    assert codes(judge(document, extra)) == {"other_model"}
    assert judge(document, extra, require_all_files=False).conclusion is Conclusion.SUCCESS
    assert codes(judge(document, {"a": b"1"}, require_all_files=False)) == {"other_model"}
    unnumbered = judge(changed(document, "/serialNumber", ...))
    assert (unnumbered.conclusion, codes(unnumbered)) == (Conclusion.SUCCESS, {"no_serial_number"})


def test_the_model_may_be_described_by_the_folder_nested_files_or_another_component(
    judge: Judge, document: dict[str, Any]
) -> None:
    main = document["metadata"]["component"]
    files = [File(ARTIFACT_FILES, path, sha256(content), len(content), None) for path, content in MODEL.items()]
    folder = changed(document, "/metadata/component/hashes", [{"alg": "SHA-256", "content": folder_digest(files)}])
    nested = changed(document, "/metadata/component/hashes", ...)
    nested["metadata"]["component"]["components"] = [
        {"type": "file", "name": path, "hashes": [{"alg": "SHA-256", "content": sha256(content)}]}
        for path, content in MODEL.items()
    ]
    base = {"type": "machine-learning-model", "name": "base", "bom-ref": "base"}
    second = changed(document, "/metadata/component", base)
    second["components"].append(main)
    for made in (folder, nested, second):
        assert judge(made).conclusion is Conclusion.SUCCESS, judge(made).summary


def test_other_documents_fail_and_none_raises(judge: Judge, document: dict[str, Any]) -> None:
    text = json.dumps(document)
    twice = text.replace('"bomFormat"', '"bomFormat": "CycloneDX", "bomFormat"', 1).encode()
    long = {**document, "components": [{"type": "file", "name": str(n)} for n in range(MAX_ENTRIES + 1)]}
    for raw, code in (
        (b"", "not_json"),
        (b"<?xml version='1.0'?><bom/>", "not_json"),
        (b"[]", "malformed"),
        (b"[" * 10_000, "not_json"),
        (twice, "duplicate_name"),
        (long, "too_large"),
        ({"specVersion": "1.7"}, "schema"),
        ({**document, "components": 5}, "schema"),
        ({**document, "metadata": []}, "schema"),
        ({**document, "dependencies": [{}]}, "schema"),
    ):
        assert codes(judge(raw)) == {code}
    assert codes(judge(document, size=MAX_BOM + 1)) == {"too_large"}
    for encoding in ("utf-8-sig", "utf-16"):
        assert judge(text.encode(encoding)).conclusion is Conclusion.SUCCESS


def test_two_policies_are_combined_to_the_stricter() -> None:
    check = entry_points.get(KIND)
    given = check.Params.model_validate
    first, second = given({"versions": ["1.7"], "require_datasets": False}), given({"require_model_card": False})
    assert check.combine(first, second) == given({"versions": ["1.7"]})
    assert check.combine(first, given({"versions": ["1.6"]})) is None
