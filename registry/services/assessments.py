"""Assessment of a model's risk tier by the questionnaire, with the reasoning stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access, review_schedule
from registry import questionnaire as language
from registry.actions import MODEL_ASSESSED
from registry.exceptions import ConflictError, InvalidStateError, PermissionDeniedError, StaleRevisionError
from registry.models import (
    AccessToken,
    Assessment,
    ChangeProposal,
    PeriodicReview,
    QuestionnaireRevision,
    RegisteredModel,
    User,
)
from registry.services import questionnaires, tier_use
from registry.services.models import can_set_accountability
from registry.validation import ErrorCollector


def may_assess(*, actor: Actor, model: RegisteredModel) -> access.Allowed | access.Denied:
    """Return whether the actor may assess the model: those who may edit its record, its owners, and officers."""
    answer = access.check_permission(actor, access.Permission.EDIT, model)
    if answer or can_set_accountability(actor=actor, model=model):
        return access.Allowed()
    return answer


@dataclass(frozen=True)
class Prepared:
    """A validated assessment that is not written yet. Its model is locked.

    Attributes:
        person: the assessor; `token` is the token they used, if any.
        published: the revision of the questionnaire in force; `questionnaire` is its parsed form.
        found: the result that the questionnaire computes from the answers.
        tier: the tier to set.
    """

    model: RegisteredModel
    person: User
    token: AccessToken | None
    published: QuestionnaireRevision
    questionnaire: language.Questionnaire
    answers: Mapping[str, str]
    rationale: str
    override_reason: str
    found: language.TierResult
    tier: int

    @property
    def strictest(self) -> int:
        """The strictest tier that applies to the model: the tier in force, or the tier computed from the answers.

        A declared tier counts only if a decision was made or is pending under it; before that it may be corrected.
        """
        before = self.model.risk_tier
        if before is None or (self.model.tier_basis_id is None and not tier_use.is_in_use(self.model)):
            return self.found.tier
        return min(before, self.found.tier)

    @property
    def lowers(self) -> bool:
        """Whether a second person has to confirm: the tier would be less strict than one that applies to the model."""
        return self.tier > self.strictest


def prepare(
    *,
    actor: Actor,
    model: RegisteredModel,
    answers: Mapping[str, str],
    rationale: str,
    tier: int | None = None,
    override_reason: str = "",
    revision: int | None = None,
    expected_revision: int | None = None,
) -> Prepared:
    """Lock the model and validate an assessment of it. Args and Raises: as `assess`, without
    "second_person_required".
    """
    person = _assessor(actor)
    row = RegisteredModel.objects.get_for_update(model.pk)
    if not may_assess(actor=actor, model=row):
        access.require_permission(actor, access.Permission.EDIT, row)
    if row.status == RegisteredModel.Status.ARCHIVED:
        raise InvalidStateError(f"{row.slug} is archived: take it back into use first.", code="model_archived")
    if expected_revision is not None and expected_revision != row.revision:
        raise StaleRevisionError(
            f"{row.slug} was changed since you read it: look at its tier again before you assess it.", existing=row
        )
    found = questionnaires.in_force()
    if found is None:
        raise InvalidStateError(
            "No questionnaire is published yet: an officer must publish one.", code="no_questionnaire"
        )
    published, questionnaire = found
    if revision is not None and revision != published.number:
        raise ConflictError(
            f"Revision {published.number} of the questionnaire is in force, and you answered revision {revision}: "
            "answer the new one.",
            code="questionnaire_changed",
        )
    outcome = _judged(questionnaire, answers, rationale, tier, override_reason)
    chosen = tier if tier is not None else outcome.tier
    prepared = Prepared(
        model=row,
        person=person,
        token=access.token_of(actor),
        published=published,
        questionnaire=questionnaire,
        answers=dict(answers),
        rationale=rationale.strip(),
        override_reason=override_reason.strip() if chosen != outcome.tier else "",
        found=outcome,
        tier=chosen,
    )
    _refuse_laxer(actor, prepared)
    return prepared


@transaction.atomic
def assess(
    *,
    actor: Actor,
    model: RegisteredModel,
    answers: Mapping[str, str],
    rationale: str,
    tier: int | None = None,
    override_reason: str = "",
    revision: int | None = None,
    expected_revision: int | None = None,
) -> Assessment:
    """Assess a model with the questionnaire in force, and set its tier and next review date in one transaction.

    One person cannot lower a tier: use `registry.services.tier_lowering.submit`, which proposes it.

    Args:
        actor: the assessor, or a token of theirs.
        model: the model.
        answers: the id of the chosen answer by the id of its question; every question is answered.
        rationale: the basis of the answers.
        tier: a tier other than the computed one. A stricter tier needs no role; a less strict one needs an officer.
        override_reason: why; required with another tier.
        revision: the revision of the questionnaire that was answered; None for the one in force.
        expected_revision: the revision of the model that the assessor read; None to skip the check.

    Returns:
        The assessment.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not assess it; the tier is less strict than the one in force and the
            assessor is neither owner nor officer, or less strict than computed and they are not an officer
            ("laxer_tier"); or the tier lowers ("second_person_required").
        InvalidStateError: no questionnaire is published, or the model is archived.
        ConflictError: another revision of the questionnaire is in force.
        StaleRevisionError: the model changed since it was read.
        ValidationFailedError: an answer, the rationale, the tier or the reason breaks a rule.
    """
    prepared = prepare(
        actor=actor,
        model=model,
        answers=answers,
        rationale=rationale,
        tier=tier,
        override_reason=override_reason,
        revision=revision,
        expected_revision=expected_revision,
    )
    if prepared.lowers:
        raise PermissionDeniedError(
            f"This sets tier {prepared.tier} where tier {prepared.strictest} applies. A tier that lowers needs a "
            "second person: propose it, and someone who is neither owner, author nor requester confirms it.",
            code="second_person_required",
        )
    return write(prepared, actor=actor)


def write(prepared: Prepared, *, actor: Actor, proposal: ChangeProposal | None = None) -> Assessment:
    """Write a validated assessment and set the tier, in the transaction that holds the lock of the model.

    Args:
        prepared: the validated assessment.
        actor: the assessor; with a proposal, the person who confirmed it.
        proposal: the confirmed proposal of a tier that lowers.
    """
    row, published = prepared.model, prepared.published
    last = row.assessments.first()
    now = clock.now()
    made = Assessment(
        uid=uuid4(),
        model=row,
        number=last.number + 1 if last is not None else 1,
        questionnaire=published,
        answers=dict(prepared.answers),
        points=prepared.found.points,
        reasoning=prepared.found.reasoning(),
        computed_tier=prepared.found.tier,
        tier=prepared.tier,
        tier_before=row.risk_tier,
        override_reason=prepared.override_reason,
        rationale=prepared.rationale,
        next_review=review_schedule.next_review_date(
            _counted_from(row), prepared.tier, prepared.questionnaire.review_every
        ),
        assessor=prepared.person,
        assessed_with=prepared.token,
        assessed_at=now,
        proposal=proposal,
    )
    agreed = [ObjectRef("change_proposal", str(proposal.uid))] if proposal is not None else []
    recorder.record_event(
        MODEL_ASSESSED,
        actor=actor,
        target=ObjectRef("assessment", str(made.uid)),
        stream=f"model:{row.uid}",
        related_objects=[ObjectRef("model", str(row.uid)), ObjectRef("questionnaire", str(published.uid)), *agreed],
        changes=[
            Change("risk_tier", row.risk_tier, prepared.tier),
            Change(
                "next_review",
                row.next_review.isoformat() if row.next_review is not None else None,
                made.next_review.isoformat(),
            ),
            Change("rationale", None, PrivateValue(made.rationale)),
            *([Change("override_reason", None, PrivateValue(made.override_reason))] if made.override_reason else []),
        ],
        data={
            "number": made.number,
            "questionnaire": published.number,
            "questionnaire_digest": published.digest,
            "answers": [f"{question}: {chosen}" for question, chosen in sorted(made.answers.items())],
            "points": made.points,
            "computed_tier": made.computed_tier,
            **({"proposed_by": proposal.proposed_by.uid} if proposal is not None else {}),
        },
    )
    made.save(force_insert=True)
    row.risk_tier = prepared.tier
    row.tier_basis = made
    row.next_review = made.next_review
    row.revision += 1
    row.updated_at = now
    row.save(update_fields=["risk_tier", "tier_basis", "next_review", "revision", "updated_at"])
    return made


def _assessor(actor: Actor) -> User:
    person = access.require_person(actor)
    if person.kind == User.Kind.SERVICE:
        raise PermissionDeniedError(
            "A service account cannot assess risk: a person must answer the questionnaire, signed in or with a token.",
            code="person_required",
        )
    return person


def _judged(
    questionnaire: language.Questionnaire,
    answers: Mapping[str, str],
    rationale: str,
    tier: int | None,
    override_reason: str,
) -> language.TierResult:
    faults = ErrorCollector()
    for question, code, detail in language.validate(questionnaire, answers):
        faults.add(f"/answers/{question}", code, detail)
    faults.clean_text("/rationale", rationale, 20_000, required=True)
    faults.clean_text("/override_reason", override_reason, 5_000)
    if tier is not None and tier not in RegisteredModel.Tier.values:
        faults.add("/tier", "invalid", "A risk tier is 1, 2 or 3.")
    faults.raise_if_any()
    outcome = language.compute_tier(questionnaire, answers)
    if tier is not None and tier != outcome.tier and not override_reason.strip():
        faults.add(
            "/override_reason",
            "required",
            f"The questionnaire gives tier {outcome.tier}: give the reason for tier {tier}.",
        )
    faults.raise_if_any()
    return outcome


def _refuse_laxer(actor: Actor, prepared: Prepared) -> None:
    chosen, computed, model = prepared.tier, prepared.found.tier, prepared.model
    if chosen > computed and not access.check_org_permission(actor, access.OrgPermission.MANAGE_POLICIES):
        officers = access.holders_in_organisation(access.OrgPermission.MANAGE_POLICIES)
        raise PermissionDeniedError(
            f"The answers give tier {computed}; only an officer may propose the less strict tier {chosen}. A stricter "
            "tier needs no officer.",
            code="laxer_tier",
            who_can=[str(user) for user in officers.order_by("name")[:5]],
        )
    # A token proposes with the rights of its person; it sets nothing alone.
    answerable = access.actor_for(prepared.person)
    if (
        model.risk_tier is not None
        and chosen > model.risk_tier
        and not can_set_accountability(actor=answerable, model=model)
    ):
        raise PermissionDeniedError(
            f"{model.slug} is tier {model.risk_tier}, and this would make it the less strict tier {chosen}: its owners "
            "and officers propose that.",
            code="laxer_tier",
            who_can=access.names_who_can_assign(model),
        )


def _counted_from(model: RegisteredModel) -> date:
    """Return the start of the review interval: the last review, or else the first assessment, so that repeated
    assessments do not postpone a review.
    """
    review = PeriodicReview.objects.filter(model=model).first()
    if review is not None:
        return review.reviewed_at.date()
    first = Assessment.objects.filter(model=model).order_by("number").first()
    return (first.assessed_at if first is not None else clock.now()).date()


def prepare_proposed(
    model: RegisteredModel,
    proposal: ChangeProposal,
    *,
    published: QuestionnaireRevision,
    questionnaire: language.Questionnaire,
) -> Prepared:
    """Validate a proposed assessment again, as the assessment of its proposer.

    Args:
        model: the model, locked.
        proposal: the proposal whose payload holds the assessment.
        published: the revision of the questionnaire in force, which is the one that was answered.
        questionnaire: the parsed questionnaire of that revision.

    Raises:
        ValidationFailedError: the answers are not valid.
    """
    payload = proposal.payload
    found = _judged(
        questionnaire, payload["answers"], payload["rationale"], payload["tier"], payload["override_reason"]
    )
    return Prepared(
        model=model,
        person=proposal.proposed_by,
        token=proposal.proposed_with,
        published=published,
        questionnaire=questionnaire,
        answers=payload["answers"],
        rationale=payload["rationale"],
        override_reason=payload["override_reason"],
        found=found,
        tier=payload["tier"],
    )
