"""`license.allowed`: which licences are identified, and which expressions a policy allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.checks import entry_points
from governance.checks.base import MODEL_CARD, CheckOutcome, Conclusion, Context
from governance.checks.licences import LicenceExpressionError, licences_of, parse_licence

Judged = Callable[..., CheckOutcome]

SUCCESS, FAILURE, ACTION = Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.ACTION_REQUIRED


@pytest.mark.parametrize(
    ("written", "parsed"),
    [
        ("mit", "MIT"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("MIT AND Apache-2.0 OR ISC", "(MIT AND Apache-2.0) OR ISC"),
        ("gpl-2.0 with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("openrail++", "openrail++"),
        ("Llama3.1", "llama3.1"),
        ("odbl", "ODbL-1.0"),
        ("LicenseRef-Bank or MIT", "LicenseRef-Bank OR MIT"),
    ],
)
def test_what_identifies_a_licence(written: str, parsed: str) -> None:
    found = parse_licence(written, ["LicenseRef-Bank"])
    assert found.text == parsed
    assert not any(licence.problem for licence in licences_of(found))


@pytest.mark.parametrize(
    "written",
    [
        *(
            "NOASSERTION",
            "other",
            "bsd",
            "gpl",
            "LicenseRef-Apache",
            "LicenseRef-Bank",
            "Classpath-exception-2.0",
            "OR",
        ),
        *("MIT WITH Apache-2.0", "Apache-2.0 WITH No-Such-exception", "Apache2"),
    ],
)
def test_what_identifies_none(written: str) -> None:
    assert all(licence.problem for licence in licences_of(parse_licence(written)))


@pytest.mark.parametrize(
    "written",
    ["", "  ", "MIT OR", "AND MIT", "MIT/Apache-2.0", "MIT, ISC", "(MIT", "MIT)", "MIT MIT", "()", "M" * 9000],
)
def test_what_is_no_expression(written: str) -> None:
    with pytest.raises(LicenceExpressionError):
        parse_licence(written)


@given(
    st.lists(st.sampled_from(["MIT", "AND", "OR", "WITH", "(", ")", "x", "", "+", "\x00", "é", "LicenseRef-a", "/"]))
)
def test_any_text_ends_in_a_tree_or_a_named_error(words: list[str]) -> None:
    with suppress(LicenceExpressionError):
        assert parse_licence(" ".join(words)).text


def judge(judged: Judged, *front: str, licence: str = "", **params: Any) -> CheckOutcome:
    card = "\n".join(("---", *front, "---", "# Model"))
    return judged("license.allowed", {"c": card.encode()}, kind=MODEL_CARD, facts={"licence": licence}, **params)


GPL = "GPL-2.0-only"
CLASSPATH = "GPL-2.0-only WITH Classpath-exception-2.0"


@pytest.mark.parametrize(
    ("written", "params", "conclusion"),
    [
        ("apache-2.0", {}, SUCCESS),
        ("MIT OR GPL-3.0-only", {}, SUCCESS),
        ("MIT AND GPL-3.0-only", {}, FAILURE),
        ("MIT AND (GPL-3.0-only OR ISC)", {}, SUCCESS),
        ("MIT OR NOASSERTION", {}, SUCCESS),
        ("MIT AND NOASSERTION", {}, ACTION),
        ("GPL-3.0-only AND NOASSERTION", {}, FAILURE),
        ("GPL-3.0-only OR NOASSERTION", {}, ACTION),
        ("MIT OR", {}, ACTION),
        ("MIT OR", {"on_unknown": "failure"}, FAILURE),
        ("MIT/Apache-2.0", {}, ACTION),
        ("[mit, gpl-3.0]", {}, FAILURE),
        ("[mit, isc]", {}, SUCCESS),
        ("''", {}, ACTION),
        ("[]", {}, ACTION),
        ("{a: MIT}", {}, ACTION),
        ("3", {}, ACTION),
        ("openrail", {"allow": ["openrail"]}, SUCCESS),
        ("openrail", {}, FAILURE),
        ("LicenseRef-Bank", {"allow": ["LicenseRef-Bank"], "custom_ids": ["LicenseRef-Bank"]}, SUCCESS),
        ("other\nlicense_name: bank-1.0", {"allow": ["bank-1.0"], "custom_ids": ["bank-1.0"]}, SUCCESS),
        ("other\nlicense_name: bank-1.0", {}, ACTION),
        ("other", {}, ACTION),
        (CLASSPATH, {"allow": [CLASSPATH]}, SUCCESS),
        (CLASSPATH, {"allow": [GPL]}, FAILURE),
        (GPL, {"allow": [CLASSPATH]}, FAILURE),
        (CLASSPATH, {"allow": [CLASSPATH], "deny": ["GPL-2.0"]}, FAILURE),
        ("GPL-2.0-or-later", {"allow": None, "deny": ["GPL-2.0"]}, FAILURE),
        ("Zlib", {"allow": None, "deny": ["GPL-2.0"]}, SUCCESS),
        ("LicenseRef-x", {"allow": None, "deny": ["GPL-2.0"]}, ACTION),
    ],
)
def test_what_a_policy_allows(judged: Judged, written: str, params: dict[str, Any], conclusion: Conclusion) -> None:
    assert judge(judged, f"license: {written}", **params).conclusion is conclusion


def test_the_licence_of_the_version_and_of_data_sets_are_judged_too(judged: Judged) -> None:
    both = judge(judged, "license: mit", licence="Apache-2.0")
    assert (both.conclusion, [f.code for f in both.findings]) == (SUCCESS, ["licence_differs"])
    assert judge(judged, "license: mit", licence="GPL-3.0-only").conclusion is FAILURE
    assert judge(judged, "title: x", licence="MIT").conclusion is SUCCESS
    assert [f.code for f in judge(judged, "title: x").findings] == ["licence_missing"]
    mapped = judge(judged, "license: mit", "dataset_licenses: {loans: CC-BY-NC-4.0}")
    assert (mapped.conclusion, mapped.findings[0].where) == (FAILURE, "data set loans")
    listed = judge(judged, "license: mit", "datasets: [a, {name: b, license: cc-by-nc-4.0}]")
    assert (listed.conclusion, listed.findings[0].where) == (FAILURE, "data set b")
    only_data = judge(judged, "datasets: [{name: b, license: mit}]")
    assert only_data.conclusion is ACTION


def test_an_unreadable_card_is_not_replaced_by_the_licence_of_the_version(judged: Judged) -> None:
    outcome = judge(judged, "license: mit", "license: isc", licence="MIT")
    assert (outcome.conclusion, outcome.findings[0].code) == (ACTION, "card_unreadable")


@pytest.mark.parametrize(
    "params",
    [
        {"allow": ["MIT OR ISC"]},
        {"allow": ["no-such-licence"]},
        {"deny": ["gpl"]},
        {"allow": None},
        {"custom_ids": ["MIT"]},
        {"custom_ids": ["or"]},
        {"custom_ids": ["a b"]},
    ],
)
def test_lists_that_could_never_match_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(entry_points.BadParameters):
        entry_points.parameters(entry_points.get("license.allowed"), params)


TEXTS = ["MIT", GPL, CLASSPATH, "GPL-2.0-or-later", "ISC", "LicenseRef-A", "LicenseRef-B", "openrail", "MIT OR ISC"]
IDS = ["MIT", "GPL-2.0", CLASSPATH, "isc", "LicenseRef-A", "openrail"]
SETS = st.fixed_dictionaries(
    {
        "allow": st.none() | st.lists(st.sampled_from(IDS), max_size=4, unique=True),
        "deny": st.lists(st.sampled_from(IDS), min_size=1, max_size=2, unique=True),
        "custom_ids": st.sampled_from([["LicenseRef-A"], ["LicenseRef-A", "LicenseRef-B"]]),
        "on_unknown": st.sampled_from(["failure", "action_required"]),
    }
)


@given(SETS, SETS, st.sampled_from(TEXTS))
def test_combined_parameters_accept_nothing_that_one_set_refuses(
    first: dict[str, object], second: dict[str, object], text: str
) -> None:
    check = entry_points.get("license.allowed")
    both = entry_points.combined_parameters(check.slug, first, second)
    assert both is not None

    def passes(params: Mapping[str, Any]) -> bool:
        validated = entry_points.parameters(check, params)
        context = Context((), {"licence": text}, datetime(2026, 1, 1, tzinfo=UTC), 1)
        return check.run(context, validated).conclusion is SUCCESS

    assert passes(both) == (passes(first) and passes(second))
