"""Promotion requests."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel

if TYPE_CHECKING:
    from governance.models.policy import RequestPolicy


class PromotionRequest(AuditedModel):
    """A requested change of a version's stage, or of a protected alias. Its primary key is its number (#128).

    Exactly one of `target_stage` and `target_alias` is set. `fingerprint` is the version's when the checks were last
    bound. `packet_digest` identifies the packet under review; it is empty until review opens. `revision` increases when
    the content of the request's page changes: pages poll it, and writes send it in If-Match. `before_governance` marks
    an imported promotion (`governance.promotions.import_existing`): no policy, check or decision. `policy_revision` is
    the primary policy; `governing` lists every revision the request must satisfy. `reapproves` is set if the version
    holds the target already and its inputs are to be approved there again. `kind` selects the rules of its policies
    (`policies.rules_for`); `restores` is the earlier approval that a rollback returns to; one person of
    `confirming_group` confirms an emergency change.
    """

    class Kind(models.TextChoices):
        ORDINARY = "ordinary", "Ordinary"
        ROLLBACK = "rollback", "Rollback"
        EMERGENCY = "emergency", "Emergency change"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        BLOCKED = "blocked", "Blocked"
        READY = "ready", "Ready"
        PROMOTED = "promoted", "Promoted"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        SUPERSEDED = "superseded", "Superseded"

    LIVE: ClassVar[tuple[str, ...]] = ("open", "blocked", "ready")

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="promotion_requests")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="promotion_requests")
    source_stage = models.ForeignKey("registry.Stage", on_delete=models.PROTECT, related_name="+")
    target_stage = models.ForeignKey(
        "registry.Stage", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    target_alias = models.CharField(max_length=255, blank=True)
    champion = models.ForeignKey(
        "registry.ModelVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the version this one is compared with: in the target when the request was made",
    )
    reason = models.TextField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    policy_revision = models.ForeignKey(
        "governance.PolicyRevision",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="requests",
        help_text="the policy under which it was made; empty for a transition that no policy governs",
    )
    fingerprint = models.CharField(max_length=64)
    packet_digest = models.CharField(max_length=64, blank=True)
    before_governance = models.BooleanField(
        default=False,
        editable=False,
        help_text="not requested, checked or approved here: the imported registry already had it",
    )
    reapproves = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="reapprovals",
        help_text="the promotion behind the place that the version holds already, and is to be approved in again",
    )
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.ORDINARY, editable=False)
    restores = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the promotion whose approved inputs a rollback returns to",
    )
    confirming_group = models.CharField(
        max_length=80, blank=True, editable=False, help_text="group whose member confirms an emergency change"
    )
    requested_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="promotion_requests")
    requested_with = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="promotion_one_target",
                condition=Q(target_stage__isnull=False, target_alias="")
                | (Q(target_stage__isnull=True) & ~Q(target_alias="")),
            ),
            models.UniqueConstraint(
                name="promotion_one_open_per_target",
                fields=["version", "target_stage", "target_alias"],
                condition=Q(state__in=("open", "blocked", "ready")),
                nulls_distinct=False,
                violation_error_code="already_open",
            ),
            models.CheckConstraint(
                name="promotion_before_governance_is_done",
                condition=Q(before_governance=False)
                | Q(state="promoted", policy_revision__isnull=True, packet_digest="", champion__isnull=True),
            ),
            models.UniqueConstraint(
                name="promotion_one_before_governance",
                fields=["version", "target_stage", "target_alias"],
                condition=Q(before_governance=True),
                nulls_distinct=False,
                violation_error_code="already_there",
            ),
            models.CheckConstraint(
                name="promotion_reapproval_moves_nothing",
                condition=Q(reapproves__isnull=True)
                | Q(before_governance=False, target_stage=models.F("source_stage"))
                | (Q(before_governance=False) & ~Q(target_alias="")),
            ),
            models.CheckConstraint(
                name="promotion_rollback_restores",
                condition=Q(kind="rollback", restores__isnull=False) | (~Q(kind="rollback") & Q(restores__isnull=True)),
            ),
            models.CheckConstraint(
                name="promotion_emergency_is_confirmed",
                condition=(Q(kind="emergency") & ~Q(confirming_group=""))
                | (~Q(kind="emergency") & Q(confirming_group="")),
            ),
            models.CheckConstraint(
                name="promotion_closed_has_moment",
                condition=Q(state__in=("open", "blocked", "ready"), closed_at__isnull=True)
                | (~Q(state__in=("open", "blocked", "ready")) & Q(closed_at__isnull=False)),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="promotion_live", fields=["state"], condition=Q(state__in=("open", "blocked", "ready"))),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE

    @cached_property
    def governing(self) -> "tuple[RequestPolicy, ...]":
        """Every policy revision the request must satisfy, the primary one first. Empty for an ungoverned transition."""
        return tuple(self.policies.all()) if self.policy_revision_id is not None else ()

    @property
    def policy_digests(self) -> list[str]:
        """Digests of those revisions, as recorded in events."""
        return [bound.policy_revision.digest for bound in self.governing]

    @property
    def target_name(self) -> str:
        """Display name of the target: the stage's name, or "@" and the alias."""
        return self.target_stage.name if self.target_stage is not None else f"@{self.target_alias}"
