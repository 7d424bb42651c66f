"""Leaving a protected stage, and aliases that represent a stage: no way around what the stage requires."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from audit import recorder
from audit.actor import process
from audit.models import Event
from audit.recorder import ObjectRef
from governance import policies, promotions, selectors
from governance.models import PolicyRevision, PromotionRequest
from governance.policies import Basis, Represented, demands_of_alias, demands_of_move, overlap
from governance.selectors.paths import check_paths
from registry import selectors as registry_selectors
from registry import stage_transitions
from registry.actions import VERSION_UPDATED
from registry.exceptions import InvalidStateError
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, ProtectedAlias
from registry.stages import DEFAULT, UNPROTECTED

from .conftest import Bank

Publish = Callable[[str], PolicyRevision]
STAGES = {stage.slug: stage for stage in DEFAULT.stages}


def move(source: str, target: str) -> dict[str, bool]:
    return {str(d.basis): d.required for d in demands_of_move(STAGES[source], STAGES[target])}


def test_every_way_out_of_a_protected_stage_needs_a_policy() -> None:
    assert move("development", "archived") == {}
    assert move("development", "staging") == {"target": True, "leaving": False}
    assert move("staging", "production") == {"target": True, "leaving": False}
    assert move("staging", "development") == {"leaving": True}
    assert move("staging", "archived") == {"leaving": True}
    assert move("production", "archived") == {"leaving": True}
    assert move("production", "staging") == {"target": True, "leaving": True}
    for source, target in UNPROTECTED.moves:
        free = {stage.slug: stage for stage in UNPROTECTED.stages}
        assert demands_of_move(free[source], free[target]) == ()


def policy(applies_to: str, slug: str = "one", priority: int = 0) -> policies.PolicyDocument:
    return policies.parse(f"{{slug: {slug}, title: Policy, priority: {priority}, applies_to: {applies_to}}}")


@pytest.mark.parametrize(
    ("applies_to", "covered"),
    [
        ("{from: [production]}", {"production>archived", "production>staging"}),
        ("{from: [production], to: [staging]}", {"production>staging"}),
        ("{from: [staging]}", {"staging>archived", "staging>development"}),
        # Without a source: the ways out to unprotected targets, and no way out to a protected one.
        (
            "{stages: [archived, development]}",
            {"production>archived", "staging>archived", "staging>development"},
        ),
        ("{stages: [staging]}", set()),
        ("{stages: [production, staging]}", set()),
    ],
)
def test_which_ways_out_a_policy_covers(applies_to: str, covered: set[str]) -> None:
    document = policy(applies_to)
    ways = {
        f"{source}>{target}"
        for source, target in DEFAULT.moves
        for demand in demands_of_move(STAGES[source], STAGES[target])
        if demand.basis is Basis.LEAVING and demand.required and demand.covered_by(document)
    }
    assert ways == covered


def test_a_policy_with_a_source_is_no_policy_for_entering() -> None:
    (entering, _) = demands_of_move(STAGES["production"], STAGES["staging"])
    assert not entering.covered_by(policy("{from: [production], to: [staging]}"))
    assert entering.covered_by(policy("{to: [staging]}"))


def test_the_way_out_is_governed_by_the_policy_that_names_its_source() -> None:
    (leaving,) = demands_of_move(STAGES["production"], STAGES["archived"])
    named, general = policy("{from: [production]}", "named"), policy("{stages: [archived]}", "general", priority=9)
    assert policies.choose([(named, "named"), (general, "general")], leaving, policies.ModelFacts(1)) == "named"
    assert overlap(named, general) == ()
    assert overlap(named, policy("{from: [production], to: [staging]}")) == ("staging",)
    assert overlap(policy("{from: [staging]}"), policy("{from: [production]}")) == ()


def test_an_alias_needs_the_policy_of_the_stage_it_represents_outside_that_stage() -> None:
    production, development = STAGES["production"], STAGES["development"]

    def bases(stage: str, **how: bool) -> dict[str, bool]:
        found = demands_of_alias("a", STAGES[stage], [Represented(production, **how)])
        return {str(d.basis): d.required for d in found}

    assert bases("production") == {"target": True}
    assert bases("development") == {"target": True, "represented_stage": True}
    assert bases("production", by_name=True) == {"target": False, "represented_stage": True}
    assert demands_of_alias("a", development, []) == demands_of_alias("a", development, [Represented(development)])


ENTER = "{{slug: enter-{0}, title: Into {0}, priority: 10, applies_to: {{stages: [{0}]}}}}"
LEAVE = "{{slug: leave-{0}, title: Out of {0}, priority: 10, applies_to: {{from: [{0}]}}, approvals: [{1}]}}"
ALIAS = "{slug: behind-champion, title: Behind champion, priority: 10, applies_to: {aliases: [champion]}}"
STRICT = "{slug: enter-production, title: Into, priority: 10, applies_to: {to: [production]}, approvals: [{group: reviewers, count: 2}]}"  # noqa: E501 - one policy
REVIEWER = "{group: reviewers, count: 1}"


@pytest.fixture
def produced(bank: Bank, publish: Publish) -> ModelVersion:
    """A version in Production, let in by policies that require nothing."""
    for stage in ("staging", "production"):
        publish(ENTER.format(stage))
    version = bank.version()
    for stage in ("staging", "production"):
        assert bank.request(version, stage=stage).state == "promoted"
    version.refresh_from_db()
    return version


def alias(bank: Bank, version: ModelVersion, name: str = "champion") -> PromotionRequest:
    return promotions.request(actor=bank.actor("priya"), version=version, target_alias=name, reason="to be served")


def bases(request: PromotionRequest) -> list[str]:
    return [str(bound.basis) for bound in request.governing]


def test_stepping_back_from_production_satisfies_both_policies(
    bank: Bank, produced: ModelVersion, publish: Publish
) -> None:
    publish(LEAVE.format("production", REVIEWER))
    request = bank.request(produced, stage="staging")
    assert request.state == "open"
    assert bases(request) == ["target", "leaving"]
    produced.refresh_from_db()
    assert produced.stage.slug == "production"
    assert bank.decide(request, "marta").state == "promoted"


def test_the_starter_policies_let_no_version_out_of_production_alone(bank: Bank, produced: ModelVersion) -> None:
    for stage in ("staging", "archived"):
        assert bank.request(produced, stage=stage).state == "open"
    produced.refresh_from_db()
    assert produced.stage.slug == "production"


def test_staging_is_left_under_a_policy_too(bank: Bank, publish: Publish) -> None:
    publish(ENTER.format("staging"))
    version = bank.version()
    bank.request(version, stage="staging")
    request = bank.request(version, stage="development")
    assert request.state == "promoted"
    assert bases(request) == ["leaving"]
    bank.request(version, stage="staging")
    publish(LEAVE.format("staging", REVIEWER))
    assert bank.request(version, stage="development").state == "open"


def test_no_policy_for_the_way_out_is_not_consent(bank: Bank, produced: ModelVersion, publish: Publish) -> None:
    publish("{slug: starter-way-out, title: Only archive, applies_to: {from: [production], to: [archived]}}")
    with pytest.raises(InvalidStateError) as refused:
        bank.request(produced, stage="staging")
    assert refused.value.code == "no_policy"
    assert "leaving Production for Staging" in refused.value.detail
    assert "`from`" in refused.value.detail
    assert any("leaving Production for Staging" in gap for row in selectors.paths() for gap in row.gaps)
    found = check_paths(databases=["default"])
    assert "countersign.W002" in {message.id for message in found}
    assert any("Production → Staging" in message.msg for message in found)


def test_a_policy_from_before_there_were_sources_still_lets_out(
    bank: Bank, produced: ModelVersion, publish: Publish
) -> None:
    publish("{slug: starter-way-out, title: As published before, applies_to: {stages: [archived, development]}}")
    publish("{slug: starter-staging-exit, title: Elsewhere, applies_to: {from: [archived]}}")
    request = bank.request(produced, stage="archived")
    assert (request.state, bases(request)) == ("promoted", ["leaving"])


def test_a_request_follows_the_version_to_another_stage(bank: Bank, publish: Publish) -> None:
    publish(ENTER.format("staging"))
    publish(ENTER.format("production")[:-1] + ", on_ready: hold}")
    publish(ALIAS)
    version = bank.version()
    for stage in ("staging", "production"):
        bank.request(version, stage=stage)
    promotions.promote(actor=bank.actor("priya"), request=PromotionRequest.objects.latest("pk"))
    version.refresh_from_db()
    publish(ALIAS[:-1] + ", on_ready: hold}")
    request = alias(bank, version)
    assert bases(request) == ["target"]
    bank.decide(bank.request(version, stage="archived"), "marta")
    promotions.reevaluate(request.pk)
    assert bases(bank.fresh(request)) == ["target", "represented_stage"]


def test_a_request_made_in_staging_does_not_take_the_version_out_of_production(bank: Bank, publish: Publish) -> None:
    """The policy it was made under names the target and no source; the one of Production names Production."""
    publish(ENTER.format("staging"))
    publish(ENTER.format("production"))
    publish("{slug: starter-staging-exit, title: Elsewhere, applies_to: {from: [archived]}}")
    publish("{slug: put-away, title: Put away, applies_to: {stages: [archived]}, on_ready: hold}")
    version = bank.version()
    assert bank.request(version, stage="staging").state == "promoted"
    version.refresh_from_db()
    held = bank.request(version, stage="archived")
    assert (held.state, [b.policy_revision.policy.slug for b in held.governing]) == ("ready", ["put-away"])
    assert bank.request(version, stage="production").state == "promoted"
    with pytest.raises(InvalidStateError) as refused:
        promotions.promote(actor=bank.actor("priya"), request=held)
    assert "1 of reviewers" in str(refused.value)
    promotions.reevaluate(held.pk)
    held = bank.fresh(held)
    assert held.state == "open"
    assert {b.policy_revision.policy.slug for b in held.governing} == {"put-away", "starter-way-out"}


def test_one_policy_for_an_alias_and_its_stage_does_not_replace_the_policy_of_the_stage(
    bank: Bank, produced: ModelVersion, publish: Publish
) -> None:
    """Asked for in Production under the starter policy, which names the stage as well; carried out elsewhere."""
    publish(LEAVE.format("production", ""))
    publish(
        "{slug: starter-production, title: Light, on_ready: hold, applies_to: {stages: [production], "
        "aliases: [champion]}}"
    )
    publish(STRICT)
    held = alias(bank, produced)
    assert (held.state, bases(held)) == ("ready", ["target"])
    assert bank.request(produced, stage="archived").state == "promoted"
    with pytest.raises(InvalidStateError) as refused:
        promotions.promote(actor=bank.actor("priya"), request=held)
    assert "2 of reviewers" in str(refused.value)
    promotions.reevaluate(held.pk)
    assert bases(bank.fresh(held)) == ["target", "represented_stage"]


def test_an_alias_for_a_version_in_development_needs_the_policy_of_its_stage(bank: Bank, publish: Publish) -> None:
    publish(ALIAS)
    publish(STRICT)
    request = alias(bank, bank.version())
    assert request.state == "open"
    assert bases(request) == ["target", "represented_stage"]
    assert bank.decide(request, "marta").state == "open"
    assert bank.decide(request, "aiko").state == "promoted"


def test_an_unsafe_file_is_not_served_behind_an_alias(bank: Bank, publish: Publish) -> None:
    publish(ALIAS)
    version = bank.version(content=b"\x80\x04cposix\nsystem\n(Vid\ntR.")
    request = bank.run_checks(alias(bank, version))
    assert request.state == "blocked"
    assert not AliasAssignment.objects.filter(name="champion").exists()


@pytest.mark.parametrize("name", ["production", "Production", "STAGING"])
def test_an_alias_with_the_name_of_a_protected_stage_is_protected(bank: Bank, name: str, client: Client) -> None:
    version = bank.version()
    assert registry_selectors.is_protected_alias(name)
    request = alias(bank, version, name)
    assert request.is_live
    assert bases(request) == ["represented_stage"]
    assert not AliasAssignment.objects.filter(name=name).exists()
    event = recorder.record_event(
        VERSION_UPDATED,
        actor=process("test"),
        target=ObjectRef("version", str(version.uid)),
        stream=f"model:{bank.model.uid}",
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        stage_transitions.set_alias(version=version, name=name, event=event, promotion=None)


def test_a_free_alias_stays_free(bank: Bank) -> None:
    assert alias(bank, bank.version(), "development").state == "promoted"
    assert not registry_selectors.is_protected_alias("archived")


def test_an_alias_of_the_stage_that_is_left_is_shown_to_those_who_decide(
    bank: Bank, produced: ModelVersion, publish: Publish
) -> None:
    publish(ALIAS)
    publish(LEAVE.format("production", REVIEWER))
    assert alias(bank, produced).state == "promoted"
    request = bank.request(produced, stage="archived")
    assert selectors.request_page(bank.actor("priya"), request.pk).aliases_outside_stage == ("champion",)
    assert json.loads(bytes(request.packets.get().body))["aliases_outside_stage"] == ["champion"]
    assert bank.decide(request, "marta").state == "promoted"
    event = Event.objects.get(action="promotion.promoted", thing_id=str(request.uid))
    assert event.body["data"]["aliases_outside_stage"] == ["champion"]
    assert AliasAssignment.objects.get(IS_CURRENT, name="champion").version == produced


def test_a_version_that_takes_the_place_leaves_the_alias_where_it_is(
    bank: Bank, produced: ModelVersion, publish: Publish
) -> None:
    publish(ALIAS)
    alias(bank, produced)
    second = bank.version()
    for stage in ("staging", "production"):
        bank.request(second, stage=stage)
    assert AliasAssignment.objects.get(IS_CURRENT, name="champion").version == produced
    assert alias(bank, second).state == "promoted"


def test_the_database_refuses_an_exit_without_its_policy(bank: Bank, produced: ModelVersion) -> None:
    def leave() -> None:
        with transaction.atomic():
            event = recorder.record_event(
                VERSION_UPDATED,
                actor=process("test"),
                target=ObjectRef("version", str(produced.uid)),
                stream=f"model:{bank.model.uid}",
            )
            target = produced.stage.displaced_to
            assert target is not None
            entered = PromotionRequest.objects.get(target_stage__slug="production")
            stage_transitions.apply_transition(
                version=produced, target=target, event=event, promotion=entered.uid, displaced=None
            )
            transaction.get_connection().check_constraints()

    with pytest.raises(IntegrityError):
        leave()


def test_policies_in_force_leave_no_gap_after_set_up(bank: Bank) -> None:
    assert ProtectedAlias.objects.get(name="champion").stage is not None
    assert [(row.words, row.gaps) for row in selectors.paths() if row.gaps] == []
    by_words = {row.words: row for row in selectors.paths()}
    assert by_words["Production → Staging"].approvals == ("1 of reviewers",)
    assert by_words["Development → Archived"].free
    assert "artifact.format" in by_words["@champion at a version in Development"].checks
    assert "artifact.format" in by_words["@production at a version in Production"].checks
    assert check_paths(databases=["default"]) == []


def test_a_policy_that_requires_no_check_is_warned_of(bank: Bank, publish: Publish) -> None:
    assert selectors.warnings_of(policies.parse(ALIAS))
    assert selectors.warnings_of(policies.parse(STRICT))
    assert selectors.warnings_of(policies.parse(LEAVE.format("staging", "")))
    assert not selectors.warnings_of(policies.parse(LEAVE.format("staging", REVIEWER)))
    publish(STRICT)
    row = next(row for row in selectors.paths() if row.words == "Staging → Production")
    assert row.without_checks
