"""Random sequences of what people, workers and time do to promotion requests, compared with a small model of the rules.

The model (`Shadow`) knows nothing of the gate: it keeps what each person did last and what a version contains, and says
from that whether a request may be, and must be, promoted. `make test-long` runs the long profile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

import pytest
from django.db import connection, transaction
from django.db.models import Count, F, Max
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audit import clock
from audit.models import Event
from governance import promotions, selectors
from governance.models import PromotionRequest, Waiver
from governance.services import evidence, policies, setup, waivers
from registry import access
from registry.exceptions import DomainError
from registry.models import Grant, ModelVersion, ReviewerGroup, StageOccupancy
from registry.services import groups, people
from registry.services.versions import MetricSpec
from tests.governance.promotions.conftest import PASSWORD, ROOT, Bank

T = TypeVar("T")
CHECK = "performance.threshold"
LIFE = timedelta(days=30)
REVIEWERS = ("marta", "aiko", "chen")
MEMBERS = (*REVIEWERS, "priya", "tom")
AUTHORS = ("priya", "tom")
POLICY = """
slug: strict-production
title: Into Production
applies_to: {{stages: [production]}}
priority: 90
checks:
  - check: integrity.digest
  - check: {check}
    params: {{thresholds: [{{metric: accuracy, op: ">=", value: {limit}}}]}}
    waivable: {{max_days: 20, by: [{group}]}}
approvals:
  - {{group: {group}, count: {count}}}
