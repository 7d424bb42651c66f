"""Whether a policy can be met with the groups, roles, checks and keys of this installation.

`setup_gaps` is the only implementation: the page of a policy, proposals, the admin site, `apply_policy --plan` and
`manage.py check` show what it finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004 - Django's own name
from django.db import DatabaseError

from audit import clock
from governance.checks import entry_points
from governance.gate import gate_inputs
from governance.gate.eligibility import members_of
from governance.gate.model_roles import role_holders
from governance.models import ExternalRun, PolicyRevision
from governance.policies import ApprovalRule, CheckRule, PolicyDocument, assign_approvers, facts_of_model
from governance.policies.approval_roles import is_role
from registry.models import RegisteredModel, User
from registry.selectors.verification_keys import has_key_for

KEYS_OF_CHECKS: Final = {"integrity.signature": "signature", "provenance.slsa": "provenance"}
"""The purpose of the verification key that a check needs."""
MOST_MODELS: Final = 2_000
"""Models whose role holders are read; a policy that covers more is examined for these."""


def setup_gaps(document: PolicyDocument) -> tuple[str, ...]:
    """Return why a policy cannot be met, or only by everyone, in words; empty if nothing is missing.

    Permissions on single models and exclusions of single people are not examined: the readiness of a version does.

    Args:
        document: a policy in force, or a draft.
    """
    found = [*_approvals(document.approvals, ""), *_checks(document.checks), *_roles(document)]
    if document.rollback is not None:
        found += [*_approvals(document.rollback.approvals, "Rollback: "), *_checks(document.rollback.checks)]
    alone = dict.fromkeys(document.emergency.groups, "emergency") if document.emergency is not None else {}
    alone |= {group: f"waivers of {r.check}" for r in document.checks if r.waivable for group in r.waivable.by}
    held = _people(alone)
    found += [
        f"The group {group}, named for {use}, has no member who can decide."
        for group, use in alone.items()
        if not any(group in groups for _, groups in held)
    ]
    return tuple(dict.fromkeys(found))


def _people(groups: Iterable[str]) -> list[tuple[str, frozenset[str]]]:
    """Return the active people who are members of groups, superusers left out, with those groups."""
    wanted = frozenset(groups)
    return [
        (one.user.uid, frozenset(one.joined) & wanted)
        for one in (members_of(wanted) if wanted else ())
        if one.user.is_active and not one.user.is_superuser and one.user.kind == User.Kind.PERSON
    ]


def _approvals(rules: Sequence[ApprovalRule], where: str) -> list[str]:
    of_groups = [rule for rule in rules if not is_role(rule.group)]
    people = _people(rule.group for rule in of_groups)
    filled = assign_approvers(of_groups, people)
    found = []
    for rule in of_groups:
        members = [uid for uid, groups in people if rule.group in groups]
        condition = " where the rule applies" if rule.when is not None else ""
        if len(filled[rule.group]) < rule.count:
            reason = (
                f"it has {len(members)}"
                if len(members) < rule.count
                else "some of them are needed in another group, and a person fills one place"
            )
            found.append(
                f"{where}It cannot be met{condition}: {rule.count} of {rule.group} must approve, and {reason}."
            )
        elif len(members) == rule.count:
            found.append(
                f"{where}Every member of {rule.group} must approve{condition}: a request in which one of them had a "
                "part cannot be met."
            )
    return found


def _checks(rules: Sequence[CheckRule]) -> list[str]:
    found = []
    for rule in rules:
        if rule.mode != "required":
            continue
        if not rule.external and entry_points.find(rule.check) is None:
            found.append(f"It cannot be met: {entry_points.why_unusable(rule.check)}")
        elif rule.external and not ExternalRun.objects.filter(check_slug=rule.check).exists():
            found.append(f"No system has reported a result of {rule.check} yet: requests wait until one does.")
        purpose = KEYS_OF_CHECKS.get(rule.check)
        if purpose is not None and not has_key_for(purpose, clock.now()):
            found.append(f"{rule.check} needs a verification key for the purpose {purpose}, and none is in force.")
    return found


def _roles(document: PolicyDocument) -> list[str]:
    """Return for each role that the policy names how many models in use that it covers have no holder."""
    roles = [rule for rule in document.approvals if is_role(rule.group)]
    if not roles:
        return []
    models = RegisteredModel.objects.exclude(status=RegisteredModel.Status.ARCHIVED).select_related("owner")
    covered = [one for one in models.order_by("pk")[:MOST_MODELS] if document.applies_to.covers(facts_of_model(one))]
    holders = role_holders(covered, {rule.group for rule in roles})
    found = []
    for rule in roles:
        short = [
            one.slug
            for one in covered
            if sum(rule.group in holder.roles for holder in holders.get(one.pk, {}).values()) < rule.count
        ]
        if short:
            named = ", ".join(short[:3]) + (", …" if len(short) > 3 else "")
            found.append(
                f"{len(short)} of {len(covered)} models in use that it covers do not have {rule.count} "
                f"{'person' if rule.count == 1 else 'people'} for “{rule.label}”: {named}."
            )
    return found


@register(Tags.database)
def check_policies(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn of every policy in force that cannot be met, or only by everyone."""
    if not databases:
        return []
    try:
        found = [
            (revision, words)
            for revision in PolicyRevision.objects.in_force().order_by("policy__slug")
            for words in setup_gaps(gate_inputs.parse_revision(revision))
        ]
    except (DatabaseError, ValueError):  # not installed or not migrated yet
        return []
    return [
        Warning(f"{revision}: {words}", hint="The page of the policy shows the same.", id="countersign.W003")
        for revision, words in found
    ]
