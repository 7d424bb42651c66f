"""Fixtures of the MLflow tests: unmodified mlflow-skinny against a live server, with a real token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from governance.services import setup
from registry.access import SCOPES
from registry.models import ReviewerGroup, User
from registry.services import people as accounts
from tests import factories
from tests.fixtures.scenes import Share
from tests.personas import People

ROOT = "/api/2.0/mlflow"


@pytest.fixture(autouse=True)
def _quiet_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No home, no telemetry, no patience: what fails shows at once."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Bank:
    """An instance as it is set up first, its people, and where it answers."""

    url: str
    people: People
    monkeypatch: pytest.MonkeyPatch

    def secret(self, person: User, *scopes: str, models: list[str] | None = None) -> str:
        return factories.token(person, scopes or SCOPES, models)[1]

    def client(self, person: User | None = None, secret: str | None = None) -> MlflowClient:
        """A client that sends this token. One at a time: MLflow keeps credentials in the environment."""
        secret = secret if secret is not None else self.secret(person or self.people.priya)
        self.monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", secret)
        return MlflowClient(tracking_uri=self.url, registry_uri=self.url)


def install(people: People) -> People:
    """The starter policies, and three people who review."""
    setup.initialise()
    group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    for person in (people.marta, people.aiko, people.chen):
        accounts.add_member(actor=factories.SETUP, group=group, user=person, reason="reviews models")
    return people


@pytest.fixture
def bank(
    transactional_db: None,
    live_server: LiveServer,
    people: People,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Bank:
    settings.PUBLIC_URL = live_server.url
    install(people)
    return Bank(live_server.url, people, monkeypatch)


@pytest.fixture
def mlflow(bank: Bank) -> MlflowClient:
    """Priya's client, with every scope."""
    return bank.client()


@dataclass
class Answer:
    status: int
    body: Any

    def error(self, code: str, status: int) -> str:
        assert (self.status, self.body.get("error_code")) == (status, code), self
        return str(self.body["message"])


class Raw:
    """The same door without a client: for what no client would send."""

    def __init__(self, secret: str | None, root: str = ROOT) -> None:
        self.headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
        self.client = Client(raise_request_exception=False)
        self.root = root

    def __call__(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **query: Any
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        sent = self.client.generic(
            method,
            f"{self.root}/{path}",
            b"" if method == "GET" else raw,
            content_type=content_type,
            headers=self.headers,
            query_params=query or None,
        )
        assert sent["Content-Type"] == "application/json", sent.content
        return Answer(sent.status_code, json.loads(sent.content))


@pytest.fixture(scope="module")
def _shared_instance(share_scene: Share) -> People:
    made: People = share_scene(lambda: install(People()))
    return made


@pytest.fixture
def installed(_shared_instance: People, people: People) -> People:
    """An instance and its people, without a server."""
    people.take(_shared_instance)
    return people


@pytest.fixture
def raw(installed: People) -> Raw:
    """Priya's token, with every scope."""
    return Raw(factories.token(installed.priya, SCOPES)[1])


Refused = Callable[..., Any]


@pytest.fixture
def refused() -> Callable[[str], Any]:
    """`with refused("CODE") as caught:` — the client raises that code."""
    from contextlib import contextmanager

    @contextmanager
    def refuses(code: str) -> Iterator[Any]:
        with pytest.raises(MlflowException) as caught:
            yield caught
        assert caught.value.error_code == code, caught.value

    return refuses
