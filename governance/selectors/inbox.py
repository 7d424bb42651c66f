"""Lists of requests and reviewer inboxes, each in a fixed number of queries."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from audit.actor import Actor
from governance.gate import gate_inputs
from governance.gate.eligibility import Member, Standing, involvements, member, standing_of
from governance.models import CheckRun, Decision, PromotionRequest, RequestPolicy
from governance.policies import PASSING_CONCLUSIONS, ApprovalRule, assign_approvers
from governance.selectors.requests import ROW_RELATED, visible_requests
from registry import access
from registry.models import User


@dataclass(frozen=True)
class ListRow:
    """One request in a list: its progress, and what the reader has to do."""

    request: PromotionRequest
    checks_met: int
    checks_total: int
    approvals_have: int
    approvals_need: int
    needs_me: bool
    my_lapsed: bool
    my_groups: tuple[str, ...]

    @property
    def due(self) -> datetime | None:
        return self.request.expires_at


def promotion_summaries(
    actor: Actor, requests: QuerySet[PromotionRequest], person: User | None = None
) -> list[ListRow]:
    """Return list rows for requests, in their order. A fixed number of queries.

    Args:
        actor: who reads.
        requests: the requests of one page, already limited to visible ones.
        person: the account behind the actor if already read.
    """
    person = person or access.person_of(actor)
    return _rows(requests, member(person) if person is not None else None)


def _rows(requests: QuerySet[PromotionRequest], reader: Member | None, *, checks: bool = True) -> list[ListRow]:
    """Build the rows; with `checks` false, check runs are not read and the progress of checks is not valid."""
    # Keys first, then rows: visibility and ten joins in one query take ten times as long to plan.
    numbers = list(requests.values_list("pk", flat=True))
    runs = CheckRun.objects.order_by("-pk").defer("findings", "measures", "conditions")
    found = (
        PromotionRequest.objects.select_related(*ROW_RELATED, "failure")
        .prefetch_related(
            Prefetch("decisions", queryset=Decision.objects.select_related("person").order_by("signed_at")),
            Prefetch("check_runs", queryset=runs if checks else runs.none()),
            "policies",
        )
        .in_bulk(numbers)
    )
    # Exclusions are read only for requests that require a group of the reader.
    called = [r for r in found.values() if reader is not None and _my_rules(_rules(r), reader.joined)]
    involved = involvements(called)
    standings = {
        r.pk: standing_of(reader, r, {rule.group for rule in _rules(r)}, involved=involved[r.pk])
        for r in called
        if reader is not None
    }
    person = reader.user if reader is not None else None
    return [_list_row(found[number], person, standings.get(number, _OUTSIDE)) for number in numbers]


_OUTSIDE = Standing(frozenset(), {}, None)
"""For a reader who is in no group that the request's policy requires."""


def _rules(request: PromotionRequest) -> tuple[ApprovalRule, ...]:
    document = gate_inputs.get_policy_document(request)
    return document.approvals if document is not None else ()


def _my_rules(rules: tuple[ApprovalRule, ...], mine: Container[str]) -> list[ApprovalRule]:
    return [rule for rule in rules if rule.group in mine]


def latest_runs_read(request: PromotionRequest) -> dict[str, CheckRun]:
    """Return the latest run of each check of a request whose runs were prefetched newest first."""
    return {run.check_slug: run for run in reversed(list(request.check_runs.all()))}


def _list_row(request: PromotionRequest, person: User | None, mine: Standing) -> ListRow:
    document = gate_inputs.get_policy_document(request)
    rules = _rules(request)
    latest = latest_runs_read(request)
    required = [c.check for c in document.checks if c.mode == "required"] if document is not None else []
    standing = [d for d in request.decisions.all() if d.lapsed_at is None and gate_inputs.counts(request, d)]
    approving = [(d.person.uid, frozenset(d.groups)) for d in standing if d.outcome == Decision.Outcome.APPROVE]
    filled = assign_approvers(rules, approving)
    my_rules = _my_rules(rules, mine.groups)
    excluded = mine.excluded
    decided = person is not None and any(d.person_id == person.pk for d in standing)
    my_turn = any(
        len(filled[rule.group]) < rule.count
        and all(len(filled[r.group]) >= r.count for r in rules if r.order < rule.order)
        for rule in my_rules
    )
    return ListRow(
        request=request,
        checks_met=sum(latest[s].conclusion in PASSING_CONCLUSIONS for s in required if s in latest),
        checks_total=len(required),
        approvals_have=sum(len(people) for people in filled.values()),
        approvals_need=sum(rule.count for rule in rules),
        needs_me=request.is_live and bool(request.packet_digest) and my_turn and excluded is None and not decided,
        my_lapsed=person is not None
        and not decided
        and any(d.person_id == person.pk and d.lapsed_at is not None for d in request.decisions.all()),
        my_groups=tuple(rule.group for rule in my_rules) if excluded is None else (),
    )


@dataclass(frozen=True)
class MyReviews:
    """A reviewer's inbox."""

    needs_me: tuple[ListRow, ...]
    waiting_for_others: tuple[ListRow, ...]
    done_lately: tuple[ListRow, ...]


def my_reviews(actor: Actor) -> MyReviews:
    """Return what waits for a reader, what waits for others in their groups, and what they decided on recently.

    Args:
        actor: who reads; the result is empty without a person.
    """
    person = access.person_of(actor)
    if person is None:
        return MyReviews((), (), ())
    reader = member(person)
    live = _rows(visible_requests(actor).filter(state__in=PromotionRequest.LIVE).order_by("expires_at"), reader)
    mine = [row for row in live if row.my_groups]
    # EXISTS, not a join with DISTINCT over two hundred columns, which PostgreSQL takes ten seconds to plan.
    decided = Decision.objects.filter(request=OuterRef("pk"), person=person)
    done = visible_requests(actor).filter(Exists(decided)).exclude(state__in=PromotionRequest.LIVE)
    lately = _rows(done.order_by("-closed_at")[:30], reader)
    needs = tuple(row for row in mine if row.needs_me)
    return MyReviews(needs, tuple(row for row in mine if not row.needs_me), tuple(lately))


def model_ids_awaiting_review(actor: Actor, person: User) -> tuple[int, ...]:
    """Return the model key of each request that waits for a reader; its length is the count beside "My reviews".

    Args:
        actor: who reads.
        person: the account behind the actor.
    """
    reader = member(person)
    if not reader.joined:
        return ()
    # Limits the rows to requests whose policy requires one of the reader's groups.
    calls_on = [Q(policy_revision__document__approvals__contains=[{"group": group}]) for group in reader.joined]
    governing = RequestPolicy.objects.filter(reduce(or_, calls_on), request=OuterRef("pk"))
    under_review = visible_requests(actor).filter(Exists(governing), state__in=PromotionRequest.LIVE)
    rows = _rows(under_review.exclude(packet_digest=""), reader, checks=False)
    return tuple(row.request.model_id for row in rows if row.needs_me)
