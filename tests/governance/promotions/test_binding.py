"""Several policy revisions over one request: all of them must be satisfied, and adding one only makes it stricter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import Event
from governance import promotions
from governance.gate import gate_inputs
from governance.models import PolicyRevision, PromotionRequest, RequestPolicy
from governance.promotions.binding import Bound
from governance.promotions.executing import GATE
from governance.promotions.locks import lock_promotion
from governance.selectors import request_page
from registry.exceptions import InvalidStateError

from .conftest import Bank

Publish = Callable[[str], PolicyRevision]

STRICT = """
slug: stricter
title: Stricter rules for Production
priority: 5
applies_to: {stages: [production], tiers: [9]}
checks:
  - {check: artifact.format, params: {allowed: {production: [text]}}}
approvals:
  - {group: reviewers, count: 3}
expires_after_days: 10
"""


def bind(request: PromotionRequest, revision: PolicyRevision) -> bool:
    with transaction.atomic():
        locked = lock_promotion(request.pk)
        added = promotions.bind_policy(locked, Bound(revision, RequestPolicy.Basis.NEWER_REVISION), actor=GATE)
        promotions.reevaluate(request.pk)
    return added


def test_a_request_keeps_the_policy_it_is_made_under(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")
    (bound,) = request.governing
    assert (bound.basis, bound.policy_revision_id) == ("target", request.policy_revision_id)
    assert [b.policy_revision_id for b in bank.fresh(request).governing] == [request.policy_revision_id]
    assert Event.objects.get(event_id=bound.event).action == "promotion.requested"


def test_another_policy_adds_its_requirements_and_lapses_what_was_signed_without_it(
    bank: Bank, publish: Publish
) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    seen, packet, expires = request.revision, request.packet_digest, request.expires_at
    assert bind(request, publish(STRICT))
    request = bank.fresh(request)
    document = gate_inputs.get_policy_document(request)
    assert document is not None
    assert {rule.group: rule.count for rule in document.approvals} == {"reviewers": 3}
    assert request.revision > seen
    assert request.expires_at is not None
    assert expires is not None
    assert request.expires_at < expires
    assert request.expires_at > request.created_at + timedelta(days=9)
    assert request.decisions.get().lapsed_at is not None
    request = bank.run_checks(request)  # the formats that both accept are others than before
    assert request.packet_digest not in ("", packet)
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
        assert request.state == "open"
    assert bank.decide(request, "chen").state == "promoted"
    event = Event.objects.get(action="promotion.promoted", thing_id=str(request.uid))
    assert len(event.body["data"]["policy_digests"]) == 2


def test_a_policy_governs_once_on_the_same_basis(bank: Bank, publish: Publish) -> None:
    request, revision = bank.request(bank.in_staging()), publish(STRICT)
    assert bind(request, revision)
    assert not bind(request, revision)
    assert [b.basis for b in bank.fresh(request).governing] == ["target", "newer_revision"]


def test_a_closed_request_is_bound_to_nothing_more(bank: Bank, publish: Publish) -> None:
    request = bank.request(bank.in_staging())
    promotions.withdraw(actor=bank.actor("priya"), request=request, reason="not needed")
    with pytest.raises(InvalidStateError):
        bind(request, publish(STRICT))


def test_parameters_that_do_not_combine_block_the_request(bank: Bank, publish: Publish) -> None:
    request = bank.reviewed()
    bind(
        request,
        publish(
            "{slug: other, title: Another reading, priority: 3, applies_to: {stages: [production], tiers: [9]},"
            " checks: [{check: performance.threshold, params: {positive: yes-sir,"
            " thresholds: [{metric: accuracy, value: 0.5}]}}]}"
        ),
    )
    request = bank.fresh(request)
    assert request.state == "blocked"
    verdict = request_page(bank.actor("priya"), request.pk).verdict
    assert verdict is not None
    (left,) = [r for r in verdict.unmet if r.id == "check:performance.threshold"]
    assert "starter-production and other" in left.detail


def test_the_page_names_every_policy_and_why(bank: Bank, publish: Publish, client: object) -> None:
    request = bank.request(bank.in_staging())
    bind(request, publish(STRICT))
    client.force_login(bank.people["marta"])  # type: ignore[attr-defined]  # the fixture is typed as object
    page = client.get(f"/promotions/{request.pk}/").content.decode()  # type: ignore[attr-defined]  # the fixture is typed as object
    assert "Stricter rules for Production" in page
    assert "a stricter revision published while it was open" in page


def test_what_governs_a_request_is_kept(bank: Bank) -> None:
    request = bank.request(bank.version(), stage="staging")

    def change(statement: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(statement, [request.pk])

    for statement in (
        "UPDATE governance_requestpolicy SET basis = 'tier' WHERE request_id = %s",
        "DELETE FROM governance_requestpolicy WHERE request_id = %s",
    ):
        with pytest.raises(IntegrityError):
            change(statement)
