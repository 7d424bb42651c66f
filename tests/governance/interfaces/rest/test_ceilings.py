"""Query limits of every GET operation: few queries, independent of the amount of data.

The table lists every GET; a new one needs a limit.
"""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from governance.interfaces.rest import operation
from governance.interfaces.rest.operation import Operation
from governance.models import PromotionRequest
from registry.models import DatasetReference
from tests import factories
from tests.governance.interfaces.rest.conftest import CARD, Caller
from tests.permission_matrix.routes import OPEN, operations, patterns
from tests.personas import People

SLUG = "credit-risk-pd"
VERSION = f"/models/{SLUG}/versions/1"
QUERY = "tier:1%20stage:development%20metric.auc%3E0.5%20credit"

CEILINGS = {
    "whoAmI": ("/whoami", 8),
    "listModels": (f"/models?q={QUERY}", 12),
    "getModel": (f"/models/{SLUG}", 8),
    "getAccess": (f"/models/{SLUG}/access", 40),
    "listGrants": (f"/models/{SLUG}/grants", 14),
    "listAccessRequests": ("/access-requests", 16),
    "getQueue": ("/queue", 20),
    "listNotifications": ("/notifications?state=unread", 10),
    "getNotificationSettings": ("/notifications/settings", 10),
    "listDeliveries": ("/notifications/deliveries", 10),
    "listDelegations": ("/delegations", 14),
    "whatWasInStage": (f"/models/{SLUG}/stages/development", 14),
    "listVersionsInStage": ("/stages/development/versions", 12),
    "listAssessments": (f"/models/{SLUG}/assessments", 12),
    "listReviews": (f"/models/{SLUG}/reviews", 12),
    "listQuestionnaires": ("/questionnaires", 10),
    "listVersions": (f"/models/{SLUG}/versions?q=metric.auc%3E0.5", 12),
    "listImpacts": ("/impacts?state=any", 12),
    "listEmergencies": (f"/models/{SLUG}/emergencies", 10),
    "listRollbacks": (f"/models/{SLUG}/rollbacks", 12),
    "listAliases": (f"/models/{SLUG}/aliases", 10),
    "compareVersions": (f"/models/{SLUG}/compare/1..2", 30),
    "searchVersions": (f"/versions?q={QUERY}", 12),
    "getVersion": (VERSION, 18),
    "downloadArtifact": (f"{VERSION}/artifacts/model.bin", 18),
    "getDocument": (f"{VERSION}/document", 45),
    "downloadDocument": (f"{VERSION}/document.pdf", 45),
    "getCard": (f"{VERSION}/card", 10),
    "downloadEvidence": (f"{VERSION}/evidence/evaluation.table", 18),
    "getReadiness": (f"{VERSION}/readiness", 30),
    "getLineage": (f"{VERSION}/lineage", 16),
    "listSignals": (f"{VERSION}/signals", 20),
    "listSignOffs": (f"{VERSION}/sign-offs", 12),
    "listExternalRuns": (f"{VERSION}/checks/acme.review/runs", 14),
    "listVerificationKeys": ("/verification-keys", 10),
    "listDecisionKeys": ("/decision-keys", 10),
    "listFindings": (f"/models/{SLUG}/findings?state=any", 10),
    "listAllFindings": ("/findings?state=any", 10),
    "listWaivers": ("/waivers?state=any", 10),
    "listDatasets": ("/datasets", 12),
    "getDataset": ("/datasets/{dataset}", 12),
    "listDependents": ("/datasets/{dataset}/dependents", 14),
    "resolve": (f"/resolve?ref={SLUG}@latest", 12),
    "listPromotions": ("/promotions", 14),
    "getPromotion": ("/promotions/{promotion}", 40),
    "getGate": ("/promotions/{promotion}/gate", 10),
    "listRequestComments": ("/promotions/{promotion}/comments", 14),
    "listRequestThreads": ("/promotions/{promotion}/threads", 12),
    "listVersionComments": (f"{VERSION}/comments", 14),
    "listVersionThreads": (f"{VERSION}/threads", 12),
    "getComment": ("/comments/{comment}", 12),
    "getThread": ("/threads/{thread}", 10),
    "listCheckRuns": ("/promotions/{promotion}/checks", 14),
    "listPromotionEvents": ("/promotions/{promotion}/events", 12),
    "listPolicies": ("/policies", 8),
    "listChecks": ("/checks", 8),
    "getCheck": ("/checks/license.allowed", 8),
    "listChangeProposals": ("/change-proposals", 12),
    "listPolicyPaths": ("/policies/paths", 14),
    "listEvents": ("/audit/events", 12),
    "downloadVerifier": ("/audit/verifier", 8),
    "exportEvents": ("/audit/export", 14),
    "getEvent": ("/audit/events/{event}", 12),
    "getEventProof": ("/audit/events/{event}/proof", 20),
    "getLogHead": ("/audit/heads/latest", 14),
    "getLogConsistency": ("/audit/consistency?from=0&to=1", 10),
    "getLogTile": ("/audit/tiles/tile/0/000.p/1", 12),
}
"""By operation: an address, and how many queries it may take, signing in among them."""


