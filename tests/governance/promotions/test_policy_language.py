"""Policies that match facts, call on roles, and set times, as requests meet them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from audit import clock
from governance import promotions, selectors
from governance.gate import gate_inputs
from governance.models import Decision, PolicyRevision, PromotionRequest
from governance.promotions.due import requests_changed_by_time
from registry import access
from registry.exceptions import InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import ChangeProposal
from registry.services import change_proposals, fact_changes, metadata, models

from .conftest import PASSWORD, ROOT, Bank

Publish = Callable[[str], PolicyRevision]

APPLIES = "{slug: %s, title: For the test, applies_to: {stages: [production]%s}, priority: %d, %s}"


def source(slug: str, rules: str = "approvals: [{group: reviewers}]", models_: str = "", priority: int = 5) -> str:
    return APPLIES % (slug, f", {models_}" if models_ else "", priority, rules)


def slugs(bank: Bank, request: PromotionRequest) -> list[str]:
    return [bound.policy_revision.policy.slug for bound in bank.fresh(request).governing if bound.basis != "leaving"]


def test_the_owner_and_the_validators_of_the_model_approve(bank: Bank, publish: Publish) -> None:
    publish(source("roles", "approvals: [{role: validators}, {role: owner, order: 2}, {group: reviewers, order: 3}]"))
    access.grant_role(
        actor=ROOT, role=access.Role.VALIDATOR, user=bank.people["tom"], model=bank.model, reason="validates it"
    )
    request = bank.reviewed()
    page = selectors.request_page(bank.actor("sofia"), request.pk)
    assert page.verdict is not None
    titles = [one.title for one in page.verdict.requirements if one.kind == "approval"]
    assert titles == ["1 of the validators of the model", "the owner of the model", "1 of reviewers"]
    waiting = [len(selectors.my_reviews(bank.actor(name)).needs_me) for name in ("tom", "sofia", "marta", "eve")]
    assert waiting == [1, 0, 0, 0]
    with pytest.raises(InvalidStateError, match="the owner of the model comes later"):
        bank.decide(request, "sofia")
    bank.decide(request, "tom")
    assert len(selectors.my_reviews(bank.actor("sofia")).needs_me) == 1
    bank.decide(request, "sofia")
    assert bank.decide(request, "marta").state == "promoted"
    groups = list(Decision.objects.order_by("pk").values_list("groups", flat=True))
    assert groups == [["reviewers", "role:validators"], ["role:owner"], ["reviewers"]]
    connection.check_constraints()


def test_an_owner_who_was_named_while_the_request_was_open_does_not_count(bank: Bank, publish: Publish) -> None:
    publish(source("owner", "approvals: [{role: owner}]"))
    request = bank.reviewed()
    models.update_model(actor=bank.actor("sofia"), model=bank.model, owner=bank.people["tom"])
    with pytest.raises(PermissionDeniedError) as refused:
        bank.decide(request, "tom")
    assert refused.value.rule == "SoD-8"
    with pytest.raises(PermissionDeniedError):
        bank.decide(request, "sofia")


def test_the_most_specific_policy_governs_and_the_packet_has_the_reason(bank: Bank, publish: Publish) -> None:
    publish(source("general"))
    publish(source("people", models_="affects_people: true"))
    models.update_model(actor=bank.actor("sofia"), model=bank.model, affects_people=True)
    request = bank.reviewed()
    assert slugs(bank, request) == ["people"]
    reason = bank.packet(request)["policy"]["reasons"]["people"]
    assert "more specific than general" in reason
    assert "priority 5 is higher than that of starter-production (0)" in reason


def test_facts_that_change_while_a_request_is_open_add_a_policy_and_remove_none(bank: Bank, publish: Publish) -> None:
    publish(source("general"))
    publish(source("retail", models_="tags: {market: retail}"))
    request = bank.request(bank.in_staging())
    assert slugs(bank, request) == ["general"]
    metadata.tag_model(actor=bank.actor("sofia"), model=bank.model, key="market", value="retail")
    promotions.reevaluate(request.pk)
    promotions.reevaluate(request.pk)
    assert slugs(bank, request) == ["general", "retail"]
    publish(source("later", models_="tags: {market: retail}, tiers: [1]"))
    promotions.reevaluate(request.pk)
    assert slugs(bank, request) == ["general", "retail"], "a policy that was published later does not bind"


def test_a_change_of_facts_that_loosens_the_policy_needs_a_second_person(bank: Bank, publish: Publish) -> None:
    metadata.tag_model(actor=bank.actor("sofia"), model=bank.model, key="market", value="retail")
    publish(source("general"))
    publish(source("retail", "approvals: [{group: reviewers, count: 2}]", "tags: {market: retail}"))
    bank.request(bank.in_staging())
    with pytest.raises(InvalidStateError) as refused:
        metadata.tag_model(actor=bank.actor("sofia"), model=bank.model, key="market", value="sme")
    assert refused.value.code == "facts_need_second_person"
    metadata.tag_model(actor=bank.actor("sofia"), model=bank.model, key="colour", value="blue")
    row, proposal = fact_changes.submit(
        actor=bank.actor("sofia"), model=bank.model, tags={"market": "sme"}, title="Renamed"
    )
    assert proposal is not None
    assert (row.title, row.tags["market"]) == ("Renamed", "retail")
    with pytest.raises(PermissionDeniedError):
        confirm(bank, proposal, "priya")
    confirm(bank, proposal, "marta")
    row.refresh_from_db()
    assert row.tags == {"market": "sme"}
    open_request = PromotionRequest.objects.latest("pk")
    excluded = {one.name: one for one in selectors.request_page(bank.actor("priya"), open_request.pk).conflicts}
    assert {(excluded[name].rule, "the change of tags" in excluded[name].reason) for name in ("Sofia", "Marta")} == {
        ("SoD-10", True)
    }
    back, none = fact_changes.submit(actor=bank.actor("sofia"), model=bank.model, tags={"market": "retail"})
    assert (back.tags, none) == ({"market": "retail"}, None), "a stricter policy needs no second person"
    metadata.tag_model(actor=bank.actor("sofia"), model=bank.model, key="colour", value="blue")
    after = selectors.request_page(bank.actor("priya"), open_request.pk).conflicts
    assert not [one for one in after if one.rule == "SoD-10"], "the changed tags have their earlier values"


def confirm(bank: Bank, proposal: ChangeProposal, by: str) -> None:
    change_proposals.confirm(actor=bank.actor(by), proposal=proposal, digest=proposal.digest, password=PASSWORD)


def test_a_short_comment_is_refused_with_its_length(bank: Bank, publish: Publish) -> None:
    publish(source("words", "approvals: [{group: reviewers}], comment_min_length: 200"))
    request = bank.reviewed()
    with pytest.raises(ValidationFailedError) as refused:
        bank.decide(request, "marta")
    (fault,) = refused.value.errors
    assert (fault.pointer, fault.code) == ("/comment", "too_short")
    assert "at least 200 characters" in fault.detail


def test_an_old_approval_lapses_and_the_person_approves_again(bank: Bank, publish: Publish) -> None:
    publish(source("valid", "approvals: [{group: reviewers, count: 2}], approval_valid_days: 5"))
    request = bank.reviewed()
    bank.decide(request, "marta")
    assert requests_changed_by_time() == []
    with clock.freeze(clock.now() + timedelta(days=5)):
        assert requests_changed_by_time() == [request.pk]
        promotions.reevaluate(request.pk)
        assert requests_changed_by_time() == []
        assert Decision.objects.get(request=request).lapsed_at is not None
        bank.decide(request, "marta")
        assert bank.decide(request, "aiko").state == "promoted"


def test_a_request_waits_and_is_promoted_without_a_person(bank: Bank, publish: Publish) -> None:
    publish(source("wait", "approvals: [{group: reviewers}], wait_hours: 24, review_within_days: 30"))
    request = bank.reviewed()
    assert bank.decide(request, "marta").state == "open"
    assert [one.id for one in selectors.promotion_summaries_of(bank.actor("marta"), [request.pk])[0].unmet] == ["wait"]
    with clock.freeze(clock.now() + timedelta(hours=24)):
        assert requests_changed_by_time() == [request.pk]
        assert promotions.reevaluate(request.pk).state == "promoted"
        bank.model.refresh_from_db()
        assert bank.model.next_review == (clock.now() + timedelta(days=30)).date()
    connection.check_constraints()


def test_a_freeze_window_holds_a_released_request_and_names_its_end(bank: Bank, publish: Publish) -> None:
    begins = clock.now() - timedelta(days=1)
    window = f"{{name: Year end, from: {begins:%Y-%m-%dT%H:%M}, until: {begins + timedelta(days=3):%Y-%m-%dT%H:%M}}}"
    publish(source("freeze", f"approvals: [{{group: reviewers}}], on_ready: hold, freeze_windows: [{window}]"))
    request = bank.reviewed()
    bank.decide(request, "marta")
    with pytest.raises(InvalidStateError, match="No freeze window"):
        promotions.promote(actor=bank.actor("priya"), request=request)
    document = gate_inputs.get_policy_document(bank.fresh(request))
    assert document is not None
    with clock.freeze(clock.now() + timedelta(days=2)):
        assert requests_changed_by_time() == [request.pk]
        promotions.reevaluate(request.pk)
        assert promotions.promote(actor=bank.actor("priya"), request=bank.fresh(request)).state == "promoted"


def test_conditions_hold_a_request_until_they_are_true(bank: Bank, publish: Publish) -> None:
    stated = (
        "conditions: {all: [{fact: hours_in_stage, of: staging, op: '>=', value: 24},"
        " {fact: tag, of: market, op: '==', value: retail}]}"
    )
    publish(
        source(
            "careful",
            "checks: [{check: docs.model_card, when: {fact: affects_people, value: true}}],"
            " approvals: [{group: reviewers}, {role: owner, when: {fact: affects_people, value: true}}],"
            f" {stated}",
        )
    )
    models.update_model(actor=bank.actor("sofia"), model=bank.model, affects_people=False)
    request = bank.reviewed()
    assert bank.decide(request, "marta").state == "blocked"
    page = selectors.request_page(bank.actor("marta"), request.pk)
    assert page.verdict is not None
    states = {one.id: str(one.state) for one in page.verdict.requirements}
    assert states["condition:1"] == "waiting"
    assert states["condition:2"] == "failed"
    assert states["check:docs.model_card"] == states["approval:role:owner"] == "not_applicable"
    (row,) = selectors.promotion_summaries_of(bank.actor("marta"), [request.pk])
    assert [one.id for one in row.unmet] == ["condition:1", "condition:2"]
    metadata.tag_model(actor=bank.actor("sofia"), model=bank.model, key="market", value="retail")
    assert promotions.reevaluate(request.pk).state == "open"
    assert requests_changed_by_time() == []
    with clock.freeze(clock.now() + timedelta(hours=25)):
        assert requests_changed_by_time() == [request.pk]
        assert promotions.reevaluate(request.pk).state == "promoted"
    connection.check_constraints()


def test_a_check_whose_condition_is_false_is_not_run(bank: Bank, publish: Publish) -> None:
    version = bank.in_staging()
    publish(
        "{slug: by-tier, title: A table for lower tiers, applies_to: {stages: [production]}, priority: 90,"
        " checks: [{check: integrity.digest}, {check: evaluation.adequacy, when: {fact: tier, op: '>', value: 1}}],"
        " approvals: [{group: reviewers}]}"
    )
    request = bank.run_checks(bank.request(version))
    assert [run.check_slug for run in request.check_runs.all()] == ["integrity.digest"]
    page = selectors.request_page(bank.actor("priya"), request.pk)
    (row,) = [row for row in page.checks if row.rule.check == "evaluation.adequacy"]
    assert (row.word, row.run) == ("Not required", None)
    assert row.requirement.detail.startswith("not required, because it applies only when ")
    assert bank.decide(request, "marta").state == "promoted"
