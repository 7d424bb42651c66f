"""Recording of periodic reviews of a model as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access, review_schedule
from registry.actions import REVIEW_ADVANCED, REVIEW_RECORDED
from registry.exceptions import InvalidStateError, StaleRevisionError
from registry.models import IS_CURRENT, PeriodicReview, RegisteredModel, StageOccupancy, User
from registry.questionnaire import DEFAULT_CADENCE, LOWEST_TIER
from registry.selectors import participation
from registry.services import questionnaires
from registry.validation import ErrorCollector

RULE = "SoD-6"
"""A person does not review a model that they own, or whose versions in protected stages they made."""


@dataclass(frozen=True)
class ReviewConclusion:
    """The conclusion of a reviewer.

    Attributes:
        outcome: a value of `PeriodicReview.Outcome`.
        findings: what the reviewer found.
        conditions: required with the outcome that has conditions, and not allowed with another.
        next_review: the date of the next review; None for the latest date that the tier's interval allows.
    """

    outcome: str
    findings: str
    conditions: str = ""
    next_review: date | None = None


def review_interval_months() -> Mapping[int, int]:
    """Return the months between reviews by tier, from the questionnaire in force."""
    found = questionnaires.in_force()
    return found[1].review_every if found is not None else DEFAULT_CADENCE


def latest_next(model: RegisteredModel) -> date:
    """Return the latest date that a review recorded today may set for the next one: the interval of the model's
    tier, or of the least strict tier if it has none.
    """
    return review_schedule.next_review_date(
        clock.now().date(), model.risk_tier or LOWEST_TIER, review_interval_months()
    )


def may_review(*, actor: Actor, model: RegisteredModel) -> access.Allowed | access.Denied:
    """Return whether the actor may record a review.

    Those who decide on the model's promotions may, except its owner and those who made the versions in protected stages
    (SoD-6).
    """
    answer = access.check_permission(actor, access.Permission.DECIDE, model)
    person = access.person_of(actor)
    if isinstance(answer, access.Denied) or person is None:
        return answer
    why = _kept_out(person, model)
    if not why:
        return answer

    def others() -> tuple[str, ...]:
        able = access.users_with_permission(access.Permission.DECIDE, model).exclude(pk=person.pk).order_by("name")[:20]
        return tuple(user.name for user in able if not _kept_out(user, model))[:5]

    return access.Denied(
        lambda _: f"{person.name} {why} and so cannot review it: another person who validates models must review it.",
        others,
        code="separation_of_duties",
        rule=RULE,
    )


@transaction.atomic
def record(
    *, actor: Actor, model: RegisteredModel, conclusion: ReviewConclusion, expected_revision: int | None = None
) -> PeriodicReview:
    """Record a periodic review and set the date of the next one.

    Args:
        actor: the reviewer, signed in.
        model: the model.
        conclusion: the conclusion.
        expected_revision: the revision the caller read; None to skip the check.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not review it; see `may_review`.
        InvalidStateError: the model is archived.
        StaleRevisionError: the model changed since it was read.
        ValidationFailedError: a field breaks a rule.
    """
    row = RegisteredModel.objects.get_for_update(model.pk)
    access.require_permission(actor, access.Permission.DECIDE, row)
    answer = may_review(actor=actor, model=row)
    if isinstance(answer, access.Denied):
        raise answer.refusal()
    person = access.require_person(actor)
    if row.status == RegisteredModel.Status.ARCHIVED:
        raise InvalidStateError(
            f"{row.slug} is archived, and what is out of use is not reviewed.", code="model_archived"
        )
    if expected_revision is not None and expected_revision != row.revision:
        raise StaleRevisionError(f"{row.slug} was changed since you read it: look at it again.", existing=row)
    following = _checked(row, conclusion)
    last = row.reviews.first()
    now = clock.now()
    made = PeriodicReview(
        uid=uuid4(),
        model=row,
        number=last.number + 1 if last is not None else 1,
        outcome=conclusion.outcome,
        findings=conclusion.findings.strip(),
        conditions=conclusion.conditions.strip(),
        live_versions=[occupancy.version.number for occupancy in is_in_protected_stage(row)],
        due=row.next_review,
        next_review=following,
        reviewer=person,
        reviewed_at=now,
    )
    recorder.record_event(
        REVIEW_RECORDED,
        actor=actor,
        target=ObjectRef("review", str(made.uid)),
        stream=f"model:{row.uid}",
        related_objects=[ObjectRef("model", str(row.uid))],
        changes=[
            Change("next_review", made.due.isoformat() if made.due is not None else None, following.isoformat()),
            Change("findings", None, PrivateValue(made.findings)),
            *([Change("conditions", None, PrivateValue(made.conditions))] if made.conditions else []),
        ],
        data={"number": made.number, "outcome": made.outcome, "live_versions": made.live_versions},
    )
    made.save(force_insert=True)
    row.next_review = following
    row.revision += 1
    row.updated_at = now
    row.save(update_fields=["next_review", "revision", "updated_at"])
    return made


@transaction.atomic
def advance(*, actor: Actor, model: RegisteredModel, due: date, because: ObjectRef, reason: str) -> bool:
    """Bring the next review of a model forward to a date.

    An earlier date stays; an archived model is not reviewed.

    Args:
        actor: the process that found the reason, or a person who may edit the model.
        model: the model.
        due: the latest date of the review.
        because: the object that is the reason, such as a finding.
        reason: why, in one line; recorded in the event.

    Returns:
        Whether the date changed.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not edit it.
    """
    row = RegisteredModel.objects.get_for_update(model.pk)
    access.require_permission(actor, access.Permission.EDIT, row)
    if row.status == RegisteredModel.Status.ARCHIVED or (row.next_review is not None and row.next_review <= due):
        return False
    recorder.record_event(
        REVIEW_ADVANCED,
        actor=actor,
        target=ObjectRef("model", str(row.uid)),
        stream=f"model:{row.uid}",
        related_objects=[because],
        changes=[Change("next_review", row.next_review.isoformat() if row.next_review else None, due.isoformat())],
        reason=reason,
    )
    row.next_review = due
    row.revision += 1
    row.updated_at = clock.now()
    row.save(update_fields=["next_review", "revision", "updated_at"])
    return True


def is_in_protected_stage(model: RegisteredModel) -> list[StageOccupancy]:
    """Return the open occupancies of protected stages, with version and stage, highest stage first."""
    held = StageOccupancy.objects.filter(IS_CURRENT, model=model, stage__protected=True)
    return list(held.select_related("version", "stage").order_by("-stage__position", "-version__number"))


def _kept_out(person: User, model: RegisteredModel) -> str:
    """Return why a person may not review a model; empty if they may."""
    if person.pk == model.owner_id:
        return "owns the model"
    places = is_in_protected_stage(model)
    parties = participation((occupancy.version_id, occupancy.version_id, None) for occupancy in places)
    for occupancy in places:
        version, had_part = occupancy.version, parties[occupancy.version_id]
        where = f"v{version.number}, which is in {occupancy.stage.name},"
        if person.pk == version.registered_by_id or person.uid in had_part.token_accounts:
            return f"registered {where}"
        if person.pk == version.trained_by_id:
            return f"trained {where}"
        if person.uid in had_part.contributed:
            return f"contributed to {where}"
        if person.uid in had_part.behind_tokens:
            return f"is behind a token that registered or added to {where}"
    return ""


def _checked(model: RegisteredModel, conclusion: ReviewConclusion) -> date:
    """Validate the conclusion and return the date of the next review."""
    faults = ErrorCollector()
    with_conditions = conclusion.outcome == PeriodicReview.Outcome.CONDITIONS
    if conclusion.outcome not in PeriodicReview.Outcome.values:
        faults.add("/outcome", "invalid", f"An outcome is one of: {', '.join(PeriodicReview.Outcome.values)}.")
    faults.clean_text("/findings", conclusion.findings, 50_000, required=True)
    faults.clean_text("/conditions", conclusion.conditions, 20_000, required=with_conditions)
    if conclusion.conditions.strip() and not with_conditions:
        faults.add("/conditions", "not_here", "Conditions belong to the outcome “fit with conditions”.")
    latest, today = latest_next(model), clock.now().date()
    following = conclusion.next_review or latest
    if following <= today:
        faults.add("/next_review", "past", "The next review must be in the future.")
    elif following > latest:
        tier = f"tier {model.risk_tier}" if model.risk_tier is not None else "a model without a tier"
        faults.add("/next_review", "too_late", f"For {tier} the next review is due by {latest.isoformat()}.")
    faults.raise_if_any()
    return following
