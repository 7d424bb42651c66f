"""The MLflow interface: a token in the header, as an unmodified client sends it. Routes are named by address."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.permission_matrix.actors import FREE, MODEL, SHADOW, SHOWN, UNASSESSED, World
from tests.permission_matrix.interfaces.attempts import Answer, Caller, InterfaceAttempts, TryIt
from tests.permission_matrix.table import ExpectedResult, Interface

ROOT = "/api/2.0/mlflow"
VERDICTS = {
    "UNAUTHENTICATED": ExpectedResult.SIGN_IN,
    "PERMISSION_DENIED": ExpectedResult.DENIED,
    "RESOURCE_DOES_NOT_EXIST": ExpectedResult.INVISIBLE,
}


def answer_of(response: HttpResponse, member: str = "") -> Answer:
    """Read what the interface answered. `member`: what a list has to hold for its thing to have been found."""
    body = json.loads(response.content)
    if response.status_code == 200:
        return Answer(ExpectedResult.ALLOWED if not member or body.get(member) else ExpectedResult.INVISIBLE)
    code = body["error_code"]
    if code in VERDICTS:
        return Answer(VERDICTS[code], body["message"])
    # A request was opened: that is what may be asked for, and all that happens before a policy is met.
    assert body["message"].startswith("Approval required. Promotion request #"), body
    return Answer(ExpectedResult.ALLOWED)


def _read(function: Callable[[World, Caller], Answer]) -> TryIt:
    return function


MLFLOW = InterfaceAttempts(Interface.MLFLOW, _read)


def _simply(
    action: str, route: str, method: str, path: str, *, lists: str = "", own_words: bool = False, **fields: Any
) -> None:
    """One call."""

    def try_it(world: World, caller: Caller) -> Answer:
        headers = {"Authorization": f"Bearer {world.secrets[caller.key]}"} if caller.token else {}
        reads = method == "GET"
        response: Any = Client().generic(
            method,
            f"{ROOT}/{path.replace('WEBHOOK', world.webhook)}",
            b"" if reads else json.dumps(fields).encode(),
            content_type="application/json",
            headers=headers,
            query_params=fields if reads else None,
        )
        return answer_of(response, lists)

    MLFLOW.at(action, f"mlflow:{route}", own_words=own_words)(try_it)


_OF: dict[str, Any] = {"name": MODEL, "version": str(FREE)}
_SHOWN: dict[str, Any] = {"name": MODEL, "version": str(SHOWN)}
_NAMED = f"name = '{MODEL}'"

_simply("view the model", "get-model", "GET", "registered-models/get", name=MODEL)
_simply(
    "find the model in a list",
    "search-models",
    "GET",
    "registered-models/search",
    lists="registered_models",
    filter=_NAMED,
)
_simply("view a version", "get-version", "GET", "model-versions/get", **_OF)
_simply("view a version", "search-versions", "GET", "model-versions/search", lists="model_versions", filter=_NAMED)
_simply("view a version", "latest-versions", "POST", "registered-models/get-latest-versions", name=MODEL)
_simply("resolve a reference", "alias", "GET", "registered-models/alias", name=MODEL, alias=SHADOW)
_simply("resolve a reference", "download-uri", "GET", "model-versions/get-download-uri", name=MODEL, version="1")
_simply("view a request", "list-requests", "GET", "transition-requests/list", **_SHOWN)
_simply("register a model", "create-model", "POST", "registered-models/create", name="new-model")
_simply("edit the model", "update-model", "PATCH", "registered-models/update", name=MODEL, description="words")
_simply("tag the model", "tag-model", "POST", "registered-models/set-tag", name=MODEL, key="team", value="retail")
_simply("tag the model", "untag-model", "DELETE", "registered-models/delete-tag", name=MODEL, key="old")
_simply("tag a version", "untag-version", "DELETE", "model-versions/delete-tag", **_OF, key="old")
_simply(
    "register a version by its source",
    "create-version",
    "POST",
    "model-versions/create",
    name=MODEL,
    source="s3://models/6",
)
_simply("describe a version", "update-version", "PATCH", "model-versions/update", **_OF, description="other words")
_simply("tag a version", "tag-version", "POST", "model-versions/set-tag", **_OF, key="run", value="nightly")
_simply("rename a model", "rename-model", "POST", "registered-models/rename", name=UNASSESSED, new_name="Fraud (early)")
_simply("delete a model", "delete-model", "DELETE", "registered-models/delete", name=UNASSESSED)
_simply("delete a version", "delete-version", "DELETE", "model-versions/delete", **_OF)
_simply("ask for a promotion", "transition", "POST", "model-versions/transition-stage", **_OF, stage="Staging")
_simply("ask for a promotion", "create-request", "POST", "transition-requests/create", **_OF, stage="Staging")
_simply("point a free alias", "alias", "POST", "registered-models/alias", **_OF, alias="canary")
_simply("take an alias off", "alias", "DELETE", "registered-models/alias", name=MODEL, alias=SHADOW)
for _verb in ("approve", "reject"):
    _simply(
        "decide on a request",
        f"{_verb}-request",
        "POST",
        f"transition-requests/{_verb}",
        own_words=True,
        **_SHOWN,
        stage="Production",
    )
_simply("withdraw a request", "delete-request", "DELETE", "transition-requests/delete", **_SHOWN, stage="Production")

_HOOK: dict[str, Any] = {
    "name": "another",
    "url": "https://127.0.0.1:9/",
    "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}],
}
_simply("create a webhook", "webhooks", "POST", "webhooks", **_HOOK)
_simply("read the webhooks", "webhooks", "GET", "webhooks", lists="webhooks")
_simply("read the webhooks", "webhook", "GET", "webhooks/WEBHOOK")
_simply("change a webhook", "webhook", "PATCH", "webhooks/WEBHOOK", status="DISABLED")
_simply("test a webhook", "test-webhook", "POST", "webhooks/WEBHOOK/test")
_simply("delete a webhook", "webhook", "DELETE", "webhooks/WEBHOOK")
