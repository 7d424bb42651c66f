"""Invalid requests: malformed bodies, wrong types, invalid filters. Errors have MLflow's format, and none is a 500."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.interfaces.mlflow import filters
from governance.interfaces.mlflow.errors import MlflowError
from registry import access
from registry.access import Role
from registry.models import RegisteredModel
from tests import factories
from tests.governance.interfaces.mlflow.conftest import Raw
from tests.personas import People
from tests.registry.conftest import in_sight


@pytest.fixture
def churn(raw: Raw) -> Raw:
    """Priya's token, and her model with three versions."""
    for name in ("churn", "fraud"):
        assert (
            raw("POST", "registered-models/create", {"name": name, "tags": [{"key": "t", "value": name}]}).status == 200
        )
    for number in range(1, 4):
        body = {
            "name": "churn",
            "source": f"s3://churn/{number}",
            "run_id": f"r{number}",
            "tags": [{"key": "n", "value": str(number)}],
        }
        assert raw("POST", "model-versions/create", body).status == 200
    return raw


def names(answer: Any) -> list[str]:
    return [model["name"] for model in answer.body.get("registered_models", [])]


def numbers(answer: Any) -> list[str]:
    return [version["version"] for version in answer.body.get("model_versions", [])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["churn", "fraud"]),
        ("name = 'churn'", ["churn"]),
        ("name != 'churn'", ["fraud"]),
        ("attribute.name LIKE 'ch%'", ["churn"]),
        ("name LIKE 'CH%'", []),
        ('name ilike "CH%"', ["churn"]),
        ("name IN ('churn', 'x')", ["churn"]),
        ("name NOT IN ('churn')", ["fraud"]),
        ("tags.t = 'churn' AND name LIKE '%'", ["churn"]),
        ("tag.`t` != 'churn'", ["fraud"]),
        ("tags.absent != 'x'", []),
        ("name LIKE '%' and tags.\"mlflow.prompt.is_prompt\" != 'true'", ["churn", "fraud"]),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", []),
        ("tags.`mlflow.prompt.is_prompt` != 'false'", []),
        ("tags.`mlflow.prompt.is_prompt` = 'false'", ["churn", "fraud"]),
    ],
)
def test_a_filter_of_models(churn: Raw, text: str, found: list[str]) -> None:
    assert names(churn("GET", "registered-models/search", filter=text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name='churn'", ["3", "2", "1"]),
        ("version_number >= 2", ["3", "2"]),
        ("version_number = '2'", ["2"]),
        ("run_id IN ('r1','r3')", ["3", "1"]),
        ("source_path LIKE 's3://churn/1'", ["1"]),
        ("tags.n = '2'", ["2"]),
        (f"version_number < {10**40}", ["3", "2", "1"]),
    ],
)
def test_a_filter_of_versions(churn: Raw, text: str, found: list[str]) -> None:
    answer = churn("GET", "model-versions/search", filter=text, order_by="version_number DESC")
    assert numbers(answer) == found


@pytest.mark.parametrize(
    "text",
    [
        "name = churn",
        "name > 'a'",
        "creation = 'x'",
        "name = 'a' OR name = 'b'",
        "(name = 'a')",
        "name = 'a' AND",
        "AND",
        "experiment.x = 'y'",
        "tags.x IS NULL",
        "name IN ()",
        "name IN 'a'",
        "name = 'a",
        "name LIKE 3",
    ],
)
def test_invalid_filter_returns_400(churn: Raw, text: str) -> None:
    churn("GET", "registered-models/search", filter=text).error("INVALID_PARAMETER_VALUE", 400)


def test_pages_follow_each_other(churn: Raw) -> None:
    seen: list[str] = []
    token = ""
    while True:
        answer = churn("GET", "model-versions/search", max_results=1, page_token=token, order_by="version_number")
        seen += numbers(answer)
        token = answer.body.get("next_page_token", "")
        if not token:
            break
    assert seen == ["1", "2", "3"]


@pytest.mark.parametrize(
    "token", ["garbage", base64.b64encode(b"[]").decode(), base64.b64encode(b'{"offset": -1}').decode()]
)
def test_a_page_token_we_did_not_give(churn: Raw, token: str) -> None:
    said = churn("GET", "registered-models/search", page_token=token).error("INVALID_PARAMETER_VALUE", 400)
    assert said == "Invalid page token, could not base64-decode"


