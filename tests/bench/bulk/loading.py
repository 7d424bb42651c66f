"""A registry full of models, made in minutes: what the services would have written, many rows at a time.

    python -m tests.bench.bulk.loading --models 10000 --versions 10

Works on whatever database the settings name, as the application role. Nothing is switched off: every guard fires, each
governed row has its event in its own transaction, streams are numbered without a gap, and the leaves are made by the
recorder's own functions (`audit.recorder.draft`). Only the services' round trips are saved. It ends by asking the
product for the fingerprints of a few versions, which have to be those that were written.

The shape is the same at any size: ten teams, of which the reader belongs to nine; three metrics and a data set a
version; one data set that BUSY versions rest on, however many there are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import django

TEAMS = 10
OWNERS = 50
BUSY = 500
BUSY_DATASET = "customers-master"
BATCH = 25
"""Models of one transaction, with all their versions."""
METRICS = ("auc", "log_loss", "latency_ms")
SUBJECTS = ("credit", "fraud", "churn", "pricing", "claims", "forecast", "document", "routing")
WORDS = (
    "default",
    "probability",
    "retail",
    "corporate",
    "cards",
    "mortgage",
    "early",
    "warning",
    "collection",
    "intent",
)
SEED = 20261124


@dataclass
class Loaded:
    """What was made, for whoever measures: names, and the secrets of two tokens."""

    reader_token: str = ""
    writer_token: str = ""
    reader_cookie: str = ""
    models: list[str] = field(default_factory=list)
    """Names of models the reader sees and the writer owns, spread over all."""
    versions: int = 0
    busy_dataset: str = BUSY_DATASET
    busy_identity: str = ""
    digest: str = ""
    seconds: float = 0.0


def load(*, models: int, versions: int, tell: Any = lambda text: None) -> Loaded:
    """Fill the database. `models` and `versions` (of each) are numbers; `tell` is given a line now and then.

    Raises RuntimeError where a fingerprint differs from what the product makes of the same version, or where the
    database holds another number of events than were written.
    """
    from tests.bench.bulk import writing

    began = time.perf_counter()
    scene = writing.scene(TEAMS, OWNERS)
    randomly = random.Random(SEED)
    loaded = Loaded()
    rest_on_busy = set(randomly.sample(range(models * versions), min(BUSY, models * versions)))
    today = date(2026, 11, 24)
    for start in range(0, models, BATCH):
        plans = [
            _model(randomly, number, versions, today, rest_on_busy)
            for number in range(start, min(start + BATCH, models))
        ]
        writing.write(scene, plans)
        if (start // BATCH) % 20 == 0:
            tell(f"{start + len(plans):>7,} of {models:,} models, {time.perf_counter() - began:6.0f} s")
    writing.finish(scene, loaded, models=models, versions=versions)
    loaded.versions = models * versions
    loaded.seconds = time.perf_counter() - began
    return loaded


@dataclass(frozen=True)
class VersionPlan:
    """A version to be written."""

    number: int
    spec: dict[str, Any]
    artifact: tuple[str, str, int]
    metrics: tuple[tuple[str, float], ...]
    datasets: tuple[tuple[str, str], ...]
    """Role and name."""


@dataclass(frozen=True)
class ModelPlan:
    """A model to be written, with its versions."""

    slug: str
    facts: dict[str, Any]
    team: int
    owner: int
    versions: tuple[VersionPlan, ...]


def _model(randomly: random.Random, number: int, versions: int, today: date, rest_on_busy: set[int]) -> ModelPlan:
    subject = SUBJECTS[number % len(SUBJECTS)]
    team = number % TEAMS
    overdue = number % 50 == 7
    return ModelPlan(
        slug=f"{subject}-{'-'.join(randomly.sample(WORDS, 2))}-{number:05}",
        facts={
            "title": f"{subject.title()} {randomly.choice(WORDS)} {number}",
            "purpose": f"Decides on {randomly.choice(WORDS)} {subject} in branch {number % 97}",
            "description": " ".join(randomly.choices(WORDS, k=40)),
            "team": f"Team {team}",
            "risk_tier": None if number % 100 == 3 else number % 3 + 1,
            "tags": {"area": subject, "llm": "yes"} if number % 20 == 0 else {"area": subject},
            "next_review": today + timedelta(days=-3 if overdue else 30 + number % 300),
        },
        team=team,
        owner=number % OWNERS,
        versions=tuple(
            _version(randomly, number, place + 1, number * versions + place in rest_on_busy)
            for place in range(versions)
        ),
    )


def _version(randomly: random.Random, model: int, number: int, busy: bool) -> VersionPlan:
    name = f"{model}/{number}".encode()
    return VersionPlan(
        number=number,
        spec={
            "run_id": hashlib.md5(name, usedforsecurity=False).hexdigest(),
            "code_repository": "https://git.example/models",
            "code_commit": hashlib.sha1(name, usedforsecurity=False).hexdigest(),
            "code_clean": True,
            "parameters": {"depth": number, "rate": "0.1", "trees": 300 + number},
            "signature": {"inputs": [{"name": "amount", "type": "double"}], "outputs": [{"type": "double"}]},
            "description": f"Retrained on quarter {number}",
            "tags": {"quarter": str(number)},
        },
        artifact=("model.onnx", hashlib.sha256(name).hexdigest(), 1000 + model),
        metrics=tuple(
            (metric, round(randomly.uniform(5, 80) if metric == "latency_ms" else randomly.uniform(0.5, 0.99), 4))
            for metric in METRICS
        ),
        datasets=(("training", BUSY_DATASET if busy else f"loans-{model % 400}-{number}"),),
    )


def digest_of(name: str) -> str:
    """The SHA-256 a data set of that name is given."""
    return hashlib.sha256(name.encode()).hexdigest()


def batches(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The rows, so many at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def main() -> None:
    """Load, and print what was made as one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--models", type=int, required=True)
    parser.add_argument("--versions", type=int, default=10, help="of each model (default: 10)")
    options = parser.parse_args()
    django.setup()
    loaded = load(
        models=options.models, versions=options.versions, tell=lambda text: print(text, file=sys.stderr, flush=True)
    )
    print(json.dumps(vars(loaded)))


if __name__ == "__main__":
    main()
