"""`artifact.format`: which formats which target accepts, and what the refusal tells."""

import io
import pickle
from collections.abc import Callable

import joblib
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from governance.checks import catalogue
from governance.checks.contract import Conclusion, Outcome, Severity

Judged = Callable[..., Outcome]

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
    assert "Accepted for production: safetensors, onnx, skops, npy, npz, keras, text." in finding.message
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
    with pytest.raises(catalogue.BadParameters):
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


def test_no_files_are_no_pass(judged: Judged) -> None:
    assert judged("artifact.format", {}, facts=target()).conclusion is Conclusion.FAILURE
    assert judged("integrity.digest", {}).conclusion is Conclusion.FAILURE