@pytest.mark.parametrize("order", ["creation_timestamp", "name UP", "", "name; DROP TABLE", "nothing ASC"])
def test_an_order_that_is_none(churn: Raw, order: str) -> None:
    churn("GET", "registered-models/search", order_by=order).error("INVALID_PARAMETER_VALUE", 400)


def test_orders(churn: Raw) -> None:
    assert names(churn("GET", "registered-models/search", order_by=["name DESC"])) == ["fraud", "churn"]
    assert names(churn("GET", "registered-models/search", order_by=["timestamp ASC"])) == ["fraud", "churn"]
    said = churn("GET", "registered-models/search", order_by=["name", "name"])
    said.error("INVALID_PARAMETER_VALUE", 400)


@pytest.mark.parametrize("most", ["1001", "-1", "x", "1.5"])
def test_how_many_there_may_be(churn: Raw, most: str) -> None:
    churn("GET", "registered-models/search", max_results=most).error("INVALID_PARAMETER_VALUE", 400)


def test_what_is_missing_is_named(churn: Raw) -> None:
    said = churn("POST", "registered-models/create", b"{not json").error("INVALID_PARAMETER_VALUE", 400)
    assert said.startswith("Missing value for required parameter 'name'.")
    churn("POST", "model-versions/create", {"name": "churn", "source": ""}).error("INVALID_PARAMETER_VALUE", 400)
    churn("DELETE", "registered-models/delete", {}).error("INVALID_PARAMETER_VALUE", 400)


def test_fields_are_read_as_mlflow_reads_them(churn: Raw) -> None:
    body = {"name": "churn", "newName": "churn", "whatever": 1}
    assert churn("POST", "registered-models/rename", body).status == 200
    churn("POST", "registered-models/rename", {**body, "new_name": "churn"}).error("BAD_REQUEST", 400)
    said = churn("GET", "model-versions/get", name="churn", version="x").error("INVALID_PARAMETER_VALUE", 400)
    assert said == "Parameter 'version' must be an integer, got 'x'."
    churn("POST", "model-versions/set-tag", {"name": "churn", "version": 1, "key": "a"}).error(
        "INVALID_PARAMETER_VALUE", 400
    )
    churn("POST", "registered-models/create", b"name=x", content_type="text/plain").error("BAD_REQUEST", 400)


def test_addresses(churn: Raw, installed: People) -> None:
    churn("GET", "runs/get").error("ENDPOINT_NOT_FOUND", 404)
    churn("POST", "registered-models/get").error("BAD_REQUEST", 405)
    Raw(None)("GET", "registered-models/search").error("UNAUTHENTICATED", 401)
    Raw("nonsense")("GET", "registered-models/search").error("UNAUTHENTICATED", 401)
    assert Raw(None, "/api/3.0/mlflow")("GET", "server-info").body["workspaces_enabled"] is False
    for root in ("/api/3.0/mlflow", "/ajax-api/3.0/mlflow"):
        Raw(None, root)("GET", "registered-models/get").error("ENDPOINT_NOT_FOUND", 404)
        assert Raw(None, root)("GET", "server-info").status == 200
    browser = Raw(None, "/ajax-api/2.0/mlflow")
    browser.headers = churn.headers
    assert names(browser("GET", "registered-models/search")) == ["churn", "fraud"]
    assert churn("GET", "registered-models/get-latest-versions", name="churn").status == 200


@pytest.mark.parametrize(
    ("path", "query", "queries"),
    [
        ("registered-models/get", {"name": "churn"}, 1),
        ("registered-models/alias", {"name": "churn", "alias": "candidate"}, 1),
        ("model-versions/get", {"name": "churn", "version": "2"}, 1),
        ("model-versions/search", {"filter": "name='churn'"}, 1),
        ("registered-models/search", {}, 2),
        ("model-versions/search", {}, 2),
    ],
)
def test_a_read_is_one_query_beside_who_asks_and_a_search_two(
    churn: Raw, path: str, query: dict[str, str], queries: int
) -> None:
    churn("POST", "registered-models/alias", {"name": "churn", "alias": "candidate", "version": "2"})
    churn("GET", path, **query)

    with CaptureQueriesContext(connection) as captured:
        assert churn("GET", path, **query).status == 200

    asked = [q["sql"] for q in captured if "SAVEPOINT" not in q["sql"]]
    assert len(asked) == 1 + queries, asked
    secret = churn.headers["Authorization"].removeprefix("Bearer ")
    assert hashlib.sha256(secret.encode()).hexdigest() in asked[0]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("name", "new_name", "version", "source", "tags", "key", "value", "alias", "stage", "stages", "description")
