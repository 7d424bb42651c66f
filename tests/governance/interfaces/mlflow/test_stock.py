"""End-to-end with stock MLflow: a model logged to its tracking server and registered here with its own client.

Needs the environment that `make bench-mlflow` installs (full MLflow and scikit-learn); skipped without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from governance import client
from governance.models import PromotionRequest
from registry.models import RegisteredModel
from tests import factories
from tests.bench.mlflow_comparison import running
from tests.governance.interfaces.mlflow.conftest import Bank
from tests.governance.interfaces.rest.conftest import CARD
from tests.governance.signing import approve

pytestmark = pytest.mark.skipif(
    not running.MLFLOW.exists(), reason="a stock MLflow is not installed: `make bench-mlflow` installs it"
)

LOG = """
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, y = load_breast_cancer(return_X_y=True)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
mlflow.set_experiment("churn")
with mlflow.start_run():
    mlflow.log_metric("accuracy", model.score(x, y))
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="churn",
        serialization_format="skops",
        pip_requirements=["scikit-learn"],
    )
print(mlflow.artifacts.download_artifacts(logged.model_uri, dst_path="files"))
"""
ASK = """
import mlflow
mlflow.MlflowClient().set_registered_model_alias("churn", "champion", "1")
"""
LOAD = """
import mlflow
from sklearn.datasets import load_breast_cancer

x, y = load_breast_cancer(return_X_y=True)
model = mlflow.sklearn.load_model("models:/churn@champion")
print(f"accuracy {model.score(x, y):.2f}")
"""


def test_logged_attached_promoted_and_loaded(bank: Bank, tmp_path: Path, worker_process: object) -> None:
    secret = bank.secret(bank.people.priya)
    with running.serving(tmp_path, f"sqlite:///{tmp_path / 'mlflow.db'}") as (port, _):

        def stock(script: str) -> subprocess.CompletedProcess[str]:
            environ = {
                **os.environ,
                "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
                "MLFLOW_REGISTRY_URI": bank.url,
                "MLFLOW_TRACKING_TOKEN": secret,
                "PYTHONWARNINGS": "ignore",
            }
            python = running.MLFLOW.with_name("python")
            return subprocess.run(
                [str(python), "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
            )

        logged = stock(LOG)
        assert logged.returncode == 0, logged.stderr
        churn = RegisteredModel.objects.get(slug="churn")
        assert churn.versions.get().source.startswith("models:/m-"), "MLflow's own name of what was logged"
        factories.assessed(churn, 2)

        asked = stock(ASK)
        assert asked.returncode == 1
        assert "Approval required" in asked.stderr
        assert "countersign attach churn 1 PATH" in asked.stderr
        refused = stock(LOAD)
        assert refused.returncode == 1
        assert "Registered model alias champion not found" in refused.stderr

        card = tmp_path / "CARD.md"
        card.write_text(CARD)
        files = Path(logged.stdout.split()[-1])
        _attach(bank, secret, [str(files), "--card", str(card), "--metric", "accuracy=0.93"])
        request = _under_review()
        for person in (bank.people.marta, bank.people.chen):
            approve(person, request)

        loaded = stock(LOAD)
        assert loaded.returncode == 0, loaded.stderr
        assert loaded.stdout.startswith("accuracy 0.9")


def _attach(bank: Bank, secret: str, arguments: list[str]) -> None:
    """As it is typed; what the message of the gate said to run."""
    done = subprocess.run(
        [sys.executable, client.__file__, "attach", "churn", "1", *arguments],
        env={**os.environ, "COUNTERSIGN_URL": bank.url, "COUNTERSIGN_TOKEN": secret},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)


def _under_review() -> PromotionRequest:
    pause = threading.Event()
    request = PromotionRequest.objects.get(target_alias="champion")
    for _ in range(600):
        if request.packet_digest:
            return request
        pause.wait(0.1)
        request.refresh_from_db()
    raise AssertionError("the checks did not let the request come to review")
