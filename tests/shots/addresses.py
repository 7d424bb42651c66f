"""Every page of the demonstration and who looks at it: the richest of its kind, found in the demonstration's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count
from django.urls import reverse

from audit.models import Event
from governance import selectors
from governance.models import Finding, Policy, PolicyReplay, PromotionRequest
from registry import access
from registry.models import (
    IS_CURRENT,
    AccessRequest,
    ChangeProposal,
    DatasetReference,
    ModelVersion,
    ReviewerGroup,
    StageOccupancy,
    User,
)


@dataclass(frozen=True)
class Sight:
    """A page as one person sees it; `person` is empty where nobody is signed in."""

    name: str
    person: str
    path: str
    status: int = 200


def sights() -> list[Sight]:
    """All of them."""
    request = under_review()
    return [
        Sight("sign-in", "", "/sign-in/"),
        Sight("reviews", "marta", "/reviews/"),
        Sight("reviews-none", "eve", "/reviews/"),
        Sight("promotions", "marta", "/promotions/?state=any"),
        Sight("promotion", "marta", f"/promotions/{request.pk}/"),
        Sight("promotion-owner", owner(request), f"/promotions/{request.pk}/"),
        *_states(),
        Sight("packet", "marta", f"/promotions/{request.pk}/packet/{request.packet_digest}/"),
        *_of_model(request),
        *_of_data(request),
        *_of_access(),
        *_of_changes(),
        Sight("jump", "marta", "/go/?q=credit"),
        Sight("audit", "ingrid", "/audit/"),
        Sight("audit-model", "priya", f"/audit/?model={request.model.slug}"),
        Sight("audit-request", "ingrid", f"/audit/?request={request.pk}"),
        Sight("stage", "ingrid", "/stages/production/"),
        Sight("audit-none", "ingrid", "/audit/?q=nothing-is-called-this"),
        Sight("audit-closed", "marta", "/audit/", 403),
        *_events(request),
        Sight("help", "priya", "/help/"),
        Sight("api-docs", "", "/api/v1/docs"),
        Sight("profile", "marta", "/profile/"),
        Sight("second-factor", "marta", "/profile/second-factor/"),
        Sight("notifications", "priya", "/notifications/?show=all"),
        Sight("notification-settings", "priya", "/profile/notifications/"),
        Sight("notification-deliveries", "priya", "/profile/notifications/deliveries/"),
        Sight("tokens", "sofia", "/profile/tokens/"),
        Sight("delegations", "marta", "/profile/delegations/"),
        Sight("delegations-received", "lea", "/profile/delegations/"),
        Sight("not-found", "marta", "/models/there-is-no-such-model/", 404),
        *_of_findings(),
        *_administration(),
    ]


def _of_findings() -> Iterator[Sight]:
    yield Sight("findings", "henrik", "/findings/")
    yield Sight("waivers", "henrik", "/waivers/?state=any")
    yield Sight("deliveries-everyone", "henrik", "/profile/notifications/deliveries/?of=all")
    emergency = Finding.objects.filter(source=Finding.Source.EMERGENCY).select_related("model").first()
    if emergency is not None:
        yield Sight("finding", "henrik", f"/findings/{emergency.pk}/")
        yield Sight("model-debt", "henrik", f"/models/{emergency.model.slug}/")


def _of_changes() -> Iterator[Sight]:
    proposal = ChangeProposal.objects.filter(kind="policy.publication").order_by("-pk").first()
    assert proposal is not None
    yield Sight("changes", "mensah", "/changes/")
    yield Sight("policy-draft", "henrik", "/policies/tier-1-production/propose/")
    replay = PolicyReplay.objects.first()
    if replay is not None:
        yield Sight("policy-replay", "mensah", f"/replays/{replay.pk}/")
    yield Sight("change", "mensah", f"/changes/{proposal.pk}/")


def under_review() -> PromotionRequest:
    """A request for Production that waits for Marta, beside a champion; of several the one most was said about."""
    marta = access.actor_for(User.objects.get(username="marta"))
    waiting = [row.request for row in selectors.my_reviews(marta).needs_me]
    return max(waiting, key=lambda r: (r.champion_id is not None, r.target_stage_id is not None, r.decisions.count()))


def owner(request: PromotionRequest) -> str:
    """Who answers for the model, and may ask for its promotion."""
    assert request.model.owner is not None
    return request.model.owner.username


def _states() -> Iterator[Sight]:
    for state in PromotionRequest.State.values:
        found = PromotionRequest.objects.filter(state=state).order_by("-decisions__pk", "-pk").first()
        if found is not None:
            yield Sight(f"promotion-{state}", "marta", f"/promotions/{found.pk}/")


def _of_model(request: PromotionRequest) -> list[Sight]:
    slug, number = request.model.slug, request.version.number
    author = owner(request)
    of_version = f"/models/{slug}/versions/{number}/"
    held = StageOccupancy.objects.filter(IS_CURRENT, exclusive=True, version__model=request.model).first()
    before = held.version.number if held is not None else 1
    risk = [
        Sight("risk", author, f"/models/{slug}/risk/"),
        Sight("assess", author, f"/models/{slug}/risk/assess/"),
        Sight("archive", author, f"/models/{slug}/archive/"),
        Sight("model-reviews", "marta", f"/models/{slug}/reviews/"),
        Sight("rollback", author, f"/models/{slug}/rollback/"),
        Sight("emergency", author, f"/models/{slug}/emergency/"),
        Sight("impacts", "henrik", "/impacts/?state=any"),
        Sight("review-calendar", "marta", "/reviews/calendar/"),
    ]
    fresh = ModelVersion.objects.filter(registered_by__username="priya", stage__initial=True).order_by("-pk").first()
    return [
        *risk,
        Sight("models", "marta", "/models/"),
        Sight("models-none", "marta", "/models/?q=nothing-is-called-this"),
        Sight("models-asked", "priya", "/models/?q=tier%3A1+stage%3Aproduction+-review%3Aoverdue"),
        Sight("models-wrong", "priya", "/models/?q=teir%3A1+stage%3Aprodction"),
        Sight("saved-views", "priya", "/search/views/"),
        Sight("search-help", "priya", "/search/help/"),
        Sight("model", "marta", f"/models/{slug}/"),
        Sight("model-owned", author, f"/models/{slug}/"),
        Sight("model-new", "priya", "/models/new/"),
        Sight("model-edit", author, f"/models/{slug}/edit/"),
        Sight("version", "marta", of_version),
        Sight("card-edit", author, f"{of_version}card/edit/"),
        Sight("metrics-add", author, f"{of_version}metrics/"),
        Sight("evidence-add", author, f"{of_version}documents/?kind=evaluation.table"),
        Sight("evidence", "marta", f"{of_version}evidence/evaluation.table/1/"),
        Sight("policies", "marta", "/policies/"),
        Sight("checks", "marta", "/checks/"),
        Sight("check", "marta", "/checks/license.allowed/"),
        Sight("policy", "marta", "/policies/tier-1-production/"),
        Sight("version-champion", "marta", f"/models/{slug}/versions/{before}/"),
        Sight("compare", "marta", f"/models/{slug}/compare/v{before}..v{number}/"),
        Sight("card", "marta", f"{of_version}card/"),
        Sight("document", "marta", f"/models/{slug}/versions/{before}/document/"),
        Sight("ask", "priya", f"/models/{fresh.model.slug}/versions/{fresh.number}/promote/")
        if fresh is not None
        else Sight("ask", author, f"{of_version}promote/"),
    ]


def _of_access() -> Iterator[Sight]:
    for request in AccessRequest.objects.select_related("person", "model__owner"):
        assert request.model is not None and request.model.owner is not None  # noqa: PT018 - the demonstration's are
        yield Sight(f"access-request-{request.state}", request.model.owner.username, f"/access-requests/{request.pk}/")
        yield Sight(f"access-request-{request.state}-own", request.person.username, f"/access-requests/{request.pk}/")
    asked = AccessRequest.objects.filter(outcome__isnull=True).select_related("model__owner").latest("pk")
    assert asked.model is not None and asked.model.owner is not None  # noqa: PT018 - the same
    owner, page = asked.model.owner.username, f"/models/{asked.slug}/access/"
    yield Sight("access", owner, page)
    yield Sight("access-check", "ingrid", f"{page}?person=priya&right=decide")
    yield Sight("access-own", "marta", page)
    yield Sight("access-requests", owner, "/access-requests/")
    yield Sight("access-ask", "nadia", f"/access-requests/new/?model={asked.slug}&role=developer")
    yield Sight("reviews-access", owner, "/reviews/")


def _of_data(request: PromotionRequest) -> Iterator[Sight]:
    yield Sight("datasets", "marta", "/datasets/")
    yield Sight("datasets-none", "marta", "/datasets/?q=nothing-is-called-this")
    for strength in ("strong", "weak"):
        shared = (
            DatasetReference.objects.filter(strength=strength)
            .order_by()
            .values_list("identity")
            .annotate(named=Count("pk"))
            .order_by("-named")
            .first()
        )
        if shared is not None:
            yield Sight(f"dataset-{strength}", "marta", f"/datasets/{shared[0]}/")
    child = ModelVersion.objects.filter(parents__isnull=False).order_by("-pk").first() or request.version
    yield Sight("lineage", "marta", f"/models/{child.model.slug}/versions/{child.number}/lineage/")
    yield Sight("version-child", "marta", f"/models/{child.model.slug}/versions/{child.number}/")


def _events(request: PromotionRequest) -> Iterator[Sight]:
    for action in ("decision.recorded", "promotion.promoted", "policy.published"):
        event = Event.objects.filter(action=action).order_by("-id").first()
        if event is not None:
            yield Sight(f"event-{action.partition('.')[0]}", "ingrid", f"/audit/{event.event_id}/")


def _administration() -> list[Sight]:
    group = ReviewerGroup.objects.get(slug="risk-team")
    policy = Policy.objects.get(slug="tier-1-production")
    return [
        Sight("admin", "henrik", reverse("admin:index")),
        Sight("admin-groups", "henrik", reverse("admin:registry_reviewergroup_changelist")),
        Sight("admin-group", "henrik", reverse("admin:registry_reviewergroup_change", args=[group.pk])),
        Sight("admin-policy", "henrik", reverse("admin:governance_policy_change", args=[policy.pk])),
        Sight("admin-accounts", "ada", reverse("admin:registry_user_changelist")),
        Sight("admin-events", "henrik", reverse("admin:audit_event_changelist")),
    ]
