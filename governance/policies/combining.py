"""The conjunction of several policies: what satisfies it satisfies each of them. Pure: no database, no clock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from governance.policies.after_promotion import combine_after_promotion
from governance.policies.conditions import both, either
from governance.policies.document import ApprovalRule, CheckRule, PolicyDocument
from governance.policies.escalation import combine_escalations
from governance.policies.monitoring import combine_sections
from governance.policies.mutual_approvals import combine_mutual_approvals
from governance.policies.waivable import combine_waivable

Merge = Callable[[str, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any] | None]
"""Combines the parameters of one check in two policies: (check, first, second) to parameters that satisfy both,
or None.
"""


class UncombinableRule(CheckRule):
    """A check that two policies require with parameters no single run can satisfy.

    It never passes; `conflict` names the policies and the remedy.
    """

    conflict: str


def merge_equal(check: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Combine parameters only if they are equal: the rule for a check that defines no other."""
    return first if dict(first) == dict(second) else None


def combine(documents: Sequence[PolicyDocument], *, merge: Merge = merge_equal) -> PolicyDocument:
    """Return the conjunction of policies: every request that satisfies it satisfies each of them.

    Checks: the union; required before advisory; the shorter `max_age_days` and `timeout`; waivable only if each policy
    that names the check allows it, for the shorter time and by the groups of all. Approvals: for each group the larger
    count and the later order. A comment, holding when ready, and an assessed tier are required if any policy requires
    them. The earliest expiry applies. Monitoring: the limits of all, and the shorter periods. All conditions apply; a
    rule applies if it does in one policy that names it. The longest comment and waiting time, the shortest validity of
    approvals and time to the next review, the earliest reminders and escalations, and all freeze windows apply. Mutual
    approvals exclude if any policy says so, over the longest period. Slug, title, targets and priority are those of the
    first document. A single document is returned unchanged. For a rollback or an emergency change, `rules_for` is
    applied to each document before.

    Args:
        documents: the policies, the primary one first.
        merge: combines the parameters of a check that two policies name. Parameters it cannot combine become an
            `UncombinableRule`, which blocks.

    Returns:
        The combined document, for evaluation only; it is never published.

    Raises:
        ValueError: if `documents` is empty.
    """
    if not documents:
        raise ValueError("there is no policy to combine")
    first, *others = documents
    if not others:
        return first
    checks = {rule.check: rule for rule in first.checks}
    approvals = {rule.group: rule for rule in first.approvals}
    named = {rule.check: first.slug for rule in first.checks}
    for other in others:
        for check in other.checks:
            held = checks.get(check.check)
            if held is None:
                checks[check.check], named[check.check] = check, other.slug
            else:
                checks[check.check] = _both(held, check, merge, f"{named[check.check]} and {other.slug}")
        for approval in other.approvals:
            approvals[approval.group] = _stricter(approvals.get(approval.group), approval)
    return first.model_copy(
        update={
            "checks": tuple(checks.values()),
            "approvals": tuple(approvals.values()),
            "comment_required": any(d.comment_required for d in documents),
            "on_ready": "hold" if any(d.on_ready == "hold" for d in documents) else "promote",
            "expires_after_days": min(d.expires_after_days for d in documents),
            "requires_assessed_tier": any(d.requires_assessed_tier for d in documents),
            "after_promotion": combine_after_promotion([d.after_promotion for d in documents]),
            "monitoring": combine_sections([d.monitoring for d in documents]),
            "mutual_approvals": combine_mutual_approvals(d.mutual_approvals for d in documents),
            "comment_min_length": _largest(d.comment_min_length for d in documents),
            "approval_valid_days": _smallest(d.approval_valid_days for d in documents),
            "wait_hours": _largest(d.wait_hours for d in documents),
            "freeze_windows": tuple(dict.fromkeys(window for d in documents for window in d.freeze_windows)),
            "escalation": combine_escalations([d.escalation for d in documents]),
            "conditions": reduce(both, (d.conditions for d in documents)),
            "review_within_days": _smallest(d.review_within_days for d in documents),
        }
    )


def is_at_least_as_strict(first: PolicyDocument, second: PolicyDocument, *, merge: Merge = merge_equal) -> bool:
    """Return whether every request that satisfies the first policy satisfies the second, as far as their keys show it:
    the second adds nothing to their conjunction.

    Args:
        first: the policy that might imply the other.
        second: the policy that might be implied.
        merge: as for `combine`.
    """
    return combine([first, second], merge=merge) == first


def conflicts(document: PolicyDocument) -> tuple[UncombinableRule, ...]:
    """Return the checks of a combined document that no run can satisfy."""
    return tuple(rule for rule in document.checks if isinstance(rule, UncombinableRule))


def _both(held: CheckRule, other: CheckRule, merge: Merge, policies: str) -> CheckRule:
    if isinstance(held, UncombinableRule):
        return held
    common: dict[str, Any] = {
        "check": held.check,
        "mode": "required" if "required" in (held.mode, other.mode) else "advisory",
        "max_age_days": _smallest((held.max_age_days, other.max_age_days)),
        "timeout": _smallest((held.timeout, other.timeout)),
        "waivable": combine_waivable(held.waivable, other.waivable),
        "when": either(held.when, other.when),
    }
    if held.external != other.external:
        conflict = (
            f"Of the policies {policies}, one requires {held.check} as an external check and the other as a check that "
            "the product runs. An officer must publish a revision that agrees; then withdraw this request and open it "
            "again."
        )
        return UncombinableRule.model_validate(_common_of_both_kinds(common) | {"conflict": conflict})
    if held.external:
        by = "service_account" if "service_account" in (held.reported_by, other.reported_by) else "any"
        return CheckRule.model_validate(common | {"external": True, "reported_by": by})
    params = merge(held.check, held.params, other.params)
    if params is None:
        conflict = (
            f"The policies {policies} require {held.check} with parameters that one run cannot satisfy. An officer "
            "must publish a revision that gives both the same parameters; then withdraw this request and open it again."
        )
        # Required even if both are advisory: a check that cannot be evaluated must not be skipped.
        return UncombinableRule.model_validate(common | {"mode": "required", "waivable": None, "conflict": conflict})
    return CheckRule.model_validate(common | {"params": dict(params)})


def _common_of_both_kinds(common: dict[str, Any]) -> dict[str, Any]:
    """Required even if both are advisory; the longer timeout of an external check does not fit the other kind."""
    return common | {"mode": "required", "timeout": None, "waivable": None}


def _stricter(held: ApprovalRule | None, other: ApprovalRule) -> ApprovalRule:
    if held is None:
        return other
    return ApprovalRule(
        group=held.group,
        count=max(held.count, other.count),
        order=max(held.order, other.order),
        when=either(held.when, other.when),
    )


def _smallest(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
