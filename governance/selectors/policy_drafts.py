"""What the editor of a policy shows: where a draft starts, what it would mean, and the reviewer groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from governance.models import PolicyRevision
from governance.policies import PolicyDocument, in_words, summary
from governance.selectors.paths import warnings_of
from governance.selectors.policies import check_titles, stage_names
from governance.selectors.policy_setup import setup_gaps
from registry.comparison import DiffSegment, collapse_unchanged, compare_texts
from registry.models import ReviewerGroup


@dataclass(frozen=True)
class DraftStart:
    """The text that a draft starts from: the revision in force, or the template."""

    source: str
    revision: PolicyRevision | None


@dataclass(frozen=True)
class DraftPreview:
    """What a draft means, and how it differs from the revision in force."""

    document: PolicyDocument
    summary: str
    words: tuple[tuple[str, tuple[str, ...]], ...]
    warnings: tuple[str, ...]
    difference: Sequence[DiffSegment]


def draft_start(slug: str) -> DraftStart:
    """Return what a draft of a policy starts from. The text is empty if no revision is in force.

    Args:
        slug: the policy; it need not exist.
    """
    revision = PolicyRevision.objects.in_force().filter(policy__slug=slug).first()
    return DraftStart(revision.source if revision is not None else "", revision)


def preview_of(document: PolicyDocument, source: str, start: DraftStart) -> DraftPreview:
    """Return what a draft means.

    Args:
        document: the validated draft.
        source: its YAML.
        start: the revision in force, if any.
    """
    stages = stage_names()
    before = start.revision.source if start.revision is not None else ""
    return DraftPreview(
        document,
        summary(document, stages=stages),
        in_words(document, stages=stages, checks=check_titles(document)),
        (*warnings_of(document), *setup_gaps(document)),
        collapse_unchanged(compare_texts(before, source)) if before and before != source else (),
    )


def reviewer_groups() -> list[ReviewerGroup]:
    """Return the reviewer groups, ordered by slug."""
    return list(ReviewerGroup.objects.order_by("slug"))


def counts_of(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, Mapping[str, int], int]]:
    """Return the counts of a replay by part with their sum, in the order of the parts."""
    order = ("past", "open", "production")
    return [(part, counts[part], sum(counts[part].values())) for part in order if part in counts]
