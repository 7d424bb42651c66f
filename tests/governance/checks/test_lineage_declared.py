"""`lineage.declared`: which declarations identify data, code and environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.checks import entry_points
from governance.checks.base import ENVIRONMENT_LOCK, CheckOutcome, Conclusion
from governance.checks.documentation import EXAMPLES
from governance.checks.locked_packages import LockUnreadableError, read_locked_packages
from registry import datasets

Judged = Callable[..., CheckOutcome]

SHA = "9f" * 32
COMMIT = {"repository": "https://git.bank.example/risk/pd", "commit": "a1" * 20, "dirty": False}
LOCK = (EXAMPLES / "requirements_lock.txt").read_bytes()


def data(role: str, algorithm: str = "sha256", digest: str = SHA) -> dict[str, str]:
    strength = datasets.identity_strength(algorithm, digest)
    named = {"role": role, "name": f"loans-{role}", "version": "", "uri": "", "algorithm": algorithm, "digest": digest}
    return {**named, "strength": strength}


def judge(
    judged: Judged, *given: dict[str, str], code: Any = COMMIT, lock: bytes = LOCK, **params: Any
) -> CheckOutcome:
    facts = {"code": code, "datasets": list(given)}
    return judged("lineage.declared", {"lock.txt": lock} if lock else {}, kind=ENVIRONMENT_LOCK, facts=facts, **params)


BOTH = (data("training"), data("evaluation"))
MD5 = data("training", "md5", "ab" * 16)
LABEL = data("training", "mlflow", "3f1c0a9b")


def test_everything_declared(judged: Judged) -> None:
    outcome = judge(judged, *BOTH)
    assert (outcome.conclusion, outcome.findings) == (Conclusion.SUCCESS, ())
    assert outcome.measures == {"datasets": 2, "pinned_packages": 10}


@pytest.mark.parametrize(
    ("given", "options", "conclusion", "codes"),
    [
        (BOTH[:1], {}, "action_required", ["dataset_missing"]),
        (BOTH[:1], {"require_roles": ["training"]}, "success", []),
        ((), {"require_roles": [], "require_commit": False}, "success", []),
        ((MD5, BOTH[1]), {}, "failure", ["dataset_weak"]),
        ((MD5, BOTH[1]), {"min_digest": "medium"}, "success", []),
        ((LABEL, BOTH[1]), {"min_digest": "medium"}, "failure", ["dataset_weak"]),
        ((*BOTH, data("validation", "", "")), {}, "failure", ["dataset_weak"]),
        ((LABEL,), {}, "failure", ["dataset_weak", "dataset_missing"]),
        (BOTH, {"code": {**COMMIT, "commit": "a1b2c3d"}}, "failure", ["commit_abbreviated"]),
        (BOTH, {"code": {**COMMIT, "commit": "main"}}, "failure", ["commit_abbreviated"]),
        (BOTH, {"code": {**COMMIT, "dirty": True}}, "failure", ["commit_not_clean"]),
        (BOTH, {"code": {**COMMIT, "dirty": None}}, "action_required", ["commit_state_unknown"]),
        (BOTH, {"code": {**COMMIT, "commit": ""}}, "action_required", ["commit_missing"]),
        (BOTH, {"code": {**COMMIT, "repository": "pd"}}, "failure", ["repository_address"]),
        (BOTH, {"code": {**COMMIT, "dirty": True}, "require_commit": False}, "success", []),
        (BOTH, {"lock": b""}, "action_required", ["lock_missing"]),
        (BOTH, {"lock": b"nothing here\nat all\n"}, "failure", ["lock_unreadable"]),
        (BOTH, {"lock": b"\xff\xfe\x00"}, "failure", ["lock_unreadable"]),
        (BOTH, {"lock": LOCK + b"torch>=2\n"}, "failure", ["unpinned"]),
        (BOTH, {"lock": b"torch>=2\n", "require_lock": False}, "success", []),
    ],
)
def test_what_is_not_declared_or_not_precise(
    judged: Judged, given: Any, options: dict[str, Any], conclusion: str, codes: list[str]
) -> None:
    outcome = judge(judged, *given, **options)
    assert (outcome.conclusion, [f.code for f in outcome.findings]) == (conclusion, codes)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("numpy", "unpinned"),
        ("numpy==1.*", "unpinned"),
        ("numpy>=1,<2", "unpinned"),
        ("numpy~=1.2", "unpinned"),
        ("-r other.txt", "included_file"),
        ("-c constraints.txt", "included_file"),
        ("-e .", "location"),
        ("-e git+https://git.example/x@main#egg=x", "location"),
        ("git+https://git.example/x@main", "location"),
        ("x @ git+https://git.example/x@main", "location"),
        ("x @ file:///home/me/x.whl", "location"),
        ("./x", "location"),
        ("https://files.example/x-1.0-py3-none-any.whl", "location"),
        ("!!", "unreadable_line"),
    ],
)
def test_lines_that_pin_nothing(line: str, code: str) -> None:
    found = read_locked_packages(f"six==1.17.0\n{line}\n".encode())
    assert [fault.code for fault in found.faults] == [code]
    assert [pin.name for pin in found.pins] == ["six"]


@pytest.mark.parametrize(
    ("text", "pins"),
    [
        ("Six==1.17.0 ; python_version < '4' \\\n    --hash=sha256:" + SHA, [("Six", "1.17.0")]),
        ("--index-url https://pypi.example/simple\nsix==1.17.0  # via x", [("six", "1.17.0")]),
        ("dependencies:\n- python=3.11.7\n- openssl=1.1.1w=h7\n- pip:\n  - six==1.17.0\n", [
            ("python", "3.11.7"), ("openssl", "1.1.1w"), ("six", "1.17.0")]),
        ('[[package]]\nname = "six"\nversion = "1.17.0"\n', [("six", "1.17.0")]),
        ("a==1.0\na==2.0", [("a", "1.0"), ("a", "2.0")]),
    ],
)  # fmt: skip
def test_locks_of_several_tools(text: str, pins: list[tuple[str, str]]) -> None:
    found = read_locked_packages(text.encode())
    assert [(pin.name, pin.version) for pin in found.pins] == pins
    assert found.faults == ()


def test_a_conda_environment_that_is_no_yaml_is_named() -> None:
    with pytest.raises(LockUnreadableError):
        read_locked_packages(b"dependencies:\n- !!bool maybe\n")


def test_two_policies_require_what_either_does() -> None:
    both = entry_points.combined_parameters(
        "lineage.declared",
        {"min_digest": "medium", "require_roles": ["training"], "require_commit": False},
        {"require_roles": ["validation"], "require_lock": False},
    )
    assert both == {
        "min_digest": "strong",
        "require_roles": ["training", "validation"],
        "require_commit": True,
        "require_lock": True,
    }
