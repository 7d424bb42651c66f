"""Runs the commands shown on the page of a model without versions."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from mlflow import MlflowClient

from registry.access import actor_for
from registry.models import ModelVersion
from registry.services import models
from tests.governance.interfaces.mlflow.conftest import Bank

ROOT = Path(__file__).resolve().parents[4]


def shown(bank: Bank, slug: str) -> list[str]:
    """The commands on the page, as the reader copies them."""
    client = Client(HTTP_HOST=bank.url.removeprefix("http://"))
    client.force_login(bank.people.priya, backend="registry.access.backend.RoleBackend")
    page = client.get(f"/models/{slug}/").content.decode()
    return [html.unescape(text) for text in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)]


def run(commands: str, folder: Path, **more: str) -> str:
    """Run a shell with nothing of ours in its environment but the path that `make run` names."""
    path = f"{Path(sys.executable).parent}:{ROOT / 'bin'}:{os.defpath}"
    environment = {"PATH": path, "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", **more}
    done = subprocess.run(
        ["/bin/sh", "-ec", commands],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def commands(bank: Bank) -> list[str]:
    models.register_model(actor=actor_for(bank.people.priya), slug="churn", title="Who leaves")
    found = shown(bank, "churn")
    assert len(found) == 2
    token = bank.secret(bank.people.priya)
    return [text.replace("=TOKEN", f"={token}") for text in found]


def test_the_first_version_by_mlflow(bank: Bank, commands: list[str], tmp_path: Path) -> None:
    bank.monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    tracking = f"file:{tmp_path / 'mlruns'}"
    client = MlflowClient(tracking_uri=tracking)
    made = client.create_run("0")
    (tmp_path / "MLmodel").write_text(f"artifact_path: model\nflavors: {{}}\nrun_id: {made.info.run_id}\n")
    client.log_artifact(made.info.run_id, str(tmp_path / "MLmodel"), "model")
    text = next(c for c in commands if "MLFLOW_REGISTRY_URI" in c).replace("RUN_ID", made.info.run_id)
    run(text, tmp_path, MLFLOW_TRACKING_URI=tracking, MLFLOW_ALLOW_FILE_STORE="true")
    version = ModelVersion.objects.get(model__slug="churn")
    assert version.run_id == made.info.run_id


def test_the_first_version_by_the_client(bank: Bank, commands: list[str], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text('{"weights": [1]}')
    text = next(c for c in commands if "countersign register" in c).replace("MODEL_FOLDER", "model")
    run(text, tmp_path)
    version = ModelVersion.objects.get(model__slug="churn")
    assert version.status == ModelVersion.Status.REGISTERED
    assert [a.path for a in version.artifacts.all()] == ["model.json"]
