"""Every operation with valid and invalid generated input: no server error, and every response matches the schema.

The same calls are made for existing and for missing objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
import schemathesis
from django.conf import LazySettings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from audit import clock
from governance.services.delegations import grant_delegation
from governance.wsgi import application
from registry import access
from registry.access import Role
from registry.models import RegisteredModel
from tests import factories
from tests.fixtures.scenes import Share
from tests.governance.interfaces.rest.conftest import CARD, Caller, caller_of, install
from tests.personas import People

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:schemathesis", "ignore::ResourceWarning")

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
FEW, MANY = 8, 150


def described() -> Any:
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # drf-spectacular is untyped there
    schema = schemathesis.openapi.from_dict(document)
    schema.app = application
    return schema


ASKED: Final = {"model": "m", "role": "viewer", "purpose": "to see what the fuzzing leaves behind"}
SCHEMA = described()
OPERATIONS = [(result.ok().method.upper(), result.ok().path) for result in SCHEMA.get_all_operations()]


class World:
    """What the addresses of the calls may meet."""

    def __init__(self, people: People) -> None:
        owner = caller_of(people.priya)
        assert owner.register_model("m", risk_tier=1).status == 201
        dataset = {"name": "loans", "role": "training", "digest": "ab" * 32, "digest_algorithm": "sha256"}
        version = owner.register_version(
            "m", {"a": b"x"}, card=CARD, metrics=[{"name": "accuracy", "value": 0.9}], datasets=[dataset]
        )
        owner.register_version("m", {"a": b"y"}, card=CARD)
        owner("POST", f"{version['url']}/evidence/evaluation.table?filename=t.csv", body=b"label,score\n1,0.9\n")
        self.request = owner.ask(version, "staging").json["id"]
        said = owner.post(f"/promotions/{self.request}/comments", {"text": "Seen, @ingrid?"})
        self.comment = said.json
        self.event = caller_of(people.ingrid).get("/audit/events?limit=1").json["items"][0]["id"]
        self.access_request = caller_of(people.eve).post("/access-requests", ASKED).json["id"]
        self.grant = factories.grant(Role.VIEWER, to=people.chen, on=RegisteredModel.objects.get(slug="m")).uid
        factories.group("desk", people.chen)
        self.delegation = grant_delegation(
            actor=access.actor_for(people.chen),
            delegate="priya",
            valid_until=clock.now() + timedelta(days=1),
            password=factories.PASSWORD,
        ).uid
        self.callers = [owner, caller_of(people.ingrid), caller_of(people.eve)]

    def lead_to_what_exists(self, case: Case[Any]) -> None:
        known = {"slug": "m", "number": 1, "before": 1, "after": 2, "path": "a", "kind": "evaluation.table",
                 "id": self.request, "name": "shadow", "stage": "staging", "event": self.event, "key": "ab" * 32,
                 "access_request": self.access_request, "grant": str(self.grant), "check": "acme.review",
                 "comment": self.comment["id"], "thread": self.comment["thread"], "run": str(self.grant),
                 "delegation": str(self.delegation), "decision": 1}  # fmt: skip
        case.path_parameters.update({name: known[name] for name in case.path_parameters})


@pytest.fixture(scope="module")
def _shared_world(share_scene: Share) -> World:
    made: World = share_scene(lambda: World(install(People())))
    return made


@pytest.fixture
def world(_shared_world: World, db: None, settings: LazySettings) -> Iterator[World]:
    settings.COUNTERSIGN_API_WAITERS = 0
    settings.COUNTERSIGN_API_RATE = (10**9, 60)
    # A server closes the connection after a request where it is in a transaction, and here the test is one. Django's
    # test client does without that too, and has just switched it on again.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield _shared_world
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def fuzz(world: World, method: str, path: str, examples: int) -> None:
    operation = SCHEMA[path][method]

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples == FEW,  # what CI says of a commit is the same each time; the long profile explores
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case: Case[Any] = data.draw(operation.as_strategy(generation_mode=mode))
        exists = data.draw(st.booleans())
        if exists:
            world.lead_to_what_exists(case)
        caller: Caller = data.draw(st.sampled_from(world.callers))
        # Schemathesis asks for compressed answers and does not unpack what a WSGI application sends.
        headers = {"Authorization": f"Bearer {caller.secret}", "Accept-Encoding": "identity"}
        if "If-Match" in (case.headers or {}) and data.draw(st.booleans()):
            headers["If-Match"] = "*"
        checks = list(CHECKS)
        if mode is GenerationMode.NEGATIVE and not exists and caller is world.callers[0]:
            checks.append(negative_data_rejection)
        case.call_and_validate(headers=headers, checks=checks)

    run()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_keeps_its_word(world: World, method: str, path: str) -> None:
    fuzz(world, method, path, FEW)


@pytest.mark.long
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_keeps_its_word_for_long(world: World, method: str, path: str) -> None:
    fuzz(world, method, path, MANY)
