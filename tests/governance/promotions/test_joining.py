"""Members count for a request when they joined before it opened, were not added by those who asked, and stayed."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import clock
from audit.models import Event
from governance import promotions, selectors
from governance.actions import DECISION_LAPSED
from governance.gate import gate_inputs
from governance.models import Decision, PromotionRequest
from governance.policies import YOU, Involvement, Joining, joining_exclusion
from governance.services import setup
from registry import access
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from registry.models import ChangeProposal, Membership, ReviewerGroup, User
from registry.services import change_proposals, governing, groups, people
from tests.governance.promotions.conftest import PASSWORD, ROOT, Bank, found_bank


def reviewers() -> ReviewerGroup:
    return ReviewerGroup.objects.get(slug=setup.REVIEWERS)


def newcomer(bank: Bank, name: str = "newcomer") -> User:
    bank.people[name] = people.register_person(actor=ROOT, username=name, name=name.title(), password=PASSWORD)
    return bank.people[name]


def join(bank: Bank, name: str) -> None:
    groups.add_member(actor=ROOT, group=reviewers(), user=bank.people[name], reason="joins the desk")


def join_by_two(bank: Bank, name: str, proposer: str, confirmer: str) -> None:
    made = governing.add_member(
        actor=bank.actor(proposer), group=reviewers(), user=bank.people[name], reason="joins the desk"
    )
    assert isinstance(made, ChangeProposal)
    change_proposals.confirm(
        actor=bank.actor(confirmer), proposal=made, digest=made.digest, password=PASSWORD, comment="agreed"
    )


def refused(bank: Bank, request: PromotionRequest, who: str) -> str:
    with pytest.raises(PermissionDeniedError) as refusal:
        bank.decide(request, who)
    assert refusal.value.code == "separation_of_duties"
    page = selectors.request_page(bank.actor(who), request.pk)
    assert not page.can_decide
    assert f"({refusal.value.rule})" in page.can_decide.reason
    shown = {r.uid: r.excluded.rule for s in page.approvals for r in s.excluded if r.excluded is not None}
    assert shown[bank.people[who].uid] == refusal.value.rule
    assert bank.people[who].name not in {r.name for s in page.approvals for r in s.may_approve}
    assert not any(row.needs_me for row in selectors.my_reviews(bank.actor(who)).needs_me)
    return refusal.value.rule


def test_who_joined_after_the_request_opened_counts_for_the_next_one_only(bank: Bank) -> None:
    request = bank.reviewed()
    newcomer(bank)
    join(bank, "newcomer")
    assert refused(bank, request, "newcomer") == "SoD-8"
    promotions.withdraw(actor=bank.actor("priya"), request=request, reason="to count the new member")
    again = bank.run_checks(bank.request(request.version))
    bank.decide(again, "newcomer")


def test_who_was_a_member_before_and_joined_again_counts_no_more(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    groups.remove_member(actor=ROOT, group=reviewers(), user=bank.people["marta"], reason="leaves")
    join(bank, "marta")
    assert bank.decide(request, "aiko").state == "open"
    assert bank.decide(request, "chen").state == "promoted"


def test_a_deputy_entered_before_the_request_opened_counts_from_the_first_day(bank: Bank) -> None:
    newcomer(bank)
    begins = clock.now() + timedelta(days=3)
    groups.add_member(
        actor=ROOT, group=reviewers(), user=bank.people["newcomer"], valid_from=begins, reason="stands in for Marta"
    )
    request = bank.reviewed()
    with clock.freeze(begins + timedelta(hours=1)):
        bank.decide(request, "newcomer")


@pytest.mark.parametrize("route", ["proposed", "confirmed", "account", "password", "address"])
def test_a_person_who_asks_is_not_approved_by_those_they_made_reviewers(bank: Bank, route: str) -> None:
    """Priya administers, adds a reviewer in one of five ways, gives that up, and asks."""
    officer = access.grant_role(actor=ROOT, role=access.Role.OFFICER, user=bank.people["priya"], reason="for a while")
    admin = access.grant_role(
        actor=ROOT, role=access.Role.ADMINISTRATOR, user=bank.people["priya"], reason="for a while"
    )
    priya = bank.actor("priya")
    if route == "account":
        bank.people["newcomer"] = people.register_person(actor=priya, username="newcomer", name="Newcomer")
    else:
        newcomer(bank)
    if route == "password":
        people.set_password(actor=priya, person=bank.people["newcomer"], password=PASSWORD + "!")
    elif route == "address":
        people.update_person(actor=priya, person=bank.people["newcomer"], email="priya@bank.example")
    if route in ("proposed", "confirmed"):
        access.grant_role(actor=ROOT, role=access.Role.OFFICER, user=bank.people["eve"], reason="the other officer")
        two = ("priya", "eve") if route == "proposed" else ("eve", "priya")
        join_by_two(bank, "newcomer", *two)
    else:
        join(bank, "newcomer")
    for grant in (officer, admin):
        access.revoke_role(actor=ROOT, grant=grant, reason="over")

    mine = bank.reviewed()

    excluded = gate_inputs.exclusion_of(bank.people["newcomer"], mine)
    assert excluded is not None
    assert excluded.rule == "SoD-7"
    version = bank.version()
    bank.run_checks(bank.request(version, stage="staging"))
    access.grant_role(actor=ROOT, role=access.Role.DEVELOPER, user=bank.people["tom"], model=bank.model, reason="r")
    assert gate_inputs.exclusion_of(bank.people["newcomer"], bank.request(version, by="tom")) is None


def test_a_membership_is_not_backdated(bank: Bank) -> None:
    user = newcomer(bank)
    with pytest.raises(ValidationFailedError) as refusal:
        groups.add_member(
            actor=ROOT,
            group=reviewers(),
            user=user,
            valid_from=clock.now() - timedelta(days=1),
            reason="was always one of us",
        )
    assert [(e.pointer, e.code) for e in refusal.value.errors] == [("/valid_from", "backdated")]


def test_the_database_refuses_a_backdated_membership(bank: Bank) -> None:
    row = reviewers().memberships.first()
    assert row is not None
    row = Membership(
        uid=uuid4(),
        group=row.group,
        user=newcomer(bank),
        valid_from=row.opened_at - timedelta(hours=1),
        opened_at=row.opened_at,
        opened_event=row.opened_event,
    )
    with pytest.raises(IntegrityError, match="begins when it is entered"), transaction.atomic():
        row.save(force_insert=True)


def test_a_signature_of_a_deactivated_account_does_not_come_back(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    people.deactivate(actor=ROOT, person=bank.people["marta"], reason="left the bank")
    people.reactivate(actor=ROOT, person=bank.people["marta"], reason="came back")

    request = bank.decide(request, "aiko")

    assert request.state == "open"
    assert Event.objects.filter(action=DECISION_LAPSED).count() == 1
    assert Decision.objects.get(person=bank.people["marta"]).lapsed_at is not None
    assert bank.decide(request, "marta").state == "promoted", "they may sign again"


def test_what_a_deactivated_account_signed_counts_nowhere_before_it_is_settled(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    people.deactivate(actor=ROOT, person=bank.people["marta"], reason="left the bank")
    people.reactivate(actor=ROOT, person=bank.people["marta"], reason="came back")
    page = selectors.request_page(bank.actor("aiko"), request.pk)
    assert [len(s.approved_by) for s in page.approvals] == [0]
    (row,) = selectors.promotion_summaries(bank.actor("aiko"), PromotionRequest.objects.filter(pk=request.pk))
    assert row.approvals_have == 0


def test_a_promoted_request_keeps_the_signatures_of_who_left_later(bank: Bank) -> None:
    request = bank.reviewed()
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    people.deactivate(actor=ROOT, person=bank.people["marta"], reason="left the bank")
    page = selectors.request_page(bank.actor("aiko"), request.pk)
    assert [len(s.approved_by) for s in page.approvals] == [2]


@given(
    joined=st.integers(-3, 3),
    by=st.frozensets(st.sampled_from(["asks", "behind", "officer", ""])),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_membership_counts_only_when_entered_before_and_by_others(joined: int, by: frozenset[str]) -> None:
    opened = clock.now()
    involved = Involvement("asks", "author", behind_request=frozenset({"behind"}))
    found = joining_exclusion(YOU, "g", Joining(opened + timedelta(minutes=joined), by), involved, opened_at=opened)
    expected = "SoD-7" if by & {"asks", "behind"} else "SoD-8" if joined > 0 else ""
    assert (found.rule if found is not None else "") == expected


@pytest.mark.django_db(transaction=True)
def test_a_deactivation_that_races_with_the_last_approval_comes_before_or_after_it() -> None:
    """The signer's account is held while the decision is written, so the two follow each other."""
    bank = found_bank()
    request = bank.decide(bank.reviewed(), "marta")
    failures: list[BaseException] = []

    def shut() -> None:
        try:
            people.deactivate(actor=ROOT, person=bank.people["aiko"], reason="left the bank")
        except BaseException as fault:
            failures.append(fault)
        finally:
            connections.close_all()

    with transaction.atomic():
        bank.decide(request, "aiko")
        other = threading.Thread(target=shut)
        other.start()
        with connection.cursor() as cursor:
            for _ in range(2_000):
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchone()[0]:
                    break
    other.join()
    assert not failures
    assert bank.fresh(request).state == "promoted"
    decided = Decision.objects.get(request=request, person=bank.people["aiko"])
    shut_account = User.objects.get(pk=bank.people["aiko"].pk)
    assert shut_account.deactivated_at is not None
    assert shut_account.deactivated_at > decided.signed_at
