"""Deciding on a promotion request: approve, request changes, reject."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

from django.db import DatabaseError, transaction
from django.db.models import Q

from audit import clock
from audit.actor import Actor, ActorKind
from audit.leaf import Json
from audit.recorder import ObjectRef
from governance import decision_signatures
from governance.actions import DECISION_RECORDED, PROMOTION_REJECTED
from governance.decision_signatures.key_file import LocalKey
from governance.findings import MAX_TITLE, open_finding
from governance.gate import delegates, gate_inputs, review_packet
from governance.gate.conflict_facts import CycleQuery, cycles_of, mutual_rule
from governance.gate.eligibility import get_involvement
from governance.models import Decision, DecisionKey, Delegation, DiscussionThread, Finding, PromotionRequest
from governance.policies import ApprovalProgress, DecisionFact, PolicyDocument, RequirementStatus, Reviewer, Verdict
from governance.promotions import signing
from governance.promotions.evaluation import Evaluation, evaluate_decision, evaluate_locked, reevaluate
from governance.promotions.executing import close_request
from governance.promotions.failures import cannot_execute
from governance.promotions.locks import LockedPromotion, lock_promotion
from governance.promotions.recording import record_promotion_event, require_open
from governance.promotions.signing import (
    ApprovalCondition,
    Authentication,
    DecisionDraft,
    DecisionSignature,
    PasskeySignature,
    PreparedStatement,
)
from registry import access
from registry.exceptions import (
    ConflictError,
    DomainError,
    FieldError,
    InvalidStateError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import User
from registry.selectors import account_controls
from registry.services import sign_in
from registry.validation import ErrorCollector

MAX_COMMENT = 10_000

MAX_CONDITIONS = 10


def decide(
    *,
    actor: Actor,
    request: PromotionRequest,
    outcome: str,
    packet_digest: str,
    comment: str = "",
    signature: DecisionSignature | PasskeySignature,
    on_behalf_of: str = "",
    conditions: Sequence[ApprovalCondition] = (),
) -> Decision:
    """Record a person's signed decision on a request's packet, and evaluate the request again.

    Args:
        actor: the person, signed in; tokens and processes cannot decide.
        request: the promotion request.
        outcome: a value of `Decision.Outcome`.
        packet_digest: SHA-256 of the packet that the person was shown, in hex.
        comment: what was reviewed and why; required by policy, and for every outcome except approval.
        signature: the password, entered for this decision, or the assertion of a passkey over its statement.
        conditions: with the outcome approve: what is to be done, each until a date. The approval counts, and lapses
            when one of them is late before the promotion.
        on_behalf_of: uid of the member in whose place the person decides by a delegation; empty for their own place.

    Returns:
        The decision.

    Raises:
        NotFoundError: the request's model is not visible to the actor.
        PermissionDeniedError: the actor may not decide; names the separation-of-duties rule where one applies; or there
            is no such delegation (`no_delegation`).
        InvalidStateError: the request is closed, approval is not open yet, or the evaluation failed (`not_executed`).
        ConflictError: the packet changed since (`packet_changed`), or the person or the member has decided on it
            (`already_decided`).
        ValidationFailedError: unknown outcome, missing comment or wrong password.
    """
    # An invisible request is reported as not found before anything about reviewers is disclosed.
    access.require_permission(actor, access.Permission.VIEW, request.model)
    person = deciding_person(actor)
    if outcome not in Decision.Outcome.values:
        allowed = ", ".join(Decision.Outcome.values)
        raise ValidationFailedError([FieldError("/outcome", "unknown_outcome", f"Choose one of: {allowed}.")])
    # A passkey signs the statement, which names the delegation; a password is verified before anything is looked up.
    delegation = _delegation(person, on_behalf_of, request) if isinstance(signature, PasskeySignature) else None
    draft = DecisionDraft(
        request, person, Decision.Outcome(outcome), packet_digest, comment.strip(), conditions, delegation
    )
    # Verified before the locks are taken: password hashing takes a tenth of a second.
    key = decision_signatures.attesting_key()
    given = signing.authenticate(draft, signature)
    try:
        with transaction.atomic():
            return _record(lock_promotion(request.pk), actor, draft, on_behalf_of, given, key)
    except ConflictError as conflict:
        if conflict.code == "packet_changed":
            # The rollback also removed the check runs that were queued; without them no later decision is possible.
            reevaluate(request.pk)
        raise


def prepare_statement(
    *,
    actor: Actor,
    request: PromotionRequest,
    outcome: str,
    packet_digest: str,
    comment: str = "",
    on_behalf_of: str = "",
    conditions: Sequence[ApprovalCondition] = (),
) -> PreparedStatement:
    """Prepare the statement of a decision for a signature with a passkey; nothing is written. Args: as for `decide`.

    Raises:
        NotFoundError: the request's model is not visible to the actor.
        PermissionDeniedError: the actor is no person, another person set the password, signing is locked, or there is
            no such delegation.
        InvalidStateError: the person has no passkey, or the server cannot attest decisions.
        ValidationFailedError: unknown outcome.
    """
    access.require_permission(actor, access.Permission.VIEW, request.model)
    person = deciding_person(actor)
    if outcome not in Decision.Outcome.values:
        raise ValidationFailedError([FieldError("/outcome", "unknown_outcome", "Choose a decision.")])
    sign_in.require_able_to_sign(person)
    decision_signatures.attesting_key()
    delegation = _delegation(person, on_behalf_of, request)
    return signing.prepare(
        DecisionDraft(
            request, person, Decision.Outcome(outcome), packet_digest, comment.strip(), conditions, delegation
        )
    )


def deciding_person(actor: Actor) -> User:
    """Return the person who acts, signed in.

    Args:
        actor: who acts.

    Raises:
        PermissionDeniedError: the actor is a token or a process.
    """
    person = access.person_of(actor)
    if actor.kind is not ActorKind.PERSON or person is None:
        raise PermissionDeniedError(
            "Tokens and processes cannot decide: an approver signs in and enters the password again.",
            code="tokens_do_not_decide",
        )
    return person


def _record(
    locked: LockedPromotion,
    actor: Actor,
    draft: DecisionDraft,
    on_behalf_of: str,
    given: Authentication,
    key: tuple[LocalKey, DecisionKey],
) -> Decision:
    request, outcome, comment, conditions = locked.request, draft.outcome, draft.comment, draft.conditions
    require_open(request)
    person = still_active(draft.person)
    delegation = _delegation(person, on_behalf_of, request)
    document = gate_inputs.get_policy_document(request)
    assert document is not None  # an ungoverned transition closes when it is made, so a live request has a policy
    try:
        judged = evaluate_locked(locked, actor=actor, for_decision=True)
    except (DomainError, DatabaseError):
        raise
    except Exception as error:
        raise cannot_execute(request, error) from error
    require_open(request)  # the evaluation may have closed it: it expired, or the version changed stage
    assert judged is not None and judged.shown is not None  # noqa: PT018 - live, and evaluated for a decision
    shown = judged.shown
    reviewer = _require_eligible(locked, person, document, judged, delegation)
    if draft.packet_digest != shown.digest:
        raise ConflictError(
            "The request changed while you were reading: look at what changed, then decide again.",
            code="packet_changed",
        )
    _require_first(request, person, delegation)
    if outcome is Decision.Outcome.APPROVE:
        _require_open(judged.verdict, reviewer)
    _require_comment(document, outcome, comment)
    faults = ErrorCollector()
    faults.clean_text("/comment", comment, MAX_COMMENT)
    _check_conditions(faults, outcome, conditions)
    faults.raise_if_any()
    review_packet.freeze(request, shown)
    draft = replace(draft, request=request, person=person, delegation=delegation)
    now = given.at
    statement = signing.statement_of(draft, given)
    signing.require_signed(given, statement)
    thread = DiscussionThread(
        uid=uuid4(), model=locked.model, version=locked.version, request=request, opened_by=person, opened_at=now
    )
    objects = outcome is Decision.Outcome.REQUEST_CHANGES
    controllers = sorted(account_controls.controllers_of(person.uid, now))
    event = record_promotion_event(
        locked,
        DECISION_RECORDED,
        actor=actor,
        target=ObjectRef("decision", str(given.decision)),
        data={
            "outcome": str(outcome),
            "packet": shown.digest,
            "fingerprint": locked.version.fingerprint,
            "policy_digest": request.policy_revision.digest if request.policy_revision else None,
            "policy_digests": request.policy_digests,
            "groups": sorted(reviewer.groups),
            "method": str(given.method),
            "meaning": draft.meaning,
            "statement": hashlib.sha256(statement).hexdigest(),
            **({"account_controlled_by": controllers} if controllers else {}),
            **(
                {"on_behalf_of": delegation.delegator.uid, "delegation": str(delegation.uid)}
                if delegation is not None
                else {}
            ),
            **({"conditions": len(conditions)} if conditions else {}),
            **_reviewers_then(request, judged),
        },
        private={
            "comment": comment,
            "signed_name": person.name,
            "conditions": "\n".join(f"{condition.due} {condition.title.strip()}" for condition in conditions),
        },
        related=[ObjectRef("thread", str(thread.uid))] if objects else [],
        identity=given.event,
    )
    decision = Decision.objects.create(
        uid=given.decision,
        request=request,
        person=person,
        on_behalf_of=delegation.delegator if delegation is not None else None,
        delegation=delegation,
        outcome=outcome,
        comment=comment,
        packet_digest=shown.digest,
        groups=sorted(reviewer.groups),
        signed_name=person.name,
        signed_meaning=draft.meaning,
        signed_method=given.method,
        signed_at=now,
        event=event.event_id,
    )
    decision_signatures.attest(decision, statement, key)
    signing.record_assertion(actor, decision, given)
    for condition in conditions:
        open_finding(
            actor=actor,
            model=locked.model,
            version=locked.version,
            request=request,
            decision=decision,
            source=Finding.Source.DECISION,
            severity=condition.severity,
            title=condition.title,
            owner=condition.owner,
            due=condition.due,
        )
    if objects:
        thread.decision = decision
        thread.save()
    if outcome is Decision.Outcome.REJECT:
        close_request(locked, PromotionRequest.State.REJECTED, PROMOTION_REJECTED, actor=actor, reason=comment)
    else:
        evaluate_decision(locked, judged, DecisionFact(person.uid, decision.name, str(outcome), now, on_behalf_of))
    return decision


def _check_conditions(
    faults: ErrorCollector, outcome: Decision.Outcome, conditions: Sequence[ApprovalCondition]
) -> None:
    """Refuse conditions of another outcome than approval, too many, and those without a title or with a past date."""
    if conditions and outcome is not Decision.Outcome.APPROVE:
        faults.add("/conditions", "not_here", "Only an approval has conditions: remove them, or approve.")
    if len(conditions) > MAX_CONDITIONS:
        faults.add("/conditions", "too_many", f"An approval has at most {MAX_CONDITIONS} conditions.")
    for number, condition in enumerate(conditions):
        faults.clean_line(f"/conditions/{number}/title", condition.title, MAX_TITLE, required=True)
        if condition.due < clock.now().date():
            faults.add(f"/conditions/{number}/due", "past", f"{condition.due} has passed: give today or a later date.")


def _require_comment(document: PolicyDocument, outcome: Decision.Outcome, comment: str) -> None:
    if not comment and (document.needs_comment or outcome is not Decision.Outcome.APPROVE):
        raise ValidationFailedError(
            [FieldError("/comment", "required", "Write what you reviewed, and why you decide this way.")]
        )
    least = document.comment_min_length or 0
    if len(comment) < least:
        raise ValidationFailedError(
            [
                FieldError(
                    "/comment",
                    "too_short",
                    f"The policy asks for a comment of at least {least} characters; this one has {len(comment)}. Write "
                    "what you reviewed, and why you decide this way.",
                )
            ]
        )


def _reviewers_then(request: PromotionRequest, judged: Evaluation) -> dict[str, Json]:
    """Return who could decide and who could not, with the rule, when the decision was signed.

    It is recorded with the decision and not in the packet, because members change without a change of the evidence.
    """
    people = judged.facts.reviewers
    authors = get_involvement(request).authors
    marked = cycles_of({request.pk: CycleQuery(authors, mutual_rule(request))})[request.pk]
    able = {r.uid for r in people if r.excluded is None}
    return {
        "could_decide": sorted(able),
        "excluded": {r.uid: r.excluded.rule for r in people if r.excluded is not None and r.uid not in able},
        **({"marked": sorted(marked)} if marked else {}),
    }


def still_active(person: User) -> User:
    """Lock and return the person's row.

    Args:
        person: the account as it was read.

    Raises:
        PermissionDeniedError: the account is deactivated.
    """
    found = User.objects.raw_first("id = %(key)s FOR SHARE", key=person.pk)
    if found is None or not found.is_active:
        raise PermissionDeniedError("This account is deactivated and cannot decide.", code="inactive")
    return found


def _delegation(person: User, on_behalf_of: str, request: PromotionRequest) -> Delegation | None:
    """Lock and return the delegation by which a person decides; None for their own place. While it is locked it cannot
    be revoked.
    """
    if not on_behalf_of:
        return None
    now = clock.now()
    for found in delegates.delegations_to([person.pk]):
        if found.delegator.uid == on_behalf_of and found.covers(request.model):
            held = Delegation.objects.raw_first("id = %(key)s FOR SHARE", key=found.pk)
            if held is not None and held.is_in_effect(now):
                held.delegate, held.delegator = person, still_active(found.delegator)
                return held
    raise PermissionDeniedError(
        "There is no delegation in effect from this person to you that covers this request.", code="no_delegation"
    )


def _require_first(request: PromotionRequest, person: User, delegation: Delegation | None) -> None:
    """Raise ConflictError if the person has decided on the packet, or the member in whose place they decide."""
    valid = request.decisions.filter(lapsed_at__isnull=True)
    earlier = valid.filter(person=person).first()
    if earlier is not None:
        raise ConflictError(
            f"You have decided on this packet already ({earlier.get_outcome_display().lower()}); a decision is not "
            "edited, and one person decides once. It lapses when what it signed changes.",
            code="already_decided",
            existing=earlier,
        )
    member = delegation.delegator if delegation is not None else person
    earlier = valid.filter(Q(person=member) | Q(on_behalf_of=member)).select_related("person").first()
    if earlier is None:
        return
    if delegation is not None:
        message = f"{member.name} has a decision on this packet already, signed by {earlier.person.name}."
    else:
        message = (
            f"{earlier.person.name} decided in your place by your delegation "
            f"({earlier.get_outcome_display().lower()}). To decide yourself, revoke the delegation: that invalidates "
            "the decision."
        )
    raise ConflictError(message, code="already_decided", existing=earlier)


def _require_eligible(
    locked: LockedPromotion, person: User, document: PolicyDocument, judged: Evaluation, delegation: Delegation | None
) -> Reviewer:
    """Return the person as a reviewer required by the policy, in the place in which they decide; PermissionDeniedError
    with the rule otherwise.
    """
    place = delegation.delegator.uid if delegation is not None else ""
    found = next((r for r in judged.facts.reviewers if r.uid == person.uid and r.on_behalf_of == place), None)
    if delegation is None:
        excluded = gate_inputs.exclusion_of(person, locked.request)
    else:
        excluded = found.excluded if found is not None else None
    others = tuple(sorted({r.label for valid in judged.verdict.approvals for r in valid.may_approve}))
    if excluded is not None:
        raise PermissionDeniedError(
            f"{excluded.reason}, so the decision cannot count ({excluded.rule}).",
            code="separation_of_duties",
            rule=excluded.rule,
            who_can=others,
        )
    wanted = {rule.group for rule in document.approvals}
    if found is None or found.excluded is not None or not found.groups:
        groups = ", ".join(sorted(rule.label for rule in document.approvals))
        if delegation is not None:
            raise PermissionDeniedError(
                f"{delegation.delegator.name} is no reviewer of this request, or you may not view the model, so the "
                "delegation gives no decision on it.",
                code="not_a_reviewer",
                who_can=others,
            )
        raise PermissionDeniedError(
            f"This request is decided by members of {groups} who may decide on {locked.model.slug}."
            if wanted
            else "The policy of this request requires no approvals: its checks decide.",
            code="not_a_reviewer",
            who_can=others,
        )
    return found


def _require_open(judged: Verdict, reviewer: Reviewer) -> None:
    if not judged.review_open:
        checks = [r for r in judged.requirements if r.kind == "check"]
        # An advisory check need not pass, but review opens only when it is completed.
        left = tuple(r for r in checks if r.state is RequirementStatus.WAITING or (r.required and not r.satisfied))
        waiting = "; ".join(r.title for r in left)
        raise InvalidStateError(
            f"Approving opens when every check is completed and every required one is satisfied. Left: {waiting}.",
            code="review_not_open",
            requirements=left,
        )
    mine: list[ApprovalProgress] = [s for s in judged.approvals if s.rule.group in reviewer.groups]
    if mine and not any(s.open for s in mine):
        names = ", ".join(s.rule.label for s in mine)
        raise InvalidStateError(f"{names} comes later: it waits for the previous approval group.", code="comes_later")
