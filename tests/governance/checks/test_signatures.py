"""`integrity.signature`: real bundles of model-signing, and attacks on envelopes, lists of files and keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from governance.checks import entry_points, runner
from governance.checks.attestations.members import MAX_DOCUMENT
from governance.checks.base import ARTIFACT_FILES, CheckOutcome, Conclusion, Context, File
from tests.governance.checks.conftest import NOW, Shelf
from tests.governance.checks.signing_made import (
    ED25519,
    MODEL,
    P256,
    SIGNED,
    envelope,
    fact,
    listed,
    model_statement,
    pem,
    sha256,
    statement,
    written,
)

KIND = "signature.bundle"
Verify = Callable[..., CheckOutcome]
OTHER = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    """Run the check on files, a bundle and keys, in this process."""

    def run(
        bundle: bytes,
        files: Mapping[str, bytes] = MODEL,
        keys: Sequence[Mapping[str, Any]] = (),
        names: Sequence[str] = (),
        **params: Any,
    ) -> CheckOutcome:
        check = entry_points.get("integrity.signature")
        local = tmp_path / "bundle"
        local.write_bytes(bundle)
        found = [File(ARTIFACT_FILES, path, sha256(content), len(content), local) for path, content in files.items()]
        found.append(File(KIND, "bundle.json", sha256(bundle), len(bundle), local))
        facts = {"verification_keys": list(keys) or [fact(pem(P256))]}
        outcome = check.run(
            Context(tuple(found), facts, NOW, 7), entry_points.parameters(check, {"keys": list(names), **params})
        )
        outcome.as_json()
        return outcome

    return run


def real(name: str) -> bytes:
    return (SIGNED / name).read_bytes()


def registered(name: str, **more: Any) -> dict[str, Any]:
    return fact((SIGNED / f"{name}.pub.pem").read_text(), name=name, **more)


def codes(outcome: CheckOutcome) -> set[str]:
    return {finding.code for finding in outcome.findings}


@pytest.mark.parametrize("key", ["p256", "p384", "p521"])
def test_a_bundle_of_model_signing_passes_with_its_key_alone(verify: Verify, key: str) -> None:
    names = ["p256", "p384", "p521", "ed25519"]
    outcome = verify(real(f"model.{key}.sig.json"), keys=[registered(name) for name in names])
    assert outcome.conclusion is Conclusion.SUCCESS
    assert [row["key"] for row in outcome.measures["signed_by"]] == [key]  # type: ignore[union-attr,index,call-overload]  # JSON
    assert key in outcome.summary
    others = [registered(name) for name in names if name != key]
    assert codes(verify(real(f"model.{key}.sig.json"), keys=others)) == {"no_valid_signature"}


def test_it_passes_in_the_sandbox(sandboxed: Callable[..., runner.Run], shelf: Shelf) -> None:
    sources = [shelf.add(content, path) for path, content in MODEL.items()]
    sources.append(shelf.add(real("model.p521.sig.json"), "model.sig", KIND))
    ended = sandboxed(
        entry_points.get("integrity.signature"), *sources, facts={"verification_keys": [registered("p521")]}
    )
    assert ended.outcome is not None, ended.message
    assert ended.outcome.conclusion is Conclusion.SUCCESS


def test_a_model_of_one_file_and_files_of_git(verify: Verify) -> None:
    single = {"single.bin": real("single.bin")}
    assert verify(real("single.sig.json"), single, [registered("p256")]).conclusion is Conclusion.SUCCESS
    assert codes(verify(real("single.sig.json"), {"other.bin": real("single.bin")}, [registered("p256")])) == {
        "file_missing",
        "file_not_signed",
    }
    git = {".git/HEAD": b"x\n", ".gitignore": b"y\n"}
    # model-signing leaves out files of Git, so its own verification accepts any of them.
    assert codes(verify(real("model.p256.sig.json"), MODEL | {".git/evil.pkl": b"."}, [registered("p256")])) == {
        "file_not_signed"
    }
    assert verify(real("gitpaths.sig.json"), MODEL | git, [registered("p256")]).conclusion is Conclusion.SUCCESS


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({**MODEL, "weights.txt": b"others"}, "file_changed"),
        ({**MODEL, "extra.py": b"import os"}, "file_not_signed"),
        ({path: content for path, content in MODEL.items() if path != "weights.txt"}, "file_missing"),
        ({path.upper(): content for path, content in MODEL.items()}, "file_missing"),
    ],
)
def test_other_files_than_the_signed_ones_fail(verify: Verify, files: Mapping[str, bytes], code: str) -> None:
    outcome = verify(real("model.p256.sig.json"), files, [registered("p256")])
    assert outcome.conclusion is Conclusion.FAILURE
    assert code in codes(outcome)
    assert outcome.measures["signed_by"]


def test_files_that_are_not_signed_pass_only_where_the_policy_allows_them(verify: Verify) -> None:
    bundle, keys = real("model.p256.sig.json"), [registered("p256")]
    files = {**MODEL, "extra.md": b"#"}
    assert verify(bundle, files, keys, require_all_files=False).conclusion is Conclusion.SUCCESS
    assert codes(verify(bundle, {**files, "weights.txt": b"o"}, keys, require_all_files=False)) == {"file_changed"}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"payload":"ewog', '"payload":"ewoK'),
        lambda text: text.replace('"sig":"MEQCIG', '"sig":"MEQCIH'),
        lambda text: text.replace("application/vnd.in-toto+json", "application/json"),
        lambda text: text.replace('"keyid":""', '"keyid":"","extra":1').replace('"sig":"ME', '"sig":"AA'),
    ],
)
def test_a_changed_bundle_has_no_valid_signature(verify: Verify, change: Callable[[str], str]) -> None:
    text = real("model.p256.sig.json").decode()
    changed = change(text)
    assert changed != text
    outcome = verify(changed.encode(), keys=[registered("p256")])
    assert codes(outcome) == {"no_valid_signature"}
    assert "changed after signing" in outcome.summary


def test_certificates_and_signatures_of_bytes_are_refused_by_name(verify: Verify) -> None:
    assert codes(verify(real("cert.sig.json"))) == {"keyless"}
    bundle = json.loads(real("model.p256.sig.json"))
    keyless = {**bundle, "verificationMaterial": {"certificate": {"rawBytes": "MII="}, "tlogEntries": []}}
    assert codes(verify(written(keyless), keys=[registered("p256")])) == {"keyless"}
    signed = envelope(model_statement(listed(MODEL)), P256)
    signed["signatures"][0]["cert"] = "-----BEGIN CERTIFICATE-----"
    assert codes(verify(written(signed))) == {"keyless"}
    del bundle["dsseEnvelope"]
    assert codes(verify(written({**bundle, "messageSignature": {}}))) == {"message_signature"}


def test_one_of_several_signatures_suffices_and_all_signers_are_named(verify: Verify) -> None:
    payload = model_statement(listed(MODEL))
    keys = [fact(pem(P256), "first"), fact(pem(ED25519), "second")]
    outcome = verify(written(envelope(payload, OTHER, ED25519, P256)), keys=keys)
    assert outcome.conclusion is Conclusion.SUCCESS
    assert [row["key"] for row in outcome.measures["signed_by"]] == ["first", "second"]  # type: ignore[union-attr,index,call-overload]  # JSON
    assert codes(verify(written(envelope(payload, OTHER)), keys=keys)) == {"no_valid_signature"}


def test_base64_in_both_alphabets_with_and_without_padding(verify: Verify) -> None:
    made = envelope(model_statement(listed(MODEL)), P256)
    for change in (str.strip, lambda text: text.rstrip("="), lambda text: text.replace("+", "-").replace("/", "_")):
        varied = {**made, "payload": change(made["payload"])}
        varied["signatures"] = [{"sig": change(made["signatures"][0]["sig"])}]
        assert verify(written(varied)).conclusion is Conclusion.SUCCESS
    for wrong in ("\n" + made["payload"], made["payload"] + "é", "-/" + made["payload"], "A", "===="):
        assert codes(verify(written({**made, "payload": wrong}))) == {"not_base64"}, wrong


def test_the_keys_that_the_policy_names_count_alone(verify: Verify) -> None:
    made = written(envelope(model_statement(listed(MODEL)), P256))
    keys = [fact(pem(P256), "Risk team"), fact(pem(ED25519), "builder", ["provenance"])]
    key_id = verify(made, keys=keys).measures["signed_by"][0]["key_id"]  # type: ignore[index,call-overload]  # JSON
    for named in ("risk team", str(key_id), f"sha256:{key_id}"):
        assert verify(made, keys=keys, names=[named]).conclusion is Conclusion.SUCCESS
    both = verify(made, keys=keys, names=["risk team", "revoked-one"])
    assert both.conclusion is Conclusion.SUCCESS
    assert codes(both) == {"key_not_in_force"}
    for named in ("revoked-one", "builder"):
        refused = verify(made, keys=keys, names=[named])
        assert (refused.conclusion, codes(refused)) == (Conclusion.ACTION_REQUIRED, {"no_keys"})
    provenance_only = [fact(pem(P256), purposes=["provenance"])]
    assert codes(verify(made, keys=provenance_only)) == {"no_keys"}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([("../weights.txt", "0" * 64)], "bad_name"),
        ([("/etc/passwd", "0" * 64)], "bad_name"),
        ([("data//stats.csv", "0" * 64)], "bad_name"),
        ([("data\\stats.csv", "0" * 64)], "bad_name"),
        ([("./", "0" * 64)], "bad_name"),
        ([*listed(MODEL), ("./weights.txt", "0" * 64)], "duplicate_file"),
        ([*listed(MODEL), ("weights.txt", "0" * 64)], "duplicate_file"),
        ([*listed(MODEL), ("weights.txt ", "0" * 64)], "file_missing"),
        ([(name, digest.upper()) for name, digest in listed(MODEL)], "malformed"),
    ],
)
def test_names_and_digests_of_a_signed_list(verify: Verify, files: list[tuple[str, str]], code: str) -> None:
    outcome = verify(written(envelope(model_statement(files), P256)))
    assert outcome.conclusion is Conclusion.FAILURE
    assert code in codes(outcome)


def test_other_lists_and_statements(verify: Verify) -> None:
    files = listed(MODEL)
    for payload, code in (
        (model_statement(files, algorithm="blake2b"), "unsupported_list"),
        (model_statement(files, method="shards"), "unsupported_list"),
        (model_statement(files).replace(b'"subject": [', b'"subject": [{"name": "x", "digest": {}}, '), "malformed"),
        (statement("https://model_signing/signature/v1.0", [("model", "0" * 64)],
                   {"serialization": {"method": "files"}, "resources": [
                       {"name": n, "algorithm": "sha256", "digest": d} for n, d in files]}), "malformed"),
        (statement("https://example.org/vulnerable/v1", files, {}), "statement_type"),
        (statement("https://in-toto.io/attestation/release/v0.1", files, {}), ""),
        (statement("https://model_signing/Digests/v0.1", [*files, ("more", "1" * 64)], {}), "file_missing"),
        (b"[]", "malformed"),
        (b'{"_type": "https://in-toto.io/Statement/v1", "_type": "x"}', "duplicate_name"),
        (b"\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"_type": "https://in-toto.io/Statement/v9", "subject": [{}], "predicateType": "x"}', "malformed"),
    ):  # fmt: skip
        outcome = verify(written(envelope(payload, P256)))
        assert codes(outcome) == ({code} if code else set()), payload[:200]
        assert (outcome.conclusion is Conclusion.SUCCESS) is (not code)
    outcome = verify(written(envelope(model_statement(files), P256, payload_type="text/plain")))
    assert codes(outcome) == {"payload_type"}
    custom = written(envelope(statement("https://bank.example/signed/v1", files, {}), P256))
    assert verify(custom, statement_types=["https://bank.example/signed/v1"]).conclusion is Conclusion.SUCCESS


def mutations(document: Any) -> list[Any]:
    """The document with each part replaced by values of other types, or left out."""
    found: list[Any] = [None, 5, "x", [], {}, True]
    if isinstance(document, dict):
        for name, member in document.items():
            found.append({key: value for key, value in document.items() if key != name})
            found += [{**document, name: changed} for changed in mutations(member)]
    elif isinstance(document, list):
        for number, member in enumerate(document):
            found += [[*document[:number], changed, *document[number + 1 :]] for changed in mutations(member)]
    return found


def test_no_malformed_document_raises_or_passes(verify: Verify) -> None:
    good = json.loads(real("model.p256.sig.json"))
    keys = [registered("p256")]
    passed = []
    for changed in mutations(good):
        outcome = verify(written(changed), keys=keys)
        if outcome.conclusion is Conclusion.SUCCESS:
            passed.append(changed)
    for changed in passed:
        assert changed["dsseEnvelope"]["payload"] == good["dsseEnvelope"]["payload"]
        assert changed["dsseEnvelope"]["signatures"][0]["sig"] == good["dsseEnvelope"]["signatures"][0]["sig"]
    payload = json.loads(base64.b64decode(good["dsseEnvelope"]["payload"]))
    for changed in mutations(payload):
        outcome = verify(written(envelope(written(changed), P256)))
        if outcome.conclusion is Conclusion.SUCCESS:
            assert changed["predicate"]["resources"] == payload["predicate"]["resources"]
    for raw in (
        b"",
        b"null",
        b"{",
        b"\x00" * 50,
        b'{"payload": 1, "payload": 2}',
        b'{"a": NaN}',
        "é".encode("latin-1"),
    ):
        assert verify(raw).conclusion is Conclusion.FAILURE


def test_large_documents_are_refused_before_they_are_read(tmp_path: Path) -> None:
    check = entry_points.get("integrity.signature")
    local = tmp_path / "large"
    with local.open("wb") as stream:
        stream.truncate(MAX_DOCUMENT + 1)
    files = (File(ARTIFACT_FILES, "m", "0" * 64, 1, local), File(KIND, "b", "0" * 64, MAX_DOCUMENT + 1, local))
    outcome = check.run(Context(files, {"verification_keys": [fact(pem(P256))]}, NOW, 7), check.Params())
    assert codes(outcome) == {"too_large"}


def test_long_lists_of_faults_fit_into_an_outcome(verify: Verify) -> None:
    files = [(f"{'d' * 240}/{number:05d}", sha256(b"%d" % number)) for number in range(3_000)]
    outcome = verify(written(envelope(model_statement(files), P256)))
    assert outcome.conclusion is Conclusion.FAILURE
    assert "more_findings" in codes(outcome)
    assert outcome.measures["faults"] == 3_000 + len(MODEL)


def test_parameters_of_two_policies_are_combined_to_the_stricter() -> None:
    check = entry_points.get("integrity.signature")
    given = check.Params.model_validate
    loose = given({"require_all_files": False})
    named = given({"keys": ["a", "b"]})
    assert check.combine(loose, named) == given({"keys": ["a", "b"], "require_all_files": True})
    assert check.combine(named, given({"keys": ["b", "c"]})) == given({"keys": ["b"]})
    assert check.combine(named, given({"keys": ["c"]})) is None
