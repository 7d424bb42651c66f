"""The policies: everyone who is signed in may read them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from governance import facts
from governance.checks import catalogue
from governance.models import PolicyRevision
from governance.policies import PolicyDocument, in_words
from registry import selectors
from registry.exceptions import NotFound


@dataclass(frozen=True)
class PolicyPage:
    """One revision of a policy, in words and as it was published, with its other revisions."""

    revision: PolicyRevision
    document: PolicyDocument
    words: tuple[tuple[str, tuple[str, ...]], ...]
    revisions: tuple[PolicyRevision, ...]
    """All of them, the latest first."""
    in_force: PolicyRevision | None


def policies_in_force() -> QuerySet[PolicyRevision]:
    """The revisions in force, by the name of the policy."""
    return PolicyRevision.objects.filter(in_force_of__isnull=False).select_related("policy").order_by("policy__slug")


def policy_page(slug: str, number: int | None = None) -> PolicyPage:
    """Return a policy's revision by number; without one, the revision in force, else the latest. Raises NotFound."""
    revisions = tuple(
        PolicyRevision.objects.filter(policy__slug=slug).select_related("policy__in_force").order_by("-number")
    )
    if not revisions:
        raise NotFound(f"There is no policy “{slug}”.")
    in_force = next((one for one in revisions if one.pk == one.policy.in_force_id), None)
    if number is None:
        revision = in_force or revisions[0]
    else:
        found = next((one for one in revisions if one.number == number), None)
        if found is None:
            raise NotFound(f"The policy “{slug}” has no revision {number}.")
        revision = found
    document = facts.read(revision)
    stages = {stage.slug: stage.name for stage in selectors.lifecycle().stages}
    titles = {rule.check: check.title for rule in document.checks if (check := catalogue.find(rule.check)) is not None}
    return PolicyPage(revision, document, in_words(document, stages=stages, checks=titles), revisions, in_force)
