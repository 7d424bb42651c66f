"""`artifact.format`: which formats which target accepts, and what the refusal tells."""

import gzip
import io
import pickle
from collections.abc import Callable

import joblib
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from governance.checks import entry_points
from governance.checks.base import CheckOutcome, Conclusion, Severity
from tests.governance.checks import formats_made
from tests.governance.checks.scan.scanned import onnx_with_data

Judged = Callable[..., CheckOutcome]

MODEL = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
PICKLE = pickle.dumps(MODEL)
SKOPS = skops.io.dumps(MODEL)


def target(stage: str | None = "production", alias: str | None = None) -> dict[str, object]:
    return {"target": {"stage": stage, "alias": alias}}


def test_a_pickle_is_refused_for_production_by_name_with_the_way_out(judged: Judged) -> None:
    outcome = judged("artifact.format", {"model.pkl": PICKLE, "README.md": b"# Model\n"}, facts=target())
    assert outcome.conclusion is Conclusion.FAILURE
    assert outcome.summary.startswith("model.pkl is a pickle of protocol 4 and is not accepted for production")
    (finding,) = outcome.findings
    assert finding.code == "pickle_refused"
    assert finding.severity is Severity.CRITICAL
    assert finding.where == "model.pkl"
    assert "loading it may run any code" in finding.message
    assert "Accepted for production: safetensors, onnx, skops, npy, npz, keras, ubj, " in finding.message
    assert "skops.io.dump()" in finding.message
    assert outcome.measures["formats"] == {"pickle": 1, "text": 1}


def test_the_same_pickle_is_accepted_for_staging(judged: Judged) -> None:
    assert judged("artifact.format", {"m.pkl": PICKLE}, facts=target("staging")).conclusion is Conclusion.SUCCESS


def test_a_skops_model_is_accepted_for_production(judged: Judged) -> None:
    outcome = judged("artifact.format", {"model.skops": SKOPS, "notes.txt": b"words"}, facts=target())
    assert outcome.conclusion is Conclusion.SUCCESS
    assert outcome.findings == ()
    assert "skops, text" in outcome.summary


@pytest.mark.parametrize("name", ["model.skops", "model.safetensors", "weights.bin", "README.md", "model.onnx"])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_by_any_other_name_is_still_a_pickle(judged: Judged, name: str, protocol: int) -> None:
    outcome = judged("artifact.format", {name: pickle.dumps(MODEL, protocol)}, facts=target())
    assert outcome.conclusion is Conclusion.FAILURE
    assert outcome.findings[0].code == "pickle_refused"


def test_a_name_that_misleads_is_pointed_out_even_where_the_file_is_accepted(judged: Judged) -> None:
    outcome = judged("artifact.format", {"model.pkl": SKOPS}, facts=target())
    assert outcome.conclusion is Conclusion.SUCCESS
    assert [(f.code, f.severity) for f in outcome.findings] == [("name_misleads", Severity.WARNING)]


def test_compressed_joblib_is_refused_by_its_own_name(judged: Judged) -> None:
    file = io.BytesIO()
    joblib.dump(MODEL, file, compress=("zlib", 3))
    outcome = judged("artifact.format", {"m.joblib": file.getvalue()}, facts=target())
    assert outcome.findings[0].code == "joblib_refused"


def test_what_cannot_be_recognised_is_accepted_nowhere(judged: Judged) -> None:
    for stage in ("staging", "production"):
        outcome = judged("artifact.format", {"m.bin": bytes(range(256))}, facts=target(stage))
        assert outcome.findings[0].code == "unknown_refused"
    with pytest.raises(entry_points.BadParameters):
        judged("artifact.format", {"m.bin": b""}, facts=target(), allowed={"production": ["unknown"]})


def test_a_target_without_a_list_gets_what_every_stage_accepts(judged: Judged) -> None:
    assert judged("artifact.format", {"m.pkl": PICKLE}, facts=target("pre-production")).conclusion is Conclusion.FAILURE
    assert judged("artifact.format", {"m.pkl": PICKLE}, facts=target(None, "champion")).conclusion is Conclusion.FAILURE
    assert (
        judged("artifact.format", {"m.skops": SKOPS}, facts=target(None, "champion")).conclusion is Conclusion.SUCCESS
    )


