"""Revisions of what belongs to a version or a model: cards, evidence, files, assessments and reviews."""

from collections.abc import Collection

from django.db.models import QuerySet

from registry.models import (
    Artifact,
    Assessment,
    Evidence,
    ModelCard,
    ModelVersion,
    PeriodicReview,
    QuestionnaireRevision,
    RegisteredModel,
)


def card_revisions(version: ModelVersion) -> QuerySet[ModelCard]:
    """Return the revisions of a version's model card, newest first, with their authors."""
    return ModelCard.objects.filter(version=version).select_related("added_by").order_by("-revision")


def newest_cards(versions: Collection[int]) -> QuerySet[ModelCard]:
    """Return the newest revision of the model card of each of these versions, given by their keys."""
    return ModelCard.objects.filter(version__in=versions).order_by("version_id", "-revision").distinct("version_id")


def evidence_revisions(version: ModelVersion, kind: str | None = None) -> QuerySet[Evidence]:
    """Return the evidence files of a version, by kind, newest revision first, with their authors.

    Args:
        version: the version.
        kind: only files of this kind.
    """
    found = Evidence.objects.filter(version=version).select_related("blob", "added_by").order_by("kind", "-revision")
    return found if kind is None else found.filter(kind=kind)


def artifact(version: ModelVersion, path: str) -> Artifact | None:
    """Return the registered file of a version with this path; None if there is none."""
    return Artifact.objects.filter(version=version, path=path).first()


def questionnaires() -> QuerySet[QuestionnaireRevision]:
    """Return the revisions of the risk questionnaire, newest first."""
    return QuestionnaireRevision.objects.all()


def assessments_of(model: RegisteredModel) -> QuerySet[Assessment]:
    """Return the risk assessments of a model, newest first, with the people and questionnaires."""
    return Assessment.objects.filter(model=model).select_related("assessor", "questionnaire", "proposal")


def reviews_of(model: RegisteredModel) -> QuerySet[PeriodicReview]:
    """Return the periodic reviews of a model, newest first, with the reviewers."""
    return PeriodicReview.objects.filter(model=model).select_related("reviewer")
