"""Which open requests a reviewer group can no longer serve: what an officer is warned of before and after."""

from __future__ import annotations

from governance.gate.quorum import requests_without_quorum
from governance.services import setup
from registry.models import ReviewerGroup
from registry.services import people
from tests.governance.promotions.conftest import ROOT, Bank


def leave(bank: Bank, *names: str) -> None:
    group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    for name in names:
        people.remove_member(actor=ROOT, group=group, user=bank.people[name], reason="leaves the desk")


def test_a_group_with_enough_members_serves_its_requests(bank: Bank) -> None:
    bank.reviewed()
    assert requests_without_quorum(setup.REVIEWERS) == []
    assert requests_without_quorum(setup.REVIEWERS, leaving=bank.people["marta"]) == []


def test_those_kept_out_by_separation_of_duties_are_no_quorum(bank: Bank) -> None:
    """Priya registered the version and Root is a superuser: of those who stay, only Tom could approve."""
    request = bank.reviewed()
    leave(bank, "marta", "aiko")
    assert requests_without_quorum(setup.REVIEWERS) == []
    assert requests_without_quorum(setup.REVIEWERS, leaving=bank.people["chen"]) == [request]
    assert requests_without_quorum(setup.REVIEWERS, leaving=bank.people["priya"]) == []

    leave(bank, "chen")
    assert requests_without_quorum(setup.REVIEWERS) == [request]


def test_what_is_closed_or_calls_on_another_group_is_not_short(bank: Bank) -> None:
    request = bank.reviewed()
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    assert request.state == "promoted"
    leave(bank, "marta", "aiko", "chen", "tom")
    assert requests_without_quorum(setup.REVIEWERS) == []
    assert requests_without_quorum("another-group") == []
