"""Fixtures of the admin tests: a person of each role, and one row of every model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from audit import clock
from audit.models import Event
from governance import findings, promotions
from governance.models import (
    CheckRun,
    Comment,
    Decision,
    Delegation,
    EmergencyChange,
    Finding,
    Impact,
    Policy,
    PolicyRevision,
    PromotionRequest,
    Waiver,
)
from governance.services import delegations, discussion, evidence, impacts, policies, waivers
from registry.access import Role, actor_for
from registry.models import (
    AccessToken,
    Assessment,
    ChangeProposal,
    Grant,
    Instance,
    Membership,
    PeriodicReview,
    ProtectedAlias,
    QuestionnaireRevision,
    RegisteredModel,
    ReviewerGroup,
    Stage,
    StageMove,
    User,
    VerificationKey,
)
from registry.services import assessments, instance, reviews
from registry.services.versions import MetricSpec
from tests import factories
from tests.fixtures.scenes import Share
from tests.governance.promotions.conftest import PASSWORD, ROOT, Bank, found_bank
from tests.personas import People

CONFIRM = "/admin/confirm/"

Visit = Callable[..., Client]
Recorded = Callable[[], AbstractContextManager[list[Event]]]


@pytest.fixture
def visit(db: None) -> Visit:
    """Sign somebody in: `visit(user)` is a client; with `confirmed=True` their password was given again just now."""

    def opened(user: User | None = None, *, confirmed: bool = False, password: str = factories.PASSWORD) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        if confirmed:
            answer = client.post(CONFIRM, {"confirm-password": password, "next": "/admin/"})
            assert answer.status_code == 302, answer.content.decode()
        return client

    return opened


@pytest.fixture
def recorded(db: None) -> Recorded:
    """Gather the events of a block: `with recorded() as events: …`; the list is filled when the block ends."""

    @contextmanager
    def gather() -> Iterator[list[Event]]:
        last = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
        events: list[Event] = []
        yield events
        events += Event.objects.filter(id__gt=last).order_by("id")

    return gather


@pytest.fixture
def officers(people: People) -> SimpleNamespace:
    """One person of each standing towards the admin site. Noor administers by a role, Ada as a superuser."""
    noor = factories.person("noor", name="Noor Haddad")
    factories.grant(Role.ADMINISTRATOR, to=noor)
    return SimpleNamespace(
        officer=people.henrik,
        auditor=people.ingrid,
        administrator=noor,
        superuser=people.ada,
        nobody=factories.person("ulf", name="Ulf Berg"),
    )


Rows = dict[type[Model], Any]


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    made: Bank = share_scene(found_bank)
    return made


@pytest.fixture
def bank(_shared_bank: Bank, db: None) -> Bank:
    """The bank of the module, as it was made. A module has this or the rows."""
    return _shared_bank.again()


@pytest.fixture(scope="module")
def _shared_rows(share_scene: Share) -> Rows:
    made: Rows = share_scene(lambda: make_rows(found_bank()))
    return made


@pytest.fixture
def rows(_shared_rows: Rows, db: None) -> Rows:
    """The rows of the module, read again from the database."""
    return {kind: kind._default_manager.get(pk=row.pk) for kind, row in _shared_rows.items()}


def make_rows(bank: Bank) -> Rows:
    """Make a row of every kind the site shows, the requests and what belongs to them reviewed and decided."""
    request = bank.reviewed()
    bank.decide(request, "marta")
    assessments.assess(
        actor=actor_for(bank.people["sofia"]),
        model=bank.model,
        answers=factories.worst_answers(),
        rationale="Declines are carried out without a look.",
    )
    reviews.record(
        actor=actor_for(bank.people["aiko"]),
        model=bank.model,
        conclusion=reviews.ReviewConclusion("fit", "Within limits."),
    )
    token, _ = factories.token(bank.people["priya"], ["models:read"])
    first, second = (factories.person(name, name=name.title()) for name in ("olga", "otto"))
    for officer in (first, second):
        factories.grant(Role.OFFICER, to=officer)
    found: Rows = {
        VerificationKey: factories.verification_key(first, second),
        User: bank.people["marta"],
        ReviewerGroup: ReviewerGroup.objects.get(slug="reviewers"),
        Membership: Membership.objects.get(user=bank.people["marta"]),
        Grant: Grant.objects.filter(model=bank.model).first(),
        AccessToken: token,
        ChangeProposal: instance.propose_setup_confirmation(
            actor=actor_for(factories.officer()),
            reason="as appointed",
        ),
        Instance: Instance.objects.get(),
        Policy: Policy.objects.get(slug="starter-production"),
        PolicyRevision: PolicyRevision.objects.get(policy__slug="starter-production"),
        PromotionRequest: request,
        CheckRun: CheckRun.objects.filter(request=request).first(),
        Decision: Decision.objects.get(request=request),
        Comment: discussion.post_comment(actor=actor_for(bank.people["marta"]), subject=request, text="Well done."),
        Delegation: delegations.grant_delegation(
            actor=actor_for(bank.people["marta"]),
            delegate=bank.people["aiko"].username,
            valid_until=clock.now() + timedelta(days=7),
            password=PASSWORD,
        ),
        RegisteredModel: bank.model,
        Stage: Stage.objects.get(slug="production"),
        StageMove: StageMove.objects.first(),
        ProtectedAlias: ProtectedAlias.objects.get(name="champion"),
        QuestionnaireRevision: QuestionnaireRevision.objects.get(),
        Assessment: Assessment.objects.order_by("pk").last(),
        PeriodicReview: PeriodicReview.objects.get(),
        Event: Event.objects.order_by("id").first(),
    }
    found |= _followed(bank)
    assert all(row is not None for row in found.values())
    return found


FOLLOWED = """
slug: followed
title: Into Production, with a waiver and an emergency path
applies_to: {stages: [production]}
priority: 90
checks:
  - check: integrity.digest
  - check: performance.threshold
    params: {thresholds: [{metric: accuracy, op: ">=", value: 0.99}]}
    waivable: {max_days: 30, by: [reviewers]}
