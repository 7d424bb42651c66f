"""What applying policy files would change, compared with the policies in force and with open proposals."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from audit import canonical
from governance import policies as language
from governance.gate import gate_inputs
from governance.models import PolicyRevision
from governance.services import policies
from registry.exceptions import ConflictError, FieldError, ValidationFailedError
from registry.models import IS_CURRENT, ChangeProposal


class PlannedChange(StrEnum):
    """What applying a file would do."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    PROPOSED = "proposed already"


@dataclass(frozen=True)
class PlannedPolicy:
    """One policy file: what it would change, and the difference of the texts, line by line.

    `proposal`: the open proposal with the same content, if there is one.
    """

    slug: str
    source: str
    document: language.PolicyDocument
    change: PlannedChange
    difference: tuple[str, ...] = ()
    proposal: ChangeProposal | None = None

    @property
    def is_due(self) -> bool:
        """Whether a proposal has to be made."""
        return self.change in (PlannedChange.CREATED, PlannedChange.CHANGED)


def plan(sources: Sequence[str]) -> tuple[PlannedPolicy, ...]:
    """Validate policies together and compare them with the policies in force. Changes nothing.

    Args:
        sources: the YAML of each policy.

    Raises:
        ValidationFailedError: a source is invalid (see `policies.read`), or two have one slug.
        ConflictError: with these policies, neither priority nor specificity would decide between two policies
            (`ambiguous_policy`).
    """
    documents = [(policies.read(source), source) for source in sources]
    slugs = [document.slug for document, _ in documents]
    if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        raise ValidationFailedError(
            [FieldError("/slug", "duplicate_slug", f"Each policy is given once; given twice: {', '.join(twice)}.")]
        )
    in_force = {one.policy.slug: one for one in PolicyRevision.objects.in_force()}
    _refuse_ambiguity(documents, in_force)
    waiting = ChangeProposal.objects.filter(IS_CURRENT, kind=policies.PUBLICATION.name, subject_id__in=slugs)
    proposed = {one.subject_id: one for one in waiting}
    return tuple(
        _planned(document, source, in_force.get(document.slug), proposed.get(document.slug))
        for document, source in documents
    )


def _refuse_ambiguity(
    documents: Sequence[tuple[language.PolicyDocument, str]], in_force: dict[str, PolicyRevision]
) -> None:
    given = {document.slug: document for document, _ in documents}
    others = {slug: gate_inputs.parse_revision(one) for slug, one in in_force.items() if slug not in given}
    for first, second in combinations([*given.values(), *others.values()], 2):
        if (first.slug in given or second.slug in given) and language.is_ambiguous(first, second):
            raise ConflictError(
                f"{first.slug} and {second.slug} both cover {', '.join(language.overlap(first, second))} for some of "
                f"the same models with the priority {first.priority}, and neither is more specific: give one of them "
                "another priority, or restrict it further.",
                code="ambiguous_policy",
            )


def _planned(
    document: language.PolicyDocument, source: str, revision: PolicyRevision | None, proposal: ChangeProposal | None
) -> PlannedPolicy:
    digest = canonical.digest(document.model_dump(mode="json"))
    if revision is not None and revision.digest == digest:
        return PlannedPolicy(document.slug, source, document, PlannedChange.UNCHANGED)
    before = revision.source if revision is not None else ""
    name = f"{document.slug} revision {revision.number}" if revision is not None else "no policy"
    difference = tuple(
        difflib.unified_diff(before.splitlines(), source.splitlines(), name, f"{document.slug} proposed", lineterm="")
    )
    if proposal is not None and proposal.payload.get("document_digest") == digest:
        return PlannedPolicy(document.slug, source, document, PlannedChange.PROPOSED, difference, proposal)
    change = PlannedChange.CHANGED if revision is not None else PlannedChange.CREATED
    return PlannedPolicy(document.slug, source, document, change, difference)
