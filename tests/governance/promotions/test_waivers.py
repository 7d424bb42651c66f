"""Waivers of checks: who grants them, what they cover, and what ends them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.actor import process
from audit.models import Event
from governance import policies, promotions, selectors
from governance.models import PromotionRequest, Waiver
from governance.policies import RequirementStatus
from governance.policies.waivable import covers_findings, why_never_waived
from governance.services import evidence, setup, waivers
from governance.services import policies as published
from registry.exceptions import InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.services.versions import MetricSpec
from tests.fixtures.scenes import Share
from tests.governance.promotions.conftest import PASSWORD, Bank, found_bank

CHECK = "performance.threshold"
POLICY = f"""
slug: strict-production
title: Into Production, with a limit that may be waived
applies_to: {{stages: [production]}}
priority: 90
checks:
  - check: integrity.digest
  - check: {CHECK}
    params: {{thresholds: [{{metric: accuracy, op: ">=", value: 0.99}}]}}
    waivable: {{max_days: 30, by: [{setup.REVIEWERS}]}}
approvals:
  - {{group: {setup.REVIEWERS}, count: 2}}
"""
TEXTS: dict[str, Any] = {
    "reason": "The loans of June arrive late this year.",
    "control": "A person reads each refusal until they have arrived.",
}


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    """The bank with a request for Production that one check blocks."""

    def build() -> Bank:
        made = found_bank()
        version = made.in_staging()
        published.publish(actor=setup.INSTALLER, source=POLICY, reason="for the test")
        made.run_checks(made.request(version))
        return made

    made: Bank = share_scene(build)
    return made


@pytest.fixture
def blocked(bank: Bank) -> PromotionRequest:
    """A request for Production that one check blocks."""
    return PromotionRequest.objects.get(version__model=bank.model, state="blocked")


def grant(bank: Bank, request: PromotionRequest, by: str = "marta", **facts: Any) -> Waiver:
    digest = request.check_runs.filter(check_slug=CHECK).latest("pk").inputs_digest
    given: dict[str, Any] = {"until": clock.now().date() + timedelta(days=10), "check": CHECK, **TEXTS}
    return waivers.grant(
        actor=bank.actor(by),
        request=bank.fresh(request),
        signature=waivers.WaiverSignature(PASSWORD),
        **{"inputs_digest": digest, **given, **facts},
    )


def requirement(bank: Bank, request: PromotionRequest) -> tuple[str, str]:
    """State and detail of the check on the page of the request."""
    shown = selectors.request_page(bank.actor("priya"), request.pk)
    assert shown.verdict is not None
    (found,) = [each for each in shown.verdict.requirements if each.id == f"check:{CHECK}"]
    (listed,) = selectors.promotion_summaries(bank.actor("priya"), selectors.requests_by_pk([request.pk]), None)
    assert listed.checks_met == sum(r.satisfied for r in shown.verdict.requirements if r.kind == "check" and r.required)
    return str(found.state), found.detail


def test_a_waived_check_is_never_met_and_is_part_of_what_is_signed(bank: Bank, blocked: PromotionRequest) -> None:
    waiver = grant(bank, blocked)
    state, detail = requirement(bank, blocked)
    assert state == RequirementStatus.WAIVED
    assert f"waiver {waiver.pk} until" in detail
    assert "by Marta" in detail
    (shown,) = bank.packet(blocked)["waivers"]
    assert (shown["number"], shown["accepted_by"], shown["control"]) == (
        waiver.pk,
        bank.people["marta"].uid,
        TEXTS["control"],
    )
    event = Event.objects.get(action="waiver.granted")
    assert event.body["data"]["check"] == CHECK
    assert "June" not in str(event.body)
    bank.decide(blocked, "marta")
    assert bank.decide(blocked, "aiko").state == "promoted"
    assert requirement(bank, blocked)[0] == RequirementStatus.WAIVED
    connection.check_constraints()


@pytest.mark.parametrize("end", ["revoked", "expired", "clock"])
def test_the_end_of_a_waiver_lapses_what_was_approved_on_it(bank: Bank, blocked: PromotionRequest, end: str) -> None:
    waiver = grant(bank, blocked)
    bank.decide(blocked, "aiko")
    after = waiver.valid_until + timedelta(seconds=1)
    if end == "revoked":
        waivers.revoke(actor=bank.actor("chen"), waiver=waiver, reason="The loans have arrived.")
        with pytest.raises(InvalidStateError):
            waivers.revoke(actor=bank.actor("chen"), waiver=waiver, reason="again")
    else:
        with clock.freeze(after):
            assert requirement(bank, blocked)[0] == RequirementStatus.FAILED
            if end == "expired":
                assert waivers.end_expired() == 1
                assert waivers.end_expired() == 0
            else:
                promotions.reevaluate(blocked.pk)
    with clock.freeze(after):
        assert bank.fresh(blocked).state == "blocked"
        assert requirement(bank, blocked)[0] == RequirementStatus.FAILED
        assert not blocked.decisions.filter(lapsed_at__isnull=True).exists()
    if end != "clock":
        assert Event.objects.filter(action=f"waiver.{end}").count() == 1
        with pytest.raises(IntegrityError, match="final"), transaction.atomic():
            Waiver.objects.filter(pk=waiver.pk).update(ended_at=clock.now())
    connection.check_constraints()


def test_a_waiver_is_for_one_state_of_the_version(bank: Bank, blocked: PromotionRequest) -> None:
    grant(bank, blocked)
    assert requirement(bank, blocked)[0] == RequirementStatus.WAIVED
    evidence.attach_metrics(actor=bank.actor("priya"), version=blocked.version, metrics=[MetricSpec("accuracy", 0.92)])
    bank.run_checks(blocked)
    assert requirement(bank, blocked)[0] == RequirementStatus.FAILED


@pytest.mark.parametrize(
    ("by", "error", "match"),
    [
        ("priya", PermissionDeniedError, "SoD-1"),
        ("sofia", PermissionDeniedError, "waived by members of"),
        ("root", PermissionDeniedError, "SoD"),
    ],
)
def test_who_is_involved_or_not_a_member_does_not_waive(
    bank: Bank, blocked: PromotionRequest, by: str, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        grant(bank, blocked, by)
    assert not Waiver.objects.exists()


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"reason": "short"}, "/reason"),
        ({"control": " "}, "/control"),
        ({"until": date(2020, 1, 1)}, "/until"),
        ({"until": date(2099, 1, 1)}, "/until"),
        ({"codes": ["no_such_code"]}, "/codes"),
        ({"signature": waivers.WaiverSignature("wrong")}, "/password"),
    ],
)
def test_what_is_wrong_in_a_waiver_is_named(
    bank: Bank, blocked: PromotionRequest, facts: dict[str, Any], field: str
) -> None:
    if "signature" in facts:
        with pytest.raises(ValidationFailedError) as refused:
            waivers.grant(
                actor=bank.actor("marta"),
                request=blocked,
                check=CHECK,
                until=clock.now().date(),
                inputs_digest="",
                **TEXTS,
                **facts,
            )
    else:
        with pytest.raises(ValidationFailedError) as refused:
            grant(bank, blocked, **facts)
    assert [error.pointer for error in refused.value.errors] == [field]


def test_only_what_the_policy_allows_is_waived(bank: Bank, blocked: PromotionRequest) -> None:
    with pytest.raises(InvalidStateError, match="never waived"):
        grant(bank, blocked, check="integrity.digest")
    with pytest.raises(InvalidStateError, match="ran again"):
        grant(bank, blocked, inputs_digest="0" * 64)
    with pytest.raises(PermissionDeniedError):
        waivers.grant(
            actor=process("robot"),
            request=blocked,
            check=CHECK,
            until=clock.now().date(),
            inputs_digest="",
            signature=waivers.WaiverSignature(PASSWORD),
            **TEXTS,
        )


def test_the_policy_language_limits_waivers() -> None:
    def combined(*sections: str | None) -> Any:
        documents = [
            policies.parse(
                f"{{slug: p{n}, title: Policy {n}, applies_to: {{stages: [production]}}, "
                f"checks: [{{check: model_card.complete{f', waivable: {section}' if section else ''}}}]}}"
            )
            for n, section in enumerate(sections)
        ]
        (rule,) = policies.combine(documents).checks
        return rule.waivable

    assert combined("{max_days: 30, by: [a, b]}", None) is None
    assert combined("{max_days: 30, by: [a]}", "{max_days: 10, by: [b]}") is None
    both = combined("{max_days: 30, by: [a, b]}", "{max_days: 10, by: [b, c]}")
    assert (both.max_days, both.by) == (10, ("b",))
    for wrong in ("{max_days: 0, by: [a]}", "{max_days: 366, by: [a]}", "{max_days: 30, by: []}", "{max_days: 30}"):
        with pytest.raises(ValueError, match="waivable"):
            combined(wrong)
    digest = "{check: integrity.digest, waivable: {max_days: 1, by: [a]}}"
    with pytest.raises(ValueError, match="never waived"):
        policies.parse(f"{{slug: x, title: Any, applies_to: {{stages: [s]}}, checks: [{digest}]}}")
    plain = policies.parse("{slug: x, title: Any, applies_to: {stages: [s]}, checks: [{check: a.b}]}")
    assert "waivable" not in plain.model_dump(mode="json")["checks"][0]


@pytest.mark.parametrize(
    ("check", "conclusion", "severities", "never"),
    [
        ("integrity.digest", "failure", ["high"], True),
        ("artifact.scan", "failure", ["critical", "high"], True),
        ("artifact.scan", "error", [], True),
        ("artifact.scan", "", [], True),
        ("artifact.scan", "failure", ["high"], False),
        ("fairness.groups", "failure", ["critical"], False),
    ],
)
def test_digests_and_critical_findings_of_the_scan_are_never_waived(
    check: str, conclusion: str, severities: list[str], never: bool
) -> None:
    assert bool(why_never_waived(check, conclusion, [{"severity": s, "code": "x"} for s in severities])) is never


def test_a_waiver_for_codes_covers_no_other_finding() -> None:
    found = [{"code": "a", "severity": "high"}, {"code": "note", "severity": "info"}]
    assert covers_findings([], found)
    assert covers_findings(["a"], found)
    assert not covers_findings(["a"], [*found, {"code": "b", "severity": "warning"}])
    assert not covers_findings(["a"], [])
