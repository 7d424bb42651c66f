"""The bank's answers to the risk questionnaire, and the findings of its validators in periodic reviews."""

from __future__ import annotations

import zlib
from datetime import date

from audit import clock
from governance.development.demo.catalogue import Described
from governance.development.demo.world import World
from registry.models import PeriodicReview, RegisteredModel
from registry.services import assessments, questionnaires, reviews
from registry.services.reviews import ReviewConclusion

REVIEWERS = ("marta", "aiko", "jonas", "lea", "chen", "henrik")

MILD = {
    "materiality": "negligible",
    "reach": "hundreds",
    "effect": "none",
    "automation": "advice",
    "data": "internal",
    "regulatory": "none",
    "opacity": "explainable",
    "novelty": "known",
    "replaceability": "fallback",
    "dependents": "none",
}
BY_TIER: dict[int, dict[str, str]] = {
    1: {
        **MILD,
        "materiality": "material",
        "reach": "more",
        "effect": "access",
        "automation": "default",
        "data": "personal",
        "regulatory": "direct",
        "replaceability": "manual",
        "dependents": "few",
    },
    2: {
        **MILD,
        "materiality": "material",
        "reach": "thousands",
        "effect": "terms",
        "data": "personal",
        "regulatory": "indirect",
    },
    3: MILD,
}
RATIONALE = {
    1: (
        "Volumes from last year's management accounts; the decision engine executes most outputs without a person. "
        "Discussed with Compliance."
    ),
    2: "Volumes from last year's management accounts. A person decides, with the score in front of them.",
    3: "Internal planning only; nobody outside the team sees an output.",
}
FINDINGS = (
    "Discrimination and calibration recomputed on the last four quarters; both are within the policy's limits.",
    "Population shift since the last review is below the threshold in every segment. Overrides are rare and explained.",
    "Data lineage traced to source for three features drawn at random. The fallback was exercised in spring and held.",
)
CONDITIONS = (
    "Report the weakest slice every month; recalibrate it when its error doubles, at the latest by the next review."
)


def assess(world: World, model: Described, made: RegisteredModel) -> None:
    """The owner answers the questionnaire, unless the tier is declared only."""
    if model.tier is None or not model.assessed:
        return
    found = questionnaires.in_force()
    assert found is not None
    with world.acting(model.registered_by or model.owner) as owner:
        assessments.assess(
            actor=owner, model=made, answers=BY_TIER[model.tier], rationale=RATIONALE[model.tier], tier=None
        )


def review(world: World, model: Described, day: date | None = None) -> bool:
    """A validator who neither owns nor made the model reviews it and sets the date of the next review.

    Args:
        world: the state of the demonstration.
        model: the model.
        day: date of the next review; None for the latest one that the tier permits.

    Returns:
        Whether the model was reviewed: False if no validator may review it, or the date is not permitted.
    """
    made = RegisteredModel.objects.get(pk=world.models[model.slug].pk)
    if day is not None and not clock.now().date() < day <= reviews.latest_next(made):
        return False
    seed = _seed(model) + made.reviews.count()
    conditional = seed % 4 == 0
    conclusion = ReviewConclusion(
        PeriodicReview.Outcome.CONDITIONS if conditional else PeriodicReview.Outcome.FIT,
        FINDINGS[seed % len(FINDINGS)],
        CONDITIONS if conditional else "",
        day,
    )
    for username in REVIEWERS:
        if not world.users[username].is_active:
            continue
        with world.acting(username) as actor:
            if reviews.may_review(actor=actor, model=made):
                reviews.record(actor=actor, model=made, conclusion=conclusion)
                return True
    return False


def _seed(model: Described) -> int:
    return zlib.crc32(model.slug.encode())
