"""The pages: a browser with a signed-in session, and each form sent as the page sends it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from audit import clock
from registry.models import RegisteredModel
from registry.selectors import card_of
from registry.services import passkeys
from tests.factories import PASSWORD
from tests.permission_matrix import actors, inputs
from tests.permission_matrix.actors import (
    ANOTHER_POLICY,
    DATASET,
    FILE,
    FREE,
    KIND,
    MODEL,
    READY,
    RECEIVER,
    SHADOW,
    SHOWN,
    UNASSESSED,
    UNUSED,
    World,
)
from tests.permission_matrix.inputs import enrolment, new_passkey, notify
from tests.permission_matrix.interfaces.attempts import Answer, Caller, InterfaceAttempts, TryIt, words
from tests.permission_matrix.interfaces.service.interface import NEW_PASSWORD, WHY
from tests.permission_matrix.interfaces.service.tokens_and_views import kept_view
from tests.permission_matrix.table import PEOPLE, ExpectedResult, Interface

BACKEND = "registry.access.backend.RoleBackend"


def sign_in(world: World) -> None:
    """Sign everybody in once: that is no part of any attempt."""
    for key in PEOPLE:
        client = Client()
        if key != "an":
            client.force_login(world.person(key), backend=BACKEND)
        world.cookies[key] = client.cookies


def browser(world: World, key: str) -> Client:
    """A browser in which that person is signed in. A attempt that changes its session leaves the next one alone."""
    client = Client()
    client.cookies.load(world.cookies[key].output(header="", sep=";"))
    return client


def answer_of(response: HttpResponseBase, *, found: bool = True) -> Answer:
    """Read what a page or the admin site answered. `found`: whether a list shows what was looked for."""
    streaming = getattr(response, "streaming_content", None)
    content = b"".join(streaming) if streaming is not None else response.content  # type: ignore[attr-defined]  # a response has content
    target = response.headers.get("Location", "")
    status = response.status_code
    if target.startswith(reverse("web:sign-in")) or status == 401:
        return Answer(ExpectedResult.SIGN_IN)
    if status in (403, 404):
        return Answer(ExpectedResult.DENIED if status == 403 else ExpectedResult.INVISIBLE, words(content))
    if status not in (200, 201, 302):
        raise AssertionError(f"{status}: {words(content)[:1500]}")
    return Answer(ExpectedResult.ALLOWED if found else ExpectedResult.INVISIBLE)


def _read(function: Callable[[World, Client, Caller], Any]) -> TryIt:
    def try_it(world: World, caller: Caller) -> Answer:
        found = function(world, browser(world, caller.key), caller)
        return found if isinstance(found, Answer) else answer_of(found)

    return try_it


PAGE = InterfaceAttempts(Interface.PAGE, _read)


def _url(name: str, *args: Any) -> str:
    return reverse(f"web:{name}", args=args)


def shown_and_sent(client: Client, path: str, fields: dict[str, Any], *, shown: bool = True) -> Answer:
    """Open a form, then send it: both have to be answered alike."""
    opened = answer_of(client.get(path)) if shown else None
    sent = answer_of(client.post(path, fields))
    if opened is not None:
        assert opened.verdict is sent.verdict, f"shown {opened.verdict.name}, sent {sent.verdict.name}: {sent.text}"
    return sent


def _simply(action: str, name: str, path: Callable[[World], str]) -> None:
    """A page that is only looked at."""
    PAGE.at(action, f"GET web:{name}")(lambda world, client, caller: client.get(path(world)))


_simply("view the model", "model", lambda world: _url("model", MODEL))
_simply("view the model", "model-access", lambda world: _url("model-access", MODEL))
_simply(
    "read others' rights on the model", "model-access", lambda world: f"{_url('model-access', MODEL)}?person=second"
)
_simply("list access requests", "access-requests", lambda world: _url("access-requests"))
_simply("view another person's access request", "access-request", lambda w: _url("access-request", w.access_request.pk))
_simply("list change proposals", "changes", lambda world: _url("changes"))
_simply("view a change proposal", "change", lambda world: _url("change", world.proposal.pk))
_simply("view a version", "version", lambda world: _url("version", MODEL, SHOWN))
_simply("view a version", "compare", lambda world: _url("compare", MODEL, SHOWN, FREE))
for _document in ("card", "card-pdf", "document", "document-pdf", "document-json"):
    _simply("view a version", _document, lambda world, name=_document: _url(name, MODEL, SHOWN))  # type: ignore[misc]  # mypy does not infer defaults of a lambda
_simply("view a version", "choose-versions", lambda world: f"{_url('choose-versions', MODEL)}?v={SHOWN}&v={FREE}")
_simply("view a version", "version-lineage", lambda world: _url("version-lineage", MODEL, SHOWN))
_simply("view a dataset", "dataset", lambda world: _url("dataset", DATASET))
_simply("download an artifact", "artifact", lambda world: _url("artifact", MODEL, SHOWN, FILE))
_simply("download evidence", "evidence", lambda world: _url("evidence", MODEL, SHOWN, KIND, 1))
_simply("download evidence", "evidence-page", lambda world: _url("evidence-page", MODEL, SHOWN, KIND, 1))
_simply("read the policies", "policies", lambda world: _url("policies"))
_simply("read the policies", "checks", lambda world: _url("checks"))
_simply("read the policies", "check", lambda world: _url("check", "license.allowed"))
_simply("read the policies", "check-example", lambda world: _url("check-example", "license.allowed", "model_card.md"))
_simply("view a request", "decision", lambda world: _url("decision", world.objection.request_id, world.objection.pk))
_simply("read the policies", "decision-keys", lambda world: _url("decision-keys"))
_simply("read the policies", "policy", lambda world: _url("policy", world.policy.slug))
_simply("view a request", "promotion", lambda world: _url("promotion", world.request(SHOWN).pk))
_simply("view a request", "packet", lambda world: _url("packet", world.request(SHOWN).pk, world.packet))
_simply(
    "view a request",
    "compare-packets",
    lambda world: _url("compare-packets", world.request(SHOWN).pk, world.packet, world.packet),
)
_simply("open the form of the model", "edit-model", lambda world: _url("edit-model", MODEL))
_simply("read the log of the model", "audit", lambda world: f"{_url('audit')}?model={MODEL}")
_simply("read the log of the model", "event", lambda world: _url("event", world.event_of_the_model))
_simply("read the audit log", "audit", lambda world: _url("audit"))
_simply("read an event of the organisation", "event", lambda world: _url("event", world.event_of_the_organisation))
for _own in (
    "home",
    "reviews",
    "notifications",
    "notification-settings",
    "notification-deliveries",
    "profile",
    "tokens",
    "second-factor",
    "delegations",
    "search-help",
    "saved-views",
    "send-again",
    "verifier",
):
    _simply("open one's own pages", _own, lambda world, name=_own: _url(name))  # type: ignore[misc]  # mypy does not infer defaults of a lambda


_simply("read production signals", "signals", lambda world: _url("signals", MODEL, SHOWN))
_simply("read production signals", "finding", lambda world: _url("finding", world.finding.pk))
_simply("read sign-offs", "sign-off", lambda world: _url("sign-off", MODEL, FREE))
_simply("read waivers", "waiver", lambda world: _url("waiver", world.waiver.pk))
_simply("read waivers", "grant-waiver", lambda w: _url("grant-waiver", w.champion_request.pk, inputs.WAIVABLE))


@PAGE.at("acknowledge a finding", "POST web:acknowledge-finding")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("acknowledge-finding", world.finding.pk), {"note": WHY})


@PAGE.at("open a finding", "GET web:open-finding", "POST web:open-finding")
def _(world: World, client: Client, caller: Caller) -> Answer:
    fields = {"title": "A finding", "severity": "low", "source": "review"}
    return shown_and_sent(client, _url("open-finding", MODEL), fields)


@PAGE.at("assign a finding", "POST web:assign-finding")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("assign-finding", world.finding.pk), {"owner": "second", "reason": WHY})


@PAGE.at("propose to close a finding", "POST web:propose-closure")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("propose-closure", world.finding.pk), {"evidence": WHY})


@PAGE.at("reschedule a finding", "POST web:reschedule-finding")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    day = clock.now().date() + timedelta(days=99)
    return client.post(_url("reschedule-finding", world.finding.pk), {"due": day.isoformat(), "reason": WHY})


@PAGE.at("return a proposed closure", "POST web:return-closure")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("return-closure", world.proposed_finding.pk), {"reason": WHY})


@PAGE.at("waive a check", "POST web:grant-waiver")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    given = inputs.waived(world.champion_request)
    path = _url("grant-waiver", world.champion_request.pk, given.pop("check"))
    return client.post(path, {**given, "until": given["until"].isoformat(), "password": PASSWORD})


@PAGE.at("sign off a document", "POST web:sign-off")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    sha256 = hashlib.sha256(actors.ANNEX).hexdigest()
    sent = {"parts": ["3"], "document_sha256": sha256, "password": PASSWORD}
    return client.post(_url("sign-off", MODEL, FREE), sent)


@PAGE.at("revoke a waiver", "POST web:revoke-waiver")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("revoke-waiver", world.waiver.pk), {"reason": WHY})


@PAGE.at("find a finding in a list", "GET web:findings")
def _(world: World, client: Client, caller: Caller) -> Answer:
    response = client.get(_url("findings"))
    return answer_of(response, found=_url("finding", world.finding.pk).encode() in response.content)


@PAGE.at("find a finding in a list", "GET web:waivers")
def _(world: World, client: Client, caller: Caller) -> Answer:
    response = client.get(_url("waivers"))
    return answer_of(response, found=_url("waiver", world.waiver.pk).encode() in response.content)


@PAGE.at("close a finding", "POST web:close-finding")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("close-finding", world.finding.pk), {"reason": WHY})


@PAGE.at("view the model", "GET web:jump", "GET web:go")
def _(world: World, client: Client, caller: Caller) -> Answer:
    answers = []
    for path in (f"{_url('jump')}?q={MODEL}", _url("go", MODEL)):
        response = client.get(path)
        answers.append(answer_of(response, found=response.headers.get("Location") == _url("model", MODEL)))
    assert answers[0] == answers[1]
    return answers[0]


@PAGE.at("resolve a reference", "GET web:go")
def _(world: World, client: Client, caller: Caller) -> Answer:
    response = client.get(_url("go", f"{MODEL}/{SHOWN}"))
    return answer_of(response, found=response.headers.get("Location") == _url("version", MODEL, SHOWN))


@PAGE.at("find the model in a list", "GET web:models", "GET web:stage")
def _(world: World, client: Client, caller: Caller) -> Answer:
    response = client.get(_url("models"))
    in_stage = client.get(_url("stage", "staging"))
    answers = [
        answer_of(response, found=_url("model", MODEL).encode() in response.content),
        answer_of(in_stage, found=_url("version", MODEL, SHOWN).encode() in in_stage.content),
    ]
    assert len(set(answers)) == 1
    return answers[0]


@PAGE.at("find the dataset in a list", "GET web:datasets")
def _(world: World, client: Client, caller: Caller) -> Answer:
    response = client.get(_url("datasets"))
    return answer_of(response, found=_url("dataset", world.dataset).encode() in response.content)


@PAGE.at("find the request in a list", "GET web:promotions")
def _(world: World, client: Client, caller: Caller) -> Answer:
    response = client.get(_url("promotions"))
    return answer_of(response, found=_url("promotion", world.request(SHOWN).pk).encode() in response.content)


@PAGE.at("open one's own pages", "POST web:display")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("display"), {"theme": "dark", "zone": "UTC"})


@PAGE.at("write notes on a version", "GET web:edit-version", "POST web:edit-version")
def _(world: World, client: Client, caller: Caller) -> Answer:
    fields = {"notes": WHY, "revision": str(world.version(FREE).revision)}
    return shown_and_sent(client, _url("edit-version", MODEL, FREE), fields)


@PAGE.at("add evidence", "GET web:documents", "POST web:documents")
def _(world: World, client: Client, caller: Caller) -> Answer:
    fields = {"kind": "document.validation_report", "file": SimpleUploadedFile("report.txt", b"better")}
    return shown_and_sent(client, _url("documents", MODEL, FREE), fields)


@PAGE.at("add metrics", "GET web:add-metrics", "POST web:add-metrics")
def _(world: World, client: Client, caller: Caller) -> Answer:
    rows = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "0", "form-0-name": "auc", "form-0-value": "0.91"}
    return shown_and_sent(client, _url("add-metrics", MODEL, FREE), rows)


@PAGE.at("add a model card", "GET web:edit-card", "POST web:edit-card")
def _(world: World, client: Client, caller: Caller) -> Answer:
    newest = card_of(world.version(FREE))
    fields = {"text": "# A card", "revision": str(newest.revision if newest is not None else 0)}
    return shown_and_sent(client, _url("edit-card", MODEL, FREE), fields)


@PAGE.at("register a model", "GET web:register-model", "POST web:register-model")
def _(world: World, client: Client, caller: Caller) -> Answer:
    return shown_and_sent(client, _url("register-model"), {"slug": "new-model", "title": "New"})


def _record(model: RegisteredModel, **changes: str) -> dict[str, Any]:
    """The form that edits the model, filled in as it is opened, and changed."""
    same = ("title", "purpose", "team", "risk_tier", "description", "intended_use", "prohibited_use", "revision")
    filled = {name: getattr(model, name) for name in same}
    executive = model.accountable_executive
    return {
        **filled,
        "owner": model.owner.username if model.owner is not None else "",
        "accountable_executive": executive.username if executive is not None else "",
        "affects_people": {None: "", True: "yes", False: "no"}[model.affects_people],
        "data_classes": model.data_classes,
        "regulations": ", ".join(model.regulations),
        "tags": "\n".join(f"{key}={value}" for key, value in model.tags.items()),
        "next_review": model.next_review.isoformat() if model.next_review is not None else "",
        **changes,
    }


@PAGE.at("edit the model", "POST web:edit-model")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("edit-model", MODEL), _record(world.model, title="Another title"))


# The page asks first whether anything of the record is theirs to change, and says so in those words.
@PAGE.at("change the model's risk tier", "POST web:edit-model", own_words=True)
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    declared = RegisteredModel.objects.get(slug=UNASSESSED)
    return client.post(_url("edit-model", UNASSESSED), _record(declared, risk_tier="2"))


_simply("read why a tier", "risk", lambda world: _url("risk", UNUSED))
_simply("read the reviews", "model-reviews", lambda world: _url("model-reviews", UNUSED))
_simply("open one's own pages", "review-calendar", lambda world: _url("review-calendar"))
_simply("open one's own pages", "help", lambda world: _url("help"))
_simply("open one's own pages", "stages", lambda world: _url("stages"))


@PAGE.at("assess a model", "GET web:assess", "POST web:assess")
def _(world: World, client: Client, caller: Caller) -> Answer:
    answers = {f"q-{question}": answer for question, answer in world.answers.items()}
    fields = {**answers, "rationale": WHY, "revision": world.unused.revision, "questionnaire": 1}
    return shown_and_sent(client, _url("assess", UNUSED), fields)


@PAGE.at("confirm a less strict tier", "POST web:confirm-change")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    fields = {"confirm-digest": world.tier_proposal.digest, "confirm-password": PASSWORD}
    return client.post(_url("confirm-change", world.tier_proposal.pk), fields)


@PAGE.at("record a review", "POST web:model-reviews")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    fields = {"outcome": "fit", "findings": "Looked at it.", "revision": world.unused.revision}
    return client.post(_url("model-reviews", UNUSED), fields)


@PAGE.at("archive a model", "GET web:archive-model", "POST web:archive-model")
def _(world: World, client: Client, caller: Caller) -> Answer:
    return shown_and_sent(client, _url("archive-model", UNUSED), {"to": "archived", "reason": WHY})


@PAGE.at("ask for a promotion", "GET web:request-promotion", "POST web:request-promotion")
def _(world: World, client: Client, caller: Caller) -> Answer:
    fields = {"target": "stage:staging", "reason": WHY}
    return shown_and_sent(client, _url("request-promotion", MODEL, FREE), fields)


_simply("read the policies", "impacts", lambda world: _url("impacts"))


@PAGE.at("recall a dataset", "GET web:recall-dataset", "POST web:recall-dataset")
def _(world: World, client: Client, caller: Caller) -> Answer:
    return shown_and_sent(client, _url("recall-dataset", DATASET), {"reason": WHY})


@PAGE.at("ask to approve a version again", "GET web:request-promotion", "POST web:request-promotion")
def _(world: World, client: Client, caller: Caller) -> Answer:
    fields = {"target": "stage:staging", "reason": WHY}
    return shown_and_sent(client, _url("request-promotion", MODEL, SHOWN), fields)


@PAGE.at("point a free alias", "POST web:request-promotion")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    fields = {"target": "alias:", "alias": "canary", "reason": WHY}
    return client.post(_url("request-promotion", MODEL, FREE), fields)


@PAGE.at("take an alias off", "POST web:remove-alias")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("remove-alias", MODEL, SHADOW), {"reason": WHY})


@PAGE.at("decide on a request", "POST web:decide", "POST web:prepare-passkey")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    request = world.request(SHOWN)
    signed = {"comment": "Looked at the evaluation.", "password": PASSWORD, "packet": request.packet_digest}
    client.post(_url("prepare-passkey", request.pk), {"outcome": "approve", **signed})
    return client.post(_url("decide", request.pk), {"outcome": "approve", **signed})


@PAGE.at("give a role on the model", "POST web:give-role")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("give-role", MODEL), {"role": "viewer", "subject": "second", "reason": WHY})


@PAGE.at("take a role on the model", "POST web:revoke-role")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("revoke-role", MODEL, world.grant("here").uid), {"reason": WHY})


@PAGE.at("ask for a role", "GET web:ask-access", "POST web:ask-access")
def _(world: World, client: Client, caller: Caller) -> Answer:
    until = (clock.now() + timedelta(days=30)).date().isoformat()
    asked = {"model": "somewhere-else", "role": "viewer", "purpose": WHY, "until": until}
    return shown_and_sent(client, _url("ask-access"), asked)


@PAGE.at("propose a policy", "GET web:propose-policy", "POST web:propose-policy")
def _(world: World, client: Client, caller: Caller) -> Any:
    fields = {"action": "propose", "source": ANOTHER_POLICY, "reason": WHY}
    return shown_and_sent(client, _url("propose-policy", "matrix-archive"), fields)


@PAGE.at("retire a policy", "GET web:retire-policy", "POST web:retire-policy")
def _(world: World, client: Client, caller: Caller) -> Any:
    return shown_and_sent(client, _url("retire-policy", "matrix-production"), {"reason": WHY})


@PAGE.at("cancel a scheduled change", "GET web:cancel-policy-change", "POST web:cancel-policy-change")
def _(world: World, client: Client, caller: Caller) -> Any:
    return shown_and_sent(client, _url("cancel-policy-change", "matrix-later"), {"reason": WHY})


@PAGE.at("replay a draft", "POST web:propose-policy")
def _(world: World, client: Client, caller: Caller) -> Any:
    return client.post(_url("propose-policy", "matrix-archive"), {"action": "replay", "source": ANOTHER_POLICY})


_simply("view a replay", "policy-replay", lambda world: _url("policy-replay", world.replay.pk))


@PAGE.at("confirm a change proposal", "POST web:confirm-change")
def _(world: World, client: Client, caller: Caller) -> Any:
    fields = {"confirm-digest": world.proposal.digest, "confirm-password": PASSWORD}
    return client.post(_url("confirm-change", world.proposal.pk), fields)


@PAGE.at("reject a change proposal", "POST web:reject-change")
def _(world: World, client: Client, caller: Caller) -> Any:
    return client.post(_url("reject-change", world.proposal.pk), {"reject-comment": WHY})


@PAGE.at("withdraw another's change proposal", "POST web:withdraw-change")
def _(world: World, client: Client, caller: Caller) -> Any:
    return client.post(_url("withdraw-change", world.proposal.pk), {"withdraw-reason": WHY})


@PAGE.at("grant an access request", "POST web:grant-access")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    until = (clock.now() + timedelta(days=7)).date().isoformat()
    return client.post(_url("grant-access", world.access_request.pk), {"grant-until": until, "grant-reason": ""})


@PAGE.at("deny an access request", "POST web:deny-access")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("deny-access", world.access_request.pk), {"deny-reason": WHY})


@PAGE.at("withdraw others' access requests", "POST web:withdraw-access")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("withdraw-access", world.access_request.pk))


@PAGE.at("withdraw a request", "POST web:withdraw")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("withdraw", world.request(SHOWN).pk), {"withdraw-reason": WHY})


@PAGE.at("execute a request", "POST web:promote")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("promote", world.request(READY).pk))


@PAGE.at("set one's own password", "POST web:password")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("password"), {"current": PASSWORD, "password": NEW_PASSWORD})


@PAGE.at("change one's second factor", "POST web:second-factor", "POST web:remove-second-factor")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    ticket, code = enrolment(world.person("subject" if caller.key == "an" else caller.key))
    answer = client.post(_url("second-factor"), {"ticket": ticket, "code": code, "password": PASSWORD})
    codes = (answer.context or {}).get("codes") if answer.status_code == 201 else None
    if not codes:
        return answer
    given = {"remove-password": PASSWORD, "remove-code": codes[0]}
    return client.post(_url("remove-second-factor"), given)


@PAGE.at("change one's passkeys", "POST web:enrol-passkey", "POST web:rename-passkey", "POST web:remove-passkey")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    person = world.person("subject" if caller.key == "an" else caller.key)
    ticket, response = new_passkey(person)
    given = {"name": "laptop", "password": PASSWORD, "passkey-ticket": ticket, "passkey-response": response}
    answer = client.post(_url("enrol-passkey"), given)
    made = passkeys.passkeys_of(person)
    if not made:
        return answer
    client.post(_url("rename-passkey", made[0].pk), {"name": "work laptop"})
    return client.post(_url("remove-passkey", made[0].pk), {"password": PASSWORD})


@PAGE.at("issue a token for oneself", "POST web:tokens")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("tokens"), {"name": "for the table", "scopes": ["models:read"], "lifetime": "7"})


def _own_view(world: World, caller: Caller) -> str:
    """The address of a view of theirs; of none for who has no account."""
    actor = world.actor(caller.key) if caller.key not in ("an", "go") else None
    return _url("change-view", kept_view(actor).pk if actor is not None else 1)


@PAGE.at("keep a view", "POST web:saved-views")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("saved-views"), {"name": "Mine", "query": "tier:1"})


@PAGE.at("change one's own view", "POST web:change-view")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_own_view(world, caller), {"name": "Still mine", "shared": "on"})


@PAGE.at("delete one's own view", "POST web:change-view")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_own_view(world, caller), {"delete": "1"})


@PAGE.at("change another person's view", "POST web:change-view")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("change-view", world.view), {"name": "Mine now"})


def _own_notification(world: World, caller: Caller) -> UUID:
    """A notification of theirs; of none for who has no account."""
    return notify(world.person(caller.key)).uid if caller.key not in ("an", "go") else uuid4()


@PAGE.at("open one's own notification", "GET web:notification")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.get(_url("notification", _own_notification(world, caller)))


@PAGE.at("open another person's notification", "GET web:notification")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.get(_url("notification", world.notification))


@PAGE.at("mark one's notifications as read", "POST web:notifications")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("notifications"), {"do": "read", "uid": str(_own_notification(world, caller))})


@PAGE.at("list everyone's deliveries", "GET web:notification-deliveries")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.get(_url("notification-deliveries"), {"of": "all"})


@PAGE.at("delegate one's decisions", "POST web:delegations")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    until = (clock.now() + timedelta(days=8)).date().isoformat()
    return client.post(_url("delegations"), {"delegate": "subject", "valid_until": until, "password": PASSWORD})


_simply("read another person's delegation", "revoke-delegation", lambda w: _url("revoke-delegation", w.delegation.uid))


@PAGE.at("revoke another person's delegation", "POST web:revoke-delegation")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("revoke-delegation", world.delegation.uid), {"reason": WHY})


@PAGE.at("change one's notification settings", "POST web:notification-settings")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    fields = {"mode-mentioned-mail": "off", "digest_hour": "7", "zone": "UTC"}
    return client.post(_url("notification-settings"), fields)


@PAGE.at("add a notification channel", "POST web:add-notification-channel")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("add-notification-channel"), {"kind": "slack", "name": "team", "url": RECEIVER})


@PAGE.at("remove another person's channel", "POST web:notification-channel")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("notification-channel", world.channel), {"do": "remove"})


@PAGE.at("send another person's delivery again", "POST web:send-notification-again")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.post(_url("send-notification-again", world.delivery))


@PAGE.at("revoke one's own token", "GET web:revoke-token", "POST web:revoke-token")
def _(world: World, client: Client, caller: Caller) -> Answer:
    uid = "tok_unknown" if caller.key == "an" else world.own_token(world.person(caller.key).uid).uid
    return shown_and_sent(client, _url("revoke-token", uid), {"reason": WHY})


def _sent(action: str, name: str, *args: Any, **fields: str) -> None:
    """A form of a discussion: its arguments are values, or functions of the world."""

    @PAGE.at(action, f"POST web:{name}")
    def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
        return client.post(_url(name, *(arg(world) if callable(arg) else arg for arg in args)), fields)


_simply("read a discussion", "comment", lambda world: _url("comment", world.comment.pk))
_simply("read a discussion", "thread", lambda world: _url("thread", world.resolved_thread.pk))
_sent("comment on a request", "request-comments", lambda w: w.request(SHOWN).pk, text=WHY)
_sent("comment on a version", "version-comments", MODEL, FREE, text=WHY)
_sent("edit another person's comment", "edit-comment", lambda w: w.comment.pk, text=WHY)
_sent("withdraw another person's comment", "withdraw-comment", lambda w: w.comment.pk)
_sent("resolve a thread", "resolve-thread", lambda w: w.comment.thread_id)
_sent("reopen a thread", "reopen-thread", lambda w: w.resolved_thread.pk)
_sent(
    "end another person's objection",
    "end-objection",
    lambda w: w.objection.request_id,
    lambda w: w.objection.pk,
    kind="withdrawn",
    explanation=WHY,
    password=PASSWORD,
)
