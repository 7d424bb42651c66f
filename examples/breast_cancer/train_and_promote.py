"""Train a classifier, register it with its evidence, ask for Staging and then for Production.

    make run          # in one terminal
    make example      # in another; ARGS=--as-pickle for a version that Production refuses

Elsewhere: set COUNTERSIGN_URL and COUNTERSIGN_TOKEN, and run this file with scikit-learn and skops installed. What it
needs of Countersign is one file, governance/client.py.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import skops.io
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, brier_score_loss, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from governance.client import (  # noqa: E402 (a copy of client.py beside this file would do as well)
    EXIT_BY_STATE,
    INTERRUPTED,
    REJECTED,
    WAITING,
    Client,
    ClientError,
    Json,
    LocalFile,
    checks_run,
    requirement_lines,
    settled,
)

MODEL = "breast-mass-triage"
DATASET = "breast-cancer-wisconsin-diagnostic"
HOLDOUT = "holdout"
SEED = 20260701
PACKAGES = ("scikit-learn", "skops", "numpy", "scipy", "joblib", "threadpoolctl")


@dataclass(frozen=True)
class Trained:
    """A fitted pipeline, what it was fitted on, and how it did on the rows it had not seen."""

    pipeline: Pipeline
    features: tuple[str, ...]
    training_rows: int
    training_sha256: str
    evaluation_rows: int
    evaluation_sha256: str
    table: str
    metrics: dict[str, float]


def train(seed: int = SEED) -> Trained:
    """Fit the model on three fifths of the rows and judge it on the rest."""
    data = load_breast_cancer()
    malignant = 1 - data.target  # the data set calls malignant 0; here 1 is what is looked for
    rows = np.arange(len(malignant))
    seen, unseen = train_test_split(rows, test_size=0.4, random_state=seed, stratify=malignant)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    pipeline.fit(data.data[seen], malignant[seen])
    score = pipeline.predict_proba(data.data[unseen])[:, 1]
    prediction, label = (score >= 0.5).astype(int), malignant[unseen]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["id", "label", "prediction", "score"])
    writer.writerows(zip((f"wdbc-{row:03}" for row in unseen), label, prediction, score.round(6), strict=True))
    return Trained(
        pipeline=pipeline,
        features=tuple(str(name) for name in data.feature_names),
        training_rows=len(seen),
        training_sha256=_digest(data.data[seen], malignant[seen]),
        evaluation_rows=len(unseen),
        evaluation_sha256=_digest(data.data[unseen], label),
        table=table.getvalue(),
        metrics={
            "accuracy": float(accuracy_score(label, prediction)),
            "auc": float(roc_auc_score(label, score)),
            "recall": float(recall_score(label, prediction)),
            "precision": float(precision_score(label, prediction)),
            "brier": float(brier_score_loss(label, score)),
        },
    )


def _digest(values: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of rows, in their order: doubles and label as little-endian bytes."""
    digest = hashlib.sha256(values.astype("<f8").tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()


def write(trained: Trained, folder: Path, *, as_pickle: bool) -> list[LocalFile]:
    """Write the version's files. skops holds what is needed to build the model again, and no code; a pickle is a
    program, which runs when it is loaded."""
    if as_pickle:
        (folder / "model.pkl").write_bytes(pickle.dumps(trained.pipeline))
    else:
        skops.io.dump(trained.pipeline, folder / "model.skops")
    (folder / "features.json").write_text(json.dumps(trained.features, indent=1) + "\n")
    return [LocalFile.read(path) for path in sorted(folder.iterdir())]


def facts(trained: Trained, seed: int) -> Json:
    """Everything else that is fixed with the version."""
    reference = f"scikit-learn {installed('scikit-learn')}, split with seed {seed}"
    uri = "https://archive.ics.uci.edu/dataset/17/breast+cancer+wisconsin+diagnostic"
    digests = {"training": trained.training_sha256, "evaluation": trained.evaluation_sha256}
    numbers = {name: f"{100 * value:.1f} %" for name, value in trained.metrics.items() if name != "auc"}
    card = Template((HERE / "card.md").read_text(encoding="utf-8")).substitute(
        numbers,
        auc=f"{trained.metrics['auc']:.3f}",
        training_rows=trained.training_rows,
        evaluation_rows=trained.evaluation_rows,
    )
    return {
        "card": card,
        "metrics": [{"name": n, "value": value, "dataset": HOLDOUT} for n, value in trained.metrics.items()],
        "datasets": [
            {
                "role": role,
                "name": DATASET,
                "reference": reference,
                "uri": uri,
                "digest_algorithm": "sha256",
                "digest": digest,
            }
            for role, digest in digests.items()
        ],
        "parameters": {"seed": seed, "test_size": 0.4, "C": 1.0, "max_iter": 1000, "threshold": 0.5},
        "signature": {
            "inputs": [{"name": name, "type": "double"} for name in trained.features],
            "outputs": [{"name": "malignant", "type": "double"}],
        },
        "environment_lock": "".join(f"{name}=={installed(name)}\n" for name in PACKAGES),
        "licence": "BSD-3-Clause",
        "description": "Logistic regression over standardised measurements.",
        **_code(),
    }


def _code() -> Json:
    """The commit this runs from, and whether the working tree is as it says; nothing outside a repository."""
    git = ["git", "-C", str(HERE)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        state = subprocess.run(
            [*git, "status", "--porcelain", "--", str(HERE)], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"code_commit": commit.stdout.strip(), "code_clean": not state.stdout.strip()}


ANSWERS = {
    "materiality": "severe",
    "reach": "none",
    "effect": "none",
    "automation": "advice",
    "data": "public",
    "regulatory": "none",
    "opacity": "readable",
    "novelty": "known",
    "replaceability": "fallback",
    "dependents": "none",
}
"""To the starter questionnaire; they give tier 2."""


def register(api: Client, trained: Trained, *, as_pickle: bool, seed: int) -> Json:
    """Register model, version and evidence; returns the version."""
    model = api.ensure_model(
        MODEL,
        title="Breast mass triage",
        purpose="Orders aspirates of breast masses for reading by a cytologist.",
        description="The example of the product: a classifier on a data set shipped with scikit-learn.",
        intended_use="Demonstration and teaching.",
        prohibited_use="Use on patients.",
        affects_people=True,
        team="Examples",
    )
    if not model["tier_assessed"]:  # policies for protected stages require it
        api.assess(MODEL, ANSWERS, rationale="A demonstration: no patient is treated by its output.")
    with tempfile.TemporaryDirectory() as temporary:
        folder, evidence = Path(temporary) / "model", Path(temporary) / "evaluation.csv"
        folder.mkdir()
        version = api.register(MODEL, write(trained, folder, as_pickle=as_pickle), **facts(trained, seed))
        evidence.write_text(trained.table)
        api.add_evidence(MODEL, version["number"], "evaluation.table", LocalFile.read(evidence))
    return version


def ask(api: Client, number: int, stage: str, reason: str, options: argparse.Namespace) -> Json:
    """Ask for a stage and follow the request: to its end, or until only people are waited for."""
    request = api.request_promotion(MODEL, number, stage=stage, reason=reason)
    print(f"\nRequest #{request['id']}: version {number} → {stage}")

    def done(document: Json) -> bool:
        # Between the end of the last check and the state that follows from it, nothing waits or something has failed.
        states = {requirement["state"] for requirement in document["requirements"] if requirement["required"]}
        settles_itself = checks_run(document) or "waiting" not in states or "failed" in states
        only_people = document["state"] == "open" and not settles_itself
        return settled(document) or (only_people and not options.wait)

    request = api.follow(request["id"], timeout=options.timeout, done=done)
    print(*requirement_lines(request["requirements"], request["live"]), sep="\n")
    print(f" {request['headline']}")
    return request


def main(arguments: list[str] | None = None) -> int:
    """Run the example; the exit status is the client's."""
    options = _options(arguments)
    try:
        return _run(Client.from_environment(note=print), options)
    except ClientError as failure:
        print(f"\n{failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted; what was asked for stays asked for.", file=sys.stderr)
        return INTERRUPTED


def _run(api: Client, options: argparse.Namespace) -> int:
    who = api.whoami()
    print(f"{api.url}, signed in as {who['person']['name']} with the token “{who['token']['name']}”")
    trained = train(options.seed)
    print(f"trained on {trained.training_rows} rows, judged on {trained.evaluation_rows}: " + ", ".join(
        f"{name} {value:.3f}" for name, value in trained.metrics.items()
    ))  # fmt: skip
    version = register(api, trained, as_pickle=options.as_pickle, seed=options.seed)
    number: int = version["number"]
    print(f"registered {MODEL} version {number}, fingerprint {version['fingerprint'][:16]}…\n  {version['page']}")
    request = ask(api, number, "staging", "The checks decide about Staging.", options)
    if request["state"] == "promoted":
        request = ask(api, number, "production", f"Accuracy {trained.metrics['accuracy']:.3f} on unseen rows.", options)
        if request["state"] == "ready":
            request = api.execute(request["id"])
    return _conclude(request)


def _conclude(request: Json) -> int:
    status: int = EXIT_BY_STATE[request["state"]]
    if status == WAITING:
        print(f"\nPeople decide now, at\n  {request['page']}")
    elif status == REJECTED:
        findings: list[Any] = [c for c in request["checks"] if c["conclusion"] not in (None, "success", "skipped")]
        print("\nRefused:", *(f"  {check['title']}: {check['summary']}" for check in findings), sep="\n")
    else:
        print(f"\nVersion {request['version']} is in {request['target']['stage']}.")
    return status


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a classifier and take it to Production.")
    parser.add_argument("--as-pickle", action="store_true", help="save the model as a pickle, which Production refuses")
    parser.add_argument("--wait", action="store_true", help="wait until people have decided")
    parser.add_argument("--timeout", type=float, default=3600.0, metavar="SECONDS", help="at most (default: 3600)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the split into training and evaluation")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
