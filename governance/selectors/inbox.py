"""Lists of requests and reviewer inboxes, each in a fixed number of queries."""

import json
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from audit.actor import Actor
from audit.postgresql import prepared_statements
from governance.gate import gate_inputs
from governance.gate.eligibility import Member, Standing, involvements, member, standing_of
from governance.models import CheckRun, Decision, PromotionRequest, RequestPolicy
from governance.policies import PASSING_CONCLUSIONS, ApprovalRule, assign_approvers
from governance.selectors.requests import ROW_RELATED, visible_requests
from registry import access
from registry.access.visibility_sql import visibility_clause
from registry.models import User
from registry.models.joined_rows import JoinedRows, attach

_OF_THESE = "request_id = ANY (%(requests)s)"
# Left out: long texts that no row shows, and policy documents, which `gate_inputs.read` caches.
_REQUESTS = JoinedRows(
    PromotionRequest,
    "r",
    (*ROW_RELATED, "failure"),
    deferred=(
        *("policy_revision__source", "policy_revision__document"),
        *("model__description", "model__intended_use", "model__prohibited_use"),
        *("version__environment_lock", "version__parameters", "version__signature"),
        *("version__description", "version__notes"),
    ),
)
_RUNS = JoinedRows(CheckRun, "c", deferred=("findings", "measures", "conditions"))
_DECISIONS = JoinedRows(Decision, "d", ("person",))
_POLICIES = JoinedRows(
    RequestPolicy,
    "b",
    ("policy_revision__policy",),
    deferred=("policy_revision__source", "policy_revision__document"),
)


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


def promotion_summaries_of(actor: Actor, numbers: Sequence[int]) -> list[ListRow]:
    """Build the rows of these requests, in this order, as `promotion_summaries` does.

    Args:
        actor: the reader.
        numbers: requests that a query limited to visible ones returned in the same HTTP request.
    """
    person = access.person_of(actor)
    return _rows_of(numbers, member(person) if person is not None else None)


def _rows(requests: QuerySet[PromotionRequest], reader: Member | None, *, checks: bool = True) -> list[ListRow]:
    """Build the rows; with `checks` false, check runs are not read and the progress of checks is not valid."""
    # Keys first, then rows: visibility and ten joins in one query take ten times as long to plan.
    return _rows_of(list(requests.values_list("pk", flat=True)), reader, checks=checks)


def _rows_of(numbers: Sequence[int], reader: Member | None, *, checks: bool = True) -> list[ListRow]:
    here = {"requests": list(numbers)}
    found = {request.pk: request for request in (_REQUESTS.fetch("r.id = ANY (%(requests)s)", here) if numbers else [])}
    if found:
        runs = _RUNS.fetch(f"c.{_OF_THESE} ORDER BY c.id DESC", here) if checks else []
        attach(found.values(), "check_runs", runs)
        attach(found.values(), "decisions", _DECISIONS.fetch(f"d.{_OF_THESE} ORDER BY d.signed_at", here))
        bound: dict[int, list[RequestPolicy]] = {number: [] for number in found}
        for policy in _POLICIES.fetch(f"b.{_OF_THESE} ORDER BY b.id", here):
            bound[policy.request_id].append(policy)
        for request in found.values():
            request.governing = tuple(bound[request.pk]) if request.policy_revision_id is not None else ()
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


def _calling_on(actor: Actor, reader: Member, *, under_review: bool = False) -> list[int]:
    """Return the live requests that the actor may see and whose policies require a group of the reader, in the order in
    which they expire. One prepared query; every page runs it.

    Args:
        actor: the reader.
        reader: the account behind the actor, with its groups.
        under_review: whether to return only requests that have a packet.
    """
    seen = visibility_clause(actor)
    found = prepared_statements.execute_prepared(
        f"""
        WITH {seen.tables} SELECT r.id FROM governance_promotionrequest r
         WHERE r.state = ANY (%(live)s) AND {"r.packet_digest <> ''" if under_review else "TRUE"} AND EXISTS (
               SELECT FROM governance_requestpolicy b JOIN governance_policyrevision p ON p.id = b.policy_revision_id
                WHERE b.request_id = r.id AND p.document -> 'approvals' @> ANY (%(calls)s::text[]::jsonb[]))
           AND EXISTS (SELECT FROM registry_registeredmodel m WHERE m.id = r.model_id AND {seen.condition})
         ORDER BY r.expires_at, r.id""",  # noqa: S608 - text of ours
        {
            "live": [str(state) for state in PromotionRequest.LIVE],
            "calls": [json.dumps([{"group": group}]) for group in reader.joined],
            **seen.parameters,
        },
    )
    return [number for (number,) in found]


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
    live = _rows_of(_calling_on(actor, reader), reader) if reader.joined else []
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
    rows = _rows_of(_calling_on(actor, reader, under_review=True), reader, checks=False)
    return tuple(row.request.model_id for row in rows if row.needs_me)
