"""A server that listens, an organisation behind it, and the client's command line, as a pipeline meets them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from governance import client, promotions
from governance.models import Decision, PromotionRequest
from governance.services import setup
from registry import access
from registry.models import RegisteredModel, ReviewerGroup, User
from registry.services import people as accounts
from tests import factories
from tests.personas import People

SCOPES = (
    "models:read",
    "models:write",
    "versions:write",
    "signals:write",
    "promotions:write",
    "promotions:execute",
    "comments:write",
    "notifications:write",
)
PROJECT = Path(client.__file__).resolve().parents[1]

CARD = """---
license: apache-2.0
datasets: [loans-2026]
metrics: [accuracy]
---
""" + "\n".join(
    f"## {title}\n\n" + "The scorecard ranks applicants for unsecured consumer credit in one country only. " * 3
    for title in ("Intended use", "Limitations", "Training data", "Evaluation", "Ethical considerations")
)
TABLE = "label,prediction\n" + "1,1\n0,0\n" * 60
METRICS = {"accuracy": 0.91}


@dataclass
class Organisation:
    """A fresh instance with its starter policies, and three people who review."""

    url: str
    people: People

    def token(self, person: User, *scopes: str) -> str:
        """The secret of a new token."""
        return factories.token(person, scopes or SCOPES)[1]

    def client(self, person: User, *scopes: str, **options: Any) -> client.Client:
        """The library, signed in as a pipeline of that person's."""
        return client.Client(self.url, self.token(person, *scopes), **options)

    def environment(self, **more: str) -> dict[str, str]:
        """What a shell of Priya's gives the command, and nothing else."""
        return {
            "PATH": os.environ["PATH"],
            "COUNTERSIGN_URL": self.url,
            "COUNTERSIGN_TOKEN": self.token(self.people.priya),
            **more,
        }

    def decide(self, number: int, person: User, outcome: str = "approve") -> Decision:
        """What a person does on the request's page."""
        request = PromotionRequest.objects.get(pk=number)
        return promotions.decide(
            actor=access.actor_for(person),
            request=request,
            outcome=outcome,
            packet_digest=request.packet_digest,
            comment="Read the card and the table.",
            signature=promotions.DecisionSignature(factories.PASSWORD),
        )


@pytest.fixture
def organisation(transactional_db: None, live_server: LiveServer, people: People, settings: Settings) -> Organisation:
    """Give the organisation and the address where it is served."""
    settings.PUBLIC_URL = live_server.url
    setup.initialise()
    group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    for person in (people.marta, people.aiko, people.chen):
        accounts.add_member(actor=factories.SETUP, group=group, user=person, reason="reviews models")
    return Organisation(live_server.url, people)


@dataclass
class Run:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Run]


@pytest.fixture
def countersign(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run `countersign …` with a token of Priya's; whatever it says, the token is not in it."""
    monkeypatch.setenv("COUNTERSIGN_URL", organisation.url)
    monkeypatch.setenv("COUNTERSIGN_TOKEN", organisation.token(organisation.people.priya))
    for name in ("COUNTERSIGN_TOKEN_FILE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    return command(capsys)


def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process."""
    import os

    def run(*arguments: object) -> Run:
        try:
            status = client.main([str(a) for a in arguments])
        except SystemExit as end:  # argparse's way of refusing
            status = int(end.code or 0)
        said = capsys.readouterr()
        secret = os.environ.get("COUNTERSIGN_TOKEN") or "no token"
        assert secret not in said.out + said.err
        return Run(status, said.out, said.err)

    return run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with what a training job leaves behind."""
    model = tmp_path / "job" / "model"
    model.mkdir(parents=True)
    (model / "weights.json").write_text('{"weights": [1, 2]}')
    (model / "config").mkdir()
    (model / "config" / "features.json").write_text('["age", "income"]')
    (tmp_path / "job" / "card.md").write_text(CARD)
    (tmp_path / "job" / "table.csv").write_text(TABLE)
    (tmp_path / "job" / "metrics.json").write_text(json.dumps(METRICS))
    return tmp_path / "job"


@pytest.fixture
def registered(countersign: Command, files: Path) -> str:
    """Give the reference of a version of a model assessed as tier 2, with card, metrics and table."""
    run = countersign(
        "register", "credit-risk-pd", files / "model", "--create", "--risk-tier", 2,
        "--card", files / "card.md", "--metrics", files / "metrics.json",
        "--evidence", f"evaluation.table={files / 'table.csv'}",
    )  # fmt: skip
    assert run.status == 0, run.err
    factories.assessed(RegisteredModel.objects.get(slug="credit-risk-pd"))
    return f"credit-risk-pd/{run.json['number']}"
