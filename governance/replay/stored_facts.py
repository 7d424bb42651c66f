"""Facts of closed requests as they were kept, read for many requests in a fixed number of queries.

Kept are the check runs with their parameters, the decisions with the groups of their signers, memberships and
assessments with their dates, and the policy revisions that governed. Not kept is what a check would have concluded that
did not run, or that ran with other parameters: such results are unknown, unless `Check.judge_again` decides them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from governance.checks import entry_points
from governance.checks.base import Check
from governance.models import CheckRun, Decision
from governance.policies import CheckFact, CheckRule, DecisionFact, PolicyDocument, Reviewer, UncombinableRule, is_fresh
from registry.models import Assessment, Membership, User

BATCH = 5_000
"""Requests whose facts are read at a time."""


@dataclass(frozen=True)
class StoredRun:
    """The latest run of a check for a request."""

    pk: int
    status: str
    conclusion: str
    summary: str
    params: Mapping[str, Any]
    completed_at: datetime | None
    by_service: bool | None
    """Whether a service account reported it; None if the product ran it."""


@dataclass(frozen=True)
class StoredDecision:
    """A decision that had not lapsed."""

    person: int
    uid: str
    name: str
    outcome: str
    groups: frozenset[str]
    signed_at: datetime
    on_behalf_of: str = ""
    """Uid of the member whose place a delegate took."""
    delegator: str = ""


@dataclass(frozen=True)
class StoredFacts:
    """What was kept of a set of requests, by request number, person or model."""

    runs: Mapping[int, Mapping[str, StoredRun]]
    decisions: Mapping[int, Sequence[StoredDecision]]
    memberships: Mapping[int, Sequence[Membership]] = field(default_factory=dict)
    assessments: Mapping[int, Sequence[tuple[datetime, int | None]]] = field(default_factory=dict)
    """Per model, oldest first: when it was assessed, and its tier before."""

    def reviewers(self, request: int, opened_at: datetime, called: Collection[str]) -> tuple[Reviewer, ...]:
        """Return the signers of a request with the groups in which they count.

        For groups that were called then, the decision names them. For others the membership at the signature counts if
        it began before the request was opened.
        """
        return tuple(
            Reviewer(
                one.uid,
                one.name,
                one.groups | (self._groups_at(one, opened_at, called) if not one.on_behalf_of else frozenset()),
                on_behalf_of=one.on_behalf_of,
                delegator=one.delegator,
            )
            for one in self.decisions.get(request, ())
        )

    def _groups_at(self, decision: StoredDecision, opened_at: datetime, called: Collection[str]) -> frozenset[str]:
        at = decision.signed_at
        return frozenset(
            row.group.slug
            for row in self.memberships.get(decision.person, ())
            if row.group.slug in called
            and row.opened_at <= opened_at
            and row.valid_from <= at
            and (row.closed_at is None or row.closed_at > at)
            and (row.valid_until is None or row.valid_until > at)
        )

    def tier_at(self, model: int, now: int | None, moment: datetime) -> int | None:
        """Return the risk tier of a model at a time. Changes of a declared tier leave no assessment and are not seen.

        Args:
            model: key of the model.
            now: its tier now.
            moment: the time.
        """
        return next((before for at, before in self.assessments.get(model, ()) if at > moment), now)

    def is_assessed_at(self, model: int, moment: datetime) -> bool:
        """Return whether a model had been assessed by questionnaire at a time."""
        rows = self.assessments.get(model, ())
        return bool(rows) and rows[0][0] <= moment

    def decided(self, request: int) -> tuple[DecisionFact, ...]:
        """Return the decisions of a request."""
        return tuple(
            DecisionFact(one.uid, one.name, one.outcome, one.signed_at, one.on_behalf_of)
            for one in self.decisions.get(request, ())
        )


def read_runs(requests: Collection[int]) -> dict[int, dict[str, StoredRun]]:
    """Return the latest run of each check, by request number and slug. One query."""
    rows = CheckRun.objects.filter(request__in=requests).order_by("request_id", "check_slug", "-pk")
    found: defaultdict[int, dict[str, StoredRun]] = defaultdict(dict)
    columns = rows.distinct("request_id", "check_slug").values_list(
        "request_id", "check_slug", "pk", "status", "conclusion", "summary", "params", "completed_at",
        "external_run__reported_by__kind",
    )  # fmt: skip
    for request, slug, pk, status, conclusion, summary, params, at, kind in columns.iterator(chunk_size=20_000):
        by_service = None if kind is None else kind == User.Kind.SERVICE
        found[request][slug] = StoredRun(pk, status, conclusion, summary, params, at, by_service)
    return found


def read_decisions(requests: Collection[int]) -> dict[int, list[StoredDecision]]:
    """Return the decisions that have not lapsed, by request number, in the order of signing. One query."""
    rows = Decision.objects.filter(request__in=requests, lapsed_at__isnull=True).order_by("signed_at", "pk")
    found: defaultdict[int, list[StoredDecision]] = defaultdict(list)
    columns = rows.values_list(
        "request_id", "person_id", "person__uid", "signed_name", "outcome", "groups", "signed_at",
        "on_behalf_of__uid", "on_behalf_of__name",
    )  # fmt: skip
    for request, person, uid, name, outcome, groups, at, member, delegator in columns:
        stored = StoredDecision(person, uid, name, outcome, frozenset(groups), at, member or "", delegator or "")
        found[request].append(stored)
    return found


def read_facts(requests: Collection[int], models: Collection[int], called: Collection[str]) -> StoredFacts:
    """Return what was kept of closed requests. Four queries.

    Args:
        requests: their numbers, at most `BATCH`.
        models: keys of their models.
        called: slugs of the groups that the draft requires.
    """
    decisions = read_decisions(requests)
    memberships: defaultdict[int, list[Membership]] = defaultdict(list)
    signers = {one.person for rows in decisions.values() for one in rows}
    for row in Membership.objects.filter(user__in=signers, group__slug__in=called).select_related("group"):
        memberships[row.user_id].append(row)
    return StoredFacts(read_runs(requests), decisions, memberships, read_assessments(models))


def read_assessments(models: Collection[int]) -> dict[int, list[tuple[datetime, int | None]]]:
    """Return when models were assessed, and the tier before each, oldest first. One query."""
    found: defaultdict[int, list[tuple[datetime, int | None]]] = defaultdict(list)
    rows = Assessment.objects.filter(model__in=models).order_by("model_id", "number")
    for model, at, before in rows.values_list("model_id", "assessed_at", "tier_before"):
        found[model].append((at, before))
    return found


class ResultReader:
    """Reads what a stored run says under a rule, and why it says nothing."""

    def __init__(self) -> None:
        self._wanted: dict[int, tuple[CheckRule, Check | None, Mapping[str, Any] | None]] = {}
        self._measures: dict[int, Mapping[str, Any]] = {}

    def prepare(self, documents: Iterable[PolicyDocument], runs: Iterable[Mapping[str, StoredRun]]) -> None:
        """Read the measures of the runs that have to be judged again. At most one query.

        Args:
            documents: the combined policies with the draft.
            runs: the latest runs of each request.
        """
        wanted: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for document in documents:
            for rule in document.checks:
                if not rule.external and (params := self._validated(rule)[1]) is not None:
                    wanted[rule.check].append(params)
        needed = [
            run.pk
            for found in runs
            for slug, run in found.items()
            if run.conclusion and any(params != run.params for params in wanted.get(slug, ()))
        ]
        self._measures = dict(CheckRun.objects.filter(pk__in=needed).values_list("pk", "measures")) if needed else {}

    def is_same_rule(self, rule: CheckRule, other: CheckRule | None) -> bool:
        """Return whether two rules accept the same results of a check, whatever their age."""
        if other is None or isinstance(rule, UncombinableRule) or isinstance(other, UncombinableRule):
            return rule is other
        if (rule.external, rule.reported_by) != (other.external, other.reported_by):
            return False
        return rule.external or self._validated(rule)[1] == self._validated(other)[1]

    def result(self, rule: CheckRule, run: StoredRun | None, at: datetime) -> tuple[CheckFact | None, str]:
        """Return the fact of a check, or why its result is unknown.

        Args:
            rule: the check in the combined policy.
            run: its latest run; None if there is none.
            at: the time at which the age of the result is taken.
        """
        if isinstance(rule, UncombinableRule):
            return CheckFact(rule.check, rule.check, "completed", "error", rule.conflict), ""
        if run is None:
            return None, "it was not required then, and never ran"
        if run.status != CheckRun.Status.COMPLETED or run.completed_at is None:
            return None, "it had no result when the request was closed"
        if rule.external != (run.by_service is not None):
            return None, "it ran in another system then" if run.by_service is not None else "the product ran it then"
        if rule.external and rule.reported_by == "service_account" and not run.by_service:
            return None, "a person reported the result, and only service accounts count"
        if not is_fresh(rule, run.completed_at, at):
            return None, f"its result was older than {rule.max_age_days} days, so that it would have run again"
        conclusion = run.conclusion if rule.external else self._conclusion(rule, run)
        if conclusion is None:
            return None, "it ran with other parameters, and what was measured does not decide these"
        check = entry_points.find(rule.check)
        title = check.title if check is not None else rule.check
        again = "" if conclusion == run.conclusion else "judged again by what was measured; the result then: "
        return CheckFact(rule.check, title, "completed", conclusion, f"{again}{run.summary}"), ""

    def _conclusion(self, rule: CheckRule, run: StoredRun) -> str | None:
        check, wanted = self._validated(rule)
        if wanted is None or wanted == run.params:
            return run.conclusion if wanted is not None or dict(rule.params) == dict(run.params) else None
        if check is None or run.conclusion == CheckRun.Conclusion.ERROR:
            return None
        try:
            before = entry_points.parameters(check, run.params)
            found = check.judge_again(
                self._measures.get(run.pk, {}), before, entry_points.parameters(check, rule.params)
            )
        except Exception:  # parameters of another version of the check, or code of a plug-in
            return None
        return str(found) if found is not None else None

    def _validated(self, rule: CheckRule) -> tuple[Check | None, Mapping[str, Any] | None]:
        """Return the installed check and the parameters of the rule with defaults; None if they cannot be read."""
        if id(rule) not in self._wanted:  # the rule is kept with its entry, so that its id is not used again
            check = entry_points.find(rule.check)
            try:
                values = entry_points.parameters(check, rule.params).model_dump(mode="json") if check else None
            except entry_points.BadParameters:
                values = None
            self._wanted[id(rule)] = (rule, check, values)
        return self._wanted[id(rule)][1:]