expires_after_days: 30
"""


@dataclass
class Shadow:
    """What the model knows of one request."""

    version: int
    requester: str
    limit: float
    count: int
    made_at: datetime
    approved_by: set[str] = field(default_factory=set)
    objected: set[str] = field(default_factory=set)
    rejected: bool = False

    def forget(self) -> None:
        """Forget the decisions: the people decided on an evidence package that is not the current one."""
        self.approved_by.clear()
        self.objected.clear()


class Promotions(RuleBasedStateMachine):
    """Deciders, authors, a worker, the clock, an officer who publishes, and a changing group."""

    bank: ClassVar[Bank]
    runs: ClassVar[list[int]] = [0, 0, 0]
    """Sequences, steps, promotions."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.clock = clock.freeze(clock.now())
        self.clock.__enter__()
        self.world = self.bank.again()
        self.group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
        self.members = set(MEMBERS)
        self.may_decide = True
        self.accuracy: dict[int, float] = {}
        self.authors: dict[int, set[str]] = {}
        self.waived: dict[int, tuple[Waiver, datetime]] = {}
        self.shadows: dict[int, Shadow] = {}
        self.states: dict[int, str] = {}
        self.terms = (0.9, 1)
        self.runs[0] += 1

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.clock.__exit__(None, None, None)
        self.atomic.__exit__(None, None, None)

    # What people do

    @initialize(limit=st.sampled_from([0.85, 0.9]), count=st.sampled_from([1, 2]))
    def start(self, limit: float, count: int) -> None:
        access.grant_role(
            actor=ROOT,
            role=access.Role.DEVELOPER,
            user=self.world.people["tom"],
            model=self.world.model,
            reason="develops the model too",
        )
        self._publish(limit, count)
        self._register("priya", 0.95)
        self._request(1, "priya")
        self.work()

    @rule(limit=st.sampled_from([0.85, 0.9, 0.99]), count=st.sampled_from([1, 2]))
    def publish_policy(self, limit: float, count: int) -> None:
        """A new revision governs new requests; an open request keeps its own."""
        if (limit, count) != self.terms:
            self._publish(limit, count)

    @precondition(lambda self: len(self.accuracy) < 3)
    @rule(by=st.sampled_from(AUTHORS), accuracy=st.sampled_from([0.88, 0.95]))
    def register_version(self, by: str, accuracy: float) -> None:
        self._register(by, accuracy)

    @rule(data=st.data(), by=st.sampled_from(AUTHORS), checked=st.booleans())
    def request_production(self, data: st.DataObject, by: str, checked: bool) -> None:
        self._request(data.draw(st.sampled_from(sorted(self.accuracy)), label="version"), by)
        if checked:
            self.work()

    def _request(self, number: int, by: str) -> None:
        made = self._attempt(lambda: self.world.request(self._version(number), by=by))
        if made is not None:
            self.shadows[made.pk] = Shadow(number, by, *self.terms, made_at=clock.now())

    @precondition(lambda self: self.shadows)
    @rule(
        data=st.data(),
        by=st.sampled_from(MEMBERS),
        outcome=st.sampled_from(["approve", "approve", "approve", "request_changes", "reject"]),
    )
    def decide(self, data: st.DataObject, by: str, outcome: str) -> None:
        self._decide(self._draw_request(data), by, outcome)

    @precondition(lambda self: self.shadows)
    @rule(data=st.data())
    def approve_by_all(self, data: st.DataObject) -> None:
        """Every reviewer tries to approve one request, so that many sequences reach a promotion."""
        number = self._draw_request(data)
        for name in REVIEWERS:
            self._decide(number, name, "approve")

    def _decide(self, number: int, by: str, outcome: str) -> None:
        shadow, before = self.shadows[number], self.world.fresh(PromotionRequest(pk=number))
        if self._attempt(lambda: self.world.decide(before, by, outcome)) is None:
            return
        assert by in self.members, "a person who is not a member decided"
        assert self.may_decide, "a member decided without the permission"
        assert by not in self._excluded(shadow), "a person whom separation of duties excludes decided"
        shadow.approved_by.discard(by)
        shadow.objected.discard(by)
        if outcome == "approve":
            shadow.approved_by.add(by)
        elif outcome == "request_changes":
            shadow.objected.add(by)
        else:
            shadow.rejected = True

    @precondition(lambda self: self.shadows)
    @rule(data=st.data(), by=st.sampled_from([*AUTHORS, "eve"]))
    def withdraw(self, data: st.DataObject, by: str) -> None:
        request = self.world.fresh(PromotionRequest(pk=self._draw_request(data)))
        self._attempt(lambda: promotions.withdraw(actor=self.world.actor(by), request=request, reason="not now"))

    @rule(
        data=st.data(),
        by=st.sampled_from(AUTHORS),
        accuracy=st.sampled_from([0.87, 0.92, 0.995]),
        checked=st.booleans(),
    )
    def change_inputs(self, data: st.DataObject, by: str, accuracy: float, checked: bool) -> None:
        """Another value of the metric: other inputs, for which no approval and no waiver was given."""
        number = data.draw(st.sampled_from(sorted(self.accuracy)), label="version")
        if self.accuracy[number] == accuracy:
            return
        metrics = [MetricSpec("accuracy", accuracy)]
        version = self._version(number)
        added = self._attempt(
            lambda: evidence.attach_metrics(actor=self.world.actor(by), version=version, metrics=metrics)
        )
        if added is None:
            return
        self.accuracy[number] = accuracy
        self.authors[number].add(by)
        self.waived.pop(number, None)
        self._forget(number)
        if checked:
            self.work()

    @precondition(lambda self: self.shadows)
    @rule(data=st.data(), by=st.sampled_from(MEMBERS), days=st.sampled_from([1, 15]))
    def waive(self, data: st.DataObject, by: str, days: int) -> None:
        request = self.world.fresh(PromotionRequest(pk=self._draw_request(data)))
        run = request.check_runs.filter(check_slug=CHECK).order_by("-pk").first()
        if run is None:
            return
        until = clock.now().date() + timedelta(days=days)
        granted = self._attempt(
            lambda: waivers.grant(
                actor=self.world.actor(by),
                request=request,
                check=CHECK,
                inputs_digest=run.inputs_digest,
                reason="The loans of June arrive late this year.",
                control="A person reads each refusal until they have arrived.",
                until=until,
                signature=waivers.WaiverSignature(PASSWORD),
            )
        )
        if granted is not None:
            assert by in self.members
            assert by not in self._excluded(self.shadows[request.pk])
            self.waived[request.version.number] = (granted, granted.valid_until)
            self._forget(request.version.number)

    @precondition(lambda self: self.waived)
    @rule(data=st.data())
    def revoke_waiver(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waived)), label="version")
        waiver = Waiver.objects.get(pk=self.waived[number][0].pk)
        revoke = self._attempt(
            lambda: waivers.revoke(actor=self.world.actor("chen"), waiver=waiver, reason="The loans have arrived.")
        )
        if revoke is not None:
            del self.waived[number]
            self._forget(number)

    @rule(who=st.sampled_from(REVIEWERS))
    def change_group(self, who: str) -> None:
        """A member leaves, or comes back; who comes back has approved nothing as a member."""
        user = self.world.people[who]
        if who in self.members:
            groups.remove_member(actor=ROOT, group=self.group, user=user, reason="leaves the desk")
            self.members.discard(who)
        else:
            people.add_member(actor=ROOT, group=self.group, user=user, reason="comes back")
            self.members.add(who)
        for shadow in self.shadows.values():
            shadow.approved_by.discard(who)
            shadow.objected.discard(who)
        self._let_time_pass(timedelta(minutes=5))

    @rule()
    def change_grant(self) -> None:
        """The group loses the permission to decide, or gets it back."""
        if self.may_decide:
            for grant in Grant.objects.filter(closed_at__isnull=True, role=access.Role.APPROVER):
                access.revoke_role(actor=ROOT, grant=grant, reason="the desk decides no more")
        else:
            access.grant_role(actor=ROOT, role=access.Role.APPROVER, group=self.group, reason="the desk decides again")
        self.may_decide = not self.may_decide
        self._let_time_pass(timedelta(minutes=5))

    # What machines and time do

    @rule()
    def work(self) -> None:
        """A worker runs every check that is queued."""
        for number in self._live():
            self.world.run_checks(PromotionRequest(pk=number))

    @rule(days=st.sampled_from([1, 12, 31]))
    def wait(self, days: int) -> None:
        """Days pass, and beat does what is due."""
        self._let_time_pass(timedelta(days=days))

    # What holds after each step

    @invariant()
    def states_follow_the_rules(self) -> None:
        """A request is promoted if, and as soon as, the model of the rules says so; a closed one never changes."""
        connection.check_constraints()
        self.runs[1] += 1
        for number, before in list(self.states.items()):
            if before not in PromotionRequest.LIVE:
                assert self._state(number) == before, "a closed request changed its state"
        promoted = []
        for number, shadow in self.shadows.items():
            state, before = self._state(number), self.states.get(number, "")
            self.states[number] = state
            if state == "promoted" and before != "promoted":
                promoted.append(number)
                assert self._may_be_promoted(shadow), (number, shadow)
            elif shadow.rejected:
                assert state == "rejected"
            elif state in PromotionRequest.LIVE:
                assert clock.now() < shadow.made_at + LIFE or not self._has_waited, "an expired request is open"
                assert not (self._is_checked(number) and self._may_be_promoted(shadow)), ("not promoted", shadow)
        for number in promoted:
            self.runs[2] += 1
            assert self._state(number) == "promoted"
            for other in self.shadows.values():
                other.forget()
        self._has_waited = False

    @invariant()
    def one_version_is_in_production(self) -> None:
        held = StageOccupancy.objects.filter(stage__slug="production", closed_at__isnull=True)
        assert held.count() <= 1
        for occupancy in held:
            assert PromotionRequest.objects.filter(version=occupancy.version, state="promoted").exists()

    @invariant()
    def the_log_has_no_gap(self) -> None:
        rows = Event.objects.values("stream_id").annotate(n=Count("pk"), last=Max("stream_seq"))
        assert not rows.exclude(n=F("last")).exists()

    @invariant()
    def lists_agree_with_pages(self) -> None:
        for number in self._live():
            page = selectors.request_page(self.world.actor("priya"), number)
            (row,) = selectors.promotion_summaries(self.world.actor("priya"), selectors.requests_by_pk([number]))
            required = [check.requirement for check in page.checks if check.rule.mode == "required"]
            assert row.checks_met == sum(each.satisfied for each in required)
            assert row.approvals_have == sum(len(progress.approved_by) for progress in page.approvals)

    # Parts

    _has_waited = False

    def _attempt(self, act: Callable[[], T]) -> T | None:
        """Return what `act` returns, or None if it is refused; a refusal changes and records nothing."""
        events = Event.objects.count()
        try:
            with transaction.atomic():
                return act()
        except DomainError:
            assert Event.objects.count() == events, "a refused step is on record"
            return None

    def _publish(self, limit: float, count: int) -> None:
        source = POLICY.format(check=CHECK, limit=limit, group=setup.REVIEWERS, count=count)
        policies.publish(actor=setup.INSTALLER, source=source, reason="for the test")
        self.terms = (limit, count)

    def _register(self, by: str, accuracy: float) -> None:
        made = self.world.in_staging(by=by, accuracy=accuracy)
        self.accuracy[made.number] = accuracy
        # Staging is requested by Priya in the scene, and a requester of another target is not an author.
        self.authors[made.number] = {by}

    def _version(self, number: int) -> ModelVersion:
        return ModelVersion.objects.get(model=self.world.model, number=number)

    def _state(self, number: int) -> str:
        return PromotionRequest.objects.values_list("state", flat=True).get(pk=number)

    def _live(self) -> list[int]:
        return [number for number in self.shadows if self._state(number) in PromotionRequest.LIVE]

    def _draw_request(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.shadows)), label="request")

    def _excluded(self, shadow: Shadow) -> set[str]:
        return self.authors[shadow.version] | {shadow.requester}

    def _forget(self, version: int) -> None:
        for shadow in self.shadows.values():
            if shadow.version == version:
                shadow.forget()

    def _let_time_pass(self, span: timedelta) -> None:
        clock.advance(span)
        waivers.end_expired()
        for number in promotions.to_settle(span + timedelta(minutes=2)):
            promotions.reevaluate(number)
        self._has_waited = True
        for version, (_, until) in list(self.waived.items()):
            if until <= clock.now():
                del self.waived[version]
                self._forget(version)

    def _is_checked(self, number: int) -> bool:
        """Whether every check of the request has a result for the current inputs."""
        page = selectors.request_page(self.world.actor("priya"), number)
        return all(check.run is not None and check.run.conclusion for check in page.checks)

    def _may_be_promoted(self, shadow: Shadow) -> bool:
        good = self.accuracy[shadow.version] >= shadow.limit or shadow.version in self.waived
        counted = (shadow.approved_by & self.members) - self._excluded(shadow)
        return good and self.may_decide and len(counted) >= shadow.count and not shadow.objected


def run(bank: Bank, *, examples: int, steps: int, random: bool = False) -> None:
    """Run the machine and print how many sequences, steps and promotions there were."""
    Promotions.bank, Promotions.runs = bank, [0, 0, 0]
    run_state_machine_as_test(
        Promotions,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not random,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
    print("{} sequences, {} steps, {} promotions".format(*Promotions.runs))


def test_requests_follow_the_rules(bank: Bank) -> None:
    run(bank, examples=4, steps=12)


def test_the_machine_promotes(bank: Bank) -> None:
    Promotions.bank, Promotions.runs = bank, [0, 0, 0]
    machine = Promotions()
    machine.start(limit=0.85, count=2)
    (number,) = machine.shadows
    machine._decide(number, "marta", "approve")
    machine.states_follow_the_rules()
    assert machine.states[number] == "open"
    machine._decide(number, "aiko", "approve")
    machine.states_follow_the_rules()
    assert machine.states[number] == "promoted"
    machine.teardown()


@pytest.mark.long
def test_requests_follow_the_rules_for_long(bank: Bank) -> None:
    run(bank, examples=400, steps=40, random=True)
    assert Promotions.runs[2], "no sequence ended in a promotion: the machine tries nothing"
