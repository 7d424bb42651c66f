"""One bank, one model, and a version whose files are really there: what every test of the door begins with."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from audit.actor import Actor, process
from governance import promotions
from governance.checks import run_worker
from governance.models import CheckRun, Packet, PromotionRequest
from governance.services import policies, setup
from registry import access, storage
from registry.models import ModelVersion, RegisteredModel, ReviewerGroup, User
from registry.services import models, people, versions
from registry.services.versions import ArtifactSpec, MetricSpec, VersionSpec
from registry.storage import StoredBlob
from tests import factories
from tests.checking import run_due_checks, run_unconfined
from tests.fixtures.scenes import Share

PASSWORD = "long enough to be a password 7!"
ROOT = process("test-setup")

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
    """The people by their user names, and one model with its versions."""

    people: dict[str, User]
    model: RegisteredModel
    files: dict[str, bytes] = field(default_factory=dict)
    run: run_worker.Runner = run_unconfined
    """What carries checks out."""

    def again(self) -> Bank:
        """The same bank, read again from the database: what another test did to its objects is not in these."""
        found = User.objects.in_bulk([person.pk for person in self.people.values()])
        people = {name: found[person.pk] for name, person in self.people.items()}
        return Bank(people, RegisteredModel.objects.get(pk=self.model.pk), run=self.run)

    def actor(self, username: str) -> Actor:
        return access.actor_for(self.people[username])

    def version(
        self,
        *,
        by: str = "priya",
        content: bytes | None = None,
        accuracy: float = 0.91,
        signature: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Register the next version, with one file, a good card and an accuracy."""
        content = content if content is not None else b'{"weights": [%d]}' % self.model.next_version
        self.model.refresh_from_db()
        declared = ArtifactSpec("model.json", hashlib.sha256(content).hexdigest(), len(content))
        metrics = [MetricSpec("accuracy", accuracy)]
        spec = VersionSpec(artifacts=[declared], card=CARD, metrics=metrics, signature=signature or {})
        made = versions.declare_version(actor=self.actor(by), model=self.model, spec=spec, reuse=False)
        versions.store_artifact(actor=self.actor(by), version=made, path="model.json", stream=io.BytesIO(content))
        return versions.complete_registration(actor=self.actor(by), version=made)

    def request(self, version: ModelVersion, *, by: str = "priya", stage: str = "production") -> PromotionRequest:
        return promotions.request(
            actor=self.actor(by), version=version, target_stage=stage, reason="the quarterly retraining"
        )

    def stored(self, content: bytes) -> StoredBlob:
        """Bytes in storage, as a service takes them in before it locks anything."""
        return storage.write(io.BytesIO(content), limit=len(content))

    def packet(self, request: PromotionRequest) -> dict[str, Any]:
        """What an approver of the request is shown now."""
        kept = Packet.objects.get(request=request, digest=self.fresh(request).packet_digest)
        shown: dict[str, Any] = json.loads(bytes(kept.body))
        return shown

    def run_checks(self, request: PromotionRequest) -> PromotionRequest:
        """Carry out what is queued, as a worker would, in this process; and wait for what a worker took that other
        tests left running."""
        pause = threading.Event()
        for _ in range(600):
            run_due_checks(self.run)
            if not CheckRun.objects.filter(request=request, status=CheckRun.Status.RUNNING).exists():
                break
            pause.wait(0.1)
        return self.fresh(request)

    def fresh(self, request: PromotionRequest) -> PromotionRequest:
        return PromotionRequest.objects.get(pk=request.pk)

    def decide(
        self, request: PromotionRequest, by: str, outcome: str = "approve", *, packet: str | None = None
    ) -> PromotionRequest:
        request = self.fresh(request)
        promotions.decide(
            actor=self.actor(by),
            request=request,
            outcome=outcome,
            packet_digest=request.packet_digest if packet is None else packet,
            comment="Looked at the evaluation and the card.",
            signature=promotions.DecisionSignature(PASSWORD),
        )
        return self.fresh(request)

    def in_staging(self, **facts: object) -> ModelVersion:
        """A version that the starter policy let into Staging."""
        version = self.version(**facts)  # type: ignore[arg-type]  # the arguments of the case have many types
        request = self.run_checks(self.request(version, stage="staging"))
        assert request.state == "promoted", request.state
        version.refresh_from_db()
        return version

    def reviewed(self) -> PromotionRequest:
        """A request for Production whose checks have passed."""
        request = self.run_checks(self.request(self.in_staging()))
        assert request.packet_digest
        return request


REVIEWERS = ("marta", "aiko", "chen")
OTHERS = ("priya", "tom", "eve", "sofia")


def found_bank(run: run_worker.Runner = run_unconfined) -> Bank:
    """Make the bank through the services, as an installation would.

    Args:
        run: what carries its checks out.
    """
    setup.initialise()
    group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    made = {
        name: people.register_person(actor=ROOT, username=name, name=name.title(), password=PASSWORD)
        for name in (*REVIEWERS, *OTHERS)
    }
    made["root"] = people.register_person(
        actor=ROOT, username="root", name="Root", password=PASSWORD, is_staff=True, is_superuser=True
    )
    for name in (*REVIEWERS, "priya", "tom", "root"):
        people.add_member(actor=ROOT, group=group, user=made[name], reason="reviews models")
    model = models.register_model(
        actor=access.actor_for(made["priya"]), slug="credit-risk-pd", risk_tier=1, owner=made["sofia"]
    )
    return Bank(made, factories.assessed(model), run=run)


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    made: Bank = share_scene(found_bank)
    return made


@pytest.fixture
def bank(_shared_bank: Bank, db: None) -> Bank:
    """The bank of the module, as it was made."""
    return _shared_bank.again()


@pytest.fixture
def publish() -> Callable[[str], object]:
    """Publish a policy's YAML as the installer."""

    def published(source: str) -> object:
        return policies.publish(actor=setup.INSTALLER, source=source, reason="for the test")

    return published