def test_a_policy_may_name_an_alias(judged: Judged) -> None:
    lists = {"@shadow": ["pickle"], "production": ["skops"]}
    facts = target(None, "shadow")
    assert judged("artifact.format", {"m": PICKLE}, facts=facts, allowed=lists).conclusion is Conclusion.SUCCESS
    assert judged("artifact.format", {"m": SKOPS}, facts=facts, allowed=lists).conclusion is Conclusion.FAILURE


def codes(outcome: CheckOutcome) -> list[tuple[str, str]]:
    return [(f.code, f.where) for f in outcome.findings]


def test_the_files_of_a_stock_mlflow_model_are_accepted(judged: Judged) -> None:
    files = {
        "MLmodel": b"flavors: {}\n", "conda.yaml": b"dependencies: []\n", "model.ubj": formats_made.ubj_model(),
        "figures/roc.png": formats_made.png(), "input_example.parquet": formats_made.parquet(),
        "tokenizer.model": formats_made.sentencepiece(), "report.pdf": b"%PDF-1.7\n%%EOF\n",
    }  # fmt: skip
    outcome = judged("artifact.format", files, facts=target())
    assert (outcome.conclusion, outcome.findings) == (Conclusion.SUCCESS, ())


def test_companions_alone_are_no_model(judged: Judged) -> None:
    outcome = judged("artifact.format", {"roc.png": formats_made.png()}, facts=target())
    assert (outcome.conclusion, codes(outcome)) == (Conclusion.FAILURE, [("no_model", "")])
    both = {"roc.png": formats_made.png(), "m.ubj": formats_made.ubj_model()}
    assert judged("artifact.format", both, facts=target()).conclusion is Conclusion.SUCCESS


def test_a_policy_decides_about_companions(judged: Judged) -> None:
    files = {"m.ubj": formats_made.ubj_model(), "roc.png": formats_made.png()}
    outcome = judged("artifact.format", files, facts=target(), companions=[])
    assert codes(outcome) == [("image_refused", "roc.png")]
    assert "attach it as evidence" in outcome.findings[0].message


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("code/x.py", b"import os\n"),
        ("notes.ipynb", b'{"cells": [], "nbformat": 4}\n'),
        ("notes.json", b'{\n "cells": [],\n "metadata": {},\n "nbformat": 4\n}\n'),
        ("run.sh", b"id\n"),
        ("serve", b"#!/bin/sh\nid\n"),
        ("Dockerfile", b"FROM x\n"),
        ("model.R", b"readRDS('m')\n"),
    ],
)
def test_code_is_never_text(judged: Judged, path: str, content: bytes) -> None:
    outcome = judged("artifact.format", {path: content}, facts=target("staging"))
    assert codes(outcome) == [("code_refused", path)]
    assert "code_commit" in outcome.findings[0].message
    allowed = {"staging": ["code"]}
    outcome = judged("artifact.format", {path: content}, facts=target("staging"), allowed=allowed)
    assert outcome.conclusion is Conclusion.SUCCESS


KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAwmZ3Q0d1Yk9tZ0xqY2Q0\n"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".env", b"TOKEN=x\n"), ("deploy/.env.production", b"TOKEN=x\n"), (".aws/credentials", b"[default]\n"),
        ("id_ed25519", b"x\n"), ("key.txt", KEY), ("config.json", b'{"key": "' + KEY.replace(b"\n", b"\\n") + b'"}'),
        ("setup.ini", b"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"),
    ],
)  # fmt: skip
def test_secrets_are_accepted_nowhere(judged: Judged, path: str, content: bytes) -> None:
    outcome = judged("artifact.format", {path: content}, facts=target("staging"))
    assert codes(outcome) == [("secrets_refused", path)]
    assert outcome.findings[0].severity is Severity.CRITICAL
    assert "Withdraw the secret" in outcome.findings[0].message
    with pytest.raises(entry_points.BadParameters):
        judged("artifact.format", {path: content}, facts=target(), allowed={"production": ["secrets"]})


def test_texts_about_secrets_are_text(judged: Judged) -> None:
    files = {".env.example": b"TOKEN=\n", "README.md": b"Write -----BEGIN PRIVATE KEY----- first.\n", "env.txt": b"a\n"}
    assert judged("artifact.format", files, facts=target()).findings == ()


def test_an_empty_file_is_refused(judged: Judged) -> None:
    outcome = judged("artifact.format", {"model.onnx": b""}, facts=target("staging"))
    assert ("empty_refused", "model.onnx") in codes(outcome)


