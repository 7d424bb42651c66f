"""The basis of risk tiers: revisions of the questionnaire, and the assessments made with them."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import AuditedModel
from registry.models.registered_model import RegisteredModel


class QuestionnaireRevision(AuditedModel):
    """A published revision of the questionnaire; the one with the highest number is in force. Immutable.

    `source` is the YAML as published, `document` its validated form (`registry.questionnaire.Questionnaire`), `digest`
    the SHA-256 of the document's canonical JSON.
    """

    number = models.PositiveIntegerField(unique=True)
    title = models.CharField(max_length=300)
    source = models.TextField()
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=40, help_text="pseudonymous id of the actor")

    class Meta:
        ordering = ("-number",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="questionnaire_digest_form", condition=Q(digest__regex="^[0-9a-f]{64}$")),
        ]

    def __str__(self) -> str:
        return f"questionnaire v{self.number}"


class Assessment(AuditedModel):
    """The answers given for a model, the resulting tier, and the reasons. Numbered per model, immutable.

    `computed_tier` is computed from the answers, `tier` is the one that was set; if they differ, `override_reason` is
    set. `reasoning` keeps the answers as text, their points and the rules that applied
    (`registry.questionnaire.TierResult.reasoning`), so that it can be read without the questionnaire.

    A tier less strict than the one before, or than computed, is set by two people: the assessor proposed it, and the
    person who closed `proposal` confirmed it.
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="assessments")
    number = models.PositiveIntegerField()
    questionnaire = models.ForeignKey(QuestionnaireRevision, on_delete=models.PROTECT, related_name="assessments")
    answers = models.JSONField()
    points = models.PositiveIntegerField()
    reasoning = models.JSONField()
    computed_tier = models.PositiveSmallIntegerField(choices=RegisteredModel.Tier.choices)
    tier = models.PositiveSmallIntegerField(choices=RegisteredModel.Tier.choices)
    tier_before = models.PositiveSmallIntegerField(choices=RegisteredModel.Tier.choices, null=True, blank=True)
    override_reason = models.TextField(blank=True)
    rationale = models.TextField()
    next_review = models.DateField(help_text="as it was set with the tier")
    assessor = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="assessments")
    assessed_with = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    assessed_at = models.DateTimeField()
    proposal = models.OneToOneField(
        "registry.ChangeProposal",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="assessment",
        help_text="the confirmed proposal of a tier that lowers; empty where one person sufficed",
    )

    class Meta:
        ordering = ("model", "-number")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="assessment_once", fields=["model", "number"]),
            models.CheckConstraint(
                name="assessment_override_has_reason",
                condition=Q(tier=models.F("computed_tier")) | ~Q(override_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} assessment {self.number}"

    @property
    def overridden(self) -> bool:
        return self.tier != self.computed_tier
