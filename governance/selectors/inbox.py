"""Lists of requests and reviewer inboxes, each in a fixed number of queries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from audit import clock
from audit.actor import Actor
from audit.postgresql import prepared_statements
from governance.gate import delegates, gate_inputs
from governance.gate.eligibility import Member, member
from governance.gate.list_evaluation import evaluate_many
from governance.models import CheckRun, Decision, PromotionRequest, RequestPolicy
from governance.policies import Requirement, Verdict
from governance.policies.approval_roles import OWNER, VALIDATORS
from governance.selectors.requests import ROW_RELATED, visible_requests
from registry import access
from registry.access.facts_sql import is_active_grant
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
_DECISIONS = JoinedRows(Decision, "d", gate_inputs.SIGNERS)
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
    """Groups required by the policy in which a decision of the reader counts, their own or by a delegation."""
    unmet: tuple[Requirement, ...] = field(repr=False)
    """Required checks, approvals and objections that are not met; not the conditions of the model."""
    latest_runs: Mapping[str, CheckRun] = field(repr=False)
    """The latest run of each check, by slug."""

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


def _rows(requests: QuerySet[PromotionRequest], reader: Member | None) -> list[ListRow]:
    # Keys first, then rows: visibility and ten joins in one query take ten times as long to plan.
    return _rows_of(list(requests.values_list("pk", flat=True)), reader)


def _rows_of(numbers: Sequence[int], reader: Member | None) -> list[ListRow]:
    if not numbers:
        return []
    here = {"requests": list(numbers)}
    found = {request.pk: request for request in _REQUESTS.fetch("r.id = ANY (%(requests)s)", here)}
    attach(found.values(), "decisions", _DECISIONS.fetch(f"d.{_OF_THESE} ORDER BY d.signed_at, d.id", here))
    bound: dict[int, list[RequestPolicy]] = {number: [] for number in found}
    for policy in _POLICIES.fetch(f"b.{_OF_THESE} ORDER BY b.id", here):
        bound[policy.request_id].append(policy)
    for request in found.values():
        request.governing = tuple(bound[request.pk]) if request.policy_revision_id is not None else ()
    latest: dict[int, dict[str, CheckRun]] = {number: {} for number in found}
    for run in _RUNS.fetch(f"c.{_OF_THESE} ORDER BY c.id", here):  # the last one of a check stays
        latest[run.request_id][run.check_slug] = run
    verdicts = evaluate_many(found.values(), latest, reader)
    person = reader.user if reader is not None else None
    return [
        _list_row(found[number], person, verdicts.get(number), latest[number]) for number in numbers if number in found
    ]


def _list_row(
    request: PromotionRequest, person: User | None, verdict: Verdict | None, runs: Mapping[str, CheckRun]
) -> ListRow:
    approvals = verdict.approvals if verdict is not None else ()
    checks = [r for r in verdict.requirements if r.kind == "check" and r.required] if verdict is not None else []
    lapsed = {d.lapsed_at is not None for d in request.decisions.all() if person and d.person_id == person.pk}
    uid = person.uid if person is not None else None
    mine = tuple(
        progress
        for progress in approvals
        if request.is_live and any(reviewer.uid == uid for reviewer in progress.eligible)
    )
    may_approve = bool(mine) and verdict is not None and uid in verdict.awaited
    return ListRow(
        request=request,
        checks_met=sum(check.satisfied for check in checks),
        checks_total=len(checks),
        approvals_have=sum(len(progress.approved_by) for progress in approvals),
        approvals_need=sum(progress.rule.count for progress in approvals),
        needs_me=may_approve and verdict is not None and verdict.review_open and bool(request.packet_digest),
        my_lapsed=lapsed == {True},
        my_groups=tuple(progress.rule.group for progress in mine),
        unmet=verdict.unmet if verdict is not None else (),
        latest_runs=runs,
    )


_RULES = """
    COALESCE(p.document -> 'approvals', '[]'::jsonb) || COALESCE(p.document -> 'conditional_approvals', '[]'::jsonb)
    || CASE WHEN r.kind = 'rollback'
            THEN COALESCE(p.document -> 'rollback' -> 'approvals', '[]'::jsonb) ELSE '[]'::jsonb END"""
"""Every approval rule of a policy that can name reviewers of a request; the verdict decides which of them apply."""


def _calling_on(actor: Actor, reader: Member, *, under_review: bool = False) -> list[int]:
    """Return the live requests that the actor may see and whose policies require a group of the reader, or of a member
    who delegated to the reader, in the order in which they expire. Prepared queries; every page runs them.

    Args:
        actor: the reader.
        reader: the account behind the actor, with its groups.
        under_review: whether to return only requests that have a packet.
    """
    groups = _groups(reader)
    seen = visibility_clause(actor)
    found = prepared_statements.execute_prepared(
        f"""
        WITH {seen.tables} SELECT r.id FROM governance_promotionrequest r
         WHERE r.state = ANY (%(live)s) AND {"r.packet_digest <> ''" if under_review else "TRUE"} AND EXISTS (
               SELECT FROM governance_requestpolicy b JOIN governance_policyrevision p ON p.id = b.policy_revision_id
                 CROSS JOIN LATERAL (SELECT {_RULES} AS named) rules
                WHERE b.request_id = r.id
                  AND (rules.named @> ANY (%(calls)s::text[]::jsonb[])
                       OR r.confirming_group = ANY (%(groups)s)
                       OR (rules.named @> %(owner)s::jsonb AND EXISTS (
                           SELECT FROM registry_registeredmodel o WHERE o.id = r.model_id AND o.owner_id = %(person)s))
                       OR (rules.named @> %(validators)s::jsonb AND EXISTS (
                           SELECT FROM registry_grant g
                            WHERE g.role = 'validator' AND (g.model_id IS NULL OR g.model_id = r.model_id)
                              AND {is_active_grant("g")}
                              AND (g.user_id = %(person)s OR g.group_id IN (
                                   SELECT y.group_ptr_id FROM registry_reviewergroup y
                                    WHERE y.slug = ANY (%(groups)s)))))))
           AND EXISTS (SELECT FROM registry_registeredmodel m WHERE m.id = r.model_id AND {seen.condition})
         ORDER BY r.expires_at, r.id""",  # noqa: S608 - text of ours
        {
            "live": [str(state) for state in PromotionRequest.LIVE],
            "calls": [json.dumps([{"group": group}]) for group in groups],
            "groups": groups,
            "owner": json.dumps([{"group": OWNER}]),
            "validators": json.dumps([{"group": VALIDATORS}]),
            "person": reader.user.pk,
            "now": clock.now(),
            **seen.parameters,
        },
    )
    return [number for (number,) in found]


def _groups(reader: Member) -> list[str]:
    """Return the groups of a reader and of those in whose place they may decide."""
    given = delegates.delegations_to([reader.user.pk])
    people = delegates.people_of(given)
    return sorted({*reader.joined, *(group for each in given for group in people[each.delegator_id].joined)})


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
    live = _rows_of(_calling_on(actor, reader), reader)
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
    rows = _rows_of(_calling_on(actor, reader, under_review=True), reader)
    return tuple(row.request.model_id for row in rows if row.needs_me)