approvals: [{group: reviewers}]
emergency: {groups: [reviewers], max_hours: 24, retrospective_within_days: 5}
"""


def _followed(bank: Bank) -> Rows:
    """A finding, a waiver by which a version was promoted, what concerns that approval, and an emergency change."""
    policies.publish(actor=ROOT, source=FOLLOWED, reason="for the admin site")
    request = bank.run_checks(bank.request(bank.in_staging()))
    run = request.check_runs.filter(check_slug="performance.threshold").latest("pk")
    waiver = waivers.grant(
        actor=bank.actor("aiko"),
        request=request,
        check=run.check_slug,
        reason="The loans of June arrive late.",
        control="A person reads each refusal.",
        until=clock.now().date() + timedelta(days=10),
        inputs_digest=run.inputs_digest,
        signature=waivers.WaiverSignature(PASSWORD),
    )
    assert bank.decide(request, "marta").state == "promoted"
    metric = MetricSpec("accuracy", 0.9, "production", "")
    evidence.attach_metrics(actor=bank.actor("priya"), version=request.version, metrics=[metric])
    (impact,) = impacts.record_all()
    promotions.request_emergency(
        actor=bank.actor("priya"),
        version=bank.in_staging(),
        target_stage="production",
        reason="The version in Production answers nothing.",
        terms=promotions.EmergencyTerms("INC-1", 4, "reviewers"),
        signature=promotions.DecisionSignature(PASSWORD),
    )
    with transaction.atomic():
        finding = findings.open_finding(
            actor=bank.actor("marta"), model=bank.model, source="incident", severity="medium", title="Refuses too much"
        )
    return {Finding: finding, Waiver: waiver, Impact: impact, EmergencyChange: EmergencyChange.objects.get()}


def address(row: Model | type[Model], page: str = "change") -> str:
    """The address of a page of the admin site: of a row, or of its kind."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}"
    return reverse(name, args=[row.pk] if isinstance(row, Model) else [])


@pytest.fixture
def scene(lifecycle: None, people: People, officers: SimpleNamespace) -> None:
    """What the commands are about, made before anything is counted."""
    assert people.risk_team
    assert people.eve
