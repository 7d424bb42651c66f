"""Policies. Every signed-in user may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from audit import clock
from governance.checks import entry_points
from governance.gate import gate_inputs
from governance.models import Policy, PolicyRevision, PolicyTerm
from governance.policies import PolicyDocument, in_words, summary
from governance.selectors.paths import warnings_of
from governance.selectors.policy_setup import setup_gaps
from registry import selectors
from registry.exceptions import NotFoundError
from registry.models import IS_CURRENT


@dataclass(frozen=True)
class PolicyTerms:
    """The term of a policy that is in effect now, and the one that is scheduled."""

    current: PolicyTerm | None
    scheduled: PolicyTerm | None

    @property
    def current_revision(self) -> int | None:
        """The key of the revision in force; None if there is none."""
        return self.current.revision_id if self.current is not None else None

    @property
    def retired(self) -> bool:
        """Whether the policy is retired."""
        return self.current is not None and self.current.is_retirement


def terms_of(policy: Policy) -> PolicyTerms:
    """Return the terms of a policy now. One query."""
    now = clock.now()
    found = list(policy.terms.filter(IS_CURRENT).select_related("revision"))
    return PolicyTerms(
        next((one for one in found if one.starts_at <= now), None),
        next((one for one in reversed(found) if one.starts_at > now), None),
    )


def scheduled_terms() -> dict[int, PolicyTerm]:
    """Return the scheduled changes of all policies, by the key of the policy. One query."""
    rows = PolicyTerm.objects.filter(IS_CURRENT, starts_at__gt=clock.now()).select_related("revision", "policy")
    return {row.policy_id: row for row in rows}


@dataclass(frozen=True)
class PolicyPage:
    """One revision of a policy, described and as published, with its other revisions."""

    revision: PolicyRevision
    document: PolicyDocument
    summary: str
    """What it requires, in one sentence."""
    words: tuple[tuple[str, tuple[str, ...]], ...]
    revisions: tuple[PolicyRevision, ...]
    """All revisions, latest first."""
    in_force: PolicyRevision | None
    terms: PolicyTerms
    warnings: tuple[str, ...]
    """See `warnings_of`; of the revision in force also `setup_gaps`."""
    check_titles: Mapping[str, str]
    """Titles of the checks that it names and that are installed."""
    put_in_force: str
    """Statement that no second officer put the revision in force; empty if one did."""


_WITHOUT_SECOND_OFFICER = {
    "setup": "Put in force at the set-up, without a second officer.",
    "single_officer": "Put in force by a single officer.",
}


def policies_in_force(at: datetime | None = None) -> QuerySet[PolicyRevision]:
    """Return the revisions in force at a time, now if None, ordered by policy slug."""
    return PolicyRevision.objects.in_force(at).order_by("policy__slug")


def revision_numbered(slug: str, revisions: Sequence[PolicyRevision], number: int) -> PolicyRevision:
    """Return the revision with this number among the revisions of a policy.

    Raises:
        NotFoundError: there is none.
    """
    found = next((one for one in revisions if one.number == number), None)
    if found is None:
        raise NotFoundError(f"The policy “{slug}” has no revision {number}.")
    return found


@dataclass(frozen=True)
class PolicyRow:
    """A policy in force, for a list: its revision, what it requires, in one sentence, and the next change."""

    revision: PolicyRevision
    summary: str
    scheduled: PolicyTerm | None = None


def policy_rows() -> list[PolicyRow]:
    """Return the policies in force with their summaries, ordered by slug. Three queries."""
    stages = stage_names()
    scheduled = scheduled_terms()
    return [
        PolicyRow(one, summary(gate_inputs.parse_revision(one), stages=stages), scheduled.get(one.policy_id))
        for one in policies_in_force()
    ]


def policies_not_in_force() -> list[tuple[Policy, PolicyTerms]]:
    """Return the policies of which no revision is in force: retired, or scheduled for the first time."""
    rows = Policy.objects.exclude(revisions__in=PolicyRevision.objects.in_force().values("pk")).order_by("slug")
    return [(one, terms_of(one)) for one in rows]


def stage_names() -> dict[str, str]:
    """Return the names of the stages by slug."""
    return {stage.slug: stage.name for stage in selectors.lifecycle().stages}


def check_titles(document: PolicyDocument) -> dict[str, str]:
    """Return the titles of the checks that a policy names and that are installed, by slug."""
    return {rule.check: check.title for rule in document.checks if (check := entry_points.find(rule.check)) is not None}


def policy_page(slug: str, number: int | None = None) -> PolicyPage:
    """Return one revision of a policy.

    Args:
        slug: the policy.
        number: the revision; if None, the one in force, else the latest.

    Raises:
        NotFoundError: there is no such policy or revision.
    """
    revisions = tuple(
        PolicyRevision.objects.filter(policy__slug=slug).select_related("policy", "term").order_by("-number")
    )
    if not revisions:
        raise NotFoundError(f"There is no policy “{slug}”.")
    terms = terms_of(revisions[0].policy)
    in_force = next((one for one in revisions if one.pk == terms.current_revision), None)
    revision = revision_numbered(slug, revisions, number) if number is not None else in_force or revisions[0]
    document = gate_inputs.parse_revision(revision)
    stages = stage_names()
    titles = check_titles(document)
    return PolicyPage(
        revision=revision,
        document=document,
        summary=summary(document, stages=stages),
        words=in_words(document, stages=stages, checks=titles),
        revisions=revisions,
        in_force=in_force,
        warnings=(*warnings_of(document), *(setup_gaps(document) if revision == in_force else ())),
        check_titles=titles,
        terms=terms,
        put_in_force=_WITHOUT_SECOND_OFFICER.get(revision.confirmation, ""),
    )
