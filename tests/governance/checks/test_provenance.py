"""`provenance.slsa`: a real envelope of securesystemslib, other artifacts, builders and sources."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from governance.checks import entry_points
from governance.checks.attestations.provenance import folder_digest, source_matches
from governance.checks.base import ARTIFACT_FILES, CheckOutcome, Conclusion, Context, File
from tests.governance.checks.conftest import NOW
from tests.governance.checks.signing_made import (
    ED25519,
    MODEL,
    P256,
    SIGNED,
    envelope,
    fact,
    listed,
    pem,
    sha256,
    statement,
    written,
)

Verify = Callable[..., CheckOutcome]
SLSA = "https://slsa.dev/provenance/v1"
BUILDER = "https://builds.bank.example/trainer/v2"
SOURCE = "git+https://git.bank.example/models/credit-risk@refs/heads/main"
COMMIT = "8f3c2b1a9d7e6f5041c2b3a49586e7d0f1a2b3c4"
POLICY = {"builders": [BUILDER], "source_pattern": "https://git.bank.example/models/*"}


def predicate(builder: Any = BUILDER, uri: Any = SOURCE, digest: Any = None) -> dict[str, Any]:
    given = {"gitCommit": COMMIT} if digest is None else digest
    return {
        "buildDefinition": {"buildType": "x", "resolvedDependencies": [{"uri": uri, "digest": given}]},
        "runDetails": {"builder": {"id": builder}},
    }


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    def run(
        document: bytes,
        files: Mapping[str, bytes] = MODEL,
        keys: Sequence[Mapping[str, Any]] = (),
        **params: Any,
    ) -> CheckOutcome:
        check = entry_points.get("provenance.slsa")
        local = tmp_path / "provenance"
        local.write_bytes(document)
        found = [File(ARTIFACT_FILES, path, sha256(content), len(content), local) for path, content in files.items()]
        found.append(File("provenance.slsa", "provenance.json", sha256(document), len(document), local))
        facts = {"verification_keys": list(keys) or [fact(pem(ED25519), "builder")]}
        outcome = check.run(Context(tuple(found), facts, NOW, 7), entry_points.parameters(check, {**POLICY, **params}))
        outcome.as_json()
        return outcome

    return run


def made(subjects: Sequence[tuple[str, str]] | None = None, **changes: Any) -> bytes:
    files = listed(MODEL) if subjects is None else subjects
    return written(envelope(statement(SLSA, files, predicate(**changes)), ED25519))


def codes(outcome: CheckOutcome) -> set[str]:
    return {finding.code for finding in outcome.findings}


def test_an_envelope_of_securesystemslib_passes(verify: Verify) -> None:
    keys = [fact((SIGNED / "ed25519.pub.pem").read_text(), "Trainer")]
    outcome = verify((SIGNED / "provenance.ed25519.json").read_bytes(), keys=keys)
    assert outcome.conclusion is Conclusion.SUCCESS
    assert (outcome.measures["builder"], outcome.measures["commit"]) == (BUILDER, COMMIT)
    assert "Trainer" in outcome.summary


def test_a_valid_signature_over_another_artifact_fails(verify: Verify) -> None:
    other = verify(made([("weights.txt", "0" * 64)]))
    assert (other.conclusion, codes(other)) == (Conclusion.FAILURE, {"other_artifact"})
    assert codes(verify(made(), {**MODEL, ".git/evil": b"x"})) == {"other_artifact"}
    assert codes(verify(made(), {**MODEL, "weights.txt": b"x"})) == {"other_artifact"}


def test_the_digest_of_the_folder_covers_contents_and_names(verify: Verify) -> None:
    files = [File(ARTIFACT_FILES, path, sha256(content), len(content), None) for path, content in MODEL.items()]
    # of sha256sum: the example in the guide
    lines = "".join(f"{sha256(content)}  {path}\n" for path, content in sorted(MODEL.items()))
    assert folder_digest(files) == sha256(lines.encode())
    document = made([("model", folder_digest(files))])
    assert verify(document).conclusion is Conclusion.SUCCESS
    renamed = {("a/" + path): content for path, content in MODEL.items()}
    assert codes(verify(document, renamed)) == {"other_artifact"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"builder": BUILDER + "/"}, "builder_not_listed"),
        ({"builder": BUILDER.upper()}, "builder_not_listed"),
        ({"uri": "git+https://git.other.example/models/credit-risk"}, "source_not_matching"),
        ({"digest": {}}, "no_commit"),
        ({"digest": {"gitCommit": COMMIT[:12]}}, "no_commit"),
        ({"digest": {"gitCommit": COMMIT.upper()}}, "no_commit"),
        ({"digest": "x"}, "no_commit"),
        ({"uri": 5}, "source_not_matching"),
        ({"builder": None}, "malformed"),
        ({"builder": ["x"]}, "malformed"),
    ],
)
def test_builder_and_source_are_compared(verify: Verify, changes: dict[str, Any], code: str) -> None:
    outcome = verify(made(**changes))
    assert outcome.conclusion is Conclusion.FAILURE
    assert codes(outcome) == {code}


def test_other_statements_and_keys_fail(verify: Verify) -> None:
    files = listed(MODEL)
    for kind, code in (
        ("https://slsa.dev/provenance/v0.2", "provenance_version"),
        ("https://in-toto.io/attestation/release/v0.1", "not_provenance"),
    ):
        document = written(envelope(statement(kind, files, predicate()), ED25519))
        assert codes(verify(document)) == {code}
    assert codes(verify(made(), keys=[fact(pem(P256))])) == {"no_valid_signature"}
    assert codes(verify(made(), keys=[fact(pem(ED25519), purposes=["signature"])])) == {"no_keys"}
    older = statement(SLSA, files, predicate()).replace(b"Statement/v1", b"Statement/v0.1")
    assert verify(written(envelope(older, ED25519))).conclusion is Conclusion.SUCCESS


def test_no_malformed_predicate_raises(verify: Verify) -> None:
    good = json.loads(statement(SLSA, listed(MODEL), predicate()))
    values: tuple[Any, ...] = (None, 5, "x", [], {}, [[]])
    for path in (
        ["predicate"],
        ["predicate", "buildDefinition"],
        ["predicate", "buildDefinition", "resolvedDependencies"],
        ["predicate", "buildDefinition", "resolvedDependencies", 0],
        ["predicate", "runDetails"],
        ["predicate", "runDetails", "builder"],
        ["subject"],
        ["subject", 0],
        ["subject", 0, "digest"],
        ["subject", 0, "digest", "sha256"],
    ):
        for wrong in values:
            changed = json.loads(json.dumps(good))
            parent = changed
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = wrong
            outcome = verify(written(envelope(written(changed), ED25519)))
            assert outcome.conclusion is Conclusion.FAILURE, path


@pytest.mark.parametrize(
    ("uri", "pattern", "matches"),
    [
        (SOURCE, "https://git.bank.example/models/*", True),
        (SOURCE, "git+https://git.bank.example/**", True),
        (SOURCE, "https://git.bank.example/*", False),
        (SOURCE, "https://git.bank.example/models/*@refs/heads/main", True),
        (SOURCE, "https://git.bank.example/models/*@refs/tags/**", False),
        (SOURCE, "https://git.bank.example/models/credit-risk", True),
        ("https://git.bank.example/models/", "https://git.bank.example/models/*", True),
        ("https://git.bank.example/models/a/b", "https://git.bank.example/models/*", False),
        ("https://git.bank.example/models/a/b", "https://git.bank.example/**/b", True),
        ("https://git.bank.example.evil.example/models/a", "https://git.bank.example/**", False),
        ("https://git.bank.example@evil.example/models/a", "https://git.bank.example**", False),
        ("https://git.bank.example/models/../evil", "https://git.bank.example/models/**", False),
        ("https://git.bank.example/models/%2e%2e/evil", "https://git.bank.example/models/**", False),
        ("https://git.bank.example/models\\evil", "https://git.bank.example/**", False),
        ("https://gitxbank.example/models/a", "https://git.bank.example/models/*", False),
        ("evil https://git.bank.example/models/a", "https://git.bank.example/models/*", False),
        ("https://git.bank.example/models/a\n", "https://git.bank.example/models/a", False),
        ("", "https://git.bank.example/**", False),
    ],
)
def test_patterns_of_sources(uri: str, pattern: str, matches: bool) -> None:
    assert source_matches(uri, pattern) is matches


def test_a_pattern_of_many_stars_takes_no_exponential_time() -> None:
    assert not source_matches("https://a/" + "a" * 2_000, "https://a/" + "**a" * 160 + "b")
