"""What happens to an approval after the promotion: each cause is recorded once, and followed until it is settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from pydantic import ValidationError

from audit import clock
from audit.models import Event
from governance import task_queue
from governance.checks.advisories import osv
from governance.checks.base import ENVIRONMENT_LOCK
from governance.models import PromotionRequest
from governance.policies import parse
from governance.policies.after_promotion import AfterPromotion, reaction_of
from governance.services import advisories, dataset_recalls, evidence, findings, impacts
from registry.access import Role, actor_for
from registry.exceptions import ConflictError, PermissionDeniedError
from registry.models import DatasetReference, ModelVersion
from registry.services import models
from registry.services.versions import DatasetSpec, MetricSpec
from tests import factories
from tests.governance.promotions.conftest import Bank

Capture = Callable[..., Any]
"""The fixture of pytest-django that collects what is called on commit."""

POLICY = """
slug: starter-production
title: Into Production, followed afterwards
applies_to: {stages: [production]}
checks: [{check: integrity.digest}]
approvals: [{group: reviewers, count: 1}]
"""


def in_production(bank: Bank) -> PromotionRequest:
    request = bank.decide(bank.reviewed(), "marta")
    assert request.state == "promoted"
    return request


def add_metric(bank: Bank, version: ModelVersion, value: float = 0.99) -> None:
    metric = MetricSpec("accuracy", value)
    evidence.attach_metrics(actor=bank.actor("priya"), version=version, metrics=[metric])


def followed(publish: Callable[[str], object], cause: str, then: str, days: int = 5) -> None:
    time = f", within_days: {days}" if then != "notify" else ""
    publish(POLICY + f"after_promotion: {{{cause}: {{then: {then}{time}}}}}\n")


def later(monkeypatch: pytest.MonkeyPatch, **span: int) -> None:
    moment = clock.now() + timedelta(**span)
    monkeypatch.setattr("governance.services.impacts.clock.now", lambda: moment)


@pytest.mark.parametrize("then", ["notify", "finding", "reapproval", "demote"])
def test_changed_inputs_have_the_consequence_of_the_policy_once(
    then: str, bank: Bank, publish: Callable[[str], object]
) -> None:
    followed(publish, "inputs_changed", then)
    request = in_production(bank)
    assert impacts.record_all() == []
    add_metric(bank, request.version)

    (impact,) = impacts.record_all()
    impacts.follow_all()
    assert impacts.record_all() == []
    add_metric(bank, request.version, 0.98)
    assert impacts.record_all() == []  # the same approval deviates already
    impacts.follow_all()

    impact.refresh_from_db()
    assert (impact.cause, impact.place, impact.consequence) == ("inputs_changed", "production", then)
    assert "accuracy = 0.99" in impact.detail
    assert (impact.due is None) == (then == "notify")
    assert (impact.finding is not None) == (then == "finding")
    reapproval = PromotionRequest.objects.filter(reapproves=request).first()
    assert (impact.reapproval == reapproval) and (reapproval is not None) == (then in ("reapproval", "demote"))  # noqa: PT018 - one fact
    event = Event.objects.filter(action="impact.recorded").order_by("id")[0]
    assert event.body["data"]["approved_fingerprint"] == request.fingerprint
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_the_process_requests_for_the_owner_who_is_excluded_and_the_approval_settles_it(
    bank: Bank, publish: Callable[[str], object]
) -> None:
    followed(publish, "inputs_changed", "reapproval")
    request = in_production(bank)
    add_metric(bank, request.version)
    (impact,) = impacts.record_all()
    asked = impacts.follow(impact.pk).reapproval
    assert asked is not None
    assert asked.requested_by == bank.people["sofia"]
    with pytest.raises(PermissionDeniedError, match="opened this request"):
        bank.decide(bank.run_checks(asked), "sofia")

    assert bank.decide(bank.run_checks(asked), "marta").state == "promoted"

    settled = impacts.follow(impact.pk)
    assert settled.settlement == f"approved again in #{asked.pk}"
    assert impacts.record_all() == []


def test_reverted_inputs_and_a_closed_finding_settle_an_impact(bank: Bank, publish: Callable[[str], object]) -> None:
    followed(publish, "inputs_changed", "finding")
    request = in_production(bank)
    add_metric(bank, request.version)
    (impact,) = impacts.record_all()
    assert impact.finding is not None
    findings.close(actor=bank.actor("marta"), finding=impact.finding, reason="The new metric is right.")
    assert impacts.follow(impact.pk).settlement == f"finding {impact.finding.pk} is closed"

    add_metric(bank, request.version, 0.5)
    (second,) = impacts.record_all()
    add_metric(bank, request.version, 0.91)
    assert impacts.follow(second.pk).settlement == "the inputs are the approved ones again"


def test_after_the_time_demote_requests_the_removal_which_people_approve(
    bank: Bank, publish: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    followed(publish, "inputs_changed", "demote")
    request = in_production(bank)
    add_metric(bank, request.version)
    (impact,) = impacts.record_all()
    impacts.follow(impact.pk)
    later(monkeypatch, days=6)

    impacts.follow_all()
    impacts.follow_all()

    impact.refresh_from_db()
    removal = impact.removal
    assert impact.overdue_at is not None
    assert Event.objects.filter(action="impact.delayed").count() == 1
    assert removal is not None
    assert removal.target_stage is not None
    assert (removal.target_stage.slug, removal.state) == ("archived", "open")
    request.version.refresh_from_db()
    assert request.version.stage.slug == "production"
    assert bank.decide(bank.run_checks(removal), "aiko").state == "promoted"
    assert impacts.follow(impact.pk).settlement == "the version left Production"


def test_a_recalled_dataset_concerns_versions_in_protected_places_only(
    bank: Bank, publish: Callable[[str], object]
) -> None:
    followed(publish, "dataset_recalled", "reapproval")
    officer = factories.officer("henrik")
    model = bank.model
    used = DatasetSpec(role="training", name="loans", reference="2026-07", digest_algorithm="", digest="")
    model.refresh_from_db()
    factories.version(model, bank.people["priya"], {"a.txt": b"a"}, datasets=[used])
    held = factories.version(
        model, bank.people["priya"], {"b.json": b'{"weights": [2]}'}, datasets=[used], card="# Card", metrics=[]
    )
    publish("slug: starter-staging\ntitle: Into Staging\napplies_to: {stages: [staging]}\nchecks: []\n")
    bank.run_checks(bank.request(held, stage="staging"))
    request = bank.decide(bank.run_checks(bank.request(ModelVersion.objects.get(pk=held.pk))), "marta")
    assert request.state == "promoted"
    dataset = DatasetReference.objects.filter(version=held)[0]
    with pytest.raises(PermissionDeniedError):
        dataset_recalls.recall(actor=bank.actor("priya"), dataset=dataset, reason="consent was withdrawn")

    from registry import access

    recall = dataset_recalls.recall(actor=access.actor_for(officer), dataset=dataset, reason="consent was withdrawn")
    with pytest.raises(ConflictError):
        dataset_recalls.recall(actor=access.actor_for(officer), dataset=dataset, reason="again")
    (impact,) = impacts.record_all()

    assert (impact.cause, impact.reference, impact.version_id) == ("dataset_recalled", str(recall.uid), held.pk)
    asked = impacts.follow(impact.pk).reapproval
    assert asked is not None  # although the inputs are the approved ones
    assert asked.reapproves_id == request.pk
    assert impacts.record_all() == []


def test_a_changed_tier_and_a_retired_policy_concern_the_approval(bank: Bank, publish: Callable[[str], object]) -> None:
    publish(POLICY)
    request = in_production(bank)
    factories.assessed(bank.model, 1)
    assert [one.cause for one in impacts.record_all()] == []
    bank.model.refresh_from_db()
    publish(POLICY.replace("stages: [production]", "stages: [archived]"))

    (impact,) = impacts.record_all()

    assert (impact.cause, impact.reference, impact.consequence) == ("policy_retired", "starter-production", "notify")
    assert impact.request_id == request.pk
    assert impacts.record_all() == []


def test_another_tier_after_the_approval_opens_a_finding(bank: Bank, publish: Callable[[str], object]) -> None:
    followed(publish, "tier_changed", "finding")
    registered = models.register_model(
        actor=bank.actor("priya"), slug="credit-limit", risk_tier=2, owner=bank.people["sofia"]
    )
    bank = replace(bank, model=factories.assessed(registered))
    request = in_production(bank)
    assert impacts.record_all() == []

    factories.assessed(bank.model, 1)
    (impact,) = impacts.record_all()

    assert (impact.cause, impact.request_id, impact.consequence) == ("tier_changed", request.pk, "finding")
    assert "from 2 to 1" in impact.detail
    assert impact.finding is not None
    assert impacts.record_all() == []


def test_an_import_of_advisories_concerns_what_was_promoted_before_it(
    bank: Bank, publish: Callable[[str], object], django_capture_on_commit_callbacks: Capture
) -> None:
    followed(publish, "vulnerable_dependency", "finding")
    version = bank.in_staging()
    evidence.attach_stored(
        actor=bank.actor("priya"),
        version=version,
        kind=ENVIRONMENT_LOCK,
        filename="lock.txt",
        blob=bank.stored(b"lib==1.9\nother==1.0\n"),
    )
    request = bank.decide(bank.run_checks(bank.request(version)), "marta")
    assert request.state == "promoted"
    officer = actor_for(bank.people["chen"])
    factories.grant(Role.OFFICER, to=bank.people["chen"])
    for number, (package, fixed, concerned) in enumerate([("lib", "1.5", 0), ("absent", "2.0", 0), ("lib", "2.0", 1)]):
        kept, _ = osv.compact(vulnerability(package, fixed)) or ({}, "")
        packages = {package: [{**kept, "affected": kept["affected"][package]}]}
        export = advisories.Export(f"{number:064x}", clock.now(), 1, packages)
        with django_capture_on_commit_callbacks() as callbacks:
            advisories.import_advisories(actor=officer, export=export)
        assert any(task_queue.RECORD_IMPACTS in getattr(one, "args", ()) for one in callbacks)
        found = impacts.record_all()
        assert len(found) == concerned, package

    assert (found[0].cause, found[0].request_id) == ("vulnerable_dependency", request.pk)
    assert "GHSA-test (lib 1.9)" in found[0].detail
    assert found[0].finding is not None
    assert impacts.record_all() == []


def vulnerability(package: str, fixed: str) -> dict[str, Any]:
    """An OSV record of one package."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
    affected = [{"package": {"ecosystem": "PyPI", "name": package}, "ranges": ranges}]
    return {"id": "GHSA-test", "modified": "2026-11-01T00:00:00Z", "affected": affected}


