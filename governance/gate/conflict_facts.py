"""Facts about conflicts of interest outside the version: cycles of approvals, and policies made less strict."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit import clock
from governance.checks import entry_points
from governance.gate import governing
from governance.models import Decision, PolicyRevision, PromotionRequest
from governance.policies import MutualApprovals, approval_cycles, cycle_in_words, is_at_least_as_strict
from governance.policies.mutual_approvals import combine_mutual_approvals
from registry import selectors


def mutual_rule(request: PromotionRequest) -> MutualApprovals:
    """Return what a cycle of approvals does to a request: the strictest rule of its policies."""
    given = [bound.policy_revision.document.get("mutual_approvals", {}) for bound in request.governing]
    return combine_mutual_approvals(MutualApprovals.model_validate(one) for one in given or [{}])


@dataclass(frozen=True)
class CycleQuery:
    """A request whose cycles are read: who made its version, and the rule."""

    authors: frozenset[str]
    rule: MutualApprovals


def cycles_of(queries: Mapping[int, CycleQuery]) -> dict[int, dict[str, str]]:
    """Return who would close a cycle of approvals by approving each of these requests.

    At most four queries for all of them, and one for names where there is a cycle.

    Args:
        queries: the authors and the rule, by request number.

    Returns:
        By request number, the cycle in words by the uid of the person.
    """
    if not queries:
        return {}
    longest = max(one.rule.people for one in queries.values())
    authors = frozenset[str]().union(*(one.authors for one in queries.values()))
    approvals = _approvals(authors, max(one.rule.within_days for one in queries.values()), longest - 1)
    now = clock.now()
    chains: dict[int, dict[str, tuple[str, ...]]] = {}
    for number, one in queries.items():
        since = now - timedelta(days=one.rule.within_days)
        approved: dict[str, set[str]] = {}
        for approver, made_by, at, request in approvals:
            if at >= since and request != number:
                approved.setdefault(approver, set()).update(made_by - {approver})
        chains[number] = approval_cycles(approved, one.authors, one.rule.people)
    people = {uid for found in chains.values() for person, chain in found.items() for uid in (person, *chain)}
    names = selectors.account_names(people) if people else {}
    return {
        number: {
            person: cycle_in_words(
                [names.get(uid, uid) for uid in chain], names.get(person, person), queries[number].rule.within_days
            )
            for person, chain in found.items()
        }
        for number, found in chains.items()
    }


def _approvals(authors: Collection[str], days: int, steps: int) -> list[tuple[str, frozenset[str], datetime, int]]:
    """Return the approvals that the authors gave, then those of the authors of what they approved, and so on.

    Returns:
        The uid of each approver, the uids of those who requested, registered or trained, the time, and the number of
        the request.
    """
    found = []
    known: set[str] = set()
    frontier = set(authors)
    for _ in range(steps):
        rows = Decision.objects.filter(
            person__uid__in=frontier,
            outcome=Decision.Outcome.APPROVE,
            lapsed_at__isnull=True,
            signed_at__gte=clock.now() - timedelta(days=days),
        ).values_list(
            "person__uid",
            "signed_at",
            "request_id",
            "request__requested_by__uid",
            "request__version__registered_by__uid",
            "request__version__trained_by__uid",
        )
        known |= frontier
        frontier = set()
        for approver, at, number, *made in rows:
            by = frozenset(uid for uid in made if uid is not None)
            found.append((approver, by, at, number))
            frontier |= by - known
        if not frontier:
            break
    return found


def loosened_policies(requests: Collection[PromotionRequest]) -> dict[int, dict[str, str]]:
    """Return who put a less strict policy in force after the version was registered and before the request was made.

    The policies that govern the request are compared with those that governed its change when the version was
    registered, so that a new policy which takes the place of a stricter one counts as well.

    Args:
        requests: requests with their model, version and policies.

    Returns:
        By request number, the name of the revision by the uid of each of the two officers. One query if a request is
        governed by a revision that was published in that time, and one more for each such request for an alias.
    """
    changed = []
    for request in requests:
        revisions = [bound.policy_revision for bound in request.governing]
        since = request.version.created_at
        if published := [one for one in revisions if since < one.published_at <= request.created_at]:
            changed.append((request, revisions, published))
    if not changed:
        return {}
    before = PolicyRevision.objects.in_force_at({request.version.created_at for request, _, _ in changed})
    found: dict[int, dict[str, str]] = {}
    for request, revisions, published in changed:
        earlier = governing.governing_among(request, before[request.version.created_at])
        if not earlier or is_at_least_as_strict(
            governing.combined(revisions), governing.combined(earlier), merge=entry_points.combined_parameters
        ):
            continue
        for revision in published:
            name = f"revision {revision.number} of the policy {revision.policy.slug}"
            people = (uid for uid in (revision.published_by, revision.confirmed_by) if uid.startswith("usr_"))
            found.setdefault(request.pk, {}).update(dict.fromkeys(people, name))
    return found
