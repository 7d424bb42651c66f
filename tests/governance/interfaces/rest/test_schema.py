"""The OpenAPI description: complete, public, and equal to the snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from pydantic import BaseModel
from rest_framework.test import APIClient

from governance.interfaces.rest import openapi_views
from governance.interfaces.rest.schema import component_name
from governance.interfaces.rest.schemas import RequestBody, ResponseBody
from governance.interfaces.rest.urls import urlpatterns
from tests.governance.interfaces.rest.conftest import Caller

SNAPSHOT = Path(__file__).with_name("openapi.yaml")


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # drf-spectacular is untyped there
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_what_was_agreed(described: dict[str, Any]) -> None:
    agreed = yaml.safe_load(SNAPSHOT.read_text())
    # Through YAML and back, so that tuples and dates compare as they are written.
    assert yaml.safe_load(yaml.safe_dump(described)) == agreed, (
        "the interface changed: if on purpose, run `make schema`"
    )


def test_it_is_valid_openapi(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.1"
    validate_schema(described)  # type: ignore[no-untyped-call]  # drf-spectacular is untyped there


def test_everyone_may_read_it(nobody: Caller, described: dict[str, Any]) -> None:
    answer = nobody.get("/schema")

    assert answer.status == 200
    assert answer.json == described
    assert nobody.get("/schema", If_None_Match=answer.headers["ETag"]).status == 304


def test_concurrent_first_readers_get_one_description() -> None:
    openapi_views._described.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: APIClient().get("/api/v1/schema"), range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer["ETag"] for answer in answers}) == 1
    assert openapi_views._described.cache_info().misses == 1


def test_names_are_stable_and_single(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]

    assert len(names) == len(set(names))
    assert all(name[0].islower() and name.isalnum() for name in names)


def bodies(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for body in kind.__subclasses__():
        yield from bodies(body)
        # A generic list such as Page[…] is no component of its own.
        if "[" not in body.__name__:
            yield body


def test_two_bodies_do_not_have_the_same_name() -> None:
    names = Counter(component_name(body.__name__) for kind in (ResponseBody, RequestBody) for body in {*bodies(kind)})
    assert [name for name, count in names.items() if count > 1] == []


def test_every_address_is_in_it(described: dict[str, Any]) -> None:
    pages = {"/api/v1/problems", "/api/v1/problems/{code}", "/api/v1/docs", "/api/v1/docs/"}
    known = set(described["paths"]) | pages

    assert len(known) == len(urlpatterns) - 1  # the last one answers for all that are none


def test_every_operation_says_how_it_refuses(described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        answers = operation["responses"]
        refusal = {"$ref": "#/components/responses/Problem"}
        assert answers["400"] == refusal, (path, method)
        if operation["security"] == [{"token": []}]:
            assert answers["401"] == answers["403"] == answers["429"] == refusal
        if "{" in path:
            assert answers["404"] == refusal
        headers = {p["name"]: p for p in operation.get("parameters", ()) if p["in"] == "header"}
        if "If-Match" in headers:
            assert headers["If-Match"]["required"] is True
            assert answers["412"] == answers["428"] == refusal
        # No token decides, gives or takes a role, or answers; and signed addresses expire, so that an answer given once
        # is no use a second time. A simulation writes nothing.
        never = ("decide", "signDocument", "grantDelegation", "giveRole", "revokeRole", "grantAccess", "denyAccess")
        if method == "post" and operation["operationId"] not in (*never, "orderUploads", "simulatePromotion"):
            assert "Idempotency-Key" in headers, path


def test_documents_take_no_unknown_members(described: dict[str, Any]) -> None:
    shapes = described["components"]["schemas"]
    for _, _, operation in operations(described):
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert shapes[name]["additionalProperties"] is False, name


def test_no_decision_can_be_sent(described: dict[str, Any]) -> None:
    decide = described["paths"]["/api/v1/promotions/{id}/decisions"]["post"]

    assert "requestBody" not in decide
    assert all(int(status) >= 400 for status in decide["responses"])
