"""Which requests Celery beat has to evaluate again."""

from datetime import timedelta

from django.db.models import Prefetch, Q

from audit import clock
from governance.checks import check_runs, entry_points
from governance.gate import gate_inputs
from governance.gate.list_evaluation import evaluate_many
from governance.models import CheckRun, Decision, Finding, PromotionRequest, RequestPolicy
from governance.models.decision import ended_delegation_q
from governance.policies import GateState, approval_expiry, is_fresh
from governance.promotions.failures import failures_due, failures_waiting
from registry import selectors
from registry.models import RegisteredModel


def to_settle(span: timedelta) -> list[int]:
    """Return the numbers of the requests to evaluate now.

    Includes expired requests, those affected by changes of their model or of verification keys or by a check completed
    within `span`, those with stale results, with decisions by delegations that have ended, or with expired approvals,
    those whose waiting time or freeze window ended, and those due for a retry. Excludes failed ones that wait for their
    retry, unless their model changed.

    Args:
        span: how far back to look for changes; at least the beat interval.
    """
    found = {
        *expired_request_ids(),
        *requests_affected_by_model_changes(span),
        *check_runs.lately_completed(span),
        *with_stale_results(),
        *requests_affected_by_key_changes(span),
        *requests_affected_by_findings(span),
        *requests_changed_by_time(),
        *with_ended_delegations(),
    }
    found -= failures_waiting()
    return sorted(found | set(failures_due()))


def expired_request_ids() -> list[int]:
    """Return the numbers of the live requests that have expired."""
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, expires_at__lte=clock.now())
    return list(rows.order_by("pk").values_list("pk", flat=True))


def with_stale_results() -> list[int]:
    """Return the numbers of the live requests with a stale check result. Three queries.

    A result is stale if it comes from another version of the check than the installed one, or is older than the policy
    allows.
    """
    rows = (
        CheckRun.objects.filter(request__state__in=PromotionRequest.LIVE)
        .order_by("request_id", "check_slug", "-pk")
        .distinct("request_id", "check_slug")
        .values_list("request_id", "check_slug", "status", "check_version", "completed_at", "external_run_id")
    )
    finished = [row for row in rows if row[2] == CheckRun.Status.COMPLETED and (row[3] or row[5])]
    live = PromotionRequest.objects.filter(pk__in={row[0] for row in finished}).select_related("policy_revision")
    rules = {
        request.pk: {rule.check: rule for rule in document.checks}
        for request in live.prefetch_related("policies")
        if (document := gate_inputs.get_policy_document(request)) is not None
    }
    now = clock.now()
    found = set()
    for number, slug, _, version, completed_at, external_run in finished:
        rule, check = rules.get(number, {}).get(slug), entry_points.find(slug)
        old = rule is not None and completed_at is not None and not is_fresh(rule, completed_at, now)
        other = not external_run and version != (check.version if check is not None else "")
        if rule is not None and (old or other):
            found.add(number)
    return sorted(found)


def requests_affected_by_model_changes(span: timedelta) -> list[int]:
    """Return the numbers of the live requests whose model has a new or resolved problem.

    These are requests that are not blocked although their model has no active owner or no tier, or is archived; and all
    whose model changed within `span`, because the change may resolve what blocked them.
    """
    unanswered = Q(model__in=RegisteredModel.objects.filter(selectors.is_unowned() | Q(risk_tier__isnull=True)))
    broken = (unanswered | Q(model__status=RegisteredModel.Status.ARCHIVED)) & ~Q(state=PromotionRequest.State.BLOCKED)
    changed = Q(model__updated_at__gte=clock.now() - span)
    rows = PromotionRequest.objects.filter(broken | changed, state__in=PromotionRequest.LIVE)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def requests_affected_by_findings(span: timedelta) -> list[int]:
    """Return the numbers of the live requests of models with a finding that was opened or closed within `span`, and
    of those on which an approval has a late condition.
    """
    since = clock.now() - span
    changed = Finding.objects.filter(Q(opened_at__gte=since) | Q(closed_at__gte=since))
    late = Finding.objects.filter(decision__lapsed_at__isnull=True, closed_at__isnull=True, due__lt=clock.now().date())
    rows = PromotionRequest.objects.filter(
        Q(model__in=changed.exclude(blocks=[], decision=None).values("model_id"))
        | Q(pk__in=late.values("decision__request_id")),
        state__in=PromotionRequest.LIVE,
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def requests_affected_by_key_changes(span: timedelta) -> list[int]:
    """Return the numbers of the live requests with a check of signatures, if a verification key began or ceased to
    count within `span`.
    """
    changed = list(selectors.keys_changed_since(clock.now() - span).values_list("model_id", flat=True))
    if not changed:
        return []
    reading = [check.slug for check in entry_points.all() if "verification_keys" in check.facts]
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, check_runs__check_slug__in=reading)
    if None not in changed:
        rows = rows.filter(model__in=changed)
    return list(rows.order_by("pk").values_list("pk", flat=True).distinct())


_TIMED = ("approval_valid_days", "wait_hours", "freeze_windows", "conditions")
"""Keys of a policy document by which the verdict of a request changes while nothing happens."""


def requests_changed_by_time() -> list[int]:
    """Return the numbers of the live requests under review with an expired approval, or that are ready now because a
    waiting time or a freeze window has ended. A fixed number of queries.
    """
    timed = RequestPolicy.objects.filter(policy_revision__document__has_any_keys=_TIMED).values("request_id")
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, pk__in=timed).exclude(packet_digest="")
    related = ("model", "version", "requested_by", "requested_with__person", "policy_revision")
    people = ("version__registered_by", "version__registered_with__person", "version__trained_by")
    signed = Decision.objects.select_related(*gate_inputs.SIGNERS).order_by("signed_at", "pk")
    found = list(
        rows.select_related(*related, *people).prefetch_related("policies", Prefetch("decisions", queryset=signed))
    )
    if not found:
        return []
    runs: dict[int, dict[str, CheckRun]] = {request.pk: {} for request in found}
    for run in CheckRun.objects.filter(request__in=found).order_by("pk"):  # the last one of a check stays
        runs[run.request_id][run.check_slug] = run
    verdicts = evaluate_many(found, runs, None)
    waiting = [r for r in found if r.state != PromotionRequest.State.READY]
    ready = {r.pk for r in waiting if verdicts[r.pk].state is GateState.READY}
    return sorted(ready | {request.pk for request in found if _has_expired_approval(request)})


def _has_expired_approval(request: PromotionRequest) -> bool:
    document = gate_inputs.get_policy_document(request)
    days = document.approval_valid_days if document is not None else None
    return any(
        decision.lapsed_at is None
        and decision.outcome == Decision.Outcome.APPROVE
        and (expiry := approval_expiry(decision.signed_at, days)) is not None
        and expiry <= clock.now()
        for decision in request.decisions.all()
    )


def with_ended_delegations() -> list[int]:
    """Return the numbers of the live requests with a decision by a delegation that has ended."""
    rows = Decision.objects.filter(
        ended_delegation_q(clock.now()), lapsed_at__isnull=True, request__state__in=PromotionRequest.LIVE
    )
    return list(rows.order_by("request_id").values_list("request_id", flat=True).distinct())