def test_an_archive_is_accepted_with_members_of_accepted_formats(judged: Judged) -> None:
    allowed = {"production": ["zip", "gzip", "text"]}
    good = formats_made.zipped({"a.txt": b"text", "empty": b"", "roc.png": formats_made.png()})
    packed = formats_made.tar_gz({"a.txt": b"text", "b/c.md": b"# x\n"})
    files = {"a.zip": good, "model.tar.gz": packed, "words.txt.gz": gzip.compress(b"words" * 100_000)}
    assert judged("artifact.format", files, facts=target(), allowed=allowed).findings == ()
    for name, member in {"x.py": b"import os\n", "m.bin": bytes(range(256)), ".env": b"A=1\n"}.items():
        for archive, content in {
            "a.zip": formats_made.zipped({"a.txt": b"x", name: member}),
            "a.tar.gz": formats_made.tar_gz({"a.txt": b"x", name: member}),
        }.items():
            outcome = judged("artifact.format", {archive: content}, facts=target(), allowed=allowed)
            assert outcome.conclusion is Conclusion.FAILURE
            assert f"whose member {name!r}" in outcome.summary
    evil = formats_made.tar_gz({"a.txt": b"x", "m": PICKLE})
    outcome = judged("artifact.format", {"a.tar.gz": evil}, facts=target(), allowed=allowed)
    assert outcome.findings[0].severity is Severity.CRITICAL
    assert judged("artifact.format", {"a.zip": good}, facts=target()).findings[0].code == "zip_refused"


def test_the_external_data_of_an_onnx_model_are_a_part_of_it(judged: Judged) -> None:
    raw = bytes(range(256))
    model = onnx_with_data("w.data")
    beside = judged("artifact.format", {"a/m.onnx": model, "a/w.data": raw}, facts=target())
    assert (str(beside.conclusion), beside.findings) == ("success", ())
    elsewhere = judged("artifact.format", {"a/m.onnx": model, "w.data": raw}, facts=target())
    assert codes(elsewhere) == [("unknown_refused", "w.data")]


def test_a_saved_model_is_recognised_with_its_numbers(judged: Judged) -> None:
    files = {
        "saved_model.pb": formats_made.saved_model(), "fingerprint.pb": b"\x08\x01",
        "variables/variables.index": bytes(60) + bytes.fromhex("57fb808b247547db"),
        "variables/variables.data-00000-of-00001": bytes(range(256)),
    }  # fmt: skip
    outcome = judged("artifact.format", files, facts=target())
    assert {code for code, _ in codes(outcome)} == {"savedmodel_refused"}
    assert "model.save('model.keras')" in outcome.findings[0].message
    allowed = {"production": ["savedmodel"]}
    assert judged("artifact.format", files, facts=target(), allowed=allowed).findings == ()
    alone = {"variables/variables.data-00000-of-00001": bytes(range(256))}
    assert codes(judged("artifact.format", alone, facts=target(), allowed=allowed)) == [
        ("unknown_refused", "variables/variables.data-00000-of-00001")
    ]


def test_a_policy_that_accepts_text_accepts_a_lightgbm_model(judged: Judged) -> None:
    model = {"model.txt": b"tree\nversion=v4\nnum_class=1\n"}
    assert judged("artifact.format", model, facts=target(), allowed={"production": ["text"]}).findings == ()
    only = judged("artifact.format", {"a.txt": b"words"}, facts=target(), allowed={"production": ["lightgbm"]})
    assert codes(only) == [("text_refused", "a.txt")]


def test_no_message_names_a_waiver(judged: Judged) -> None:
    for content in (PICKLE, b"", bytes(range(256)), formats_made.png(), formats_made.saved_model()):
        outcome = judged("artifact.format", {"m": content}, facts=target(), companions=[])
        assert all("waiver" not in finding.message for finding in outcome.findings)


def test_combined_policies_accept_the_companions_that_both_accept() -> None:
    both = entry_points.combined_parameters(
        "artifact.format", {"companions": ["image", "pdf"]}, {"companions": ["pdf", "parquet"]}
    )
    assert both is not None
    assert both["companions"] == ["pdf"]


def test_no_files_are_no_pass(judged: Judged) -> None:
    assert judged("artifact.format", {}, facts=target()).conclusion is Conclusion.FAILURE
    assert judged("integrity.digest", {}).conclusion is Conclusion.FAILURE
