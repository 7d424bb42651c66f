"""Fixtures of the REST tests: real tokens, real middleware, a real database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client

from governance.health import redis_client
from governance.services import setup
from registry.access import SCOPES, Role
from registry.models import RegisteredModel, ReviewerGroup, User
from registry.services import people as accounts
from tests import factories
from tests.fixtures.scenes import Share
from tests.personas import People

ROOT = "/api/v1"

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
class Answer:
    """What came back."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    def __repr__(self) -> str:
        return f"<{self.status} {self.raw[:2000].decode(errors='replace')}>"

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """Hold it to be that problem, whole in form, and return it."""
        assert self.status == status, self
        assert self.headers["Content-Type"] == "application/problem+json", self
        body: dict[str, Any] = self.json
        assert body["code"] == code, self
        assert body["status"] == status
        assert body["title"]
        assert body["detail"]
        assert body["type"].startswith(f"{settings.PUBLIC_URL}{ROOT}/problems/")
        assert "request_id" in body
        return body


class Caller:
    """Somebody with a token. Paths are those after /api/v1; `json=` is sent as JSON, `body=` as it is."""

    def __init__(self, secret: str | None) -> None:
        self.secret = secret
        self.client = Client()

    def __call__(
        self,
        method: str,
        path: str,
        *,
        json: Any = ...,
        body: bytes | str = b"",
        content_type: str = "application/octet-stream",
        **headers: str,
    ) -> Answer:
        if json is not ...:
            body, content_type = _dumps(json), "application/json"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret is not None:
            sent.setdefault("Authorization", f"Bearer {self.secret}")
        response = self.client.generic(
            method,
            path if path.startswith("/api/") else ROOT + path,
            body,
            content_type=content_type,
            headers=sent,
            # As real clients do, also for a file of no bytes.
            CONTENT_LENGTH=str(len(body)),
        )
        raw = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]  # a response has content
        return Answer(response.status_code, response.headers, raw)

    def get(self, path: str, **headers: str) -> Answer:
        return self("GET", path, **headers)

    def post(self, path: str, json: Any = ..., **facts: Any) -> Answer:
        return self("POST", path, json=json, **facts)

    def put(self, path: str, json: Any = ..., **facts: Any) -> Answer:
        return self("PUT", path, json=json, **facts)

    def patch(self, path: str, json: Any = ..., **facts: Any) -> Answer:
        return self("PATCH", path, json=json, **facts)

    def upload(self, path: str, body: bytes, **facts: Any) -> Answer:
        return self("PUT", path, body=body, **facts)

    # --- the steps of the journey ---

    def register_model(self, slug: str = "credit-risk-pd", **facts: Any) -> Answer:
        """Register a model; where a tier is given, it is assessed as that unless it shall stay `declared`."""
        declared = facts.pop("declared", False)
        made = self.post("/models", {"slug": slug, **facts})
        if made.status == 201 and facts.get("risk_tier") and not declared:
            factories.assessed(RegisteredModel.objects.get(slug=slug))
        return made

    def register_version(self, slug: str, files: dict[str, bytes], **facts: Any) -> dict[str, Any]:
        """Declare, upload, complete; the version as it then is."""
        declared = self.post(f"/models/{slug}/versions", {"artifacts": [file(*f) for f in files.items()], **facts})
        assert declared.status in (200, 201), declared
        for artifact in declared.json["artifacts"]:
            stored = self.upload(artifact["url"], files[artifact["path"]])
            assert stored.status == 200, stored
        completed = self.post(f"{declared.json['url']}/complete")
        assert completed.status == 200, completed
        body: dict[str, Any] = completed.json
        return body

    def ask(self, version: dict[str, Any], stage: str, reason: str = "the quarterly retraining") -> Answer:
        return self.post(
            "/promotions",
            {"model": version["model"], "version": version["number"], "target": {"stage": stage}, "reason": reason},
        )


def _dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


def file(path: str, content: bytes) -> dict[str, Any]:
    """How a file is declared."""
    return {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


CallerOf = Callable[..., Caller]


def caller_of(user: User, *scopes: str, models: list[str] | None = None) -> Caller:
    """Somebody's token with these scopes; with all of them where none is named."""
    _, secret = factories.token(user, scopes or SCOPES, models)
    return Caller(secret)


@pytest.fixture
def call() -> CallerOf:
    return caller_of


@pytest.fixture
def nobody() -> Caller:
    """Without a token."""
    return Caller(None)


@pytest.fixture(autouse=True)
def _uncounted() -> Iterator[None]:
    """No test is held up by what another one counted."""
    yield
    with redis_client() as counted:
        try:
            for key in counted.scan_iter("countersign:rate:*"):
                counted.delete(key)
        except redis.RedisError:
            pass


@pytest.fixture(scope="module")
def _shared_instance(share_scene: Share) -> People:
    made: People = share_scene(lambda: install(People()))
    return made


@pytest.fixture
def installed(_shared_instance: People, people: People) -> People:
    """An instance that is set up: lifecycle, starter policies, Marta and Aiko and Chen as its reviewers."""
    people.take(_shared_instance)
    return people


def install(people: People) -> People:
    setup.initialise()
    reviewers = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    for user in (people.marta, people.aiko, people.chen):
        accounts.add_member(actor=factories.SETUP, group=reviewers, user=user, reason="reviews models")
    return people


@pytest.fixture
def priya_calls(installed: People) -> Caller:
    """Priya's token with every scope."""
    return caller_of(installed.priya)


@pytest.fixture
def eve_calls(installed: People) -> Caller:
    """Eve's token with every scope: she has no role on anything."""
    return caller_of(installed.eve)


@pytest.fixture
def ingrid_calls(installed: People) -> Caller:
    """The auditor's."""
    return caller_of(installed.ingrid)


def viewer(user: User, slug: str) -> Caller:
    """A token of somebody who may only look at the model."""
    from registry.models import RegisteredModel

    factories.grant(Role.VIEWER, to=user, on=RegisteredModel.objects.get(slug=slug))
    return caller_of(user)
