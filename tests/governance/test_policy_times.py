"""Waiting time, freeze windows and validity of approvals, as the pure evaluator judges them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policies import (
    DecisionFact,
    Facts,
    GateState,
    PolicyDocument,
    RequirementStatus,
    Reviewer,
    Verdict,
    combine,
    evaluate,
    frozen_until,
    in_words,
    parse,
)

START = datetime(2026, 12, 1, 12, tzinfo=UTC)
RISK = tuple(Reviewer(name, name, frozenset({"risk"})) for name in ("marta", "aiko"))
YEAR_END = {"name": "Year end", "from": "2026-12-20T18:00", "until": "2027-01-04T08:00", "zone": "Europe/Paris"}


def policy(slug: str = "one", **keys: Any) -> PolicyDocument:
    return PolicyDocument.model_validate(
        {
            "slug": slug,
            "title": "Times",
            "applies_to": {"stages": ["production"]},
            "approvals": [{"group": "risk", "count": 2}],
            **keys,
        }
    )


def judge(document: PolicyDocument, now: datetime | None, *signed: datetime) -> Verdict:
    decisions = tuple(
        DecisionFact(person.uid, person.name, "approve", at) for person, at in zip(RISK, signed, strict=False)
    )
    return evaluate(document, Facts({}, RISK, decisions, now=now, opened_at=START))


def state_of(found: Verdict, requirement: str) -> RequirementStatus:
    return next(one.state for one in found.requirements if one.id == requirement)


def test_the_waiting_time_begins_with_the_last_approval() -> None:
    document, last = policy(wait_hours=24), START + timedelta(hours=5)
    assert state_of(judge(document, last, START), "wait") is RequirementStatus.LATER
    waiting = judge(document, last + timedelta(hours=23), START, last)
    assert (state_of(waiting, "wait"), waiting.state) == (RequirementStatus.WAITING, GateState.OPEN)
    assert judge(document, last + timedelta(hours=24), START, last).state is GateState.READY


def test_without_approvals_the_waiting_time_begins_with_the_request() -> None:
    document = policy(wait_hours=2, approvals=[])
    assert judge(document, START + timedelta(hours=1)).state is GateState.OPEN
    assert judge(document, START + timedelta(hours=2)).state is GateState.READY


@pytest.mark.parametrize("keys", [{"wait_hours": 1}, {"freeze_windows": [YEAR_END]}])
def test_an_unknown_time_opens_nothing(keys: Any) -> None:
    assert judge(policy(**keys), None, START, START).state is GateState.OPEN


def test_a_freeze_window_is_local_time_and_opens_by_itself() -> None:
    document, signed = policy(freeze_windows=[YEAR_END]), (START, START)
    for moment, state in [
        (datetime(2026, 12, 20, 16, 59, tzinfo=UTC), GateState.READY),
        (datetime(2026, 12, 20, 17, 0, tzinfo=UTC), GateState.OPEN),
        (datetime(2027, 1, 4, 6, 59, tzinfo=UTC), GateState.OPEN),
        (datetime(2027, 1, 4, 7, 0, tzinfo=UTC), GateState.READY),
    ]:
        assert judge(document, moment, *signed).state is state
    frozen = judge(document, datetime(2026, 12, 25, tzinfo=UTC), *signed)
    (left,) = frozen.unmet
    assert left.detail == "Year end: until 2027-01-04 08:00 (Europe/Paris)"


def test_windows_without_a_gap_are_one_period() -> None:
    windows = policy(
        freeze_windows=[
            YEAR_END,
            {**YEAR_END, "name": "Stock taking", "from": "2027-01-04T07:00", "until": "2027-01-05T00:00"},
        ]
    ).freeze_windows
    found = frozen_until(windows, datetime(2026, 12, 25, tzinfo=UTC))
    assert [window.name for window in found] == ["Year end", "Stock taking"]


def test_an_approval_that_is_too_old_does_not_count_and_is_needed_again() -> None:
    document, later = policy(approval_valid_days=10), START + timedelta(days=5)
    assert judge(document, START + timedelta(days=9), START, later).state is GateState.READY
    found = judge(document, START + timedelta(days=10), START, later)
    assert found.state is GateState.OPEN
    (standing,) = found.approvals
    assert [d.name for d in standing.approved_by] == ["aiko"]
    assert [r.name for r in standing.may_approve] == ["marta"]


@pytest.mark.parametrize(
    ("window", "names"),
    [
        ({**YEAR_END, "zone": "Paris"}, "unknown time zone Paris"),
        ({**YEAR_END, "from": "2026-12-20T18:00Z"}, "without an offset"),
        ({**YEAR_END, "until": "2026-12-20T18:00"}, "must be after"),
        ({**YEAR_END, "from": "soon"}, "valid datetime"),
    ],
)
def test_a_wrong_window_is_refused_with_the_rule(window: Any, names: str) -> None:
    with pytest.raises(ValueError, match=names):
        policy(freeze_windows=[window])


def test_times_are_read_from_yaml_and_survive_storage() -> None:
    document = parse(
        "{slug: a, title: abc, applies_to: {stages: [production]}, wait_hours: 48, review_within_days: 365,"
        " comment_min_length: 20, approval_valid_days: 30,"
        " freeze_windows: [{name: Year end, from: 2026-12-20T18:00, until: 2027-01-04 08:00, zone: Europe/Paris}]}"
    )
    assert PolicyDocument.model_validate(document.model_dump(mode="json")) == document
    words = " ".join(sentence for _, sentences in in_words(document) for sentence in sentences)
    for part in ("2 days after", "Year end: 2026-12-20 18:00", "365 days ahead", "20 characters", "valid for 30 days"):
        assert part in words


policies = st.builds(
    policy,
    wait_hours=st.none() | st.integers(1, 100),
    approval_valid_days=st.none() | st.integers(1, 6),
    freeze_windows=st.lists(
        st.tuples(st.integers(0, 5), st.integers(1, 4)).map(
            lambda days: {
                "name": f"W{days[0]}-{days[1]}",
                "from": f"2026-12-{1 + days[0]:02}T00:00",
                "until": f"2026-12-{1 + days[0] + days[1]:02}T00:00",
            }
        ),
        max_size=2,
    ),
)


@given(policies, policies, st.integers(0, 240), st.integers(0, 240), st.integers(0, 240))
def test_what_the_combination_accepts_each_policy_accepts(
    one: PolicyDocument, two: PolicyDocument, now: int, first: int, second: int
) -> None:
    signed = [START + timedelta(hours=hours) for hours in (first, second) if hours <= now]
    moment = START + timedelta(hours=now)
    if judge(combine([one, two]), moment, *signed).state is GateState.READY:
        assert all(judge(each, moment, *signed).state is GateState.READY for each in (one, two))
