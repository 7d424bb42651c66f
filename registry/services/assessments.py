"""Finding a model's risk tier by the questionnaire, with the reasoning kept."""

from collections.abc import Mapping
from datetime import date
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.recorder import Change, Private, Thing
from registry import access, cadence
from registry import questionnaire as language
from registry.actions import MODEL_ASSESSED
from registry.exceptions import Conflict, NotNow, NotPermitted, StaleRevision
from registry.models import Assessment, PeriodicReview, RegisteredModel, User
from registry.rules import Faults
from registry.services import questionnaires
from registry.services.models import may_account


def may_assess(*, actor: Actor, model: RegisteredModel) -> access.Allowed | access.Denied:
    """Whether the actor may assess a model: whoever may edit its record, its owners, and officers."""
    answer = access.can(actor, access.Permission.EDIT, model)
    if answer or may_account(actor=actor, model=model):
        return access.Allowed()
    return answer


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
    """Answer the questionnaire in force for a model. Sets the model's tier and its next review in the same transaction.

    Args:
        answers: the id of an answer by the id of its question; every question is answered.
        rationale: what the answers rest on.
        tier: where it shall not be the one the questionnaire gives. Stricter is free; laxer is for officers.
        override_reason: why; required with another tier.
        revision: of the questionnaire that was answered; None for the one in force, whichever that is.
        expected_revision: the model's revision the assessor read; None where they do not mind what changed since.

    Raises NotFound and NotPermitted, also where the tier would become laxer than it is and the assessor is neither
    owner nor officer, or laxer than computed and they are no officer; NotNow without a questionnaire or on an archived
    model; Conflict where another revision of the questionnaire is in force; StaleRevision; InvalidInput.
    """
    person = _assessor(actor)
    row = RegisteredModel.objects.locked(model.pk)
    if not may_assess(actor=actor, model=row):
        access.require(actor, access.Permission.EDIT, row)
    if row.status == RegisteredModel.Status.ARCHIVED:
        raise NotNow(f"{row.slug} is archived: take it back into use first.", code="model_archived")
    if expected_revision is not None and expected_revision != row.revision:
        raise StaleRevision(
            f"{row.slug} was changed since you read it: look at its tier again before you assess it.", existing=row
        )
    found = questionnaires.in_force()
    if found is None:
        raise NotNow("No questionnaire is published yet: an officer must publish one.", code="no_questionnaire")
    published, asked = found
    if revision is not None and revision != published.number:
        raise Conflict(
            f"Revision {published.number} of the questionnaire is in force, and you answered revision {revision}: "
            "answer the new one.",
            code="questionnaire_changed",
        )
    outcome = _judged(asked, answers, rationale, tier, override_reason)
    chosen = tier if tier is not None else outcome.tier
    _refuse_laxer(actor, row, chosen, outcome.tier)
    last = row.assessments.first()
    now = clock.now()
    made = Assessment(
        uid=uuid4(),
        model=row,
        number=last.number + 1 if last is not None else 1,
        questionnaire=published,
        answers=dict(answers),
        points=outcome.points,
        reasoning=outcome.reasoning(),
        computed_tier=outcome.tier,
        tier=chosen,
        tier_before=row.risk_tier,
        override_reason=override_reason.strip() if chosen != outcome.tier else "",
        rationale=rationale.strip(),
        next_review=cadence.due_after(_counted_from(row), chosen, asked.review_every),
        assessor=person,
        assessed_with=access.token_of(actor),
        assessed_at=now,
    )
    recorder.append(
        MODEL_ASSESSED,
        actor=actor,
        thing=Thing("assessment", str(made.uid)),
        stream=f"model:{row.uid}",
        related=[Thing("model", str(row.uid)), Thing("questionnaire", str(published.uid))],
        changes=[
            Change("risk_tier", row.risk_tier, chosen),
            Change(
                "next_review",
                row.next_review.isoformat() if row.next_review is not None else None,
                made.next_review.isoformat(),
            ),
            Change("rationale", None, Private(made.rationale)),
            *([Change("override_reason", None, Private(made.override_reason))] if made.override_reason else []),
        ],
        data={
            "number": made.number,
            "questionnaire": published.number,
            "questionnaire_digest": published.digest,
            "answers": [f"{question}: {chosen}" for question, chosen in sorted(made.answers.items())],
            "points": made.points,
            "computed_tier": made.computed_tier,
        },
    )
    made.save(force_insert=True)
    row.risk_tier = chosen
    row.tier_basis = made
    row.next_review = made.next_review
    row.revision += 1
    row.updated_at = now
    row.save(update_fields=["risk_tier", "tier_basis", "next_review", "revision", "updated_at"])
    return made


def _assessor(actor: Actor) -> User:
    person = access.require_person(actor)
    if person.kind == User.Kind.SERVICE:
        raise NotPermitted(
            "A service account judges no risk: a person answers the questionnaire, signed in or by a token of theirs.",
            code="person_required",
        )
    return person


def _judged(
    asked: language.Questionnaire, answers: Mapping[str, str], rationale: str, tier: int | None, override_reason: str
) -> language.Outcome:
    faults = Faults()
    for question, code, detail in language.faults(asked, answers):
        faults.add(f"/answers/{question}", code, detail)
    faults.text("/rationale", rationale, 20_000, required=True)
    faults.text("/override_reason", override_reason, 5_000)
    if tier is not None and tier not in RegisteredModel.Tier.values:
        faults.add("/tier", "invalid", "A risk tier is 1, 2 or 3.")
    faults.refuse()
    outcome = language.compute(asked, answers)
    if tier is not None and tier != outcome.tier and not override_reason.strip():
        faults.add(
            "/override_reason", "required", f"The questionnaire gives tier {outcome.tier}: say why it shall be {tier}."
        )
    faults.refuse()
    return outcome


def _refuse_laxer(actor: Actor, model: RegisteredModel, chosen: int, computed: int) -> None:
    if chosen > computed and not access.can_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES):
        officers = access.holders_in_organisation(access.OrgPermission.MANAGE_POLICIES)
        raise NotPermitted(
            f"The answers give tier {computed}; only an officer may set the laxer tier {chosen}. A stricter one than "
            "computed is free.",
            code="laxer_tier",
            who_can=[str(user) for user in officers.order_by("name")[:5]],
        )
    if model.risk_tier is not None and chosen > model.risk_tier and not may_account(actor=actor, model=model):
        raise NotPermitted(
            f"{model.slug} is tier {model.risk_tier}, and this would make it the laxer tier {chosen}: that is for its "
            "owners and for officers.",
            code="laxer_tier",
            who_can=access.who_can_assign(model),
        )


def _counted_from(model: RegisteredModel) -> date:
    """The day the time to the next review runs from: the last review; where there was none, the first assessment, so
    that assessing again and again puts no review off."""
    review = PeriodicReview.objects.filter(model=model).first()
    if review is not None:
        return review.reviewed_at.date()
    first = Assessment.objects.filter(model=model).order_by("number").first()
    return (first.assessed_at if first is not None else clock.now()).date()
