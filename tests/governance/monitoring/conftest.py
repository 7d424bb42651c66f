"""A model with one version in Staging, which a policy with a monitoring section let in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from audit import clock
from governance import promotions
from governance.models import Finding
from governance.monitoring.reports import Report, Signal
from governance.services import policies, setup, signals
from registry import access
from registry.access import Role
from registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.fixtures.scenes import Share
from tests.personas import People

ENTERED = datetime(2026, 7, 1, 9, tzinfo=UTC)
POLICY = """
slug: monitored-staging
title: Into Staging, monitored
applies_to: {stages: [staging]}
priority: 60
requires_assessed_tier: false
monitoring:
  silent_after_days: 7
  review_within_days: 10
  signals:
    - {signal: auc, op: ">=", limit: 0.8, warning: 0.82}
    - {signal: psi, kind: data_drift, op: "<=", limit: 0.25, slice: "*"}
"""


@dataclass
class Scene:
    """The people and the monitored version."""

    people: People
    model: RegisteredModel
    version: ModelVersion

    def report(
        self, day: float, values: Iterable[Signal], *, source: str = "nightly", now: float | None = None
    ) -> signals.Recorded:
        """Report signals of the day that ends `day` days after the version entered the stage."""
        end = ENTERED + timedelta(days=day)
        with clock.freeze(ENTERED + timedelta(days=now if now is not None else day)):
            return signals.record_report(
                actor=access.actor_for(self.people.priya),
                version=self.version,
                report=Report(source, end - timedelta(days=1), end, tuple(values)),
            )

    def finding(self) -> Finding:
        return Finding.objects.select_related("version__model", "model").get()


def auc(value: float, **facts: object) -> Signal:
    return Signal("auc", value, **facts)  # type: ignore[arg-type]  # the arguments of the case have many types


def psi(value: float, feature: str = "feature=income") -> Signal:
    return Signal("psi", value, kind="data_drift", slice=feature)


def build() -> Scene:
    setup.initialise()
    people = People()
    with clock.freeze(ENTERED):
        policies.publish(actor=setup.INSTALLER, source=POLICY, reason="the scene of a test")
        model = factories.model(people.priya, "churn", risk_tier=3)
        factories.grant(Role.VALIDATOR, to=people.marta, on=model)
        version = factories.version(model, people.priya, {"model.json": b"{}"})
        request = promotions.request(
            actor=access.actor_for(people.priya), version=version, target_stage="staging", reason="a scene"
        )
    assert request.state == "promoted", request.state
    return Scene(people, model, version)


@pytest.fixture(scope="module")
def _shared_scene(share_scene: Share) -> Scene:
    made: Scene = share_scene(build)
    return made


@pytest.fixture
def scene(_shared_scene: Scene, people: People) -> Scene:
    """The scene of the module, read again from the database."""
    people.take(_shared_scene.people)
    version = ModelVersion.objects.select_related("model", "stage").get(pk=_shared_scene.version.pk)
    return Scene(people, version.model, version)
