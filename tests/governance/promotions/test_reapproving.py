"""What was approved of a version in Production, what was added since, and approving it there again."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import Event
from governance import promotions
from governance.gate import approvals
from governance.models import Decision, FrozenDocument, PromotionRequest
from governance.services import evidence
from registry.exceptions import InvalidStateError, InvalidTransitionError
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, StageOccupancy
from registry.services.versions import MetricSpec
from tests.fixtures.scenes import Share
from tests.governance.promotions.conftest import CARD, Bank, found_bank

ANY_ALIAS = """
slug: any-alias
title: Whoever asks is champion
applies_to: {stages: [production], aliases: [champion]}
priority: 10
"""


def promote_next(bank: Bank) -> PromotionRequest:
    return bank.decide(bank.decide(bank.reviewed(), "marta"), "aiko")


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    """The bank with a version in Production."""

    def build() -> Bank:
        made = found_bank()
        promote_next(made)
        return made

    made: Bank = share_scene(build)
    return made


@pytest.fixture
def promoted(bank: Bank) -> PromotionRequest:
    """The request by which the version came into Production."""
    return PromotionRequest.objects.select_related("version").get(
        version__model=bank.model, target_stage__slug="production", state="promoted"
    )


def add_metric(bank: Bank, version: ModelVersion, value: float = 0.99, name: str = "accuracy") -> None:
    evidence.attach_metrics(actor=bank.actor("priya"), version=version, metrics=[MetricSpec(name, value)])


def approval_of(version: ModelVersion) -> approvals.Approval:
    (found,) = approvals.approvals(version)
    return found


def test_an_approved_version_has_the_fingerprint_that_was_approved(bank: Bank, promoted: PromotionRequest) -> None:
    found = approval_of(promoted.version)

    promoted.version.refresh_from_db()
    assert (found.stage, found.name, found.request) == ("production", "Production", promoted.pk)
    assert found.fingerprint == promoted.fingerprint == promoted.version.fingerprint
    assert not found.deviates
    assert approvals.later_additions([found]) == {}
    assert not approvals.deviating_versions().exists()


def test_every_kind_of_addition_is_listed_with_who_and_when(bank: Bank, promoted: PromotionRequest) -> None:
    version, actor = promoted.version, bank.actor("priya")

    add_metric(bank, version)
    evidence.attach_card(actor=actor, version=version, text=CARD + "\nAnd one more limit.\n")
    blob = bank.stored(b"good")
    for kind in ("evaluation.table", "document.memo"):
        evidence.attach_stored(actor=actor, version=version, kind=kind, filename="memo.txt", blob=blob)

    found = approval_of(version)
    assert found.deviates
    assert found.fingerprint == promoted.fingerprint != found.current
    additions = approvals.later_additions([found])[found.event]
    assert [(a.kind, a.what) for a in additions.items] == [
        ("document", "document.memo, revision 1: memo.txt"),
        ("evidence", "evaluation.table, revision 1: memo.txt"),
        ("card", "revision 2"),
        ("metric", "accuracy = 0.99"),
    ]
    assert {a.by for a in additions.items} == {approvals.AddedBy(bank.people["priya"].uid, "Priya")}
    assert [a.at for a in additions.items] == sorted((a.at for a in additions.items), reverse=True)
    assert list(approvals.deviating_versions()) == [version]


def test_the_event_of_an_addition_names_the_promotion_it_deviates_from(bank: Bank, promoted: PromotionRequest) -> None:
    add_metric(bank, promoted.version)

    event = Event.objects.get(action="metric.added", touched__contains=[f"promotion:{promoted.uid}"])
    assert event.body["data"]["deviates_from"] == [
        {"place": "production", "request": promoted.pk, "approved_fingerprint": promoted.fingerprint}
    ]
    assert event.body["data"]["fingerprint"] == approval_of(promoted.version).current


def test_an_addition_to_a_version_without_promotion_names_nothing(bank: Bank) -> None:
    version = bank.version()

    add_metric(bank, version)

    event = Event.objects.filter(action="metric.added").order_by("-id")[0]
    assert "deviates_from" not in event.body["data"]
    assert approvals.approvals(version) == []


def test_the_database_keeps_the_fingerprint_of_a_closed_request(bank: Bank, promoted: PromotionRequest) -> None:
    with pytest.raises(IntegrityError, match="closed request"), transaction.atomic():
        PromotionRequest.objects.filter(pk=promoted.pk).update(fingerprint="0" * 64)


def test_a_metric_that_goes_back_to_the_approved_value_deviates_no_more(bank: Bank, promoted: PromotionRequest) -> None:
    add_metric(bank, promoted.version, 0.99)
    assert approval_of(promoted.version).deviates

    add_metric(bank, promoted.version, 0.91)

    assert not approval_of(promoted.version).deviates


def test_approving_again_records_the_new_fingerprint_and_moves_nothing(bank: Bank, promoted: PromotionRequest) -> None:
    add_metric(bank, promoted.version)
    waiting = bank.reviewed()

    again = bank.run_checks(bank.request(promoted.version))

    assert (again.state, again.reapproves_id, again.source_stage_id) == ("open", promoted.pk, again.target_stage_id)
    assert approval_of(promoted.version).reapproval == again.pk
    assert approval_of(promoted.version).deviates  # until it is promoted
    again = bank.decide(bank.decide(again, "marta"), "aiko")
    found = approval_of(promoted.version)
    assert (again.state, found.request, found.deviates) == ("promoted", again.pk, False)
    assert found.fingerprint == again.fingerprint != promoted.fingerprint
    stays = StageOccupancy.objects.filter(version=promoted.version, stage__slug="production").order_by("pk")
    assert [(s.promotion, s.closed_at is None) for s in stays] == [(promoted.uid, False), (again.uid, True)]
    assert stays[0].closed_at == stays[1].opened_at
    assert FrozenDocument.objects.filter(request=again).exists()
    event = Event.objects.get(action="promotion.reapproved")
    assert event.body["changes"][1]["from"] == promoted.fingerprint
    assert f"promotion:{promoted.uid}" in event.touched
    assert bank.fresh(waiting).state == "open"  # another version that waits for Production was not overtaken
    assert Decision.objects.filter(request=again).count() == 2
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_what_approvers_sign_lists_what_was_added_since(bank: Bank, promoted: PromotionRequest) -> None:
    add_metric(bank, promoted.version)

    again = bank.run_checks(bank.request(promoted.version))

    shown = bank.packet(again)
    assert shown["reapproves"]["request"] == promoted.pk
    assert shown["reapproves"]["approved_fingerprint"] == promoted.fingerprint
    assert [(a["kind"], a["what"]) for a in shown["reapproves"]["later_additions"]] == [("metric", "accuracy = 0.99")]


def test_without_deviation_there_is_nothing_to_approve_again(bank: Bank, promoted: PromotionRequest) -> None:
    with pytest.raises(InvalidTransitionError) as refused:
        bank.request(promoted.version)

    assert refused.value.code == "already_there"


def test_a_rejected_reapproval_leaves_the_version_flagged(bank: Bank, promoted: PromotionRequest) -> None:
    add_metric(bank, promoted.version)

    again = bank.decide(bank.run_checks(bank.request(promoted.version)), "chen", "reject")

    assert again.state == "rejected"
    found = approval_of(promoted.version)
    assert (found.deviates, found.reapproval, found.request) == (True, None, promoted.pk)


def test_a_version_that_loses_its_place_loses_the_request_to_approve_it_there(
    bank: Bank, promoted: PromotionRequest
) -> None:
    add_metric(bank, promoted.version)
    again = bank.run_checks(bank.request(promoted.version))

    promote_next(bank)

    assert bank.fresh(again).state == "superseded"
    assert approvals.approvals(promoted.version) == []
    assert not approvals.deviating_versions().exists()


def test_an_alias_is_approved_again_too(bank: Bank, publish: Callable[[str], object]) -> None:
    publish(ANY_ALIAS)
    version = bank.in_staging()

    def point() -> PromotionRequest:
        return promotions.request(
            actor=bank.actor("priya"), version=version, target_alias="champion", reason="the best there is"
        )

    first = point()
    with pytest.raises(InvalidTransitionError):
        point()
    add_metric(bank, version)
    stage, alias = approvals.approvals(version)
    assert (stage.place, alias.place, stage.deviates, alias.deviates) == ("staging", "@champion", True, True)
    event = Event.objects.get(action="metric.added", touched__contains=[f"promotion:{first.uid}"])
    assert [d["place"] for d in event.body["data"]["deviates_from"]] == ["staging", "@champion"]

    again = point()

    assert (again.state, again.reapproves_id) == ("promoted", first.pk)
    stage, alias = approvals.approvals(version)
    assert (stage.deviates, alias.deviates) == (True, False)
    assert alias.request == again.pk
    assert AliasAssignment.objects.filter(IS_CURRENT, name="champion").count() == 1


def test_the_database_refuses_a_reapproval_that_moves_the_version(bank: Bank, promoted: PromotionRequest) -> None:
    asked = bank.request(bank.in_staging())

    with pytest.raises(IntegrityError, match="promotion_reapproval_moves_nothing"), transaction.atomic():
        PromotionRequest.objects.create(
            uid=uuid4(),
            model=asked.model,
            version=asked.version,
            source_stage=asked.source_stage,
            target_stage=asked.target_stage,
            reason="by hand",
            fingerprint=asked.fingerprint,
            requested_by=asked.requested_by,
            created_at=asked.created_at,
            reapproves=promoted,
        )


def test_files_of_a_promoted_version_stay_fixed(bank: Bank, promoted: PromotionRequest) -> None:
    with pytest.raises(InvalidStateError) as refused:
        evidence.attach_stored_file(
            actor=bank.actor("priya"), version=promoted.version, path="late.json", blob=bank.stored(b"late")
        )

    assert refused.value.code == "version_registered"
