"""Which waivers apply to the checks of a request, and who may grant one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from audit import clock
from governance.checks import entry_points
from governance.gate.eligibility import (
    Member,
    eligibility_of,
    has_left_since,
    involvements,
    members_among,
    members_of,
    reviewers_among,
)
from governance.models import CheckRun, PromotionRequest, Waiver
from governance.policies import CheckRule, PolicyDocument, Reviewer
from governance.policies.judging import PASSING_CONCLUSIONS
from governance.policies.waivable import covers_findings, why_never_waived
from registry import access

Applied = Mapping[str, tuple[Waiver, ...]]
"""Waivers by the slug of their check, the one that ends last first."""


def waivers_of(requests: Collection[PromotionRequest], documents: Mapping[int, PolicyDocument]) -> dict[int, Applied]:
    """Return the waivers that are in force for requests under their policies, by request number.

    A waiver counts for a live request if the policy still allows it (length and group), the person who granted it is
    not excluded from the request by the separation of duties, and the account was active since. A closed request keeps
    what was in force when it was closed. One query, and three for the people if there is any waiver.

    Args:
        requests: the requests, with their versions.
        documents: their combined policies by request number.
    """
    rows: defaultdict[int, list[Waiver]] = defaultdict(list)
    found = Waiver.objects.filter(version__in={request.version_id for request in requests})
    for row in found.select_related("accepted_by").order_by("-valid_until", "-pk"):
        rows[row.version_id].append(row)
    if not rows:
        return {}
    live = [request for request in requests if request.is_live and request.version_id in rows]
    people = members_among({row.accepted_by_id for request in live for row in rows[request.version_id]})
    involved = involvements(live) if live else {}
    applied: dict[int, Applied] = {}
    for request in requests:
        document = documents.get(request.pk)
        if document is None or request.version_id not in rows:
            continue
        at = request.closed_at or clock.now()
        fingerprint = request.version.fingerprint if request.is_live else request.fingerprint
        counted: defaultdict[str, list[Waiver]] = defaultdict(list)
        rules = {rule.check: rule for rule in document.checks}
        for row in rows[request.version_id]:
            rule = rules.get(row.check_slug)
            if rule is None or rule.waivable is None or row.fingerprint != fingerprint or not row.is_in_force(at):
                continue
            groups = set(row.groups)
            if request.is_live:
                member = people.get(row.accepted_by_id) or Member(row.accepted_by, {})
                if has_left_since(row.accepted_by, row.granted_at):
                    continue
                eligibility = eligibility_of(member, request, rule.waivable.by, involved=involved.get(request.pk))
                groups &= eligibility.groups
            if rule.waivable.allows(row.granted_at, row.valid_until, groups):
                counted[row.check_slug].append(row)
        if counted:
            applied[request.pk] = {slug: tuple(waivers) for slug, waivers in counted.items()}
    return applied


def applying(waivers: Collection[Waiver], run: CheckRun | None, inputs_digest: str | None) -> Waiver | None:
    """Return the waiver that covers the result of a check; None if none does, or if the check is satisfied.

    Args:
        waivers: those in force for the check.
        run: its latest run.
        inputs_digest: its current inputs.
    """
    if not waivers or run is None or run.inputs_digest != inputs_digest or not is_waivable_result(run):
        return None
    if why_not_waivable(run):
        return None
    return next(
        (row for row in waivers if row.inputs_digest == inputs_digest and covers_findings(row.codes, run.findings)),
        None,
    )


def waiver_in_words(waiver: Waiver) -> str:
    """Return a waiver as text for a requirement: its number, until when, by whom, and its limit to codes."""
    limited = f" for {', '.join(waiver.codes)}" if waiver.codes else ""
    return f"waiver {waiver.pk}{limited} until {waiver.valid_until:%Y-%m-%d} by {waiver.signed_name}: {waiver.reason}"


def why_not_waivable(run: CheckRun) -> str:
    """Return why the result of a run is never waived, whatever a policy says; empty if it can be."""
    check = entry_points.find(run.check_slug)
    if check is not None and not check.waivable:
        return f"{run.check_slug} is never waived: the check does not allow it."
    return why_never_waived(run.check_slug, run.conclusion, run.findings)


def is_waivable_result(run: CheckRun) -> bool:
    """Return whether a run has an answer to waive: it is completed and not passed, or waits for evidence."""
    if run.status == CheckRun.Status.COMPLETED:
        return run.conclusion not in {*PASSING_CONCLUSIONS, CheckRun.Conclusion.CANCELLED}
    return run.status == CheckRun.Status.WAITING_EVIDENCE


def who_may_waive(request: PromotionRequest, rule: CheckRule) -> tuple[Reviewer, ...]:
    """Return the members of the groups that may waive a check who may decide on the model, with those whom the
    separation of duties excludes, and why.

    Args:
        request: the promotion request.
        rule: the check in its combined policy.
    """
    if rule.waivable is None:
        return ()
    members = members_of(rule.waivable.by)
    deciders = access.filter_users_with_permission([m.user for m in members], access.Permission.DECIDE, request.model)
    return reviewers_among(members, deciders, request, rule.waivable.by)
