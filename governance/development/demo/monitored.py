"""Production signals of three models: one is healthy, one breaks its limit, one has stopped reporting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from audit import clock
from governance.development.demo.world import History, World
from governance.models import Finding
from governance.monitoring.reports import Report, Signal
from governance.services import findings, signals
from registry.models import ModelVersion, RegisteredModel

FEATURES = ("language", "product", "sentiment")


@dataclass(frozen=True)
class Monitored:
    """The daily reports of the version of a model in Production.

    Args:
        slug: the model.
        reporter: user name of who reports.
        first: days before the present of the first report.
        last: the same of the last one.
        values: the signals, by the days before the present.
    """

    slug: str
    reporter: str
    first: int
    last: int
    values: Callable[[World, int], list[Signal]]


def _documents(world: World, day: int) -> list[Signal]:
    return [
        Signal("Accuracy", round(0.962 + world.random.uniform(-0.006, 0.006), 4), sample_size=640 + day),
        Signal("latency_p95_ms", round(world.random.uniform(140, 190), 1), kind="technical"),
    ]


def _mails(world: World, day: int) -> list[Signal]:
    fallen = max(0, 12 - day) * 0.0032
    drift = 0.05 + max(0, 12 - day) * 0.016
    return [
        Signal("Accuracy", round(0.905 - fallen + world.random.uniform(-0.004, 0.004), 4), sample_size=400 + day),
        Signal("latency_p95_ms", round(world.random.uniform(210, 290), 1), kind="technical"),
        *(
            Signal(
                "psi",
                round((drift if feature == "product" else 0.03) + world.random.uniform(0, 0.02), 4),
                kind="data_drift",
                slice=f"feature={feature}",
            )
            for feature in FEATURES
        ),
        Signal("answers_sent_unchanged", round(world.random.uniform(0.58, 0.64), 3), kind="business"),
    ]


def _visitors(world: World, day: int) -> list[Signal]:
    return [Signal("mape", round(0.11 + world.random.uniform(-0.02, 0.02), 4), sample_size=310)]


MONITORED = (
    Monitored("kyc-doc-classifier", "nadia", 6, 0, _documents),
    Monitored("support-triage-llm", "nadia", 60, 0, _mails),
    Monitored("branch-footfall-forecast", "nadia", 55, 24, _visitors),
)


def histories(world: World) -> list[History]:
    """Return the daily reports of each model, and the acknowledgement of the finding."""
    return [*(_reported(world, one) for one in MONITORED), _acknowledged(world), _found_in_review(world)]


def _reported(world: World, one: Monitored) -> History:
    for day in range(one.first, one.last - 1, -1):
        yield world.ago(day + 0.2, any_time=True)
        served = ModelVersion.objects.filter(model__slug=one.slug, stage__exclusive=True).select_related("model")
        version = served.first()
        if version is None:
            continue
        now = clock.now()
        report = Report("production-monitor", now - timedelta(days=1), now, one.values(world, day))
        with world.acting(one.reporter) as actor:
            signals.record_report(actor=actor, version=version, report=report)


def _found_in_review(world: World) -> History:
    """A validator opens two findings: one is late, the closure of the other is proposed."""
    yield world.ago(41.3)
    models = {model.slug: model for model in RegisteredModel.objects.filter(slug="kyc-doc-classifier")}
    model = models.get("kyc-doc-classifier")
    if model is None or model.owner is None:
        return
    with world.acting("marta") as marta:
        findings.open_for(
            actor=marta,
            model=model,
            source="review",
            severity="high",
            title="No test on passports issued since the new format",
            description="The holdout ends before the new format. **A labelled sample of 300 is enough.**",
            due=clock.now().date() + timedelta(days=35),
        )
        other = findings.open_for(
            actor=marta,
            model=model,
            source="review",
            severity="medium",
            title="The fallback was not exercised this year",
        )
    yield world.ago(4.2)
    with world.acting(model.owner.username) as owner:
        findings.propose_closure(
            actor=owner, finding=other, evidence="Exercised on Tuesday with operations; the minutes are in the wiki."
        )


def _acknowledged(world: World) -> History:
    yield world.ago(1.1)
    found = (
        Finding.objects.filter(source="signal").select_related("version__model", "model__owner").order_by("pk").first()
    )
    if found is not None and found.model.owner is not None:
        with world.acting(found.model.owner.username) as owner:
            findings.acknowledge(
                actor=owner,
                finding=found,
                note="A new product line sends mails since last week. Samples are labelled; retraining is planned.",
            )
