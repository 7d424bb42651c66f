"""One version walks through the door, and everything that is not lawful is stopped by name."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from audit.models import Event
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance import promotions
from governance.models import CheckRun, Decision, Packet, PromotionRequest
from governance.services import evidence
from registry import access
from registry.exceptions import (
    ConflictError,
    InvalidStateError,
    InvalidTransitionError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import IS_CURRENT, AliasAssignment, StageOccupancy
from registry.services import models, people
from registry.services.versions import MetricSpec
from tests.governance.promotions.conftest import CARD, PASSWORD, ROOT, Bank


def actions_of(request: PromotionRequest) -> list[str]:
    return [event.action for event in reversed(events_for_object(ObjectRef("promotion", str(request.uid))))]


def test_from_registration_to_production(bank: Bank) -> None:
    request = bank.reviewed()
    assert request.state == "open"
    request = bank.decide(request, "marta")
    assert request.state == "open"
    request = bank.decide(request, "aiko")
    assert request.state == "promoted"
    request.version.refresh_from_db()
    assert request.version.stage.slug == "production"
    occupancy = StageOccupancy.objects.get(IS_CURRENT, version=request.version)
    assert occupancy.promotion == request.uid
    said = actions_of(request)
    assert said[0] == "promotion.requested"
    assert said.count("check.completed") == 5
    assert said.count("decision.recorded") == 2
    assert said[-2:] == ["promotion.promoted", "document.frozen"]


def test_the_packet_that_was_signed_can_be_read_again(bank: Bank) -> None:
    request = bank.reviewed()
    bank.decide(request, "marta")
    decision = Decision.objects.get(request=request)
    packet = Packet.objects.get(request=request, digest=decision.packet_digest)
    shown = json.loads(bytes(packet.body))
    assert shown["version"]["fingerprint"] == request.version.fingerprint
    assert [c["conclusion"] for c in shown["checks"]] == ["success"] * 5
    assert shown["kept_out"]["requester"] == bank.people["priya"].uid
    assert decision.signed_name == "Marta"
    assert decision.signed_meaning == "I have reviewed the evidence and approve."


@pytest.mark.parametrize(("who", "rule"), [("priya", "SoD-1"), ("root", "SoD-4")])
def test_the_requester_and_a_superuser_are_refused_by_rule(bank: Bank, who: str, rule: str) -> None:
    request = bank.reviewed()
    with pytest.raises(PermissionDeniedError) as refused:
        bank.decide(request, who)
    assert refused.value.rule == rule
    assert refused.value.who_can == ("Aiko", "Chen", "Marta", "Tom")
    assert not Decision.objects.exists()


def test_a_person_who_registered_the_version_is_refused_for_every_requester(bank: Bank) -> None:
    access.grant_role(
        actor=ROOT, role=access.Role.DEVELOPER, user=bank.people["tom"], model=bank.model, reason="works on it"
    )
    version = bank.in_staging(by="tom")
    request = bank.run_checks(bank.request(version, by="priya"))
    with pytest.raises(PermissionDeniedError) as refused:
        bank.decide(request, "tom")
    assert refused.value.rule == "SoD-2"


def test_an_outsider_who_may_see_is_refused_and_one_who_may_not_finds_nothing(bank: Bank) -> None:
    request = bank.reviewed()
    with pytest.raises(PermissionDeniedError, match="members of reviewers"):
        bank.decide(request, "sofia")
    with pytest.raises(NotFoundError):
        bank.decide(request, "eve")


def test_no_token_decides(bank: Bank) -> None:
    from datetime import timedelta

    from audit import clock
    from registry.services import tokens

    request = bank.reviewed()
    marta = bank.people["marta"]
    _, secret = tokens.issue(
        actor=bank.actor("marta"),
        person=marta,
        name="all of it",
        scopes=list(access.SCOPES),
        expires_at=clock.now() + timedelta(days=1),
    )
    with pytest.raises(PermissionDeniedError, match="Tokens and processes cannot decide"):
        promotions.decide(
            actor=tokens.authenticate(secret, "127.0.0.1"),  # type: ignore[arg-type]  # the arguments of the case have many types
            request=request,
            outcome="approve",
            packet_digest=request.packet_digest,
            comment="by machine",
            signature=promotions.DecisionSignature(PASSWORD),
        )


def test_a_wrong_password_signs_nothing(bank: Bank) -> None:
    request = bank.reviewed()
    with pytest.raises(ValidationFailedError, match="not your password"):
        promotions.decide(
            actor=bank.actor("marta"),
            request=request,
            outcome="approve",
            packet_digest=request.packet_digest,
            comment="fine",
            signature=promotions.DecisionSignature("guess"),
        )
    assert not Decision.objects.exists()


def test_the_same_person_does_not_decide_twice(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    with pytest.raises(ConflictError, match="decided on this packet already"):
        bank.decide(request, "marta")


def test_an_approval_over_another_packet_is_refused(bank: Bank) -> None:
    request = bank.reviewed()
    with pytest.raises(ConflictError, match="changed while you were reading"):
        bank.decide(request, "marta", packet="0" * 64)


def test_new_evidence_makes_approvals_lapse_and_checks_run_again(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    before = request.packet_digest
    evidence.attach_card(actor=bank.actor("priya"), version=request.version, text=CARD + "\nAnd one more limit.\n")
    request = bank.fresh(request)
    assert request.packet_digest == ""
    decision = Decision.objects.get(request=request)
    assert decision.lapsed_at is not None
    assert "decision.lapsed" in actions_of(request)
    request = bank.run_checks(request)
    assert request.packet_digest not in ("", before)
    request = bank.decide(bank.decide(request, "marta"), "aiko")
    assert request.state == "promoted"


def test_only_the_check_whose_inputs_changed_runs_again(bank: Bank) -> None:
    request = bank.reviewed()
    evidence.attach_metrics(actor=bank.actor("priya"), version=request.version, metrics=[MetricSpec("accuracy", 0.93)])
    again = CheckRun.objects.filter(request=request, status="queued").values_list("check_slug", flat=True)
    assert list(again) == ["performance.threshold"]


def test_a_failed_check_blocks_and_approving_is_not_open(bank: Bank) -> None:
    request = bank.run_checks(bank.request(bank.in_staging(accuracy=0.5)))
    assert request.state == "blocked"
    with pytest.raises(InvalidStateError, match="Approving opens"):
        bank.decide(request, "marta", packet=_shown(bank, request))


def _shown(bank: Bank, request: PromotionRequest, reader: str = "marta") -> str:
    from governance import selectors

    return selectors.request_page(bank.actor(reader), request.pk).packet_digest


def test_changes_requested_block_until_the_evidence_changes(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "chen", "request_changes")
    assert request.state == "blocked"
    evidence.attach_metrics(actor=bank.actor("priya"), version=request.version, metrics=[MetricSpec("accuracy", 0.92)])
    assert bank.run_checks(request).state == "open"


def test_a_rejection_closes(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "chen", "reject")
    assert request.state == "rejected"
    with pytest.raises(InvalidStateError, match="rejected already"):
        bank.decide(request, "marta")
    assert request.version.stage.slug == "staging"


def test_a_decision_needs_words(bank: Bank) -> None:
    request = bank.reviewed()
    with pytest.raises(ValidationFailedError, match="what you reviewed"):
        promotions.decide(
            actor=bank.actor("marta"),
            request=request,
            outcome="approve",
            packet_digest=request.packet_digest,
            comment="  ",
            signature=promotions.DecisionSignature(PASSWORD),
        )


def test_an_exclusive_stage_archives_its_occupant(bank: Bank) -> None:
    first = bank.decide(bank.decide(bank.reviewed(), "marta"), "aiko").version
    second = bank.decide(bank.decide(bank.reviewed(), "marta"), "aiko").version
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.stage.slug, second.stage.slug) == ("archived", "production")
    closed = StageOccupancy.objects.get(version=first, stage__slug="production")
    assert closed.closed_event is not None


def test_an_older_version_waiting_for_the_same_place_is_superseded(bank: Bank) -> None:
    older = bank.reviewed()
    newer = bank.decide(bank.decide(bank.reviewed(), "marta"), "aiko")
    assert newer.state == "promoted"
    assert bank.fresh(older).state == "superseded"
    assert not CheckRun.objects.filter(request=older).exclude(status="completed").exists()


def test_one_open_request_for_a_version_and_target(bank: Bank) -> None:
    version = bank.in_staging()
    first = bank.request(version)
    with pytest.raises(ConflictError) as refused:
        bank.request(version)
    assert refused.value.existing == first
    promotions.withdraw(actor=bank.actor("priya"), request=first, reason="wrong version")
    assert bank.request(version).pk != first.pk


def test_a_stranger_cannot_withdraw(bank: Bank) -> None:
    with pytest.raises(PermissionDeniedError, match="Only the requester"):
        promotions.withdraw(actor=bank.actor("marta"), request=bank.request(bank.in_staging()), reason="no")


def test_an_unlawful_move_names_the_lawful_ones(bank: Bank) -> None:
    with pytest.raises(InvalidTransitionError, match="Staging, Archived"):
        bank.request(bank.version(), stage="production")


def test_a_free_move_walks_through_the_same_entry_point_and_settles_at_once(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="archived")
    assert request.state == "promoted"
    assert request.policy_revision is None
    assert actions_of(request) == ["promotion.requested", "promotion.promoted"]


def test_a_model_without_tier_enters_no_protected_stage(bank: Bank) -> None:
    bank.model = models.register_model(actor=bank.actor("priya"), slug="without-tier")
    with pytest.raises(InvalidStateError, match="has no risk tier"):
        bank.request(bank.version(), stage="staging")


def test_no_policy_is_not_consent(bank: Bank, publish: object) -> None:
    publish(  # type: ignore[operator]  # the fixture is typed as object
        "slug: starter-staging\ntitle: Only for tier three\napplies_to: {stages: [staging], tiers: [3]}\n"
    )
    with pytest.raises(InvalidStateError, match="promotion needs one"):
        bank.request(bank.version(), stage="staging")


def test_a_protected_alias_takes_the_same_way(bank: Bank) -> None:
    version = bank.in_staging()
    request = promotions.request(
        actor=bank.actor("priya"), version=version, target_alias="champion", reason="to be served"
    )
    assert request.state == "open"
    request = bank.decide(bank.decide(bank.run_checks(request), "marta"), "aiko")
    assert request.state == "promoted"
    assert AliasAssignment.objects.get(IS_CURRENT, model=bank.model, name="champion").version == version


def test_a_free_alias_is_set_at_once(bank: Bank) -> None:
    promotions.request(actor=bank.actor("priya"), version=bank.version(), target_alias="candidate", reason="to try")
    assert AliasAssignment.objects.get(IS_CURRENT, model=bank.model, name="candidate").version.number == 1


def test_an_alias_leaves_the_version_it_pointed_at(bank: Bank) -> None:
    first, second = bank.version(), bank.version()
    for version in (first, second):
        promotions.request(actor=bank.actor("priya"), version=version, target_alias="candidate", reason="to try")
    assert AliasAssignment.objects.get(IS_CURRENT, model=bank.model, name="candidate").version == second
    moved = Event.objects.filter(action="promotion.promoted").latest("pk")
    assert moved.body["data"]["displaced"] == first.number
    assert f"version:{first.uid}" in moved.touched
    connection.check_constraints()  # the log accounts for the row that was closed, too


def test_a_held_policy_waits_for_a_person_who_promotes(bank: Bank, publish: object) -> None:
    publish(  # type: ignore[operator]  # the fixture is typed as object
        "slug: starter-staging\ntitle: Held when ready\napplies_to: {stages: [staging]}\non_ready: hold\n"
        "checks: [{check: integrity.digest}]\n"
    )
    request = bank.run_checks(bank.request(bank.version(), stage="staging"))
    assert request.state == "ready"
    with pytest.raises(PermissionDeniedError):
        promotions.promote(actor=bank.actor("marta"), request=request)
    assert promotions.promote(actor=bank.actor("priya"), request=request).state == "promoted"


def test_a_request_keeps_the_policy_it_was_made_under(bank: Bank, publish: object) -> None:
    request = bank.reviewed()
    publish(  # type: ignore[operator]  # the fixture is typed as object
        "slug: starter-production\ntitle: One is enough now\napplies_to: {stages: [production], aliases: [champion]}\n"
        "approvals: [{group: reviewers, count: 1}]\n"
    )
    assert bank.decide(request, "marta").state == "open"


def test_time_runs_out(bank: Bank) -> None:
    from datetime import timedelta

    from audit import clock

    request = bank.reviewed()
    with clock.freeze(clock.now() + timedelta(days=31)):
        assert promotions.reevaluate(request.pk).state == "expired"


def test_leaving_the_group_takes_the_approval_along(bank: Bank) -> None:
    from registry.models import ReviewerGroup

    request = bank.decide(bank.reviewed(), "marta")
    group = ReviewerGroup.objects.get(slug="reviewers")
    people.remove_member(actor=ROOT, group=group, user=bank.people["marta"], reason="moved on")
    assert bank.decide(request, "aiko").state == "open"
    assert bank.decide(request, "chen").state == "promoted"


def test_settling_twice_writes_nothing_new(bank: Bank) -> None:
    request = bank.reviewed()
    before = len(actions_of(request))
    promotions.reevaluate(request.pk)
    promotions.reevaluate(request.pk)
    assert len(actions_of(request)) == before


def test_a_pickle_is_refused_for_production_by_name(bank: Bank) -> None:
    import pickle

    request = bank.run_checks(bank.request(bank.in_staging(content=pickle.dumps({"weights": [1.5]}, protocol=4))))
    assert request.state == "blocked"
    run = CheckRun.objects.get(request=request, check_slug="artifact.format")
    assert run.conclusion == "failure"
    assert "model.json" in json.dumps(run.findings)
    assert "pickle" in json.dumps(run.findings)


def test_the_database_itself_lets_no_version_into_a_protected_stage_or_alias_without_a_promoted_request(
    bank: Bank,
) -> None:
    """Code that goes round the door, event and all, is refused at commit."""
    from uuid import uuid4

    from django.db import IntegrityError, connection, transaction

    from audit import recorder
    from registry import stage_transitions
    from registry.actions import VERSION_REGISTERED
    from registry.models import Stage

    version = bank.version()

    def forced(write: object) -> None:
        with transaction.atomic():
            event = recorder.record_event(
                VERSION_REGISTERED,
                actor=ROOT,
                target=ObjectRef("version", str(version.uid)),
                stream=f"model:{bank.model.uid}",
            )
            write(event)  # type: ignore[operator]  # the fixture is typed as object
            connection.check_constraints()

    staging = Stage.objects.get(slug="staging")
    with pytest.raises(IntegrityError, match="promoted request only"):
        forced(
            lambda event: stage_transitions.apply_transition(
                version=version, target=staging, event=event, promotion=uuid4(), displaced=None
            )
        )
    with pytest.raises(IntegrityError, match=r"promoted request only|represents a stage"):
        forced(
            lambda event: stage_transitions.set_alias(version=version, name="champion", event=event, promotion=uuid4())
        )


def test_a_limit_is_drawn_beside_the_metric_it_is_about_and_no_other(bank: Bank) -> None:
    from governance import selectors
    from registry.services.versions import MetricSpec

    request = bank.reviewed()
    evidence.attach_metrics(
        actor=bank.actor("priya"), version=request.version, metrics=[MetricSpec("accuracy", 0.4, slice="thin file")]
    )
    rows = {row.slice: row for row in selectors.request_page(bank.actor("marta"), request.pk).metrics}
    assert (rows[""].limit, rows[""].within) == (0.8, True)
    assert (rows["thin file"].limit, rows["thin file"].within) == (None, None)
