"""Readable content of change proposals."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from governance import policies
from governance.models import PolicyRevision
from governance.selectors.paths import warnings_of
from governance.selectors.policy_retirement import retirement_impact
from governance.selectors.policy_setup import setup_gaps
from registry.models import ChangeProposal, QuestionnaireRevision

POLICY_PUBLICATION = "policy.publication"
POLICY_RETIREMENT = "policy.retirement"
QUESTIONNAIRE_PUBLICATION = "questionnaire.publication"


def content_of(proposal: ChangeProposal) -> str:
    """Return the signed payload as text: its YAML if it has one, otherwise one line per member.

    Args:
        proposal: any change proposal the reader may see.
    """
    if "source" in proposal.payload:
        return str(proposal.payload["source"])
    lines: list[str] = []
    for name, value in proposal.payload.items():
        if isinstance(value, dict):
            lines += [f"{name}.{key}: {_line(one)}" for key, one in value.items()]
            continue
        rows = value if isinstance(value, list) else [value]
        lines += [f"{name}: {_line(row)}" for row in rows]
    return "\n".join(lines)


def warnings_of_change(proposal: ChangeProposal) -> tuple[str, ...]:
    """Return what a reviewer must know before a proposal takes effect.

    Of a policy: `warnings_of` and, while the proposal is open, `setup_gaps`.

    Of a retirement: the changes that no policy would cover then.
    """
    if proposal.kind == POLICY_RETIREMENT and proposal.closed_at is None:
        found = PolicyRevision.objects.in_force().filter(policy__slug=proposal.subject_id).first()
        impact = retirement_impact(found) if found is not None else None
        return tuple(one.in_words for one in impact.paths if one.without and one.required) if impact else ()
    if proposal.kind != POLICY_PUBLICATION:
        return ()
    try:
        document = policies.parse(str(proposal.payload.get("source", "")))
        return (*warnings_of(document), *(setup_gaps(document) if proposal.closed_at is None else ()))
    except ValueError:  # another release accepted the document; confirming it is refused with the reason
        return ()


def start_named(proposal: ChangeProposal) -> datetime | None:
    """Return the time from which a proposed revision or retirement of a policy applies; None if it names none."""
    named = proposal.payload.get("in_force_from")
    return (
        datetime.fromisoformat(str(named))
        if named and proposal.kind in (POLICY_PUBLICATION, POLICY_RETIREMENT)
        else None
    )


def source_before(proposal: ChangeProposal) -> str | None:
    """Return the YAML that a proposed revision replaces, as of now or of its confirmation.

    Args:
        proposal: any change proposal the reader may see.

    Returns:
        The source; empty if there was no earlier revision; None if the proposal is no publication.
    """
    digest = proposal.payload.get("document_digest")
    if proposal.kind == POLICY_PUBLICATION:
        return _source_before(PolicyRevision.objects.filter(policy__slug=proposal.subject_id), digest)
    if proposal.kind == QUESTIONNAIRE_PUBLICATION:
        return _source_before(QuestionnaireRevision.objects.all(), digest)
    return None


def _source_before(revisions: QuerySet[Any], digest: str | None) -> str:
    """Return the source of the newest revision, or of the one before the revision that the proposal became."""
    made = revisions.filter(digest=digest).order_by("-number").first()
    found = (revisions.filter(number__lt=made.number) if made is not None else revisions).order_by("-number").first()
    return str(found.source) if found is not None else ""


def _line(value: Any) -> str:
    return "  ".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value)
