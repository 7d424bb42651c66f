"""The REST interface: a token in the header and nothing else. Routes are named by their operations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.test import Client

from tests import factories
from tests.permission_matrix import actors, inputs
from tests.permission_matrix.actors import (
    DATASET,
    DECLARED,
    FILE,
    FILLED,
    FREE,
    KIND,
    MODEL,
    READY,
    REPORTED,
    SHADOW,
    SHOWN,
    World,
)
from tests.permission_matrix.interfaces.attempts import Answer, Caller, InterfaceAttempts, TryIt
from tests.permission_matrix.interfaces.service.interface import WHY
from tests.permission_matrix.table import ExpectedResult, Interface

ROOT = "/api/v1"
VERDICTS = {401: ExpectedResult.SIGN_IN, 403: ExpectedResult.DENIED, 404: ExpectedResult.INVISIBLE}


class Api:
    """A client of the interface; anonymous without a secret."""

    def __init__(self, secret: str | None) -> None:
        self._client = Client()
        self._sent = {"Authorization": f"Bearer {secret}"} if secret is not None else {}

    def __call__(self, method: str, path: str, document: Any = None, *, body: bytes = b"") -> HttpResponseBase:
        """Ask. A document is sent as JSON, a body as it is; whatever changes an object takes it as it is now."""
        if document is not None:
            body = json.dumps(document).encode()
        kind = "application/json" if document is not None else "application/octet-stream"
        response: HttpResponseBase = self._client.generic(
            method,
            ROOT + path,
            body,
            content_type=kind,
            headers={**self._sent, "If-Match": "*"},
            CONTENT_LENGTH=str(len(body)),
        )
        return response


def answer_of(response: HttpResponseBase, *, found: bool = True) -> Answer:
    """Read what the interface answered. `found`: whether a list shows what was looked for."""
    streaming = getattr(response, "streaming_content", None)
    content = b"".join(streaming) if streaming is not None else response.content  # type: ignore[attr-defined]  # a response has content
    if response.status_code in VERDICTS:
        problem = json.loads(content)
        assert problem["status"] == response.status_code
        assert problem["code"]
        return Answer(VERDICTS[response.status_code], f"{problem['detail']} {' '.join(problem.get('who_can', ()))}")
    assert response.status_code in (200, 201, 202, 204), f"{response.status_code}: {content.decode()[:1500]}"
    return Answer(ExpectedResult.ALLOWED if found else ExpectedResult.INVISIBLE)


def _read(function: Callable[[World, Api], Any]) -> TryIt:
    def try_it(world: World, caller: Caller) -> Answer:
        found = function(world, Api(world.secrets[caller.key] if caller.token else None))
        return found if isinstance(found, Answer) else answer_of(found)

    return try_it


REST = InterfaceAttempts(Interface.REST, _read)
VERSIONS = f"/models/{MODEL}/versions"

Path = str | Callable[[World], str]


def _simply(action: str, operation: str, method: str, path: Path, document: Any = None, *, body: bytes = b"") -> None:
    """An operation that is one question."""

    def ask(world: World, api: Api) -> HttpResponseBase:
        return api(method, path if isinstance(path, str) else path(world), document, body=body)

    REST.at(action, operation)(ask)


def _request(number: int, rest: str = "") -> Path:
    return lambda world: f"/promotions/{world.request(number).pk}{rest}"


def _declared(number: int) -> dict[str, Any]:
    file = inputs.declared(number)
    return {"artifacts": [{"path": file.path, "sha256": file.sha256, "size": file.size}]}


_simply("view the model", "getModel", "GET", f"/models/{MODEL}")
_simply("view the model", "getAccess", "GET", f"/models/{MODEL}/access")
_simply("read others' rights on the model", "getAccess", "GET", f"/models/{MODEL}/access?person=second&right=view")
_simply("read others' rights on the model", "listGrants", "GET", f"/models/{MODEL}/grants")
_simply(
    "ask for a role",
    "askForAccess",
    "POST",
    "/access-requests",
    {"model": "somewhere-else", "role": "viewer", "purpose": WHY},
)
_simply("list change proposals", "listChangeProposals", "GET", "/change-proposals")
_simply("view a change proposal", "getChangeProposal", "GET", lambda w: f"/change-proposals/{w.proposal.pk}")
_simply("read what waits for oneself", "getQueue", "GET", "/queue")
_simply("list one's notifications", "listNotifications", "GET", "/notifications?state=unread")
_simply("list one's notifications", "getNotificationSettings", "GET", "/notifications/settings")
_simply("list one's notifications", "listDeliveries", "GET", "/notifications/deliveries")
_simply("list everyone's deliveries", "listDeliveries", "GET", "/notifications/deliveries?of=all")
_simply("mark all notifications as read", "markNotificationsRead", "POST", "/notifications/read", {"all": True})
_simply(
    "change one's notification settings",
    "changeNotificationSettings",
    "PATCH",
    "/notifications/settings",
    {"choices": {"mentioned": {"mail": "off"}}},
)
_simply("list one's delegations", "listDelegations", "GET", "/delegations")
_simply("read another person's delegation", "getDelegation", "GET", lambda w: f"/delegations/{w.delegation.uid}")
_simply("list access requests", "listAccessRequests", "GET", "/access-requests")
_simply(
    "view another person's access request",
    "getAccessRequest",
    "GET",
    lambda w: f"/access-requests/{w.access_request.pk}",
)
_simply(
    "grant an access request",
    "grantAccess",
    "POST",
    lambda w: f"/access-requests/{w.access_request.pk}/grant",
    {},
)
_simply(
    "deny an access request",
    "denyAccess",
    "POST",
    lambda w: f"/access-requests/{w.access_request.pk}/deny",
    {"reason": WHY},
)
_simply(
    "withdraw others' access requests",
    "withdrawAccessRequest",
    "POST",
    lambda w: f"/access-requests/{w.access_request.pk}/withdraw",
)
_simply("view a version", "getVersion", "GET", f"{VERSIONS}/{SHOWN}")
_simply("view a version", "listVersions", "GET", VERSIONS)
_simply("view a version", "compareVersions", "GET", f"/models/{MODEL}/compare/{SHOWN}..{FREE}")
_simply("view a version", "getDocument", "GET", f"{VERSIONS}/{SHOWN}/document")
_simply("view a version", "downloadDocument", "GET", f"{VERSIONS}/{SHOWN}/document.pdf")
_simply("view a version", "getCard", "GET", f"{VERSIONS}/{SHOWN}/card")
_simply("view a version", "getReadiness", "GET", f"{VERSIONS}/{SHOWN}/readiness")
_SIMULATED = {"model": MODEL, "version": FREE, "target": {"stage": "staging"}}
_simply("simulate a promotion", "simulatePromotion", "POST", "/simulate", _SIMULATED)
_simply(
    "simulate it under a draft",
    "simulatePromotion",
    "POST",
    "/simulate",
    {**_SIMULATED, "policy": actors.ANOTHER_POLICY},
)
_simply("view a version", "getLineage", "GET", f"{VERSIONS}/{SHOWN}/lineage")
_simply("view a version", "listExternalRuns", "GET", f"{VERSIONS}/{SHOWN}/checks/{REPORTED}/runs")
_simply("view a version", "getExternalRun", "GET", lambda w: f"/check-runs/{w.external_run}")
_simply("download a report", "downloadReport", "GET", lambda w: f"/check-runs/{w.external_run}/attachment")
_simply("view a dataset", "getDataset", "GET", f"/datasets/{DATASET}")
_simply("view a dataset", "listDependents", "GET", f"/datasets/{DATASET}/dependents")
_simply("resolve a reference", "resolve", "GET", f"/resolve?ref={MODEL}/{SHOWN}")
_simply("download an artifact", "downloadArtifact", "GET", f"{VERSIONS}/{SHOWN}/artifacts/{FILE}")
_simply("download evidence", "downloadEvidence", "GET", f"{VERSIONS}/{SHOWN}/evidence/{KIND}")
_simply("view a request", "getPromotion", "GET", _request(SHOWN))
_simply("view a request", "getGate", "GET", _request(SHOWN, "/gate"))
_simply("view a request", "listCheckRuns", "GET", _request(SHOWN, "/checks"))
_simply("view a request", "listPromotionEvents", "GET", _request(SHOWN, "/events"))
_simply(
    "view a request",
    "getDecisionSignature",
    "GET",
    lambda world: f"/promotions/{world.objection.request_id}/decisions/{world.objection.pk}/signature",
)
_simply("read the policies", "listDecisionKeys", "GET", "/decision-keys")
_simply("read the policies", "listPolicies", "GET", "/policies")
_simply("read the policies", "listChecks", "GET", "/checks")
_simply("read the policies", "getCheck", "GET", "/checks/license.allowed")
_simply("read the policies", "listPolicyPaths", "GET", "/policies/paths")
_simply("read the audit log", "listEvents", "GET", "/audit/events")
_simply("open one's own pages", "downloadVerifier", "GET", "/audit/verifier")
_simply("read the audit log", "exportEvents", "GET", "/audit/export")
_simply(
    "read an event of the organisation",
    "getEvent",
    "GET",
    lambda world: f"/audit/events/{world.event_of_the_organisation}",
)
_simply(
    "read an event of the organisation",
    "getEventProof",
    "GET",
    lambda world: f"/audit/events/{world.event_of_the_organisation}/proof",
)
_simply("read the audit log", "getLogHead", "GET", "/audit/heads/latest")
_simply("read the audit log", "getLogConsistency", "GET", "/audit/consistency?from=0&to=1")
_simply("read the audit log", "getLogTile", "GET", "/audit/tiles/tile/0/000.p/1")
_simply("open one's own pages", "whoAmI", "GET", "/whoami")
_simply("register a model", "registerModel", "POST", "/models", {"slug": "new-model", "title": "New"})
_simply("edit the model", "changeModel", "PATCH", f"/models/{MODEL}", {"title": "Another title"})
_simply("change the model's risk tier", "changeModel", "PATCH", f"/models/{actors.UNASSESSED}", {"risk_tier": 2})
_simply("declare a version", "declareVersion", "POST", VERSIONS, _declared(6))
_simply("ask where files go", "orderUploads", "POST", f"{VERSIONS}/{DECLARED}/artifacts", {})
_simply("upload an artifact", "uploadArtifact", "PUT", f"{VERSIONS}/{DECLARED}/artifacts/{FILE}", body=b"%d" % DECLARED)
_simply("complete a version", "completeVersion", "POST", f"{VERSIONS}/{FILLED}/complete")
_simply("add metrics", "addMetrics", "POST", f"{VERSIONS}/{FREE}/metrics", {"metrics": [{"name": "auc", "value": 0.9}]})
_simply("add a model card", "putCard", "PUT", f"{VERSIONS}/{FREE}/card", {"text": "# Another card"})
_simply("write notes on a version", "changeVersion", "PATCH", f"{VERSIONS}/{FREE}", {"notes": WHY})
_simply("add evidence", "addEvidence", "POST", f"{VERSIONS}/{FREE}/evidence/{KIND}?filename=report.txt", body=b"better")
_simply(
    "report production signals",
    "reportSignals",
    "POST",
    f"{VERSIONS}/{FREE}/signals",
    {
        "source": "nightly",
        "from": "2026-07-01T00:00:00Z",
        "to": "2026-07-02T00:00:00Z",
        "signals": [{"name": "auc", "value": 0.9}],
    },
)
_simply("read production signals", "listSignals", "GET", f"{VERSIONS}/{SHOWN}/signals")
_simply("read production signals", "listFindings", "GET", f"/models/{MODEL}/findings")
_simply("read production signals", "getFinding", "GET", lambda world: f"/findings/{world.finding.pk}")
_simply("read sign-offs", "listSignOffs", "GET", f"{VERSIONS}/{FREE}/sign-offs")
_simply("read waivers", "getWaiver", "GET", lambda world: f"/waivers/{world.waiver.pk}")
_simply("open a finding", "openFinding", "POST", f"/models/{MODEL}/findings", {"title": "A finding", "severity": "low"})
_simply(
    "ask for a promotion",
    "requestPromotion",
    "POST",
    "/promotions",
    {"model": MODEL, "version": FREE, "target": {"stage": "staging"}, "reason": WHY},
)
_simply(
    "ask to approve a version again",
    "requestPromotion",
    "POST",
    "/promotions",
    {"model": MODEL, "version": SHOWN, "target": {"stage": "staging"}, "reason": WHY},
)
_simply("read the policies", "listImpacts", "GET", "/impacts")
_simply("view the model", "listEmergencies", "GET", f"/models/{MODEL}/emergencies")
_simply("view the model", "listRollbacks", "GET", f"/models/{MODEL}/rollbacks")
_simply("view a version", "whatWasInStage", "GET", f"/models/{MODEL}/stages/staging?at=2026-01-01T00:00:00Z")
_simply("read the questionnaire", "listQuestionnaires", "GET", "/questionnaires")
_simply("read the verification keys", "listVerificationKeys", "GET", "/verification-keys")
_simply("read why a tier", "listAssessments", "GET", f"/models/{actors.UNUSED}/assessments")
_simply("read the reviews", "listReviews", "GET", f"/models/{actors.UNUSED}/reviews")


# The token is authenticated here, so the interface says no more than the service; it asks for models:read first.
@REST.at("report a check", "beginExternalRun", "attachReport", "updateExternalRun")
def _(world: World, api: Api) -> HttpResponseBase:
    begun = api("POST", f"{VERSIONS}/{FREE}/checks/{REPORTED}/runs", {"status": "running"})
    if begun.status_code != 201:
        return begun
    path = f"/check-runs/{json.loads(begun.content)['id']}"  # type: ignore[attr-defined]  # a response has content
    attached = api("PUT", f"{path}/attachment?format=json&filename=report.json", body=b"{}")
    assert attached.status_code == 200
    return api("PATCH", path, {"conclusion": "failure"})


@REST.at("assess a model", "assessModel")
def _(world: World, api: Api) -> HttpResponseBase:
    document = {"questionnaire": 1, "answers": world.answers, "rationale": WHY}
    return api("POST", f"/models/{actors.UNUSED}/assessments", document)


@REST.at("propose a less strict tier", "assessModel")
def _(world: World, api: Api) -> HttpResponseBase:
    document = {"questionnaire": 1, "answers": factories.answers_for(3), "rationale": WHY}
    return api("POST", f"/models/{actors.UNUSED}/assessments", document)


_simply("view the model", "listAliases", "GET", f"/models/{MODEL}/aliases")
_simply("point a free alias", "setAlias", "PUT", f"/models/{MODEL}/aliases/canary", {"version": FREE, "reason": WHY})
_simply("take an alias off", "removeAlias", "DELETE", f"/models/{MODEL}/aliases/{SHADOW}?reason=for+the+table")
_simply("withdraw a request", "withdrawPromotion", "POST", _request(SHOWN, "/withdraw"), {"reason": WHY})
_simply("execute a request", "executePromotion", "POST", _request(READY, "/execute"))
_simply("read a discussion", "listRequestComments", "GET", _request(SHOWN, "/comments"))
_simply("read a discussion", "listRequestThreads", "GET", _request(SHOWN, "/threads"))
_simply("read a discussion", "listVersionComments", "GET", f"{VERSIONS}/{SHOWN}/comments")
_simply("read a discussion", "listVersionThreads", "GET", f"{VERSIONS}/{SHOWN}/threads")
_simply("read a discussion", "getComment", "GET", lambda w: f"/comments/{w.comment.pk}")
_simply("read a discussion", "getThread", "GET", lambda w: f"/threads/{w.resolved_thread.pk}")
_simply("comment on a request", "commentOnRequest", "POST", _request(SHOWN, "/comments"), {"text": WHY})
_simply("comment on a version", "commentOnVersion", "POST", f"{VERSIONS}/{FREE}/comments", {"text": WHY})
_simply("edit another person's comment", "editComment", "PATCH", lambda w: f"/comments/{w.comment.pk}", {"text": WHY})
_simply("withdraw another person's comment", "withdrawComment", "POST", lambda w: f"/comments/{w.comment.pk}/withdraw")
_simply("resolve a thread", "resolveThread", "POST", lambda w: f"/threads/{w.comment.thread_id}/resolve", {})
_simply("reopen a thread", "reopenThread", "POST", lambda w: f"/threads/{w.resolved_thread.pk}/reopen")


def _lists(path: str, member: str, value: object, api: Api) -> Answer:
    response = api("GET", path)
    items = json.loads(response.content).get("items", ())  # type: ignore[attr-defined]  # a response has content
    return answer_of(response, found=any(item[member] == value for item in items))


@REST.at("find the model in a list", "listModels", "searchVersions", "listVersionsInStage")
def _(world: World, api: Api) -> Answer:
    answers = [_lists("/models", "slug", MODEL, api), _lists("/versions", "model", MODEL, api)]
    answers.append(_lists(f"/models?q=name:{MODEL}", "slug", MODEL, api))
    answers.append(_lists("/stages/staging/versions?limit=100", "model", MODEL, api))
    assert len(set(answers)) == 1
    return answers[0]


@REST.at("find the dataset in a list", "listDatasets")
def _(world: World, api: Api) -> Answer:
    return _lists("/datasets", "digest", DATASET, api)


@REST.at("find the request in a list", "listPromotions")
def _(world: World, api: Api) -> Answer:
    return _lists("/promotions", "id", world.request(SHOWN).pk, api)


@REST.at("delegate one's decisions", "grantDelegation", own_words=True)
def _(world: World, api: Api) -> HttpResponseBase:
    return api("POST", "/delegations", {})


@REST.at("find a finding in a list", "listAllFindings")
def _(world: World, api: Api) -> Answer:
    return _lists("/findings", "number", world.finding.pk, api)


@REST.at("find a finding in a list", "listWaivers")
def _(world: World, api: Api) -> Answer:
    return _lists("/waivers", "number", world.waiver.pk, api)


@REST.at("decide on a request", "decide", own_words=True)
def _(world: World, api: Api) -> HttpResponseBase:
    return api("POST", f"/promotions/{world.request(SHOWN).pk}/decisions", {"outcome": "approve"})


@REST.at("sign off a document", "signDocument", own_words=True)
def _(world: World, api: Api) -> HttpResponseBase:
    return api("POST", f"{VERSIONS}/{FREE}/sign-offs", {})


# The interface asks for models:read first, to name the model at all.
@REST.at("give a role on the model", "giveRole", own_words=True)
def _(world: World, api: Api) -> HttpResponseBase:
    return api("POST", f"/models/{MODEL}/grants", {"role": "viewer", "person": "second", "reason": WHY})


@REST.at("take a role on the model", "revokeRole", own_words=True)
def _(world: World, api: Api) -> HttpResponseBase:
    return api("POST", f"/models/{MODEL}/grants/{world.grant('here').uid}/revoke", {"reason": WHY})