ONE_OF_A_LIST = {
    *("getAccessRequest", "getDelegation", "getChangeProposal", "getExternalRun", "downloadReport"),
    *("getFinding", "getWaiver", "getDecisionSignature"),
}
"""Shows a row of a list that has a ceiling, and nothing besides."""


EMPTY_AT_FIRST = {"getQueue"}
"""Has nothing to show before there is more data, and is compared with its ceiling then."""


def register(calls: Caller, slug: str, versions: int = 2) -> None:
    calls.register_model(slug, risk_tier=1, tags={"area": "retail"})
    for n in range(versions):
        given = {
            "card": CARD,
            "metrics": [{"name": "auc", "value": 0.9}, {"name": "loss", "value": 0.1 + n}],
            "datasets": [{"role": "training", "name": "loans-2026"}],
            "run_id": f"run-{n}",
            "parents": [{"model": slug, "version": n}] if n else [],
        }
        made = calls.register_version(slug, {"model.bin": b"%d" % n}, **given)
        table = b"label,score\n1,0.9\n"
        stored = calls("POST", f"{made['url']}/evidence/evaluation.table?filename=scores.csv", body=table)
        assert stored.status == 201, stored
        regulated = b"template: annex-iv\nparts: {}\n"
        calls("POST", f"{made['url']}/evidence/docs.regulatory?filename=annex.yaml", body=regulated)


def more(calls: Caller, slug: str = SLUG) -> None:
    """More of everything: models, versions of the first, promotion requests, comments, events."""
    for _ in range(3):
        assert calls.post(f"/models/{slug}/findings", {"title": "Too few loans", "severity": "low"}).status == 201
    for path in (f"/promotions/{PromotionRequest.objects.order_by('pk')[0].pk}/comments", f"{VERSION}/comments"):
        for _ in range(3):
            assert calls.post(path, {"text": "And for small amounts, @chen?"}).status == 201
    for n in range(3):
        register(calls, f"another-credit-{n}")
        calls.ask({"model": f"another-credit-{n}", "number": 1}, "staging")
    for n in range(2, 5):
        calls.register_version(
            slug,
            {"model.bin": b"%d" % n, "more.bin": b"more"},
            metrics=[{"name": name, "value": 0.9} for name in ("auc", "loss", "ks", "psi")],
            datasets=[{"role": "evaluation", "name": name} for name in ("loans-2026", "holdout")],
            parents=[{"model": slug, "version": 1}],
        )
    calls.ask({"model": slug, "number": 3}, "staging")


def test_every_read_has_its_ceiling() -> None:
    reads = {this.id for this in operations_that_read()}
    assert reads - OPEN.keys() - ONE_OF_A_LIST == CEILINGS.keys()


def operations_that_read() -> list[Operation]:
    views = [getattr(pattern.callback, "cls", None) for door, _, pattern in patterns() if door == "api"]
    found = [operation.get_operation(view, "get") for view in views if view is not None]
    assert {route.name for route in operations()} >= {this.id for this in found if this is not None}
    return [this for this in found if this is not None]


def test_ceilings_hold_and_do_not_grow_with_the_data(
    priya_calls: Caller, ingrid_calls: Caller, installed: People
) -> None:
    register(priya_calls, SLUG)
    asked = priya_calls.ask({"model": SLUG, "number": 1}, "staging")
    assert asked.status == 201, asked
    assert priya_calls.post(f"/models/{SLUG}/findings", {"title": "Few loans", "severity": "low"}).status == 201
    comment_body = {"text": "How was it evaluated, @ingrid and @unknown-name?"}
    comment = priya_calls.post(f"/promotions/{asked.json['id']}/comments", comment_body).json
    priya_calls.post(f"{VERSION}/comments", comment_body)
    places = {
        "dataset": DatasetReference.objects.values_list("identity", flat=True)[0],
        "promotion": PromotionRequest.objects.get().pk,
        "comment": comment["id"],
        "thread": comment["thread"],
        "event": Event.objects.filter(action="version.registered")[0].event_id,
    }

    factories.seal_log()

    def cost(name: str) -> int:
        path = CEILINGS[name][0].format(**places)
        caller = ingrid_calls if path.endswith(("/access", "/grants")) or "/audit/" in path else priya_calls
        with CaptureQueriesContext(connection) as queries:
            answer = caller.get(path)
        assert answer.status == 200, (name, answer)
        return len(queries)

    for name in CEILINGS:
        cost(name)  # what is remembered between requests, such as content types
    before = {name: cost(name) for name in CEILINGS}
    assert {name: n for name, n in before.items() if n > CEILINGS[name][1]} == {}
    more(priya_calls)
    after = {name: cost(name) for name in CEILINGS}
    before |= {name: CEILINGS[name][1] for name in EMPTY_AT_FIRST}
    assert {name: (before[name], n) for name, n in after.items() if n > before[name]} == {}


@pytest.mark.parametrize("name", ["listModels", "searchVersions"])
def test_a_query_is_carried_out_for_a_reader_without_any_model(eve_calls: Caller, name: str) -> None:
    assert eve_calls.get(CEILINGS[name][0]).json["items"] == []
