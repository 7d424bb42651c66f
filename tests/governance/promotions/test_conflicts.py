"""Conflicts of interest: people whom metadata, policies and earlier approvals connect with a request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit import clock
from audit.models import Event
from governance.models import PolicyRevision, PromotionRequest
from governance.policies import approval_cycles, parse
from governance.policies.mutual_approvals import DEFAULT, MutualApprovals, combine_mutual_approvals
from governance.promotions.evaluation import reevaluate
from governance.selectors import request_page
from governance.services import policies
from registry.exceptions import PermissionDeniedError
from registry.models import ModelVersion
from registry.services import metadata, people
from tests import factories
from tests.governance.promotions.conftest import Bank

POLICY = """
slug: tier-1-production
title: Into Production
applies_to: {stages: [production], tiers: [1]}
priority: PRIORITY
checks: [{check: integrity.digest}]
approvals: [{group: reviewers, count: COUNT}]
MORE
"""


def published(
    bank: Bank, count: int, more: str = "", by: tuple[str, str] | None = None, *, slug: str = "tier-1-production"
) -> None:
    source = (
        POLICY.replace("COUNT", str(count))
        .replace("MORE", more)
        .replace("tier-1-production", slug)
        .replace("PRIORITY", "900" if slug == "tier-1-production" else "901")
    )
    if by is None:
        policies.publish(actor=factories.SETUP, source=source, reason="for the test")
        return
    proposal = policies.propose(actor=bank.actor(by[0]), source=source, reason="for the test")
    factories.confirm(proposal, bank.people[by[1]], password="long enough to be a password 7!")


def of(request: PromotionRequest, bank: Bank) -> dict[str, tuple[str, str]]:
    """The conflicts that a reader sees: effect and rule by name."""
    seen = request_page(bank.actor("priya"), request.pk)
    return {one.name: (one.effect, one.rule) for one in seen.conflicts}


def mutual(bank: Bank, more: str) -> PromotionRequest:
    """A request of Priya's, after Priya approved a version of Marta's."""
    published(bank, 1, more)
    factories.grant("developer", to=bank.people["marta"], on=bank.model)
    theirs = bank.run_checks(bank.request(bank.in_staging(by="marta"), by="marta"))
    assert bank.decide(theirs, "priya").state == "promoted"
    return bank.reviewed()


class TestMetadata:
    """Tags and parameters name people who had a part in a version."""

    def test_a_person_named_in_the_metadata_does_not_decide(self, bank: Bank) -> None:
        people.update_person(actor=factories.SETUP, person=bank.people["aiko"], email="aiko@bank.example")
        version = bank.in_staging()
        for key, value in (
            ("git.author", "Aiko T <AIKO@bank.example>, someone@else.example"), ("mlflow.user", "Chen"),
            ("data_owner", "marta"), ("unrelated", "tom"),
        ):  # fmt: skip
            metadata.tag_version(actor=bank.actor("priya"), version=version, key=key, value=value)
        request = bank.run_checks(bank.request(ModelVersion.objects.get(pk=version.pk)))

        found = of(request, bank)
        assert {found[name] for name in ("Aiko", "Chen", "Marta")} == {("excluded", "SoD-11")}
        assert found["someone@else.example"] == ("unmatched", "SoD-11")
        assert "Tom" not in found
        with pytest.raises(PermissionDeniedError) as refused:
            bank.decide(request, "aiko")
        assert (refused.value.rule, "committer" in str(refused.value)) == ("SoD-11", True)
        kept_out = bank.packet(request)["kept_out"]
        assert kept_out["claimed"][bank.people["marta"].uid] == ["dataset owner"]
        assert kept_out["unmatched"] == ["committer"]
        assert "else.example" not in str(bank.packet(request)), "a packet contains no names"

    def test_metadata_that_changes_invalidates_what_was_signed(self, bank: Bank) -> None:
        request = bank.decide(bank.reviewed(), "aiko")
        metadata.tag_version(actor=bank.actor("priya"), version=request.version, key="git.author", value="marta")
        assert of(request, bank)["Marta"] == ("excluded", "SoD-11")
        assert reevaluate(request.pk).packet_digest != request.packet_digest
        assert request.decisions.get().lapsed_at is not None


class TestMutualApprovals:
    """A approves what B made, and B approves what A made."""

    def test_it_is_marked_and_counts_unless_the_policy_excludes_it(self, bank: Bank) -> None:
        request = mutual(bank, "")
        assert of(request, bank)["Marta"] == ("marked", "SoD-13")
        assert bank.decide(request, "marta").state == "promoted"
        event = Event.objects.filter(action="decision.recorded").latest("id")
        assert event.body["data"]["marked"] == [bank.people["marta"].uid]
        assert bank.people["aiko"].uid in event.body["data"]["could_decide"]
        assert event.body["data"]["excluded"][bank.people["priya"].uid] == "SoD-1"

    def test_a_policy_excludes_it_within_its_period(self, bank: Bank) -> None:
        request = mutual(bank, "mutual_approvals: {effect: exclude, within_days: 10, people: 2}")
        assert of(request, bank)["Marta"] == ("excluded", "SoD-13")
        with pytest.raises(PermissionDeniedError) as refused:
            bank.decide(request, "marta")
        assert refused.value.rule == "SoD-13"
        with clock.freeze(clock.now() + timedelta(days=11)):
            assert "Marta" not in of(request, bank)

    def test_cycles_are_found_up_to_their_length(self) -> None:
        approved = {"a": {"b"}, "b": {"c"}, "c": {"d", "a"}}
        assert approval_cycles(approved, {"a"}, 2) == {"b": ("a",)}
        assert approval_cycles(approved, {"a"}, 3) == {"b": ("a",), "c": ("a", "b")}
        assert approval_cycles(approved, {"a"}, 4)["d"] == ("a", "b", "c")
        assert approval_cycles({}, {"a"}, 4) == {}

    def test_documents_without_the_section_keep_their_digest_and_the_stricter_rule_applies(self) -> None:
        plain = POLICY.replace("COUNT", "1").replace("MORE", "").replace("PRIORITY", "900")
        assert "mutual_approvals" not in parse(plain).model_dump(mode="json")
        strict = MutualApprovals(effect="exclude", within_days=30, people=2)
        assert combine_mutual_approvals([DEFAULT, strict]) == MutualApprovals(
            effect="exclude", within_days=180, people=3
        )


class TestPolicies:
    """Officers who made the policy less strict for a version that was there already."""

    def test_a_less_strict_policy_excludes_the_officers_who_put_it_in_force(self, bank: Bank) -> None:
        for name in ("aiko", "chen"):
            factories.grant("officer", to=bank.people[name])
        published(bank, 2)
        version = bank.in_staging()
        published(bank, 1, by=("aiko", "chen"))
        request = bank.run_checks(bank.request(version))
        found = of(request, bank)
        assert (found["Aiko"], found["Chen"]) == (("excluded", "SoD-12"), ("excluded", "SoD-12"))
        assert set(bank.packet(request)["kept_out"]["loosened_policy"]) == {
            bank.people["aiko"].uid, bank.people["chen"].uid,
        }  # fmt: skip
        later = bank.run_checks(bank.request(bank.in_staging()))
        assert "Aiko" not in of(later, bank), "the version was registered after the change"

    @pytest.mark.parametrize("count", [1, 2])
    def test_another_policy_in_the_place_of_a_stricter_one_is_compared_with_it(self, bank: Bank, count: int) -> None:
        for name in ("aiko", "chen"):
            factories.grant("officer", to=bank.people[name])
        published(bank, 2)
        version = bank.in_staging()
        published(bank, count, by=("aiko", "chen"), slug="newer")
        found = of(bank.run_checks(bank.request(version)), bank)
        assert ("Aiko" in found) == (count == 1)

    def test_the_revisions_at_several_times_are_those_of_each_time(self, bank: Bank) -> None:
        times = []
        for count in (1, 2):
            published(bank, count)
            times.append(clock.now())
        times.append(clock.now() - timedelta(days=900))
        at_each = PolicyRevision.objects.in_force_at(times)
        assert {at: set(found) for at, found in at_each.items()} == {
            at: set(PolicyRevision.objects.in_force(at)) for at in times
        }
        assert at_each[times[0]] != at_each[times[1]]
