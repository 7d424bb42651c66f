"""`explanation.declared`, `docs.privacy_review` and `docs.regulatory`: structured evidence, read strictly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from governance.checks import entry_points
from governance.checks.base import CheckOutcome, Conclusion
from governance.checks.builtin.docs_regulatory import (
    ANNEX_IV,
    CONDITIONAL,
    REGULATORY,
    DocumentPart,
    digest_of_part,
)
from governance.checks.builtin.explanation_declared import EXPLANATION, _Feature, _shares
from governance.checks.builtin.privacy_review import PRIVACY_REVIEW
from governance.checks.documentation import EXAMPLES
from governance.documents.annex_iv import POINTS

Judged = Callable[..., CheckOutcome]

SUCCESS, FAILURE, ACTION = Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.ACTION_REQUIRED
CONTRIBUTIONS = {"income": 0.5, "arrears": -0.3, "age": 0.2}


def explain(judged: Judged, content: Any, **params: Any) -> CheckOutcome:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return judged("explanation.declared", {"e": raw}, kind=EXPLANATION, **params)


def features(**given: Any) -> dict[str, Any]:
    return {"features": [{"name": name, "contribution": value} for name, value in given.items()]}


def test_the_examples_pass(judged: Judged) -> None:
    found = explain(judged, (EXAMPLES / "explanation_global.json").read_bytes())
    assert found.conclusion is SUCCESS
    review = (EXAMPLES / "privacy_review.yaml").read_bytes()
    assert judged("docs.privacy_review", {"r": review}, kind=PRIVACY_REVIEW).conclusion is SUCCESS


@pytest.mark.parametrize(
    "content",
    [
        features(**CONTRIBUTIONS),
        features(**CONTRIBUTIONS)["features"],
        b"feature,contribution\nincome,0.5\narrears,-0.3\nage,0.2\n",
        "\ufefffeature;contribution\nincome;0,5\narrears;-0,3\nage;0,2\n".encode(),
    ],
)
def test_contributions_are_measured_in_one_form(judged: Judged, content: Any) -> None:
    measured = explain(judged, content).measures
    assert measured["features"] == 3
    assert measured["contributions"] == [
        {"name": "income", "contribution": 0.5, "share": pytest.approx(0.5)},
        {"name": "arrears", "contribution": -0.3, "share": pytest.approx(0.3)},
        {"name": "age", "contribution": 0.2, "share": pytest.approx(0.2)},
    ]


@pytest.mark.parametrize(
    ("params", "codes"),
    [
        ({"max_share": 0.5}, []),
        ({"max_share": 0.4}, ["share_too_large"]),
        ({"excluded": ["AGE"]}, ["excluded_feature"]),
        ({"excluded": ["age"], "excluded_share": 0.2}, []),
        ({"excluded": ["sex"]}, []),
        ({"min_features": 4}, ["too_few_features"]),
    ],
)
def test_limits_on_contributions(judged: Judged, params: dict[str, Any], codes: list[str]) -> None:
    found = explain(judged, features(**CONTRIBUTIONS), **params)
    assert [f.code for f in found.findings] == codes
    assert found.conclusion is (FAILURE if codes else SUCCESS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"{}",
        b"feature,contribution\n",
        b"feature,contribution\na,x\n",
        b"feature,contribution\na,nan\n",
        b"name,value\na,1\n",
        b'{"features": [{"name": "a", "contribution": NaN}]}',
        b'{"features": [{"name": "a", "contribution": 1e999}]}',
        features(a="0.5"),
        features(a=True),
        features(a=None),
        {"features": [{"name": "", "contribution": 1}]},
        {"features": "a"},
        b"[" * 100_000,
    ],
)
def test_what_is_no_explanation_does_not_pass(judged: Judged, content: Any) -> None:
    found = explain(judged, content)
    assert (found.conclusion, found.findings[0].code) == (ACTION, "explanation_unreadable")


def test_contributions_without_information_fail(judged: Judged) -> None:
    assert [f.code for f in explain(judged, features(a=0, b=0.0)).findings] == ["no_contribution"]
    twice = {"features": [{"name": "a", "contribution": 1}, {"name": "a", "contribution": 2}]}
    assert [f.code for f in explain(judged, twice).findings] == ["feature_repeated"]
    assert explain(judged, b"").conclusion is ACTION
    assert judged("explanation.declared", {}).conclusion is ACTION


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_shares_are_between_zero_and_one(values: list[float]) -> None:
    shares = _shares([_Feature(name=f"f{n}", contribution=value) for n, value in enumerate(values)])
    assert not shares or sum(shares.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in shares.values())


REVIEW: dict[str, Any] = {
    "reviewer": "Ines Okafor",
    "date": "2026-09-14",
    "legal_basis": "contract",
    "data_categories": ["payment history"],
    "conclusion": "approved",
}


def review(judged: Judged, *without: str, params: dict[str, Any] | None = None, **changed: Any) -> CheckOutcome:
    given = {name: value for name, value in {**REVIEW, **changed}.items() if name not in without}
    content = yaml.safe_dump(given).encode()
    return judged("docs.privacy_review", {"r": content}, kind=PRIVACY_REVIEW, **(params or {}))


@pytest.mark.parametrize(
    ("changed", "params", "conclusion", "code"),
    [
        ({}, {}, SUCCESS, ""),
        ({"conclusion": "rejected"}, {}, FAILURE, "not_approved"),
        ({"conclusion": "approved_with_conditions", "conditions": ["delete it"]}, {}, SUCCESS, ""),
        (
            {"conclusion": "approved_with_conditions", "conditions": ["delete it"]},
            {"accept_conditions": False},
            FAILURE,
            "not_approved",
        ),
        ({"conclusion": "approved_with_conditions"}, {}, ACTION, "review_unreadable"),
        ({"special_categories": ["health"]}, {}, FAILURE, "impact_assessment_missing"),
        ({"special_categories": ["health"], "impact_assessment": "DPIA-14"}, {}, SUCCESS, ""),
        ({"special_categories": ["health"]}, {"require_impact_assessment": False}, SUCCESS, ""),
        ({"legal_basis": "no_personal_data", "data_categories": []}, {}, SUCCESS, ""),
        ({"legal_basis": "no_personal_data"}, {}, ACTION, "review_unreadable"),
        ({"data_categories": []}, {}, ACTION, "review_unreadable"),
        ({"date": "2025-11-01"}, {}, SUCCESS, ""),
        ({"date": "2025-10-31"}, {}, ACTION, "review_expired"),
        ({"date": "2026-09-14"}, {"max_age_days": 30}, ACTION, "review_expired"),
        ({"date": "2026-11-02"}, {}, ACTION, "review_in_future"),
        ({"date": "14.09.2026"}, {}, ACTION, "review_unreadable"),
        ({"date": 20260914}, {}, ACTION, "review_unreadable"),
        ({"date": None}, {}, ACTION, "review_unreadable"),
        ({"reviewer": "TBD"}, {}, ACTION, "review_unreadable"),
        ({"reviewer": " "}, {}, ACTION, "review_unreadable"),
        ({"legal_basis": "we want it"}, {}, ACTION, "review_unreadable"),
        ({"another": 1}, {}, ACTION, "review_unreadable"),
    ],
)
def test_what_a_privacy_review_has_to_be(
    judged: Judged, changed: dict[str, Any], params: dict[str, Any], conclusion: Conclusion, code: str
) -> None:
    found = review(judged, params=params, **changed)
    assert (found.conclusion, "".join(f.code for f in found.findings)) == (conclusion, code)


@pytest.mark.parametrize("member", REVIEW)
def test_every_member_is_required(judged: Judged, member: str) -> None:
    found = review(judged, member)
    assert found.conclusion is ACTION
    assert member in found.summary


@pytest.mark.parametrize("content", [b"", b"- a", b"a: b: c", b"\xff", b"a: !!python/name:os.system", b"5"])
def test_what_is_no_review_does_not_pass(judged: Judged, content: bytes) -> None:
    assert judged("docs.privacy_review", {"r": content}, kind=PRIVACY_REVIEW).conclusion is ACTION


def test_two_policies_give_the_stricter_limits() -> None:
    assert entry_points.combined_parameters(
        "docs.privacy_review", {"max_age_days": 90}, {"accept_conditions": False}
    ) == {"max_age_days": 90, "accept_conditions": False, "require_impact_assessment": True}
    assert entry_points.combined_parameters(
        "explanation.declared", {"excluded": ["a"], "max_share": 0.4}, {"excluded": ["b"], "min_features": 3}
    ) == {"min_features": 3, "max_share": 0.4, "excluded": ["a", "b"], "excluded_share": 0.0}


def test_the_points_are_those_of_the_technical_document() -> None:
    assert {point.clause: point.title for point in POINTS} == ANNEX_IV
    assert {point.clause for point in POINTS if all(item.conditional for item in point.items)} == CONDITIONAL


def regulate(judged: Judged, changed: dict[str, Any] | None = None, **params: Any) -> CheckOutcome:
    document = yaml.safe_load((EXAMPLES / "docs_regulatory.yaml").read_text())
    for clause, part in (changed or {}).items():
        document["parts"][clause] = part and {**document["parts"].get(clause, {}), **part}
    for part in document["parts"].values():
        if part:
            part["signed_off_on"] = str(part["signed_off_on"])
    content = yaml.safe_dump(document).encode()
    facts: dict[str, Any] = {"sign_offs": []}
    return judged("docs.regulatory", {"d": content}, kind=REGULATORY, facts=facts, **{"sign_off": "stated", **params})


def test_the_example_of_a_regulatory_document_passes_and_says_what_is_not_checked(judged: Judged) -> None:
    found = regulate(judged)
    assert (found.conclusion, found.findings) == (SUCCESS, ())
    assert "adequate is not checked" in found.summary
    raw = (EXAMPLES / "docs_regulatory.yaml").read_bytes()
    facts: dict[str, Any] = {"sign_offs": []}
    stated = judged("docs.regulatory", {"d": raw}, kind=REGULATORY, facts=facts, sign_off="stated")
    assert stated.conclusion is SUCCESS


@pytest.mark.parametrize(
    ("changed", "params", "code"),
    [
        ({"3": None}, {}, "part_missing"),
        ({"3": {"answer": ""}}, {}, "part_not_answered"),
        ({"3": {"answer": "TBD, to be determined"}}, {}, "part_not_answered"),
        ({"3": {"answer": "see document"}}, {}, "part_not_answered"),
        ({"3": {"answer": "", "not_applicable": "we do not need it"}}, {}, "not_conditional"),
        ({"1(b)": {"not_applicable": "n/a"}}, {}, "part_not_answered"),
        ({"3": {"signed_off_on": "2025-10-31"}}, {}, "sign_off_expired"),
        ({"3": {"signed_off_on": "2026-09-01"}}, {"sign_off_max_days": 60}, "sign_off_expired"),
        ({"3": {"signed_off_on": "2026-11-02"}}, {}, "sign_off_in_future"),
        (
            {"10": {"answer": "a b c d", "signed_off_by": "Greta Holm", "signed_off_on": "2026-09-21"}},
            {},
            "part_unknown",
        ),
        ({"3": {"signed_off_by": "TBD"}}, {}, "document_unreadable"),
        ({"3": {"signed_off_on": "soon"}}, {}, "document_unreadable"),
        ({"3": {"not_applicable": "both are written"}}, {}, "document_unreadable"),
        ({"3": {"other": 1}}, {}, "document_unreadable"),
    ],
)
def test_what_a_regulatory_document_lacks(
    judged: Judged, changed: dict[str, Any], params: dict[str, Any], code: str
) -> None:
    found = regulate(judged, changed, **params)
    assert found.conclusion is ACTION
    assert {f.code for f in found.findings} == {code} or params
    assert code in {f.code for f in found.findings}


@pytest.mark.parametrize(
    "content", [b"", b"template: other\nparts: {}", b"- a", b"template: annex-iv", b"\xff", b"a: ["]
)
def test_what_is_no_regulatory_document(judged: Judged, content: bytes) -> None:
    found = judged("docs.regulatory", {"d": content}, kind=REGULATORY, facts={"sign_offs": []})
    assert (found.conclusion, found.findings[0].code) == (ACTION, "document_unreadable")


def test_a_signature_is_for_the_content_of_a_part(judged: Judged) -> None:
    raw = (EXAMPLES / "docs_regulatory.yaml").read_bytes()
    parts = {
        clause: digest_of_part(clause, DocumentPart.model_validate({**part, "signed_off_on": None}))
        for clause, part in yaml.safe_load(raw)["parts"].items()
    }
    row = {"name": "Greta Holm", "roles": ["owner"], "signed_on": "2026-10-01", "parts": parts}

    def codes(*rows: dict[str, Any], **params: Any) -> set[str]:
        found = judged("docs.regulatory", {"d": raw}, kind=REGULATORY, facts={"sign_offs": list(rows)}, **params)
        return {finding.code for finding in found.findings}

    assert codes(row) == set()
    assert codes({**row, "parts": {**parts, "3": "0" * 64}}) == {"not_signed"}
    assert codes({**row, "signed_on": "2025-10-01"}) == {"sign_off_expired"}
    assert codes({**row, "signed_on": "2025-10-01"}, row) == set(), "the newest counts"
    assert codes(row, sign_off_roles=["validator"]) == {"signer_without_role"}
    earlier = {**row, "roles": ["validator"], "signed_on": "2026-09-01"}
    assert codes(earlier, row, sign_off_roles=["validator"]) == set(), "the one in the role counts"
