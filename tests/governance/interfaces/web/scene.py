"""Test data of the page tests: a model with a champion in Production and a challenger under review."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client, TestCase

from governance import promotions
from governance.models import Decision, PromotionRequest
from governance.services import policies, setup
from registry import access
from registry.access import Role
from registry.models import ModelVersion, RegisteredModel, User
from registry.services import models
from registry.services import people as accounts
from registry.services.versions import DatasetSpec, MetricSpec
from tests import factories
from tests.checking import run_due_checks
from tests.personas import People

TO_STAGING = """
slug: scene-staging
title: Into Staging, for the scene
applies_to: {stages: [staging]}
priority: 50
checks: [{check: integrity.digest}]
"""
TO_PRODUCTION = """
slug: scene-production
title: Into Production, for the scene
applies_to: {stages: [production], aliases: [champion]}
priority: 50
checks:
  - check: integrity.digest
  - check: performance.threshold
    params: {thresholds: [{metric: auc, op: ">=", value: 0.84}]}
approvals: [{group: risk-team, count: 2}]
"""
WORDS = "Applicants for unsecured consumer credit in one country are ranked by their risk of default in a year. " * 2
CARD = "---\nlicense: apache-2.0\n---\n" + "\n".join(
    f"## {title}\n\n{WORDS}" for title in ("Intended use", "Limitations", "Evaluation")
)
WHY = "Ranks risk better than the champion in every segment but one."


@dataclass
class Scene:
    """Who and what there is."""

    people: People
    model: RegisteredModel
    champion: ModelVersion
    challenger: ModelVersion
    request: PromotionRequest
    files: dict[str, bytes] = field(default_factory=dict)

    def fresh(self) -> PromotionRequest:
        return PromotionRequest.objects.get(pk=self.request.pk)

    def decide(self, person: User, outcome: str = "approve", comment: str = "Looked at the evaluation.") -> Decision:
        return decide(self.fresh(), person, outcome, comment)


def build() -> Scene:
    """Make the scene through the services, checks included."""
    setup.initialise()
    people = People()
    accounts.add_member(
        actor=factories.SETUP, group=people.risk_team, user=people.priya, reason="reviews other people's models"
    )
    factories.grant(Role.APPROVER, to=people.risk_team)
    for source in (TO_STAGING, TO_PRODUCTION):
        policies.publish(actor=setup.INSTALLER, source=source, reason="the scene of a test")
    model = models.register_model(
        actor=access.actor_for(people.priya),
        slug="credit-risk-pd",
        owner=people.chen,
        title="Probability of default",
        purpose="Credit decisions on retail loans",
        team="Retail Credit",
        risk_tier=1,
        regulations=["EU AI Act Annex III"],
        description="Trees, **boosted**. <script>alert(1)</script>",
        intended_use="Rank applications.",
    )
    factories.assessed(model)
    champion = version(model, people.priya, auc=0.861)
    promoted(champion, people.priya, "staging")
    request = promoted(champion, people.priya, "production")
    for person in (people.marta, people.aiko):
        decide(request, person)
    challenger = version(model, people.priya, auc=0.874, parents=[champion])
    promoted(challenger, people.priya, "staging")
    request = promoted(challenger, people.priya, "production")
    champion.refresh_from_db()
    challenger.refresh_from_db()
    return Scene(people, model, champion, challenger, request)


def version(model: RegisteredModel, by: User, *, auc: float, **spec: Any) -> ModelVersion:
    """A registered version with a file, a card, metrics, data and code."""
    model.refresh_from_db()
    number = model.next_version
    return factories.version(
        model,
        by,
        {"model.json": b'{"weights": [%d]}' % number, "folder/notes.txt": b"nothing to see"},
        card=CARD + f"\n\nRevision for version {number}.",
        metrics=[MetricSpec("auc", auc), MetricSpec("ece", 0.011 + number / 1000)],
        datasets=[DatasetSpec(role="training", name="loans", reference="2026-07", digest_algorithm="", digest="")],
        code_repository="https://git.bank.example/pd",
        code_commit=f"{number:040x}",
        code_clean=True,
        run_id=f"run-{number}",
        parameters={"depth": 4 + number, "eta": 0.05},
        signature={"inputs": '[{"name": "age", "type": "long"}]', "outputs": '[{"name": "pd", "type": "double"}]'},
        **spec,
    )


def promoted(version: ModelVersion, by: User, stage: str) -> PromotionRequest:
    """A request for a stage, its checks carried out as a worker would."""
    made = promotions.request(
        actor=access.actor_for(by), version=ModelVersion.objects.get(pk=version.pk), target_stage=stage, reason=WHY
    )
    run_due_checks()
    return PromotionRequest.objects.get(pk=made.pk)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def decide(
    request: PromotionRequest, person: User, outcome: str = "approve", comment: str = "Looked at the evaluation."
) -> Decision:
    """A decision over the packet under review."""
    request = PromotionRequest.objects.get(pk=request.pk)
    return promotions.decide(
        actor=access.actor_for(person),
        request=request,
        outcome=outcome,
        packet_digest=request.packet_digest,
        comment=comment,
        signature=promotions.DecisionSignature(factories.PASSWORD),
    )


class PageTest(TestCase):
    """Tests that look at the scene: it is made once for a class, and every test leaves it as it was."""

    scene: Scene

    @classmethod
    def setUpTestData(cls) -> None:
        cls.scene = build()

    def as_(self, person: User) -> Client:
        """A browser in which this person is signed in."""
        client = Client()
        client.force_login(person, backend="registry.access.backend.RoleBackend")
        return client

    def get(self, person: User, path: str) -> Any:
        """The answer at that address; a file is read to its end, which closes it."""
        response: Any = self.as_(person).get(path)
        if response.streaming:
            response.bytes = b"".join(response.streaming_content)
        return response

    def read(self, person: User, path: str, status: int = 200) -> Page:
        """The page at that address as this person sees it."""
        response = self.get(person, path)
        assert response.status_code == status, (path, response.status_code, response.content[:400])
        return Page(response)


class Page:
    """An answer, read: its text without tags, its forms' fields, its ids."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.html = response.content.decode()
        reader = _Reader()
        reader.feed(self.html)
        self.text = re.sub(r"\s+", " ", " ".join(reader.words))
        self.tags = reader.tags
        self.fields = reader.fields

    def has(self, *texts: str) -> None:
        for text in texts:
            assert text in self.text, f"{text!r} is not on the page: {self.text[:3000]}"

    def has_not(self, *texts: str) -> None:
        for text in texts:
            assert text not in self.text, f"{text!r} is on the page"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.fields: dict[str, str] = {}
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        name = found.get("name")
        if tag == "input" and name and (found.get("type") not in ("radio", "checkbox") or "checked" in found):
            self.fields[name] = found.get("value") or ""
        self._textarea = (name or "") if tag == "textarea" else self._textarea

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea] = self.fields.get(self._textarea, "") + data.removeprefix("\n")
        self.words.append(data)
