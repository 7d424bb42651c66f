"""From when on a policy is in force: scheduled, cancelled and retired by two officers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from audit import clock
from audit.models import Event
from governance.models import PolicyRevision, PolicyTerm, PromotionRequest
from governance.selectors import policies_in_force, policy_page, retirement_impact
from governance.services import impacts, policies, policy_terms
from registry.exceptions import ConflictError, DomainError, InvalidStateError, ValidationFailedError
from registry.models import ChangeProposal
from tests import factories
from tests.governance.promotions.conftest import PASSWORD, Bank

SLUG = "starter-staging"
STRICTER = """
slug: starter-staging
title: Into Staging, stricter
applies_to: {stages: [staging]}
checks: [{check: integrity.digest}]
approvals: [{group: reviewers, count: 1}]
"""
WIDER = "slug: any-staging\ntitle: For every stage\napplies_to: {stages: [staging]}\npriority: 5\n"
WEEK = timedelta(days=7)


@pytest.fixture
def officers(bank: Bank) -> Bank:
    for name in ("aiko", "chen"):
        factories.grant("officer", to=bank.people[name])
    return bank


def confirmed(bank: Bank, proposal: ChangeProposal) -> ChangeProposal:
    return factories.confirm(proposal, bank.people["chen"], password=PASSWORD)


def scheduled(bank: Bank, at: datetime | None, source: str = STRICTER) -> ChangeProposal:
    return confirmed(
        bank, policies.propose(actor=bank.actor("aiko"), source=source, reason="finding 3", in_force_from=at)
    )


def current(at: datetime | None = None) -> int | None:
    return next((one.number for one in policies_in_force(at) if one.policy.slug == SLUG), None)


def bound_to(request: PromotionRequest) -> list[int]:
    return [one.policy_revision.number for one in request.governing if one.policy_revision.policy.slug == SLUG]


def test_the_earlier_revision_applies_until_the_time_both_officers_signed(officers: Bank) -> None:
    at = clock.now() + WEEK
    proposal = scheduled(officers, at)
    assert f"from {at:%Y-%m-%d %H:%M:%S} UTC" in proposal.title
    assert proposal.payload["in_force_from"] == at.isoformat()
    (event,) = Event.objects.filter(action="policy.published").order_by("-id")[:1]
    assert event.body["data"]["in_force_from"] == at.isoformat()

    assert (current(), current(at - timedelta(seconds=1)), current(at)) == (1, 1, 2)
    page = policy_page(SLUG)
    assert page.in_force is not None
    assert (page.in_force.number, page.terms.scheduled and page.terms.scheduled.starts_at) == (1, at)
    before = officers.request(officers.version(), stage="staging")
    assert bound_to(before) == [1]
    with clock.freeze(at):
        later = officers.request(officers.version(), stage="staging")
        assert bound_to(later) == [2]
        assert policy_page(SLUG).revision.number == 2
    connection.check_constraints()

    early = PolicyRevision.objects.get(policy__slug=SLUG, number=2)
    with pytest.raises(DatabaseError, match="is not in force yet"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_requestpolicy (request_id, policy_revision_id, basis, reason, added_at, event) "
            "VALUES (%s, %s, 'tier', '', now(), gen_random_uuid())",
            [before.pk, early.pk],
        )


def test_a_scheduled_revision_is_cancelled_by_one_officer_and_leaves_no_gap(officers: Bank) -> None:
    at = clock.now() + WEEK
    scheduled(officers, at)
    aiko = officers.actor("aiko")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: policies.propose(actor=aiko, source=STRICTER + "priority: 3\n", reason="again"),
        lambda: policy_terms.propose_retirement(actor=aiko, slug=SLUG, reason="not needed"),
    )
    for attempt in attempts:
        with pytest.raises(ConflictError) as refused:
            attempt()
        assert refused.value.code == "already_scheduled"

    policy_terms.cancel_scheduled(actor=officers.actor("aiko"), slug=SLUG, reason="too early")
    assert (current(), current(at + WEEK)) == (1, 1)
    (event,) = Event.objects.filter(action="policy.cancelled")
    assert event.body["data"] == {"slug": SLUG, "revision": 2}
    with pytest.raises(InvalidStateError) as nothing:
        policy_terms.cancel_scheduled(actor=officers.actor("aiko"), slug=SLUG, reason="again")
    assert nothing.value.code == "nothing_scheduled"

    again = scheduled(officers, None)  # the same content is proposed again, as the next revision
    assert "revision 3" in again.title
    assert current() == 3
    term = PolicyTerm.objects.get(revision__number=3, policy__slug=SLUG)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE governance_policyterm SET closed_at = clock_timestamp(), closed_event = gen_random_uuid() "
            "WHERE id = %s",
            [term.pk],
        )
    connection.check_constraints()


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (clock.now() - WEEK, "is past"),
        (clock.now() + timedelta(days=400), "at most 366 days"),
        ((clock.now() + WEEK).replace(tzinfo=None), "offset from UTC"),
    ],
)
def test_a_time_that_cannot_be_is_refused_at_its_field(officers: Bank, at: datetime, words: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        policies.propose(actor=officers.actor("aiko"), source=STRICTER, reason="finding 3", in_force_from=at)
    (fault,) = refused.value.errors
    assert (fault.pointer, words in fault.detail) == ("/in_force_from", True)


def test_a_confirmation_after_the_time_takes_effect_at_once(officers: Bank) -> None:
    at = clock.now() + WEEK
    proposal = policies.propose(actor=officers.actor("aiko"), source=STRICTER, reason="late", in_force_from=at)
    with clock.freeze(at + timedelta(days=1)):
        confirmed(officers, proposal)
        assert (current(), current(at)) == (2, 1)
    connection.check_constraints()


def test_an_ambiguity_counts_from_the_time_on(officers: Bank) -> None:
    at = clock.now() + WEEK
    confirmed(
        officers,
        policy_terms.propose_retirement(actor=officers.actor("aiko"), slug=SLUG, reason="new rules", in_force_from=at),
    )
    new = WIDER.replace("priority: 5\n", "")
    with pytest.raises(DomainError) as refused:
        policies.propose(actor=officers.actor("aiko"), source=new, reason="successor")
    assert refused.value.code == "ambiguous_policy"
    scheduled(officers, at, new)
    assert [one.policy.slug for one in policies_in_force(at) if "staging" in one.policy.slug] == [
        "any-staging",
        "starter-staging-exit",
    ]


def test_a_retirement_shows_who_is_left_without_a_policy(officers: Bank) -> None:
    held = officers.in_staging()
    found = PolicyRevision.objects.in_force().get(policy__slug=SLUG)
    (path,) = (one for one in retirement_impact(found).paths if one.words == "entering Staging")
    assert (path.without, path.successors, path.required) == (1, {}, True)
    proposal = policy_terms.propose_retirement(actor=officers.actor("aiko"), slug=SLUG, reason="not needed")
    assert "entering Staging: no policy covers it for 1 model: the change is refused" in proposal.payload["impact"]

    confirmed(officers, proposal)

    assert current() is None
    (event,) = Event.objects.filter(action="policy.retired")
    assert event.body["data"]["slug"] == SLUG
    with pytest.raises(InvalidStateError) as refused:
        officers.request(officers.version(), stage="staging")
    assert refused.value.code == "no_policy"
    (impact,) = impacts.record_all()
    assert (impact.cause, impact.reference, impact.version_id) == ("policy_retired", SLUG, held.pk)
    scheduled(officers, None)
    assert current() == 2, "a retired policy is published again by its next revision"
    connection.check_constraints()


def test_a_retirement_names_the_policy_that_takes_over_and_fits_the_revision_that_was_read(officers: Bank) -> None:
    scheduled(officers, None, WIDER)
    found = PolicyRevision.objects.in_force().get(policy__slug="any-staging")
    (path,) = (one for one in retirement_impact(found).paths if one.words == "entering Staging")
    assert (path.without, path.successors) == (0, {SLUG: 1})
    proposal = policy_terms.propose_retirement(actor=officers.actor("aiko"), slug="any-staging", reason="not needed")
    scheduled(officers, None, WIDER.replace("priority: 5", "priority: 6"))
    with pytest.raises(InvalidStateError) as refused:
        confirmed(officers, proposal)
    assert refused.value.code == "policy_changed"


def test_the_pages_show_the_time_and_cancel_or_retire(officers: Bank, client: Client) -> None:
    client.force_login(officers.people["aiko"])
    at = (clock.now() + WEEK).replace(microsecond=0)
    sent = {"source": STRICTER, "reason": "finding 3", "action": "propose", "in_force_from": f"{at:%Y-%m-%dT%H:%M}"}
    refused = client.post(f"/policies/{SLUG}/propose/", {**sent, "in_force_from": "2020-01-01T00:00"})
    assert (refused.status_code, "The time is past" in refused.content.decode()) == (400, True)
    made = client.post(f"/policies/{SLUG}/propose/", sent)
    proposal = ChangeProposal.objects.latest("pk")
    assert made.headers["Location"] == f"/changes/{proposal.pk}/"
    assert "In force from" in client.get(f"/changes/{proposal.pk}/").content.decode()
    confirmed(officers, proposal)
    page = client.get(f"/policies/{SLUG}/").content.decode()
    assert "Until then revision 1 applies." in page
    assert "Cancel this change" in page
    assert "revision 2 from" in client.get("/policies/").content.decode()
    retiring = client.post(f"/policies/{SLUG}/retire/", {"reason": "not needed"})
    assert (retiring.status_code, "cancel it first" in retiring.content.decode()) == (409, True)
    assert client.post(f"/policies/{SLUG}/cancel/", {"reason": ""}).status_code == 400
    assert client.post(f"/policies/{SLUG}/cancel/", {"reason": "too early"}).status_code == 302
    assert client.post(f"/policies/{SLUG}/cancel/", {"reason": "too early"}).status_code == 409
    assert "the change is refused" not in client.get(f"/policies/{SLUG}/retire/").content.decode()
    assert client.post(f"/policies/{SLUG}/retire/", {"reason": "not needed"}).status_code == 302
    confirmed(officers, ChangeProposal.objects.latest("pk"))
    assert "the policy is retired since" in client.get(f"/policies/{SLUG}/").content.decode()
    assert "retired since" in client.get("/policies/").content.decode()
    assert client.get("/policies/no-such-policy/retire/").status_code == 404
    client.force_login(officers.people["priya"])
    for path in ("retire", "cancel"):
        assert client.get(f"/policies/{SLUG}/{path}/").status_code == 403
