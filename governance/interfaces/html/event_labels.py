"""Labels and URLs for the objects and actors in audit events.

Events contain ids only. The labels of a page of events are queried with one query per type. An object that is not
visible to the user has a type and no name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from audit.actor import Actor
from audit.models import Event
from governance.models import (
    AdvisoryMirror,
    CheckRun,
    Comment,
    Decision,
    DecisionKey,
    Delegation,
    DiscussionThread,
    DocumentSignOff,
    ExternalRun,
    Finding,
    FrozenDocument,
    Policy,
    PolicyRevision,
    PolicyTerm,
    PromotionRequest,
    SignalReport,
    Waiver,
)
from governance.selectors import rows_by_uid
from registry import selectors
from registry.models import (
    AccessToken,
    Artifact,
    Evidence,
    Grant,
    Membership,
    ModelCard,
    ModelVersion,
    RegisteredModel,
    ReviewerGroup,
    User,
)

PROCESSES = {
    "gate": "The gate",
    "check-worker": "Check worker",
    "sign-in": "Sign-in",
    "initialise": "Set-up",
    "access-keeper": "Access keeper",
    "monitoring": "Monitoring",
    "emergency-changes": "Emergency changes",
    "impacts": "Impacts",
    "decision-key": "Decision key",
}


@dataclass(frozen=True)
class ObjectLabel:
    """The label of an object. `url` is empty if there is no page or the user may not open it."""

    label: str
    url: str = ""


@dataclass(frozen=True)
class ActorLabel:
    """The label of an actor: the name, the token used, and whether it is a machine."""

    name: str
    through: str = ""
    machine: bool = False


def _model_url(model: RegisteredModel) -> str:
    return reverse("web:model", args=[model.slug])


def _version_named(version: ModelVersion) -> ObjectLabel:
    url = reverse("web:version", args=[version.model.slug, version.number])
    return ObjectLabel(f"{version.model.slug} v{version.number}", url)


def _request_named(request: PromotionRequest) -> ObjectLabel:
    """The label of a request: model, version and target."""
    what = f"{request.model.slug} v{request.version.number} → {request.target_name}"
    return ObjectLabel(f"promotion #{request.pk}: {what}", reverse("web:promotion", args=[request.pk]))


class ObjectLabelResolver:
    """Queries the labels of all objects and actors of a page of events when it is created."""

    def __init__(self, actor: Actor, events: Iterable[Event], *, objects: bool = True) -> None:
        """With `things` false, query only the actors."""
        self._actor = actor
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        people: set[str] = set()
        tokens: set[str] = set()
        for event in events:
            body = event.body
            for reference in (body.get("object"), *body.get("related", ())) if objects else ():
                if isinstance(reference, dict):
                    wanted[str(reference.get("type"))].add(str(reference.get("id")))
            if objects and (model := model_of_stream(event)):
                wanted["model"].add(model)
            actor_member = body.get("actor", {})
            (tokens if actor_member.get("type") == "token" else people).add(str(actor_member.get("id", "")))
            people.add(str(actor_member.get("behind", "")))
            people.add(str(event.body.get("data", {}).get("person", "")))
        people |= wanted.pop("person", set())
        tokens |= wanted.pop("token", set())
        self.people: dict[str, User] = selectors.accounts_by_uid(_starting(people, "usr_"))
        self.tokens: dict[str, AccessToken] = selectors.tokens_by_uid(_starting(tokens, "tok_"))
        self._named: dict[tuple[str, str], ObjectLabel] = {}
        for kind, uids in wanted.items():
            self._look_up(kind, uids)

    @classmethod
    def of(cls, actor: Actor, uid: str) -> list[ObjectLabel]:
        """Return the labels of all visible objects with this uid."""
        names = cls(actor, ())
        for kind in _KINDS:
            names._look_up(kind, {uid})
        return list(names._named.values())

    def label_of(self, kind: str, uid: str) -> ObjectLabel:
        """Return the label of an object in the log."""
        if kind == "person":
            person = self.people.get(uid)
            return ObjectLabel(person.name if person else uid)
        if kind == "token":
            token = self.tokens.get(uid)
            return ObjectLabel(f"token {token.name}" if token else uid)
        return self._named.get((kind, uid), ObjectLabel(kind.replace("_", " ")))

    def object_of(self, event: Event) -> ObjectLabel:
        """Return the label of the object of an event."""
        return self.label_of(str(event.thing_type), str(event.thing_id))

    def model_beside(self, event: Event) -> ObjectLabel | None:
        """Return the model whose stream contains the event, if the object's label does not name it.

        None for an event of no model, and for a model that is not visible.
        """
        model = self._named.get(("model", model_of_stream(event)))
        return None if model is None or model.label in self.object_of(event).label else model

    def related_of(self, event: Event) -> list[ObjectLabel]:
        """Return the labels of the related objects of an event."""
        return [self.label_of(str(t["type"]), str(t["id"])) for t in event.body.get("related", ())]

    def actor_of(self, event: Event) -> ActorLabel:
        """Return the label of the actor: a person, a token with its person, or a process."""
        body = event.body.get("actor", {})
        kind, uid = body.get("type"), str(body.get("id", ""))
        if kind == "process":
            return ActorLabel(PROCESSES.get(uid, uid.replace("-", " ").capitalize()), machine=True)
        if kind == "token":
            token = self.tokens.get(uid)
            behind = self.people.get(str(body.get("behind", "")))
            return ActorLabel(behind.name if behind else uid, through=token.name if token else uid, machine=True)
        person = self.people.get(uid)
        return ActorLabel(person.name if person else uid)

    def _look_up(self, kind: str, uids: set[str]) -> None:
        found = _KINDS.get(kind)
        if found is None:
            return
        model, joins, within, named = found
        for row in rows_by_uid(model, uids, joins=joins, model=within, actor=self._actor):
            self._named[kind, str(row.uid)] = named(row)


def model_of_stream(event: Event) -> str:
    """Return the uid of the model whose stream an event is in; empty for an event of no model."""
    kind, _, uid = str(event.stream_id).partition(":")
    return uid if kind == "model" else ""


def _starting(uids: Iterable[str], prefix: str) -> list[str]:
    return [uid for uid in uids if uid.startswith(prefix)]


def _of_request(what: str, request: PromotionRequest, place: str = "") -> ObjectLabel:
    """The label of a part of a request."""
    of = _request_named(request)
    return ObjectLabel(what + of.label.removeprefix("promotion "), f"{of.url}{place}")


_REQUEST = ("model", "version", "target_stage")
"""The relations that the label of a request needs."""


def _through(field: str) -> tuple[str, ...]:
    return tuple(f"{field}__{name}" for name in _REQUEST)


def _of_version(what: str, version: ModelVersion, place: str = "") -> ObjectLabel:
    """The label of an object that belongs to a version."""
    of = _version_named(version)
    return ObjectLabel(f"{what} of {of.label}", f"{of.url}{place}")


def _in_discussion(what: str, thread: DiscussionThread, place: str) -> ObjectLabel:
    """The label of a comment or thread, on the request or the version that it belongs to."""
    if thread.request is not None:
        return _of_request(f"{what} on ", thread.request, place)
    return _of_version(what, thread.version, place)


_Kind = tuple[type[Any], tuple[str, ...], str, Callable[[Any], ObjectLabel]]
_KINDS: Mapping[str, _Kind] = {
    "model": (RegisteredModel, (), "pk", lambda m: ObjectLabel(m.slug, _model_url(m))),
    "version": (ModelVersion, ("model",), "model", _version_named),
    "artifact": (Artifact, ("version__model",), "version__model", lambda a: _of_version(a.path, a.version)),
    "card": (
        ModelCard,
        ("version__model",),
        "version__model",
        lambda c: _of_version(f"card {c.revision}", c.version, "#card"),
    ),
    "evidence": (
        Evidence,
        ("version__model",),
        "version__model",
        lambda e: _of_version(e.filename, e.version, "#evidence"),
    ),
    "sign_off": (
        DocumentSignOff,
        ("version__model",),
        "model",
        lambda s: _of_version(f"sign-off of {', '.join(s.parts)}"[:80], s.version, "sign-off/"),
    ),
    "promotion": (PromotionRequest, _REQUEST, "model", _request_named),
    "decision": (
        Decision,
        _through("request"),
        "request__model",
        lambda d: _of_request("decision on ", d.request, f"decisions/{d.pk}/"),
    ),
    "decision_key": (
        DecisionKey,
        (),
        "",
        lambda k: ObjectLabel(str(k), reverse("web:decision-keys")),
    ),
    "comment": (
        Comment,
        ("thread__version__model", *_through("thread__request")),
        "thread__model",
        lambda c: _in_discussion(f"comment {c.pk}", c.thread, f"#comment-{c.pk}"),
    ),
    "thread": (
        DiscussionThread,
        ("version__model", *_through("request")),
        "model",
        lambda t: _in_discussion(f"thread {t.pk}", t, f"#thread-{t.pk}"),
    ),
    "check_run": (
        CheckRun,
        _through("request"),
        "request__model",
        lambda r: _of_request(f"{r.check_slug}, ", r.request, f"#check-{r.check_slug}"),
    ),
    "external_run": (
        ExternalRun,
        ("version__model",),
        "version__model",
        lambda r: _of_version(f"{r.check_slug}, reported", r.version, "#checks"),
    ),
    "frozen_document": (
        FrozenDocument,
        ("version__model",),
        "version__model",
        lambda d: _of_version(f"document #{d.request_id}", d.version, f"document/?frozen={d.request_id}"),
    ),
    "finding": (
        Finding,
        ("version", "model"),
        "model",
        lambda f: ObjectLabel(
            f"finding {f.pk}: {f.words}, {f.model.slug}" + (f" v{f.version.number}" if f.version else ""),
            reverse("web:finding", args=[f.pk]),
        ),
    ),
    "waiver": (
        Waiver,
        ("version__model",),
        "model",
        lambda w: ObjectLabel(
            f"waiver {w.pk}: {w.check_slug}, {w.version.model.slug} v{w.version.number}",
            reverse("web:waiver", args=[w.pk]),
        ),
    ),
    "signal_report": (
        SignalReport,
        ("version__model",),
        "version__model",
        lambda r: _of_version(f"report of {r.source}", r.version, "signals/"),
    ),
    "advisory_mirror": (AdvisoryMirror, (), "", lambda m: ObjectLabel(f"advisories of {m.modified:%Y-%m-%d}")),
    "policy": (Policy, (), "", lambda p: ObjectLabel(p.title)),
    "policy_revision": (
        PolicyRevision,
        ("policy",),
        "",
        lambda r: ObjectLabel(f"{r.policy.slug}, revision {r.number}"),
    ),
    "policy_term": (PolicyTerm, ("policy", "revision__policy"), "", lambda t: ObjectLabel(f"{t.policy.slug}: {t}")),
    "group": (ReviewerGroup, (), "", lambda g: ObjectLabel(g.name)),
    "delegation": (
        Delegation,
        ("delegate", "delegator"),
        "",
        lambda d: ObjectLabel(f"{d.delegate.name} for {d.delegator.name}, {d.title}"),
    ),
    "membership": (Membership, ("group", "user"), "", lambda m: ObjectLabel(f"{m.user.name} in {m.group.slug}")),
    "grant": (
        Grant,
        ("user", "group", "model"),
        "",
        lambda g: ObjectLabel(f"{g.role}: {g.user or g.group}" + (f" on {g.model.slug}" if g.model else "")),
    ),
}


@dataclass(frozen=True)
class Line:
    """A row of the event list."""

    event: Event
    actor: ActorLabel
    target: ObjectLabel
    note: str
    model: ObjectLabel | None
    """The model of the event, if the object's label does not contain it."""


