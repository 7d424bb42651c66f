"""A policy document as if it were in force, for evaluations that change nothing."""

from __future__ import annotations

from collections.abc import Iterable

from audit import canonical
from governance.models import Policy, PolicyRevision
from governance.policies import PolicyDocument


def draft_revision(document: PolicyDocument, in_force: Iterable[PolicyRevision]) -> PolicyRevision:
    """Return an unsaved revision of a draft, numbered after the revision in force of the same policy.

    Args:
        document: the draft.
        in_force: the revisions in force, with their policies.
    """
    current = next((one for one in in_force if one.policy.slug == document.slug), None)
    content = document.model_dump(mode="json")
    return PolicyRevision(
        policy=current.policy if current is not None else Policy(slug=document.slug, title=document.title),
        number=current.number + 1 if current is not None else 1,
        document=content,
        digest=canonical.digest(content),
    )


def with_draft(in_force: Iterable[PolicyRevision], document: PolicyDocument | None) -> list[PolicyRevision]:
    """Return the revisions in force, with a draft in place of the revision of its policy.

    Args:
        in_force: the revisions in force, with their policies.
        document: the draft; None for the revisions as they are.
    """
    revisions = list(in_force)
    if document is None:
        return revisions
    others = [one for one in revisions if one.policy.slug != document.slug]
    return [*others, draft_revision(document, revisions)]
