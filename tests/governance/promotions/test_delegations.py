"""Decisions by delegation: they take the place of a member, widen nothing, and count only while it is in effect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit import clock
from audit.models import Event
from governance import promotions, selectors
from governance.models import Decision, Delegation, PromotionRequest
from governance.selectors import rights
from governance.services import delegations, policies, setup
from registry import access
from registry.exceptions import ConflictError, DomainError, PermissionDeniedError, ValidationFailedError
from registry.models import ReviewerGroup, User
from registry.services import groups, people
from tests.governance.promotions.conftest import PASSWORD, ROOT, Bank
from tests.governance.promotions.test_list_agreement import assert_agreement

OF_VALIDATORS = """slug: validators
title: Validators decide
applies_to: {stages: [production]}
priority: 10
approvals: [{role: validators}]
"""


def delegate(bank: Bank, by: str, to: str, *, days: int = 8, password: str = PASSWORD, **facts: Any) -> Delegation:
    until = facts.pop("valid_until", clock.now() + timedelta(days=days))
    return delegations.grant_delegation(
        actor=bank.actor(by), delegate=to, valid_until=until, password=password, **facts
    )


def newcomer(bank: Bank, name: str = "lea", *, viewer: bool = True) -> User:
    """An account outside every group."""
    bank.people[name] = made = people.register_person(actor=ROOT, username=name, name=name.title(), password=PASSWORD)
    if viewer:
        access.grant_role(actor=ROOT, role=access.Role.VIEWER, user=made, model=bank.model, reason="reads the model")
    return made


def decide_for(bank: Bank, request: PromotionRequest, by: str, member: str, outcome: str = "approve") -> Decision:
    request = bank.fresh(request)
    return promotions.decide(
        actor=bank.actor(by),
        request=request,
        outcome=outcome,
        packet_digest=request.packet_digest,
        comment="Looked at the evaluation.",
        signature=promotions.DecisionSignature(PASSWORD),
        on_behalf_of=bank.people[member].uid,
    )


def refusal_of(bank: Bank, request: PromotionRequest, by: str, member: str) -> DomainError:
    with pytest.raises(DomainError) as refused:
        decide_for(bank, request, by, member)
    assert not Decision.objects.filter(request=request, person=bank.people[by], lapsed_at__isnull=True).exists()
    return refused.value


def test_a_delegate_takes_the_place_of_the_delegator_once(bank: Bank) -> None:
    newcomer(bank)
    request = bank.reviewed()
    row, page = assert_agreement(bank, "lea", request)
    assert not row.needs_me
    assert not page.can_decide
    delegation = delegate(bank, "marta", "lea", groups=[setup.REVIEWERS])
    row, page = assert_agreement(bank, "lea", request)
    assert row.needs_me
    assert row.my_groups == (setup.REVIEWERS,)
    assert rights.on_request(bank.people["lea"], request).in_place_of == ("Marta",)
    assert [(place.on_behalf_of, place.delegator) for place in page.my_places] == [(bank.people["marta"].uid, "Marta")]
    with pytest.raises(PermissionDeniedError) as own:  # in their own place there is nothing to decide
        bank.decide(request, "lea")
    assert own.value.code == "not_a_reviewer"

    decision = decide_for(bank, request, "lea", "marta")
    assert decision.signer == f"Lea for Marta, {delegation.title}"
    assert "I decide for Marta" in decision.signed_meaning
    event = Event.objects.get(event_id=decision.event)
    assert event.body["data"]["on_behalf_of"] == bank.people["marta"].uid
    for reader in ("lea", "marta", "aiko"):
        row, page = assert_agreement(bank, reader, request)
        assert (row.approvals_have, row.approvals_need) == (1, 2)
        assert [d.name for s in page.approvals for d in s.approved_by] == ["Lea for Marta"]
    with pytest.raises(ConflictError, match="revoke the delegation"):
        bank.decide(request, "marta")
    with pytest.raises(ConflictError):
        decide_for(bank, request, "lea", "marta")
    assert bank.decide(request, "aiko").state == "promoted"


def test_one_person_never_decides_for_two_or_for_themselves_as_well(bank: Bank) -> None:
    newcomer(bank)
    request = bank.reviewed()
    for member in ("marta", "aiko"):
        delegate(bank, member, "lea")
    decide_for(bank, request, "lea", "marta")
    with pytest.raises(ConflictError) as refused:
        decide_for(bank, request, "lea", "aiko")
    assert refused.value.code == "already_decided"
    assert bank.decide(request, "aiko").state == "promoted"

    second = bank.reviewed()
    delegate(bank, "marta", "chen")
    bank.decide(second, "chen")
    with pytest.raises(ConflictError):
        decide_for(bank, second, "chen", "marta")
    row, _ = assert_agreement(bank, "chen", second)
    assert row.approvals_have == 1


@pytest.mark.parametrize("excluded", ["delegate", "delegator"])
def test_neither_of_the_two_may_be_excluded(bank: Bank, excluded: str) -> None:
    """Priya registered the version and opened the request; she is a member as well."""
    delegate(bank, *(("marta", "priya") if excluded == "delegate" else ("priya", "chen")))
    request = bank.reviewed()
    by, member = ("priya", "marta") if excluded == "delegate" else ("chen", "priya")
    refused = refusal_of(bank, request, by, member)
    assert (refused.code, refused.rule) == ("separation_of_duties", "SoD-1")
    page = selectors.request_page(bank.actor("marta"), request.pk)
    shown = {r.label: r.excluded.rule for s in page.approvals for r in s.excluded if r.excluded is not None}
    assert shown[f"{by.title()} for {member.title()}"] == "SoD-1"
    assert_agreement(bank, by, request)


@pytest.mark.parametrize("case", ["no view", "other tier", "other group", "administrator", "left", "later", "role"])
def test_a_delegation_never_widens_rights(bank: Bank, case: str) -> None:
    lea = newcomer(bank, viewer=case != "no view")
    if case == "role":
        policies.publish(actor=ROOT, source=OF_VALIDATORS, reason="validators decide")
        access.grant_role(
            actor=ROOT, role=access.Role.VALIDATOR, user=bank.people["marta"], model=bank.model, reason="validates"
        )
    request = bank.reviewed()
    facts: dict[str, Any] = {}
    if case == "other tier":
        facts["tiers"] = [3]
    if case == "other group":
        other = groups.create_group(actor=ROOT, slug="others", name="Others")
        groups.add_member(actor=ROOT, group=other, user=bank.people["marta"], reason="reviews other models")
        facts["groups"] = ["others"]
    if case == "later":
        facts["valid_from"] = clock.now() + timedelta(days=1)
    delegate(bank, "marta", "lea", **facts)
    if case == "administrator":
        access.grant_role(actor=ROOT, role=access.Role.ADMINISTRATOR, user=lea, model=None, reason="runs the site")
    if case == "left":
        group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
        groups.remove_member(actor=ROOT, group=group, user=bank.people["marta"], reason="leaves")
    refused = refusal_of(bank, request, "lea", "marta")
    assert refused.code in ("not_found", "no_delegation", "not_a_reviewer"), refused.code
    if case != "no view":
        row, _ = assert_agreement(bank, "lea", request)
        assert not row.needs_me


@pytest.mark.parametrize("how", ["revoked", "over", "delegator deactivated", "delegate deactivated"])
def test_a_decision_by_a_delegation_counts_only_while_it_is_in_effect(bank: Bank, how: str) -> None:
    newcomer(bank)
    request = bank.reviewed()
    start = clock.now()
    with clock.freeze(start):
        delegation = delegate(bank, "marta", "lea", days=2)
        decide_for(bank, request, "lea", "marta")
        row, _ = assert_agreement(bank, "aiko", request)
        assert row.approvals_have == 1
        if how == "revoked":
            clock.advance(timedelta(minutes=1))
            delegations.revoke_delegation(actor=bank.actor("marta"), uid=delegation.uid)
        elif how != "over":
            who = "marta" if how.startswith("delegator") else "lea"
            people.deactivate(actor=ROOT, person=bank.people[who], reason="leaves the bank")
    with clock.freeze(start + timedelta(days=3 if how == "over" else 0, minutes=5)):
        row, _ = assert_agreement(bank, "aiko", request)
        assert row.approvals_have == 0
        assert bank.decide(request, "aiko").state == "open"
        assert Decision.objects.get(request=request, person=bank.people["lea"]).lapsed_at is not None
        if how == "over":
            (number,) = delegations.expired_delegation_ids()
            assert delegations.close_expired_delegation(number)
            assert not delegations.close_expired_delegation(number)
        if how in ("over", "revoked"):
            assert bank.decide(request, "marta").state == "promoted"


def test_the_database_counts_members_not_signatures(bank: Bank) -> None:
    """A row that names a delegation of other people, or one that ended, is refused whatever the code does."""
    newcomer(bank)
    request = bank.reviewed()
    delegation = delegate(bank, "marta", "lea")
    given = decide_for(bank, request, "lea", "marta")
    for change in ({"person": bank.people["aiko"]}, {"on_behalf_of": bank.people["chen"]}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Decision.objects.create(
                **{
                    "request": request, "outcome": "approve", "packet_digest": given.packet_digest,
                    "person": bank.people["lea"], "on_behalf_of": bank.people["marta"], "delegation": delegation,
                    "signed_at": clock.now(), "event": given.event, **change,
                }
            )  # fmt: skip


def test_no_chain_no_circle_and_no_duplicate(bank: Bank) -> None:
    newcomer(bank)
    now = clock.now()
    delegate(bank, "marta", "aiko", days=5)
    for by, to, code in (
        ("aiko", "marta", "delegation_chain"),
        ("aiko", "lea", "delegation_chain"),
        ("chen", "marta", "delegation_chain"),
        ("marta", "aiko", "already_delegated"),
    ):
        with pytest.raises(ConflictError) as refused:
            delegate(bank, by, to)
        assert refused.value.code == code
    later = now + timedelta(days=6)
    delegate(bank, "aiko", "marta", valid_from=later, valid_until=later + timedelta(days=1))


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"to": "marta"}, "/delegate"),
        ({"to": "root"}, "/delegate"),
        ({"to": "robot"}, "/delegate"),
        ({"to": "gone"}, "/delegate"),
        ({"to": "unknown-name"}, "/delegate"),
        ({"groups": ["compliance"]}, "/groups"),
        ({"models": ["no-such-model"]}, "/models"),
        ({"to": "eve", "models": ["credit-risk-pd"]}, "/models"),
        ({"tiers": [7]}, "/tiers"),
        ({"days": 91}, "/valid_until"),
        ({"days": -1}, "/valid_until"),
        ({"valid_from": -1}, "/valid_from"),
        ({"password": "wrong"}, "/password"),
        ({"password": ""}, "/password"),
        ({"reason": "a\x00b"}, "/reason"),
    ],
)
def test_what_breaks_a_rule_is_refused_at_its_field(bank: Bank, facts: dict[str, Any], pointer: str) -> None:
    facts = dict(facts)
    to = facts.pop("to", "aiko")
    if to == "robot":
        people.register_person(actor=ROOT, username="robot", name="Robot", kind=User.Kind.SERVICE)
    if to == "gone":
        people.deactivate(actor=ROOT, person=newcomer(bank, "gone"), reason="left")
    if "valid_from" in facts:
        facts["valid_from"] = clock.now() + timedelta(days=facts["valid_from"])
    with pytest.raises(ValidationFailedError) as refused:
        delegate(bank, "marta", to, **facts)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert not Delegation.objects.exists()


def test_who_may_delegate_and_revoke(bank: Bank) -> None:
    with pytest.raises(PermissionDeniedError) as refused:
        delegate(bank, "eve", "aiko")
    assert refused.value.code == "not_a_reviewer"
    made = delegate(bank, "marta", "aiko")
    assert list(selectors.visible_delegations(bank.actor("eve"))) == []
    for reader in ("marta", "aiko"):
        (row,) = selectors.delegation_rows(bank.actor(reader), selectors.visible_delegations(bank.actor(reader)))
        assert (row.state, row.scope) == ("in_effect", "all groups; all models")
    with pytest.raises(DomainError) as hidden:
        delegations.revoke_delegation(actor=bank.actor("eve"), uid=made.uid)
    assert hidden.value.code == "not_found"
    delegations.revoke_delegation(actor=bank.actor("aiko"), uid=made.uid)
    with pytest.raises(ConflictError):
        delegations.revoke_delegation(actor=bank.actor("marta"), uid=made.uid)
