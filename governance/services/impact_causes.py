"""What changed since versions were approved in the protected places that they hold. Reads only.

Each function returns the causes of one kind for the approvals given. `services.impacts` records those that are new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from governance.checks.advisories import osv
from governance.checks.base import ENVIRONMENT_LOCK
from governance.checks.locked_packages import MAX_LOCK, LockUnreadableError, Pin, read_locked_packages
from governance.gate import approvals
from governance.gate.approvals import Approval
from governance.gate.eligibility import eligibility_of, involvements, members_among
from governance.gate.gate_inputs import called_groups, parse_revision
from governance.models import (
    AdvisoryMirror,
    DatasetRecall,
    Decision,
    PackageAdvisories,
    PolicyRevision,
    PromotionRequest,
    RequestPolicy,
)
from governance.policies import Basis, Demand
from governance.policies.after_promotion import Cause
from registry.models import (
    IS_CURRENT,
    AliasAssignment,
    Assessment,
    Evidence,
    ModelVersion,
    ProtectedAlias,
    StageOccupancy,
)
from registry.selectors import lineage
from registry.storage import open_blob

MOST_NAMED: Final = 5
_LATER_CHANGE_OF_ACCOUNT: Final = frozenset({"SoD-4", "SoD-5", "SoD-8"})
"""Rules about what an account is now, or since when it is in a group, not about an interest in the version."""


class Change(NamedTuple):
    """One cause that concerns one approval. `reference` identifies it; `detail` describes it."""

    cause: Cause
    reference: str
    approval: Approval
    detail: str


def held_approvals() -> list[Approval]:
    """Return every approval by which a version holds a protected place under a policy. Three queries."""
    stages = StageOccupancy.objects.filter(IS_CURRENT, stage__protected=True, promotion__isnull=False)
    aliases = AliasAssignment.objects.filter(
        IS_CURRENT, promotion__isnull=False, name__in=ProtectedAlias.objects.values("name")
    )
    versions = {*stages.values_list("version_id", flat=True), *aliases.values_list("version_id", flat=True)}
    return [one for held in approvals.approvals_of(versions).values() for one in held if one.reviewed]


def find_changes(held: Sequence[Approval]) -> list[Change]:
    """Return every cause that concerns one of these approvals.

    Args:
        held: what `held_approvals` returned.
    """
    if not held:
        return []
    finders: tuple[Callable[[Sequence[Approval]], Iterable[Change]], ...] = (
        changed_inputs,
        changed_tiers,
        retired_policies,
        recalled_datasets,
        vulnerable_dependencies,
        conflicted_approvers,
    )
    return [change for find in finders for change in find(held)]


def changed_inputs(held: Sequence[Approval]) -> list[Change]:
    """Find approvals whose version has other inputs now. The reference is the newest addition."""
    later = approvals.later_additions(held)
    found = []
    for one in held:
        if one.deviates:
            items = later[one.event].items
            words = "; ".join(f"{item.kind} {item.what}".strip() for item in items[:MOST_NAMED])
            reference = str(items[0].event) if items else one.current
            found.append(
                Change(Cause.INPUTS_CHANGED, reference, one, f"Added since the approval: {words or 'unknown'}.")
            )
    return found


def changed_tiers(held: Sequence[Approval]) -> list[Change]:
    """Find approvals after which the model was assessed for another tier."""
    models = dict(ModelVersion.objects.filter(pk__in={one.version_id for one in held}).values_list("pk", "model_id"))
    rows = Assessment.objects.filter(model__in=set(models.values()), tier_before__isnull=False).order_by("pk")
    by_model: defaultdict[int, list[Assessment]] = defaultdict(list)
    for row in rows:
        if row.tier != row.tier_before:
            by_model[row.model_id].append(row)
    return [
        Change(
            Cause.TIER_CHANGED,
            str(row.uid),
            one,
            f"The risk tier of the model changed from {row.tier_before} to {row.tier} on {row.assessed_at:%Y-%m-%d}.",
        )
        for one in held
        for row in by_model[models[one.version_id]]
        if row.assessed_at > one.since
    ]


def retired_policies(held: Sequence[Approval]) -> list[Change]:
    """Find approvals under a policy that is retired, or whose revision in force no longer covers the place."""
    rows = (
        RequestPolicy.objects.filter(request__in=[one.request for one in held], basis=RequestPolicy.Basis.TARGET)
        .select_related("policy_revision__policy")
        .order_by("pk")
    )
    current = {one.policy_id: one for one in PolicyRevision.objects.in_force()}
    bound: defaultdict[int, dict[str, PolicyRevision | None]] = defaultdict(dict)
    for row in rows:
        policy = row.policy_revision.policy
        bound[row.request_id][policy.slug] = current.get(policy.pk)
    found = []
    for one in held:
        demand = Demand(Basis.TARGET, "", target=one.stage, alias=one.alias)
        for slug, in_force in bound[one.request].items():
            if in_force is None:
                words = f"The policy {slug}, under which it was approved, is retired."
            elif not demand.covered_by(parse_revision(in_force)):
                words = f"The policy {slug}, under which it was approved, no longer covers {one.name}."
            else:
                continue
            found.append(Change(Cause.POLICY_RETIRED, slug, one, words))
    return found


def recalled_datasets(held: Sequence[Approval]) -> list[Change]:
    """Find approvals of versions that depend on a recalled dataset, directly or through their parents."""
    by_version: defaultdict[int, list[Approval]] = defaultdict(list)
    for one in held:
        by_version[one.version_id].append(one)
    found = []
    for recall in DatasetRecall.objects.order_by("pk"):
        resting = lineage.all_resting_on(recall.identity, list(by_version))
        found += [
            Change(
                Cause.DATASET_RECALLED, str(recall.uid), one, f"The dataset {recall.name} is recalled: {recall.reason}"
            )
            for version in resting
            for one in by_version[version]
        ]
    return found


def vulnerable_dependencies(held: Sequence[Approval]) -> list[Change]:
    """Find approvals that an advisory of a later import concerns, by the environment lock of the version, as the check
    reads it: the attached one, else that of the registration. Attached locks are read from storage.

    One cause for each import, with the advisories that it contains: what was imported before the approval was known to
    those who approved.
    """
    mirror = AdvisoryMirror.objects.filter(replaced_at__isnull=True).first()
    later = [one for one in held if mirror is not None and one.since < mirror.imported_at]
    if mirror is None or not later:
        return []
    versions = {one.version_id for one in later}
    registered = ModelVersion.objects.filter(pk__in=versions).values_list("pk", "environment_lock")
    pins = {pk: _pins(lock.encode()) for pk, lock in registered if lock}
    attached = Evidence.objects.filter(version__in=versions, kind=ENVIRONMENT_LOCK).order_by("version_id", "-revision")
    for pk, sha256 in attached.distinct("version").values_list("version_id", "blob_id"):
        pins[pk] = _attached_pins(sha256)
    names = {pin.key for listed in pins.values() for pin in listed}
    rows = PackageAdvisories.objects.filter(mirror=mirror, package__in=names)
    packages = dict(rows.values_list("package", "advisories"))
    found = []
    for one in later:
        affected = [
            f"{advisory['id']} ({pin.name} {pin.version})"
            for pin in pins.get(one.version_id, ())
            for advisory in packages.get(pin.key, ())
            if not advisory["withdrawn"] and osv.affects(advisory["affected"], pin.version)
        ]
        if affected:
            more = f" and {len(affected) - MOST_NAMED} more" if len(affected) > MOST_NAMED else ""
            words = f"Advisories concern its packages: {', '.join(affected[:MOST_NAMED])}{more}."
            found.append(Change(Cause.VULNERABLE_DEPENDENCY, str(mirror.uid), one, words))
    return found


@lru_cache(maxsize=512)
def _attached_pins(sha256: str) -> tuple[Pin, ...]:
    try:
        with open_blob(sha256) as stream:
            return _pins(stream.read(MAX_LOCK + 1))
    except FileNotFoundError:
        return ()


def _pins(lock: bytes) -> tuple[Pin, ...]:
    try:
        return read_locked_packages(lock).pins
    except LockUnreadableError:
        return ()


def conflicted_approvers(held: Sequence[Approval]) -> list[Change]:
    """Find approvals by a person whom the separation of duties excludes by what is known now.

    Contributions after the approval do not count: they are changed inputs.
    """
    requests = {
        request.pk: request
        for request in PromotionRequest.objects.filter(pk__in=[one.request for one in held])
        .select_related(
            "model",
            "policy_revision",
            "requested_by",
            "requested_with__person",
            "version__registered_by",
            "version__registered_with__person",
            "version__trained_by",
        )
        .prefetch_related("policies__policy_revision__policy")
    }
    decisions: defaultdict[int, list[Decision]] = defaultdict(list)
    approving = Decision.objects.filter(
        request__in=requests, outcome=Decision.Outcome.APPROVE, lapsed_at__isnull=True
    ).select_related("person")
    for decision in approving:
        decisions[decision.request_id].append(decision)
    known = members_among({decision.person_id for given in decisions.values() for decision in given})
    involved = involvements(list(requests.values()))
    found = []
    for one in held:
        request = requests[one.request]
        for decision in decisions[one.request]:
            member = known.get(decision.person_id)
            if member is None or decision.person.uid in involved[one.request].contributed:
                continue
            excluded = eligibility_of(member, request, called_groups(request), involved=involved[one.request]).excluded
            if excluded is not None and excluded.rule not in _LATER_CHANGE_OF_ACCOUNT:
                words = f"{excluded.reason} ({excluded.rule}), and approved it in request #{one.request}."
                found.append(Change(Cause.APPROVER_CONFLICTED, f"{decision.uid}", one, words))
    return found
