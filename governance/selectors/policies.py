"""Policies. Every signed-in user may read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from governance.checks import entry_points
from governance.gate import gate_inputs
from governance.models import PolicyRevision
from governance.policies import PolicyDocument, in_words, summary
from governance.selectors.paths import warnings_of
from registry import selectors
from registry.exceptions import NotFoundError


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
    warnings: tuple[str, ...]
    """See `warnings_of`."""
    check_titles: Mapping[str, str]
    """Titles of the checks that it names and that are installed."""
    put_in_force: str
    """Statement that no second officer put the revision in force; empty if one did."""


_WITHOUT_SECOND_OFFICER = {
    "setup": "Put in force at the set-up, without a second officer.",
    "single_officer": "Put in force by a single officer.",
}


def policies_in_force() -> QuerySet[PolicyRevision]:
    """Return the revisions in force, ordered by policy slug."""
    return PolicyRevision.objects.filter(in_force_of__isnull=False).select_related("policy").order_by("policy__slug")


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
    """A policy in force, for a list: its revision and what it requires, in one sentence."""

    revision: PolicyRevision
    summary: str


def policy_rows() -> list[PolicyRow]:
    """Return the policies in force with their summaries, ordered by slug. Two queries."""
    stages = stage_names()
    return [PolicyRow(one, summary(gate_inputs.parse_revision(one), stages=stages)) for one in policies_in_force()]


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
        PolicyRevision.objects.filter(policy__slug=slug).select_related("policy__in_force").order_by("-number")
    )
    if not revisions:
        raise NotFoundError(f"There is no policy “{slug}”.")
    in_force = next((one for one in revisions if one.pk == one.policy.in_force_id), None)
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
        warnings=warnings_of(document),
        check_titles=titles,
        put_in_force=_WITHOUT_SECOND_OFFICER.get(revision.confirmation, ""),
    )
