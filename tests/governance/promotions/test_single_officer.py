"""A single officer put a policy in force: pages, the packet, REST answers and the document state it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client

from audit.actor import process
from governance import task_queue
from governance.models import Packet, PolicyRevision
from governance.services import policies
from registry.access import Role
from registry.services import instance
from tests import factories
from tests.governance.promotions.conftest import Bank, found_bank

pytestmark = pytest.mark.django_db(transaction=True)
"""A declaration and what rests on it are transactions of their own."""

STARTER = (
    "priority: 50\nslug: ours\ntitle: Ours\napplies_to: {stages: [production]}\nchecks: [{check: integrity.digest}]\n"
)


@pytest.fixture(autouse=True)
def _without_workers() -> Iterator[None]:
    with task_queue.suppress_enqueue():
        yield


@pytest.fixture
def bank(transactional_db: None) -> Bank:
    return found_bank()


@pytest.fixture
def alone(bank: Bank) -> Bank:
    """The bank with one officer, who put a policy for Production in force alone."""
    factories.grant(Role.OFFICER, to=bank.people["eve"])
    instance.declare_single_officer(actor=process("initialise"), reason="a team of three")
    source = STARTER + "approvals: [{group: reviewers}]\n"
    policies.propose(actor=bank.actor("eve"), source=source, reason="first rules")
    assert PolicyRevision.objects.get(policy__slug="ours").confirmation == "single_officer"
    return bank


def test_the_promotion_states_it_everywhere(alone: Bank) -> None:
    request = alone.reviewed()
    client = Client()
    client.force_login(alone.people["marta"])
    page = client.get(f"/promotions/{request.pk}/").content.decode()
    assert 'id="single-officer"' in page, "the banner of every page"
    assert "put in force by a single officer" in page, "beside the policy of the request"
    packet = json.loads(bytes(Packet.objects.get(digest=request.packet_digest).body))
    assert packet["policy"]["confirmation"] == "single_officer"
    _, secret = factories.token(alone.people["priya"], ["models:read"])
    shown = Client().get(f"/api/v1/promotions/{request.pk}", headers={"Authorization": f"Bearer {secret}"}).json()
    assert shown["policy"]["confirmation"] == "single_officer"
    done = alone.decide(request, "marta")
    assert done.state == "promoted"
    number = done.version.number
    document = client.get(f"/models/{alone.model.slug}/versions/{number}/document/").content.decode()
    assert "put in force by a single officer" in document


def test_without_a_declaration_nothing_is_stated(bank: Bank) -> None:
    request = bank.reviewed()
    client = Client()
    client.force_login(bank.people["marta"])
    page = client.get(f"/promotions/{request.pk}/").content.decode()
    assert "single officer" not in page
    assert 'id="setup-unconfirmed"' in page
