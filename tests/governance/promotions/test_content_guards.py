"""The database holds promotions to their decisions and digests to their bytes, whoever writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

import pytest

from governance import dispatch
from governance.models import Packet, PromotionRequest
from tests.forging import event, refused, run
from tests.governance.promotions.conftest import Bank, found_bank

pytestmark = pytest.mark.django_db(transaction=True)

PROMOTE = "UPDATE governance_promotionrequest SET state = 'promoted', closed_at = now() WHERE id = %s"


@pytest.fixture
def committed(transactional_db: None) -> Iterator[Bank]:
    """The bank, in a database that commits."""
    with dispatch.muffled():
        yield found_bank()


def test_a_request_is_promoted_with_the_approvals_its_policies_ask(committed: Bank) -> None:
    request = committed.reviewed()
    for standing, name in enumerate(("marta", "aiko")):
        refused(
            f"its policies ask 2 approvals, and {standing} stand",
            partial(event, "promotion", str(request.uid), "promotion.promoted"),
            partial(run, PROMOTE, request.pk),
        )
        request = committed.decide(request, name)
    assert request.state == PromotionRequest.State.PROMOTED


def test_a_packet_is_its_digest(committed: Bank) -> None:
    request = committed.reviewed()
    body = bytes(Packet.objects.get(request=request).body)
    add = "INSERT INTO governance_packet (request_id, digest, body, created_at) VALUES (%s, %s, %s, now())"
    refused(
        "digest is not the SHA-256 of body",
        lambda: event("promotion", str(request.uid), "packet.frozen"),
        lambda: run(add, request.pk, "0" * 64, body),
    )
    refused(
        "no event of this transaction accounts for it",
        lambda: event("promotion", str(request.uid), "model.updated"),
        lambda: run(add, request.pk, hashlib.sha256(b"{}").hexdigest(), b"{}"),
    )
