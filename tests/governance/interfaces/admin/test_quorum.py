"""Removing a reviewer warns about requests without quorum: before, afterwards, and on the group's record."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from governance.models import PromotionRequest
from registry.models import Membership, ReviewerGroup
from registry.services import people as accounts
from tests import factories
from tests.governance.interfaces.admin.conftest import Visit, address
from tests.governance.promotions.conftest import Bank

pytestmark = pytest.mark.django_db

WHY = "moves to another desk"


@pytest.fixture
def request_(bank: Bank) -> PromotionRequest:
    """A request that needs two of the reviewers, of whom only Chen and Tom could still approve."""
    request = bank.reviewed()
    group = ReviewerGroup.objects.get(slug="reviewers")
    for name in ("marta", "aiko"):
        accounts.remove_member(actor=factories.SETUP, group=group, user=bank.people[name], reason="leaves")
    return request


def test_ending_a_membership(request_: PromotionRequest, bank: Bank, officers: SimpleNamespace, visit: Visit) -> None:
    membership = Membership.objects.get(user=bank.people["chen"])
    client = visit(officers.officer, confirmed=True)
    url, warning = address(membership, "end"), f"quorum without more members in Reviewers: #{request_.pk}."

    assert (
        "enough members for every open request that requires it"
        in client.get(address(membership.group)).content.decode()
    )
    assert warning in client.get(url).content.decode()
    assert warning in client.post(url, {"reason": WHY}, follow=True).content.decode()
    assert f"too few members for #{request_.pk}" in client.get(address(membership.group)).content.decode()


def test_deactivating_an_account(
    request_: PromotionRequest, bank: Bank, officers: SimpleNamespace, visit: Visit
) -> None:
    chen = bank.people["chen"]
    client = visit(officers.administrator, confirmed=True)
    url, warning = address(chen, "deactivate"), f"these open requests need: #{request_.pk}."

    assert warning in client.get(url).content.decode()
    assert warning in client.post(url, {"reason": WHY}, follow=True).content.decode()


def test_a_member_whose_decision_does_not_count_is_not_required(
    request_: PromotionRequest, bank: Bank, officers: SimpleNamespace, visit: Visit
) -> None:
    """Priya registered the version: she could not approve anyway."""
    membership = Membership.objects.get(user=bank.people["priya"])
    client = visit(officers.officer, confirmed=True)
    assert "no longer reach quorum" not in client.get(address(membership, "end")).content.decode()
