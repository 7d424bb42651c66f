"""Publish policies: one officer proposes a revision, a second one puts it in force."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from pydantic import ValidationError

from audit import canonical, clock, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from governance import policies as language
from governance.actions import POLICY_PUBLISHED
from governance.checks import entry_points
from governance.gate import gate_inputs
from governance.models import Policy, PolicyReplay, PolicyRevision, PromotionRequest
from governance.policies.approval_roles import is_role
from governance.services import policy_terms
from registry import access, selectors, yaml_reader
from registry.document_faults import faults_of, with_places
from registry.exceptions import ConflictError, FieldError, ValidationFailedError
from registry.models import ChangeProposal, ReviewerGroup
from registry.services import change_kinds, change_proposals, groups, instance
from registry.validation import ErrorCollector


@groups.register_calling
def _calls_upon(group: ReviewerGroup) -> bool:
    """Return whether a policy in force, or one that governs an open request, requires a group."""
    live = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE).values("pk")
    called = (
        Q(document__approvals__contains=[{"group": group.slug}])
        | Q(document__conditional_approvals__contains=[{"group": group.slug}])
        | Q(document__rollback__approvals__contains=[{"group": group.slug}])
        | Q(document__emergency__groups__contains=[group.slug])
    )
    in_force = PolicyRevision.objects.in_force_since(clock.now()).values("pk")
    governing = Q(pk__in=in_force) | Q(requests__in=live) | Q(governed__request__in=live)
    return PolicyRevision.objects.filter(called, governing).exists()


STARTER = Path(__file__).parent.parent / "defaults"
"""Folder of the starter policies, as YAML files: the light set, and a folder for each other set."""
STARTER_SETS: Final[dict[str, tuple[str, ...]]] = {
    "light": (),
    "bank": ("risk-team", "compliance"),
    "eu-ai-act": ("compliance",),
}
"""The sets of starter policies, each with the reviewer groups that it needs besides `reviewers`."""


def read(source: str) -> language.PolicyDocument:
    """Parse a policy and validate it against schema, check catalogue, lifecycle and reviewer groups.

    Args:
        source: YAML.

    Raises:
        ValidationFailedError: one error per problem, each with its position in the document.
    """
    faults = ErrorCollector()
    faults.clean_text("/", source, len(source))
    faults.raise_if_any()
    try:
        document = language.parse(source)
    except ValidationError as error:
        raise ValidationFailedError(faults_of(error, language.PolicyDocument, source)) from error
    except yaml_reader.DuplicateKeyError as error:
        raise ValidationFailedError([FieldError("/", "duplicate_key", str(error))]) from error
    except ValueError as error:
        raise ValidationFailedError([FieldError("/", "not_a_policy", str(error))]) from error
    errors = [*_unknown_checks(document), *_unknown_stages(document), *_unknown_groups(document)]
    if errors:
        raise ValidationFailedError(with_places(errors, source))
    return document


@transaction.atomic
def propose(
    *,
    actor: Actor,
    source: str,
    reason: str,
    replay: PolicyReplay | None = None,
    in_force_from: datetime | None = None,
) -> ChangeProposal:
    """Propose a policy as its next revision; a second officer's signature puts it in force.

    If the instance has a single officer declared, the revision is in force when this returns.

    Args:
        actor: an officer.
        source: the policy's YAML.
        reason: why; recorded in the proposal.
        replay: a finished replay, recorded with the proposal if it is of this draft.
        in_force_from: from when on it is in force; the earlier revision applies until then. Both officers sign it.
            None, or a time before the second signature: from the second signature on.

    Raises:
        PermissionDeniedError: the actor may not manage policies.
        ValidationFailedError: the source is invalid (see `read`), the reason is empty, or the time is not in the
            coming year (`policy_terms.require_start`).
        ConflictError: the revision is in force already (`unchanged_policy`), a revision of the policy is proposed or
            scheduled already (`already_scheduled`), or another policy is ambiguous with it while it is in force
            (`policies.is_ambiguous`).
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    document = read(source)
    policy_terms.require_start(in_force_from)
    policies = _locked_policies()
    digest = _refuse_unchanged(document, policies)
    policy_terms.refuse_scheduled(policies.get(document.slug))
    _refuse_ambiguity(document, in_force_from or clock.now())
    policy = policies.get(document.slug)
    return change_proposals.propose(
        actor=actor,
        kind=PUBLICATION,
        subject=ObjectRef("policy_slug", document.slug),
        title=f"Put policy {document.slug}, revision {_next_number(policy)}, in force"
        + policy_terms.start_in_words(in_force_from),
        payload={
            "source": source,
            "document_digest": digest,
            **_replayed(replay, digest),
            **policy_terms.start_in_payload(in_force_from),
        },
        reason=reason,
    )


