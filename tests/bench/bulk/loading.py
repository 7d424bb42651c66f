"""A registry full of models, made in minutes: what the services would have written, many rows at a time.

    python -m tests.bench.bulk.loading --models 10000 --versions 10

Works on whatever database the settings name. The leaves are made by `audit.recorder.build_event`, streams are numbered
without a gap, and each governed row has its event. The first models go through every guard of the database, as the
application role; where the settings name the server's superuser, as they do
for the embedded server, the others are copied past the guards (`tests.bench.bulk.copying`), from rows that the same
functions make. It ends by asking the
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
REQUESTS = 120
"""Promotion requests, however many models there are."""
BUSY_DATASET = "customers-master"
BATCH = 25
"""Models of one batch, with all their versions. The first batch goes through the guards."""
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
    reviewer_cookie: str = ""
    """Of a member of the group that the starter policies call on."""
    models: list[str] = field(default_factory=list)
    """Names of models the reader sees and the writer owns, spread over all."""
    versions: int = 0
    busy_dataset: str = BUSY_DATASET
    busy_identity: str = ""
    digest: str = ""
    requests: list[int] = field(default_factory=list)
    """Numbers of promotion requests that the reader sees and the reviewer is called on for."""
    seconds: float = 0.0


def load(*, models: int, versions: int, tell: Any = lambda text: None) -> Loaded:
    """Fill the database. `models` and `versions` (of each) are numbers; `tell` is given a line now and then.

    Raises RuntimeError where a fingerprint differs from what the product makes of the same version, or where the
    database holds another number of events than were written.
    """
    from django.conf import settings
    from django.db import connection

    from tests.bench.bulk import copying, writing

    began = time.perf_counter()
    scene = writing.scene(TEAMS, OWNERS)
    randomly = random.Random(SEED)
    loaded = Loaded()
    rest_on_busy = set(randomly.sample(range(models * versions), min(BUSY, models * versions)))
    today = date(2026, 11, 24)

    def write(into: copying.Guarded | copying.Unguarded, begin: int, end: int) -> None:
        for start in range(begin, end, BATCH):
            numbers = range(start, min(start + BATCH, end))
            plans = [_model(randomly, number, versions, today, rest_on_busy) for number in numbers]
            writing.write(scene, plans, into)
            if (start // BATCH) % 20 == 0:
                tell(f"{numbers.stop:>7,} of {models:,} models, {time.perf_counter() - began:6.0f} s")

    guarded = min(models, BATCH) if settings.COUNTERSIGN_PROVISION_URL else models
    write(copying.Guarded(), 0, guarded)
    if guarded < models:
        connection.close()
        with copying.without_guards(writing.TABLES, writing.IDENTITIES) as into:
            write(into, guarded, models)
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
