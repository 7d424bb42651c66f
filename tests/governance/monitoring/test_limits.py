"""Approved limits in policies: what is accepted, how several policies combine, and how they are worded."""

from __future__ import annotations

import pytest

from audit import canonical
from governance import policies
from governance.policies.monitoring import Judgement, approved_monitoring, monitoring_in_words
from governance.services.policies import read
from registry.exceptions import ValidationFailedError

HEAD = "slug: p\ntitle: Into Production\napplies_to: {stages: [production, staging]}\n"


def section(text: str) -> policies.PolicyDocument:
    return policies.parse(f"{HEAD}monitoring: {text}")


def limits(*texts: str, stage: str = "production") -> list[tuple[str, float, float | None, int, int | None]]:
    sections = [(f"p{n}", found) for n, text in enumerate(texts) if (found := section(text).monitoring) is not None]
    approved = approved_monitoring(sections, stage)
    assert approved is not None
    return [(one.op, one.limit, one.warning, one.silent_after_days, one.min_sample) for one in approved.limits]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "silent_after_days"),
        ("{silent_after_days: 0}", "write 1 or more"),
        ("{silent_after_days: 7, signal: []}", "signal"),
        ('{silent_after_days: 7, signals: [{signal: auc, op: "==", limit: 1}]}', "write '>='"),
        ('{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: .nan}]}', "limit"),
        ('{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 0.8, warning: 0.7}]}', "beyond the limit"),
        ('{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 0.8, kind: sound}]}', "kind"),
        (
            '{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 1}, {signal: AUC, op: ">", limit: 2}]}',
            "given twice",
        ),
        ('{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 1, stages: [archived]}]}', "archived"),
    ],
)
@pytest.mark.django_db
def test_a_wrong_section_is_refused_with_its_place(lifecycle: None, text: str, said: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        read(f"{HEAD}monitoring: {text}")
    assert said in refused.value.detail


def test_a_policy_for_leaving_has_no_limits() -> None:
    source = "slug: p\ntitle: Out of it\napplies_to: {from: [production]}\nmonitoring: {silent_after_days: 7}"
    with pytest.raises(ValueError, match="for entering"):
        policies.parse(source)


def test_a_document_without_the_section_keeps_its_digest() -> None:
    document = policies.parse(HEAD)
    assert "monitoring" not in document.model_dump(mode="json")
    with_one = section("{silent_after_days: 7}").model_dump(mode="json")
    assert canonical.digest(with_one) != canonical.digest(document.model_dump(mode="json"))
    assert policies.PolicyDocument.model_validate(with_one).monitoring is not None


def test_the_stricter_of_two_limits_applies() -> None:
    first = '{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 0.8, warning: 0.82, min_sample: 500}]}'
    second = '{silent_after_days: 3, signals: [{signal: AUC, op: ">", limit: 0.8, warning: 0.9, min_sample: 100}]}'
    third = '{silent_after_days: 9, signals: [{signal: auc, op: ">=", limit: 0.85, silent_after_days: 30}]}'
    assert limits(first, second) == limits(second, first) == [(">", 0.8, 0.9, 3, 100)]
    assert limits(first, third) == [(">=", 0.85, None, 7, None)]
    both = '{silent_after_days: 7, signals: [{signal: n, op: ">=", limit: 1}, {signal: n, op: "<=", limit: 5}]}'
    assert [one[:2] for one in limits(both, both)] == [(">=", 1), ("<=", 5)]
    high = '{silent_after_days: 7, signals: [{signal: p95, kind: technical, op: "<", limit: 200}]}'
    low = '{silent_after_days: 7, signals: [{signal: p95, kind: technical, op: "<=", limit: 150}]}'
    assert limits(high, low) == [("<=", 150, None, 7, None)]


def test_a_limit_of_another_stage_does_not_apply() -> None:
    text = '{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 0.8, stages: [production]}]}'
    assert limits(text, stage="staging") == []
    assert len(limits(text)) == 1


def test_combined_documents_keep_the_limits_of_all() -> None:
    one = section('{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 0.8}]}')
    other = section('{silent_after_days: 3, signals: [{signal: ks, op: ">=", limit: 0.3}]}')
    both = policies.combine([policies.parse(HEAD), one, other]).monitoring
    assert both is not None
    assert (both.silent_after_days, [limit.signal for limit in both.signals]) == (3, ["auc", "ks"])


def test_values_are_judged() -> None:
    text = '{silent_after_days: 7, signals: [{signal: auc, op: ">=", limit: 0.8, warning: 0.82, min_sample: 5}]}'
    found = section(text).monitoring
    approved = approved_monitoring([("p", found)], "production") if found is not None else None
    assert approved is not None
    (limit,) = approved.limits
    assert [limit.judge(v) for v in (0.9, 0.82, 0.81, 0.8, 0.79)] == [
        Judgement.WITHIN, Judgement.WITHIN, Judgement.WARNING, Judgement.WARNING, Judgement.BREACH,
    ]  # fmt: skip
    assert [limit.judges(n) for n in (None, 4, 5)] == [False, False, True]
    assert not limit.applies_to("technical", "auc")
    assert not limit.applies_to("metric", "auc", "segment=retail")


def test_a_section_is_worded() -> None:
    text = '{silent_after_days: 1, signals: [{signal: psi, kind: data_drift, op: "<=", limit: 0.25, slice: "*"}]}'
    found = section(text).monitoring
    assert found is not None
    assert monitoring_in_words(found) == [
        "Data drift: psi <= 0.25 for every slice.",
        "A version that does not report for 1 day counts as silent.",
        "A breach opens a finding and notifies the owner; the model is reviewed within 14 days.",
    ]
