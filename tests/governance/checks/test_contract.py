"""The contract: what an outcome may hold, and what a class must have to be a check."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.checks.base import (
    MAX_OUTCOME_BYTES,
    Check,
    CheckContractError,
    CheckOutcome,
    Conclusion,
    Finding,
    Parameters,
    Severity,
    outcome_from_json,
    refuse_bad_check,
)


def raw(**changes: object) -> bytes:
    good = {"conclusion": "success", "summary": "fine", "findings": [], "measures": {}}
    return json.dumps({**good, **changes}).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_an_outcome_survives_the_way_out_or_is_refused_as_unstorable(measures: dict[str, Any]) -> None:
    outcome = CheckOutcome(
        Conclusion.FAILURE, "two findings", (Finding("a_code", "why", Severity.WARNING, "file"),), measures
    )
    text = json.dumps(measures, ensure_ascii=False)
    storable = "\\u0000" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
    if not storable:
        with pytest.raises(CheckContractError):
            outcome.as_json()
        return
    assert outcome_from_json(outcome.as_json()) == outcome


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    with pytest.raises(CheckContractError, match="not JSON"):
        CheckOutcome(Conclusion.SUCCESS, "fine", measures={"auc": number}).as_json()
    for written in (b"NaN", b"-Infinity", b"1e999"):
        with pytest.raises(CheckContractError):
            outcome_from_json(raw().replace(b'"measures": {}', b'"measures": {"auc": ' + written + b"}"))


@pytest.mark.parametrize("conclusion", ["skipped", "cancelled", "error", "passed", None, 1])
def test_a_check_may_not_conclude_what_the_product_alone_may(conclusion: object) -> None:
    with pytest.raises(CheckContractError, match="may conclude"):
        outcome_from_json(raw(conclusion=conclusion))


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": ""},
        {"summary": "x" * 2001},
        {"summary": 7},
        {"summary": "nul \x00"},
        {"findings": {}},
        {"findings": [{"code": "a"}]},
        {"findings": [{"code": "Not A Code", "message": "m", "severity": "high", "where": ""}]},
        {"findings": [{"code": "a", "message": "m", "severity": "mild", "where": ""}]},
        {"findings": [{"code": "a", "message": "m", "severity": "high", "where": ""}] * 501},
        {"measures": []},
        {"measures": {"half": "\ud800"}},
        {"conclusion_of_the_boss": "success"},
    ],
)
def test_a_malformed_outcome_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(CheckContractError):
        outcome_from_json(raw(**changes))


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, raw(measures={"x": "y" * MAX_OUTCOME_BYTES})]
)
def test_an_answer_that_is_no_outcome_is_refused(answer: bytes) -> None:
    with pytest.raises(CheckContractError):
        outcome_from_json(answer)


def test_parameters_refuse_unknown_names_and_do_not_change() -> None:
    class Params(Parameters):
        rows: int = 1
        share: float = 0.5

    with pytest.raises(ValueError, match="extra"):
        Params.model_validate({"row": 2})
    with pytest.raises(ValueError, match="finite"):
        Params.model_validate({"share": math.nan})
    with pytest.raises(ValueError, match="frozen"):
        Params().rows = 2  # type: ignore[misc]  # the refusal is the case


def test_what_is_no_check_says_why() -> None:
    class Named(Check):
        slug, version, title, category = "acme.named", "1.0.0", "Named", "tests"

        def run(self, ctx: object, params: object) -> CheckOutcome:
            return CheckOutcome(Conclusion.SUCCESS, "fine")

    refuse_bad_check(Named)
    for attribute, value in (
        ("slug", "nodots"),
        ("slug", "Acme.Upper"),
        ("version", "1.0"),
        ("title", ""),
        ("api", 2),
        ("Params", object),
        ("run", Check.run),
    ):
        broken = type("Broken", (Named,), {attribute: value})
        with pytest.raises((CheckContractError, TypeError)):
            refuse_bad_check(broken)
    with pytest.raises(CheckContractError):
        refuse_bad_check(CheckOutcome)  # type: ignore[arg-type]  # the refusal is the case
