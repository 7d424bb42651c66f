"""A bank on a fresh instance: a server that listens, a worker that works, people at browsers of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from governance import client
from governance.models import PromotionRequest
from governance.services import setup
from registry.models import ReviewerGroup, User
from registry.services import people as accounts
from tests import factories
from tests.fixtures.visitors import Visitor
from tests.fixtures.workers import WorkerProcess
from tests.governance.signing import approve
from tests.personas import People

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SLUG = "credit-risk-pd"
SCOPES = ("models:read", "models:write", "versions:write", "promotions:write")
MACHINE_SECONDS = 120
"""How long checks may take before a journey gives up on them."""

CARD = """---
license: apache-2.0
datasets: [loans-2026]
metrics: [accuracy]
---
""" + "\n".join(
    f"## {title}\n\n" + "The scorecard ranks applicants for unsecured consumer credit in one country only. " * 3
    for title in ("Intended use", "Limitations", "Training data", "Evaluation", "Ethical considerations")
)


@dataclass
class Bank:
    """Where it is served, who works there, and what a pipeline of theirs does."""

    url: str
    people: People
    folder: Path
    files: Iterator[int] = field(default_factory=lambda: iter(range(1, 100)))

    def pipeline(self, person: User) -> client.Client:
        """The client, with a token of that person's."""
        return client.Client(self.url, factories.token(person, SCOPES)[1])

    def register(self, by: client.Client, *, accuracy: float = 0.91) -> int:
        """Register a version with a file, a card and an accuracy, as a training job does; returns its number."""
        weights = self.folder / "model.json"
        weights.write_text(json.dumps({"weights": [next(self.files)]}))
        if not by.ensure_model(SLUG, risk_tier=2)["tier_assessed"]:
            by.assess(SLUG, factories.answers_for(2), rationale="Volumes of last year.")
        metrics = [{"name": "accuracy", "value": accuracy}]
        version = by.register(SLUG, [client.LocalFile.read(weights)], card=CARD, metrics=metrics)
        assert version["status"] == "registered"
        return int(version["number"])

    def to_staging(self, by: client.Client, number: int) -> None:
        """Ask for Staging, which the machine's checks decide alone, and wait until the version is there."""
        asked = by.request_promotion(SLUG, number, stage="staging", reason="It is trained.")
        assert by.follow(asked["id"], timeout=MACHINE_SECONDS)["state"] == "promoted"

    def under_review(self, by: client.Client, number: int, **target: str) -> int:
        """Ask for Production, or another target, and wait until only people are missing; returns its number."""
        target = target or {"stage": "production"}
        asked = by.request_promotion(SLUG, number, **target, reason="The quarterly retraining.")
        known = by.follow(
            asked["id"],
            timeout=MACHINE_SECONDS,
            done=lambda document: bool(document["packet_digest"]) or client.settled(document),
        )
        assert known["state"] == "open", known
        return int(known["id"])

    def in_production(self, by: client.Client, *, accuracy: float = 0.91) -> int:
        """Take a new version all the way, Marta and Aiko approving; returns its number."""
        number = self.register(by, accuracy=accuracy)
        self.to_staging(by, number)
        asked = self.under_review(by, number)
        for person in (self.people.marta, self.people.aiko):
            request = PromotionRequest.objects.get(pk=asked)
            approve(person, request)
        assert PromotionRequest.objects.get(pk=asked).state == "promoted"
        return number


@pytest.fixture
def bank(
    transactional_db: None,
    live_server: LiveServer,
    worker_process: WorkerProcess,
    people: People,
    settings: Settings,
    tmp_path: Path,
) -> Bank:
    """Give the bank: starter policies, three reviewers, and an engineer and a superuser who are in their group, too."""
    settings.PUBLIC_URL = live_server.url
    setup.initialise()
    group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    for person in (people.marta, people.aiko, people.chen, people.priya, people.ada):
        accounts.add_member(actor=factories.SETUP, group=group, user=person, reason="reviews models")
    return Bank(live_server.url, people, tmp_path)


Enter = Callable[..., Visitor]


@pytest.fixture
def enter(browser: Browser, live_server: LiveServer) -> Iterator[Enter]:
    """Sit somebody down at a browser of their own, signed in by name and password: `enter(person)`.

    A complaint of any of the browsers, about a script, a style or what the Content-Security-Policy stopped, fails the
    test.
    """
    visitors: list[Visitor] = []

    def entered(person: User, **options: Any) -> Visitor:
        visitor = Visitor(browser, live_server.url, **options)
        visitors.append(visitor)
        visitor.sign_in(person.username, factories.PASSWORD)
        return visitor

    yield entered
    complaints = [complaint for visitor in visitors for complaint in visitor.leave()]
    assert complaints == []