def test_an_approver_who_is_found_to_control_the_requester_is_conflicted(
    bank: Bank, publish: Callable[[str], object]
) -> None:
    followed(publish, "approver_conflicted", "finding")
    request = in_production(bank)
    administrator = bank.people["marta"]
    factories.grant(Role.ADMINISTRATOR, to=administrator)
    from registry import access
    from registry.services import people

    people.set_password(
        actor=access.actor_for(administrator), person=bank.people["priya"], password="a-Password-of-another-1"
    )

    (impact,) = impacts.record_all()

    assert impact.cause == "approver_conflicted"
    assert "SoD-7" in impact.detail
    assert impact.request_id == request.pk
    assert impact.finding is not None


def test_the_stricter_reaction_of_two_policies_counts() -> None:
    first = AfterPromotion.model_validate({"inputs_changed": {"then": "reapproval", "within_days": 30}})
    second = AfterPromotion.model_validate({"inputs_changed": {"then": "reapproval", "within_days": 7}})
    third = AfterPromotion.model_validate({"inputs_changed": {"then": "finding", "within_days": 1}})

    assert reaction_of([first, second, None, third], "inputs_changed").within_days == 7
    assert reaction_of([None], "inputs_changed").then == "notify"
    assert reaction_of([], "tier_changed").then == "notify"


@pytest.mark.parametrize(
    "section",
    ["{inputs_changed: {then: reapproval}}", "{inputs_changed: {then: notify, within_days: 3}}", "{weather: {}}"],
)
def test_a_wrong_section_is_refused(section: str) -> None:
    with pytest.raises(ValidationError):
        parse(f"{POLICY}after_promotion: {section}\n")


def test_a_document_without_the_section_keeps_its_form() -> None:
    assert "after_promotion" not in parse(POLICY).model_dump(mode="json")
