"""Policies and their revisions."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from audit import clock
from registry.models import IS_CURRENT, AuditedModel, TemporalModel
from registry.models.managers import PreparedManager, PreparedModel


class Policy(AuditedModel):
    """A named rule set. Its content is in its revisions; its terms (`PolicyTerm`) say which one is in force when.

    `latest` is the revision that was published last. It is not the one in force if it is scheduled or was cancelled,
    or if the policy is retired: `PolicyRevision.objects.in_force` is the only definition of that.
    """

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    latest = models.OneToOneField(
        "governance.PolicyRevision",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="latest_of",
        db_column="in_force_id",  # the guards of the first migration read the column by this name
    )

    class Meta:
        ordering = ("slug",)
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.title


class PolicyRevisions(PreparedManager["PolicyRevision"]):
    """Reads which revisions are in force."""

    def in_force(self, at: datetime | None = None) -> models.QuerySet["PolicyRevision"]:
        """Return the revisions in force at a time, with their policies and terms.

        Of each policy the term that began last counts; no revision, if it is the retirement.

        Args:
            at: the time; now if None.
        """
        begun = PolicyTerm.objects.filter(IS_CURRENT, starts_at__lte=at or clock.now())
        latest = begun.order_by("policy_id", "-starts_at", "-pk").distinct("policy_id")
        return self.filter(pk__in=latest.values("revision_id")).select_related("policy", "term")

    def in_force_at(self, times: Collection[datetime]) -> dict[datetime, list["PolicyRevision"]]:
        """Return the revisions in force at each of several times, as `in_force` does for one. One query.

        Args:
            times: at least one time.
        """
        terms = PolicyTerm.objects.filter(IS_CURRENT, starts_at__lte=max(times)).order_by("starts_at", "pk")
        begun = list(terms.select_related("revision__policy"))
        found = {}
        for at in times:
            latest = {term.policy_id: term.revision for term in begun if term.starts_at <= at}
            found[at] = [revision for revision in latest.values() if revision is not None]
        return found

    def in_force_since(self, at: datetime) -> models.QuerySet["PolicyRevision"]:
        """Return the revisions in force at a time, and those that are scheduled to come into force after it."""
        later = PolicyTerm.objects.filter(IS_CURRENT, starts_at__gt=at)
        begun = self.in_force(at).values("pk")
        either = Q(pk__in=begun) | Q(pk__in=later.values("revision_id"))
        return self.filter(either).select_related("policy", "term")


class PolicyRevision(AuditedModel):
    """The content of a policy from its publication on. Immutable: database guards refuse a change.

    `source` is the published YAML, `document` its validated form (`governance.policies.PolicyDocument`), `digest` the
    SHA-256 of the document's canonical JSON, which requests, packets and permits refer to.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    source = models.TextField()
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=40, help_text="pseudonymous id of the actor who proposed it")
    confirmed_by = models.CharField(
        max_length=100,
        blank=True,
        editable=False,
        help_text="pseudonymous id of the officer who put it in force; empty for the set-up",
    )
    proposal = models.OneToOneField(
        "registry.ChangeProposal", null=True, blank=True, on_delete=models.PROTECT, related_name="policy_revision"
    )

    objects: ClassVar[PolicyRevisions] = PolicyRevisions()

    class Meta:
        ordering = ("policy", "-number")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="policy_revision_once", fields=["policy", "number"]),
            models.CheckConstraint(name="policy_digest_form", condition=Q(digest__regex="^[0-9a-f]{64}$")),
        ]

    def __str__(self) -> str:
        return f"{self.policy.slug} v{self.number}"

    @property
    def confirmation(self) -> str:
        """How the revision was put in force: "two_officers", "single_officer", or "setup" (no second person)."""
        if not self.confirmed_by:
            return "setup"
        return "single_officer" if self.confirmed_by == self.published_by else "two_officers"

    @property
    def described(self) -> str:
        """The revision's name in documents, which states if a single officer put it in force."""
        return f"{self}, put in force by a single officer" if self.confirmation == "single_officer" else str(self)


class PolicyTerm(TemporalModel):
    """From when on a policy has a revision in force, or is retired (no revision).

    A term ends when the next one of its policy begins. It is closed only if it is cancelled before it begins, so an
    open term that has begun was in force, and the state at any time is one query over the open terms.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="terms")
    revision = models.OneToOneField(
        PolicyRevision, null=True, blank=True, on_delete=models.PROTECT, related_name="term"
    )
    starts_at = models.DateTimeField()
    proposal = models.OneToOneField(
        "registry.ChangeProposal", null=True, blank=True, on_delete=models.PROTECT, related_name="policy_term"
    )

    class Meta:
        ordering = ("-starts_at", "-pk")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="policy_term_not_before_its_decision", condition=Q(starts_at__gte=F("opened_at"))
            ),
            models.CheckConstraint(
                name="policy_term_cancelled_before_it_begins",
                condition=Q(closed_at__isnull=True, closed_event__isnull=True)
                | Q(closed_at__lt=F("starts_at"), closed_event__isnull=False),
                violation_error_code="closed_without_event",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="policy_term_order", fields=["policy", "-starts_at"], condition=IS_CURRENT),
        ]

    def __str__(self) -> str:
        return f"{self.revision or self.policy.slug + ' retired'} from {self.starts_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_retirement(self) -> bool:
        """Whether the policy is retired from then on."""
        return self.revision_id is None


class RequestPolicies(PreparedManager["RequestPolicy"]):
    """Reads rows with their revision and policy joined, which every caller needs."""

    def get_queryset(self) -> models.QuerySet["RequestPolicy"]:
        return super().get_queryset().select_related("policy_revision__policy")


class RequestPolicy(PreparedModel):
    """A policy revision that governs a promotion request, and its basis. Immutable.

    A request must satisfy the conjunction of all its revisions (`governance.policies.combine`). The row with the basis
    "target" is the policy the request was made under; the others only make it stricter.
    """

    class Basis(models.TextChoices):
        TARGET = "target", "the target"
        LEAVING = "leaving", "leaving the stage it is in"
        REPRESENTED_STAGE = "represented_stage", "the stage the alias represents"
        TIER = "tier", "a stricter risk tier while it was open"
        NEWER_REVISION = "newer_revision", "a stricter revision published while it was open"
        FACTS = "facts", "facts of the model that changed while it was open"

    request = models.ForeignKey("governance.PromotionRequest", on_delete=models.PROTECT, related_name="policies")
    policy_revision = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="governed")
    basis = models.CharField(max_length=20, choices=Basis.choices)
    added_at = models.DateTimeField()
    event = models.UUIDField(help_text="the event that recorded it")
    reason = models.CharField(
        max_length=500,
        blank=True,
        default="",
        help_text="why it governs and not another policy that covers the change; empty if there was no other",
    )

    objects: ClassVar[RequestPolicies] = RequestPolicies()

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="request_policy_once", fields=["request", "policy_revision", "basis"]),
        ]

    def __str__(self) -> str:
        return f"{self.policy_revision} for {self.basis} of #{self.request_id}"