def lines_of(actor: Actor, events: Sequence[Event]) -> list[Line]:
    """Prepare events for a list."""
    names = ObjectLabelResolver(actor, events)
    return [
        Line(event, names.actor_of(event), names.object_of(event), note_of(event), names.model_beside(event))
        for event in events
    ]


def note_of(event: Event) -> str:
    """A short summary of the public data of an event."""
    data = event.body.get("data", {})
    number, version = data.get("number"), data.get("version")
    parts = []
    if event.action == "promotion.requested" and version:
        target = data.get("to_stage") or f"@{data.get('to_alias')}"
        parts.append(f"v{version} → {target}")
    if event.action == "check.completed":
        parts += [str(data.get("check", "")), str(data.get("conclusion", "")).replace("_", " ")]
    if event.action.startswith("external_run."):
        parts.append(str(data.get("check", "")))
    if event.action == "decision.recorded":
        parts.append(str(data.get("outcome", "")).replace("_", " "))
    for change in event.body.get("changes", ()):
        if change.get("field") in ("state", "stage", "role") and isinstance(change.get("to"), str):
            before = f"{change['from']} → " if change.get("from") else ""
            parts.append(f"{change['field']}: {before}{change['to']}")
    if number and not parts:
        parts.append(f"#{number}")
    return " · ".join(part for part in parts if part)