POSTS = (
    ("POST", "registered-models/create"),
    ("POST", "registered-models/rename"),
    ("PATCH", "registered-models/update"),
    ("POST", "registered-models/get-latest-versions"),
    ("POST", "registered-models/set-tag"),
    ("POST", "registered-models/alias"),
    ("DELETE", "registered-models/alias"),
    ("POST", "model-versions/create"),
    ("PATCH", "model-versions/update"),
    ("POST", "model-versions/transition-stage"),
    ("POST", "model-versions/set-tag"),
    ("DELETE", "model-versions/delete-tag"),
    ("POST", "transition-requests/create"),
)
KINDLY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@KINDLY
@given(
    call=st.sampled_from(POSTS),
    body=st.dictionaries(
        st.sampled_from(FIELDS),
        JUNK | st.sampled_from(["churn", "1", "Staging", "champion", "x\ud800", "\x00"]),
        max_size=6,
    )
    | JUNK,
)
def test_no_body_breaks_it(churn: Raw, call: tuple[str, str], body: Any) -> None:
    answer = churn(*call, json.dumps(body).encode())
    assert answer.status < 500, answer


WORDS = st.sampled_from(
    [
        "name",
        "tags.a",
        "tags.`b c`",
        "version_number",
        "=",
        "!=",
        "LIKE",
        "IN",
        "('a','b')",
        "'v'",
        '"w"',
        "AND",
        "3",
        "%",
        "(",
        ")",
    ]
)


@KINDLY
@given(
    text=st.lists(WORDS, max_size=9).map(" ".join) | st.text(max_size=40),
    where=st.sampled_from(["registered-models", "model-versions"]),
)
def test_no_filter_breaks_it(churn: Raw, text: str, where: str) -> None:
    assert churn("GET", f"{where}/search", filter=text).status in (200, 400)


@given(text=st.text(max_size=60))
def test_no_page_token_breaks_it(text: str) -> None:
    with suppress(MlflowError):
        assert filters.offset_of(text) >= 0


def test_sight_is_what_is_visible(installed: People) -> None:
    """The condition of SQL and the query set say the same, for people, groups, roles everywhere and tokens."""
    models = [factories.model(installed.priya, f"m-{number}") for number in range(4)]
    factories.grant(Role.VIEWER, to=installed.eve, on=models[0])
    factories.grant(Role.DEVELOPER, to=factories.group("squad", installed.eve), on=models[1])
    actors = [
        access.actor_for(p) for p in (installed.priya, installed.eve, installed.ingrid, installed.ada, installed.marta)
    ]
    actors += [
        installed.token_of(installed.priya, "models:read", models=["m-2"]),
        installed.token_of(installed.priya, "models:write"),
    ]
    for actor in actors:
        assert in_sight(actor) == set(access.visible_models(actor).values_list("pk", flat=True))
    assert RegisteredModel.objects.count() == 4


@pytest.mark.parametrize("name", ["churn", 'Churn Ünicode, with "quotes"'])
def test_what_is_answered_at_first_is_what_is_answered_later(raw: Raw, name: str) -> None:
    """A new model or version is answered without being read back."""
    rich = {"description": "é\n%s", "tags": [{"key": "b", "value": "2 %"}, {"key": "a", "value": "'"}]}
    made = raw("POST", "registered-models/create", {"name": name, **rich}).body["registered_model"]
    assert raw("GET", "registered-models/get", name=name).body["registered_model"] == made
    for body in ({}, {"source": "s3://x", "run_id": "r", "run_link": "https://ci.example/1", **rich}):
        given = {"name": name, "source": "dbfs:/y", **body}
        version = raw("POST", "model-versions/create", given).body["model_version"]
        got = raw("GET", "model-versions/get", name=name, version=version["version"])
        assert got.body["model_version"] == version
        again = raw("POST", "model-versions/create", given).body["model_version"]
        assert int(again["version"]) == int(version["version"]) + 1, "each call makes a version"