def _next_number(policy: Policy | None) -> int:
    return policy.latest.number + 1 if policy is not None and policy.latest is not None else 1


def _replayed(replay: PolicyReplay | None, document_digest: str) -> dict[str, Any]:
    """Return what a proposal records of a replay: number, digest and counts of the result."""
    if replay is None or replay.result is None or replay.document_digest != document_digest:
        return {}
    counts = replay.result["counts"]
    return {
        "replay": {
            "number": replay.pk,
            "digest": replay.digest,
            "since": replay.since.isoformat(),
            "counts": {part: {str(name): int(count) for name, count in by.items()} for part, by in counts.items()},
        }
    }


@transaction.atomic
def publish(*, actor: Actor, source: str, reason: str) -> PolicyRevision:
    """Publish a policy as its next revision and put it in force, during the set-up of an instance.

    Publishing the source in force changes nothing and returns that revision. Open requests keep their revision.

    Args:
        actor: the set-up process.
        source: the policy's YAML.
        reason: why; recorded in the event.

    Raises:
        PermissionDeniedError: the actor is not a set-up process, or the set-up is confirmed (propose the revision
            then).
        ValidationFailedError: the source is invalid (see `read`).
        ConflictError: another policy in force is ambiguous with it (`policies.is_ambiguous`).
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    change_proposals.require_exempt(actor, "Putting a policy in force")
    return _put_in_force(actor, source, reason, None)


def _put_in_force(actor: Actor, source: str, reason: str, proposal: ChangeProposal | None) -> PolicyRevision:
    document = read(source)
    digest = canonical.digest(document.model_dump(mode="json"))
    now = clock.now()
    made_uid, term_uid = uuid4(), uuid4()
    policies = _locked_policies()
    policy = policies.get(document.slug)
    before = _current(policy)
    if before is not None and before.digest == digest:
        return before
    policy_terms.refuse_scheduled(policy)
    starts_at = policy_terms.start_of(proposal, now)
    _refuse_ambiguity(document, starts_at)
    fresh = policy is None
    number = _next_number(policy)
    policy = policy or Policy(uid=uuid4(), slug=document.slug, created_at=now)
    agreed = [ObjectRef("change_proposal", str(proposal.uid))] if proposal is not None else []
    event = recorder.record_event(
        POLICY_PUBLISHED,
        actor=actor,
        target=ObjectRef("policy", str(policy.uid)),
        stream=f"policy:{policy.uid}",
        related_objects=[
            ObjectRef("policy_revision", str(made_uid)),
            ObjectRef("policy_term", str(term_uid)),
            *agreed,
        ],
        changes=[Change("digest", before.digest if before is not None else None, digest)],
        data={
            "slug": document.slug,
            "revision": number,
            **({"proposed_by": proposal.proposed_by.uid} if proposal is not None else {}),
            **({"in_force_from": starts_at.isoformat()} if starts_at > now else {}),
        },
        reason=reason,
    )
    policy.title = document.title
    policy.save(force_insert=fresh)
    revision = PolicyRevision.objects.create(
        uid=made_uid,
        policy=policy,
        number=number,
        source=source,
        document=document.model_dump(mode="json"),
        digest=digest,
        published_at=now,
        published_by=proposal.proposed_by.uid if proposal is not None else actor.id,
        confirmed_by=actor.id if proposal is not None else "",
        proposal=proposal,
    )
    policy.latest = revision
    policy.save(update_fields=["latest"])
    policy_terms.begin(term_uid, policy, revision, starts_at, proposal, event)
    return revision


def _locked_policies() -> dict[str, Policy]:
    """Lock and return every policy by slug: an overlap is decided over all of them."""
    found = Policy.objects.select_for_update(of=("self",)).select_related("latest")
    return {policy.slug: policy for policy in found}


def _current(policy: Policy | None) -> PolicyRevision | None:
    """Return the revision of a policy in force now."""
    return policy.revisions.in_force().first() if policy is not None else None


def _refuse_unchanged(document: language.PolicyDocument, policies: dict[str, Policy]) -> str:
    """Return the digest of a document; ConflictError if it is in force already."""
    digest = canonical.digest(document.model_dump(mode="json"))
    current = _current(policies.get(document.slug))
    if current is not None and current.digest == digest:
        raise ConflictError(
            f"Revision {current.number} of {document.slug}, which is in force, has the same content.",
            code="unchanged_policy",
            existing=current,
        )
    return digest


def _publish_proposed(actor: Actor, proposal: ChangeProposal) -> list[ObjectRef]:
    revision = _put_in_force(actor, proposal.payload["source"], proposal.reason, proposal)
    return [ObjectRef("policy", str(revision.policy.uid)), ObjectRef("policy_revision", str(revision.uid))]


PUBLICATION = change_kinds.register_kind(
    change_kinds.ChangeKind(
        name="policy.publication",
        label="Policy revision",
        needed="another officer",
        apply=_publish_proposed,
    )
)


@instance.describe_setup
def _policies_in_force() -> list[dict[str, Any]]:
    found = PolicyRevision.objects.in_force().order_by("policy__slug")
    return [{"type": "policy", "name": str(revision), "detail": revision.digest} for revision in found]


def install_starter(*, actor: Actor, name: str = "light") -> list[PolicyRevision]:
    """Publish a set of starter policies if no policy exists; called when an instance is initialised.

    Args:
        actor: the set-up process.
        name: one of `STARTER_SETS`.
    """
    if Policy.objects.exists():
        return []
    folder = STARTER if name == "light" else STARTER / name
    return [
        publish(actor=actor, source=path.read_text(encoding="utf-8"), reason="starter policy of a new instance")
        for path in sorted(folder.glob("*.yaml"))
    ]


def _unknown_checks(document: language.PolicyDocument) -> list[FieldError]:
    errors = []
    named = [(f"/checks/{index}", rule) for index, rule in enumerate(document.checks)]
    if document.rollback is not None:
        named += [(f"/rollback/checks/{index}", rule) for index, rule in enumerate(document.rollback.checks)]
    for where, rule in named:
        if rule.external:
            if refused := entry_points.why_not_external(rule.check):
                errors.append(FieldError(f"{where}/check", "not_external", refused))
            continue
        check = entry_points.find(rule.check)
        if check is None:
            errors.append(FieldError(f"{where}/check", "unknown_check", entry_points.why_unusable(rule.check)))
            continue
        try:
            entry_points.parameters(check, rule.params)
        except entry_points.BadParameters as error:
            errors += [
                FieldError(f"{where}/params{pointer}", "bad_parameter", message) for pointer, message in error.errors
            ]
    return errors


def _unknown_stages(document: language.PolicyDocument) -> list[FieldError]:
    known = {stage.slug for stage in selectors.lifecycle().stages}
    named = {"from": document.applies_to.sources, "stages": document.applies_to.stages}
    return [
        FieldError(
            f"/applies_to/{where}/{i}", "unknown_stage", f"Unknown stage; the stages are: {', '.join(sorted(known))}."
        )
        for where, slugs in named.items()
        for i, slug in enumerate(slugs)
        if slug not in known
    ]


def _unknown_groups(document: language.PolicyDocument) -> list[FieldError]:
    known = set(ReviewerGroup.objects.values_list("slug", flat=True))
    named = [(f"/approvals/{i}/group", rule.group) for i, rule in enumerate(document.approvals)]
    if document.rollback is not None:
        rules = document.rollback.approvals
        named += [(f"/rollback/approvals/{i}/group", rule.group) for i, rule in enumerate(rules)]
    if document.emergency is not None:
        named += [(f"/emergency/groups/{i}", group) for i, group in enumerate(document.emergency.groups)]
    return [
        FieldError(where, "unknown_group", f"Unknown reviewer group; there are: {', '.join(sorted(known))}.")
        for where, group in named
        if group not in known and not is_role(group)
    ]


def _refuse_ambiguity(document: language.PolicyDocument, starts_at: datetime) -> None:
    """Refuse a document that is ambiguous with another policy at any time from `starts_at` on, as decided now."""
    others = PolicyRevision.objects.in_force_since(starts_at).exclude(policy__slug=document.slug)
    for other in others.order_by("policy__slug", "number"):
        in_force = gate_inputs.parse_revision(other)
        if language.is_ambiguous(document, in_force):
            common = ", ".join(language.overlap(document, in_force))
            raise ConflictError(
                f"{in_force.slug} covers {common} for some of the same models with the same priority "
                f"({in_force.priority}), and neither of the two is more specific: give one of them another priority, "
                "or restrict it further, so that it is certain which one governs.",
                code="ambiguous_policy",
                existing=other.policy,
            )
