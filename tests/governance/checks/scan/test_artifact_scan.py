"""The check `artifact.scan`: what passes, what a result lists, its parameters, and their combination."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from governance.checks import entry_points
from governance.checks.base import CheckOutcome, Conclusion
from governance.checks.builtin.artifact_scan import MAX_EFFECTS, ArtifactScanCheck
from governance.checks.runner import ExitReason
from tests.governance.checks import formats_made

CODE = b"import os\n"
WEIGHTS = formats_made.safetensors(formats_made.ONE_TENSOR, bytes(16))
Judged = Callable[..., CheckOutcome]


def many_imports(count: int) -> bytes:
    """A pickle that imports names of modules that do not exist."""
    return b"".join(f"cmodule_{number}\nName{number}\n".encode() for number in range(count)) + b"."


def test_only_safe_files_pass(judged: Judged) -> None:
    outcome = judged("artifact.scan", {"m.safetensors": WEIGHTS})
    assert outcome.conclusion is Conclusion.SUCCESS
    assert outcome.measures["verdict"] == "safe"
    assert outcome.measures["files"] == {"m.safetensors": {"verdict": "safe", "format": "safetensors"}}
    outcome = judged("artifact.scan", {"m.safetensors": WEIGHTS, "x.py": CODE})
    assert outcome.conclusion is Conclusion.FAILURE
    assert outcome.summary.startswith("x.py is unsafe")
    for files in ({}, {"m.onnx": b""}, {"m.bin": bytes(range(256))}, {"m.7z": b"7z\xbc\xaf\x27\x1c\0\4"}):
        assert judged("artifact.scan", files).conclusion is Conclusion.FAILURE


def test_allowed_code_passes_unless_information_fails_too(judged: Judged) -> None:
    entry = {"sha256": hashlib.sha256(CODE).hexdigest(), "reviewer": "Ada", "reason": "Reads a table."}
    files = {"m.safetensors": WEIGHTS, "x.py": CODE}
    assert judged("artifact.scan", files, allowed_code=[entry]).conclusion is Conclusion.SUCCESS
    assert judged("artifact.scan", files, allowed_code=[entry], fail_severity="info").conclusion is Conclusion.FAILURE


def test_a_result_lists_at_most_what_it_has_space_for_and_states_the_total(judged: Judged) -> None:
    files = {f"{'d' * 60}/{number}/{'n' * 150}.py": CODE + b"#%d" % number for number in range(900)}
    outcome = judged("artifact.scan", files)
    assert outcome.measures["files_total"] == outcome.measures["findings_total"] == 900
    assert outcome.findings[-1].code == "more_findings"
    outcome = judged("artifact.scan", {"m.pkl": many_imports(MAX_EFFECTS + 50)})
    assert outcome.conclusion is Conclusion.FAILURE
    assert len(outcome.measures["effects"]) <= MAX_EFFECTS  # type: ignore[arg-type]  # a list
    assert len(str(outcome.measures["effects_sha256"])) == 64


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"extra_allowed": ["os.system"]}, "os.system"),
        ({"extra_allowed": ["sklearn.*"]}, "exact name"),
        ({"extra_allowed": ["print"]}, "exact name"),
        ({"allowed_code": [{"sha256": "0" * 64, "reviewer": "", "reason": "x"}]}, "reviewer"),
        ({"allowed_code": [{"sha256": "0" * 63, "reviewer": "A", "reason": "x"}]}, "sha256"),
        ({"allowed_code": [{"sha256": "0" * 64, "reviewer": "A", "reason": "x"}] * 2}, "twice"),
        ({"fail_severity": "none"}, "fail_severity"),
        ({"max_ratio": 10_000}, "max_ratio"),
        ({"waive": True}, "waive"),
    ],
)
def test_parameters_that_would_let_everything_pass_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(entry_points.BadParameters, match=said.replace("*", r"\*")):
        entry_points.parameters(ArtifactScanCheck(), params)


def test_two_policies_combine_to_what_both_accept() -> None:
    one = {"sha256": "1" * 64, "reviewer": "A", "reason": "x"}
    two = {"sha256": "2" * 64, "reviewer": "B", "reason": "y"}
    both = entry_points.combined_parameters(
        "artifact.scan",
        {"extra_allowed": ["a.B", "c.D"], "allowed_code": [one, two], "fail_severity": "high", "max_depth": 3},
        {"extra_allowed": ["c.D"], "allowed_code": [two], "fail_severity": "warning", "max_unpacked_gb": 5},
    )
    assert both is not None
    assert (both["extra_allowed"], both["allowed_code"]) == (["c.D"], [two])
    assert (both["fail_severity"], both["max_depth"], both["max_unpacked_gb"]) == ("warning", 3, 5)


def test_it_runs_in_the_sandbox_and_unpacks_there(sandboxed: Any, shelf: Any) -> None:
    large = formats_made.zipped({"w.bin": bytes(range(256)) * 40_000}, compression=8)
    run = sandboxed(ArtifactScanCheck(), shelf.add(WEIGHTS, "m.safetensors"), shelf.add(large, "more.zip"))
    assert run.ending is ExitReason.OUTCOME, run
    assert run.outcome.measures["files"]["m.safetensors"]["verdict"] == "safe"
    assert run.outcome.measures["files"]["more.zip"]["verdict"] == "unreadable"
