"""The people of the table, in a bank with one model to act on and another that most of them cannot see.

Everything is created through the services. Objects are read again for each use: a change of an attempt is rolled back
in the database and must not remain in an object.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from http.cookies import SimpleCookie
from uuid import UUID

from django.conf import settings

from audit import clock
from audit.actor import Actor
from audit.models import Event
from governance import promotions, selectors
from governance.models import (
    Comment,
    Decision,
    Delegation,
    DiscussionThread,
    ExternalRun,
    Finding,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    Packet,
    Policy,
    PolicyReplay,
    PromotionRequest,
    Waiver,
    Webhook,
)
from governance.monitoring.reports import Report, Signal
from governance.notifications import channels
from governance.services import (
    delegations,
    discussion,
    evidence,
    external_checks,
    findings,
    policies,
    policy_replays,
    setup,
    signals,
    waivers,
    webhooks,
)
from governance.services.external_report import RunReport
from registry import access
from registry.access import SCOPES, Role
from registry.models import (
    AccessRequest,
    AccessToken,
    ChangeProposal,
    DatasetReference,
    Grant,
    Membership,
    ModelVersion,
    RegisteredModel,
    ReviewerGroup,
    SavedView,
    User,
    VerificationKey,
)
from registry.search import WORDS
from registry.services import (
    access_requests,
    account_controls,
    assessments,
    instance,
    questionnaires,
    reviews,
    saved_views,
    second_factors,
    signing_locks,
    tier_lowering,
    tokens,
    versions,
)
from registry.services import people as accounts
from registry.services.versions import DatasetSpec, MetricSpec, VersionSpec
from tests import factories
from tests.factories import PASSWORD, SETUP
from tests.permission_matrix.inputs import FILE, enrolment, notify, waived
from tests.permission_matrix.table import PEOPLE, TOKENS

RECEIVER = "https://127.0.0.1:9/"
"""An address that is allowed in tests; no program listens there."""
MODEL, ELSEWHERE = "credit-risk-pd", "fraud-cards"
UNUSED = "churn-early"
"""A model on which everybody holds what they hold on the first, with nothing in use; it is assessed as tier 1."""
UNASSESSED = "fraud-early"
"""Another one, whose tier is declared."""
LOWERED = "claims-early"
"""Another one, for which its founder proposed a less strict tier."""
LIKE_THE_FIRST = (UNUSED, UNASSESSED, LOWERED)
SHOWN, FREE, READY, DECLARED, FILLED = 1, 2, 3, 4, 5
"""Versions of the model: whose promotion is under review; without a request; whose promotion is held until a
person releases it; whose file is awaited; whose file is there."""
SHADOW = "shadow"
"""A free alias, which points at the version without a request."""
CONTENT = b'{"weights": [1]}'
KIND = "document.report"
REGULATORY = "docs.regulatory"
ANNEX = b"template: annex-iv\nparts: {'3': {answer: Monitored every day.}}\n"
REPORTED = "acme.robustness"
"""A check that another system runs."""
DATASET = "d" * 64
"""Digest of what every version of the model was trained with."""

TO_STAGING = """
slug: matrix-staging
title: Into Staging, when it is released
applies_to: {stages: [staging]}
priority: 50
on_ready: hold
monitoring:
  silent_after_days: 7
  signals: [{signal: auc, op: ">=", limit: 0.8}]
"""
TO_PRODUCTION = """
slug: matrix-production
title: Into Production, by two of the risk team
applies_to: {stages: [production]}
priority: 50
approvals: [{group: risk-team, count: 2}]
"""
TO_CHAMPION = """
slug: matrix-champion
title: Behind the champion's name
applies_to: {aliases: [champion]}
priority: 50
checks:
  - check: integrity.digest
  - check: evaluation.adequacy
    waivable: {max_days: 30, by: [risk-team]}
approvals: [{group: risk-team}]
"""
ANOTHER_POLICY = """
slug: matrix-archive
title: Out of the way
applies_to: {stages: [archived]}
priority: 60
"""

PROPOSED_POLICY = ANOTHER_POLICY.replace("matrix-archive", "matrix-proposed").replace("priority: 60", "priority: 70")

SCHEDULED_POLICY = ANOTHER_POLICY.replace("matrix-archive", "matrix-later").replace("priority: 60", "priority: 80")

ANOTHER_QUESTIONNAIRE = questionnaires.STARTER.read_text().replace("Risk tier of a model", "Risk tier, next revision")

REVISED = TO_PRODUCTION.replace("count: 2", "count: 3")

ON_THE_MODEL = {
    "vw": Role.VIEWER,
    "rg": Role.REGISTRAR,
    "dv": Role.DEVELOPER,
    "va": Role.VALIDATOR,
    "ap": Role.APPROVER,
    "ow": Role.OWNER,
    "rq": Role.DEVELOPER,
    "tr": Role.REGISTRAR,
    "go": Role.OWNER,
}
EVERYWHERE = {
    "au": (Role.AUDITOR,),
    "of": (Role.OFFICER,),
    "ad": (Role.ADMINISTRATOR,),
    "go": (Role.OFFICER, Role.ADMINISTRATOR),
}
IN_THE_GROUP = ("rv", "rq", "tr", "su", "go")

_READ, _PROMOTE = "models:read", "promotions:write"
_ALL = tuple(SCOPES)
TOKEN_OF: dict[str, tuple[str, tuple[str, ...], tuple[str, ...] | None]] = {
    "or": ("ow", (_READ,), None),
    "ow": ("ow", (_READ, "models:write"), None),
    "ov": ("ow", (_READ, "versions:write"), None),
    "op": ("ow", (_READ, _PROMOTE), None),
    "ox": ("ow", (_READ, "promotions:execute"), None),
    "oa": ("ow", (_READ, "audit:read"), None),
    "oz": ("ow", _ALL, None),
    "oh": ("ow", _ALL, (MODEL,)),
    "ot": ("ow", _ALL, (ELSEWHERE,)),
    "ob": ("ow", tuple(scope for scope in SCOPES if scope != _READ), None),
    "vz": ("vw", _ALL, None),
    "az": ("au", _ALL, None),
    "ah": ("au", _ALL, (MODEL,)),
    "fz": ("of", _ALL, None),
    "dz": ("ad", _ALL, None),
    "sz": ("su", _ALL, None),
    "rz": ("rv", _ALL, None),
    "qz": ("rq", _ALL, None),
    "qp": ("rq", (_READ, _PROMOTE), None),
    "cz": ("robot", _ALL, None),
    "xz": ("st", _ALL, None),
    "gz": ("go", _ALL, None),
    "rk": ("ow", _ALL, None),
    "ex": ("ow", _ALL, None),
}
"""Each token of the table: whose, its scopes, and the models it is limited to."""


@dataclass
class World:
    """The bank. `people` are keyed as the columns of the table, and a few more are there to be acted upon."""

    people: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    own_tokens: dict[str, str] = field(default_factory=dict)
    """By the id of a person, and by that of a token: a token of the same person, to be revoked."""
    cookies: dict[str, SimpleCookie] = field(default_factory=dict)
    """Of the browsers in which people are signed in."""
    grants: dict[str, int] = field(default_factory=dict)

    # --- who ---

    def person(self, key: str) -> User:
        return User.objects.get(pk=self.people[key])

    def actor(self, key: str, *, token: bool = False) -> Actor | None:
        """The actor at the services; None where signing in fails already."""
        if token:
            return tokens.authenticate(self.secrets[key])
        return access.actor_for(self.person(key))

    # --- what ---

    @property
    def model(self) -> RegisteredModel:
        return RegisteredModel.objects.get(slug=MODEL)

    @property
    def dataset(self) -> str:
        """Identity of what the model's versions were trained with."""
        return str(DatasetReference.objects.filter(digest=DATASET).values_list("identity", flat=True)[0])

    @property
    def answers(self) -> dict[str, str]:
        return factories.worst_answers()

    @property
    def unused(self) -> RegisteredModel:
        return RegisteredModel.objects.get(slug=UNUSED)

    def version(self, number: int) -> ModelVersion:
        return ModelVersion.objects.select_related("model", "stage").get(model__slug=MODEL, number=number)

    def request(self, number: int) -> PromotionRequest:
        """The live request of that version for a stage."""
        return PromotionRequest.objects.get(
            version__model__slug=MODEL, version__number=number, target_alias="", state__in=PromotionRequest.LIVE
        )

    @property
    def packet(self) -> str:
        """The digest of a packet that was frozen."""
        return str(Packet.objects.filter(request=self.request(SHOWN)).values_list("digest", flat=True)[0])

    @property
    def group(self) -> ReviewerGroup:
        return ReviewerGroup.objects.get(slug="risk-team")

    @property
    def membership(self) -> Membership:
        return Membership.objects.get(group=self.group, user=self.person("second"))

    @property
    def policy(self) -> Policy:
        return Policy.objects.get(slug="matrix-production")

    @property
    def webhook(self) -> str:
        """Id of the officer's webhook, which has no listener."""
        return str(Webhook.objects.values_list("uid", flat=True)[0])

    @property
    def access_request(self) -> AccessRequest:
        """What the second person asked for."""
        return AccessRequest.objects.get(person=self.person("second"))

    @property
    def delegation(self) -> Delegation:
        """A delegation from the second person to an officer who is no actor of the table."""
        return Delegation.objects.get(delegator=self.person("second"))

    @property
    def finding(self) -> Finding:
        """A breach of the version in Staging."""
        return Finding.objects.select_related("version__model", "model").get(source="signal")

    @property
    def proposed_finding(self) -> Finding:
        """A finding whose closure the second person proposed."""
        return Finding.objects.select_related("version__model", "model").get(source="review")

    @property
    def waiver(self) -> Waiver:
        """A waiver that the second person granted."""
        return Waiver.objects.select_related("version__model", "model", "request").get()

    @property
    def champion_request(self) -> PromotionRequest:
        """The live request for the champion's name, a check of which waits for evidence."""
        return PromotionRequest.objects.get(target_alias="champion", state__in=PromotionRequest.LIVE)

    @property
    def comment(self) -> Comment:
        """What the second person wrote on a request."""
        joined = Comment.objects.select_related("thread__model", "thread__version__model", "thread__request")
        return joined.get(thread__request__isnull=False)

    @property
    def objection(self) -> Decision:
        """Where the second person requested changes."""
        return Decision.objects.select_related("request__model").get(outcome="request_changes")

    @property
    def resolved_thread(self) -> DiscussionThread:
        """A thread on a version, resolved."""
        return DiscussionThread.objects.select_related("model", "version__model").get(resolutions__isnull=False)

    @property
    def external_run(self) -> str:
        """Id of the result that was reported from outside."""
        return str(ExternalRun.objects.values_list("uid", flat=True).order_by("pk")[0])

    def grant(self, key: str) -> Grant:
        return Grant.objects.get(pk=self.grants[key])

    @cached_property
    def notification(self) -> UUID:
        """A notification of the subject."""
        return Notification.objects.get(person=self.person("subject")).uid

    @cached_property
    def channel(self) -> UUID:
        """A channel of the subject."""
        return NotificationChannel.objects.get().uid

    @cached_property
    def delivery(self) -> UUID:
        """A delivery to the subject."""
        return NotificationDelivery.objects.get().uid

    @cached_property
    def view(self) -> int:
        """A shared view."""
        found = SavedView.objects.get(owner=self.person("subject"))
        return found.pk

    def own_token(self, actor: str) -> AccessToken:
        """A token to revoke, by the id of an actor."""
        return AccessToken.objects.get(uid=self.own_tokens[actor])

    @property
    def proposal(self) -> ChangeProposal:
        """A change that another officer proposed."""
        return ChangeProposal.objects.select_related("proposed_by").get(model=None, outcome=None)

    @property
    def replay(self) -> PolicyReplay:
        """A replay that another officer made."""
        return PolicyReplay.objects.earliest("pk")

    @property
    def verification_key(self) -> VerificationKey:
        """The only registered key."""
        return VerificationKey.objects.get()

    @property
    def tier_proposal(self) -> ChangeProposal:
        """A less strict tier that the founder of a model proposed."""
        return ChangeProposal.objects.select_related("proposed_by").get(model__slug=LOWERED)

    @cached_property
    def event_of_the_model(self) -> str:
        found = Event.objects.filter(stream_id=f"model:{self.model.uid}").order_by("id").first()
        assert found is not None
        return str(found.event_id)

    @cached_property
    def event_of_the_organisation(self) -> str:
        found = Event.objects.filter(action="policy.published").order_by("id").first()
        assert found is not None
        return str(found.event_id)


def build() -> World:
    """Make the bank."""
    setup.initialise()
    instance.declare_single_officer(actor=SETUP, reason="For the table; the officers below come later.")
    world = World()
    founder = factories.person("founder", name="Fay Founder")
    model = factories.model(founder, MODEL, title="Probability of default", risk_tier=1, tags={"old": "1"})
    factories.model(founder, ELSEWHERE, risk_tier=1)
    for slug in LIKE_THE_FIRST:
        factories.model(founder, slug, risk_tier=1)
    for key, name in PEOPLE.items():
        if key != "an":
            more = {"is_staff": True, "is_superuser": True} if key == "su" else {}
            world.people[key] = factories.person(name, name=f"{name.title()} Somebody", **more).pk
    for key in ("subject", "second"):
        world.people[key] = factories.person(key, name=f"{key.title()} Person").pk
    world.people["shut"] = factories.person("shut", name="Shut Person").pk
    world.people["robot"] = factories.person("robot", name="CI robot", kind=User.Kind.SERVICE).pk
    account_controls.add_service_account_user(
        actor=SETUP, account=world.person("robot"), person=world.person("second"), owner=True, reason="runs it"
    )
    _give_roles(world, model)
    # One of everything: an assessment and a review.
    unused = world.unused
    assessments.assess(actor=access.actor_for(founder), model=unused, answers=world.answers, rationale="For the table.")
    for slug in (MODEL, ELSEWHERE, LOWERED):
        factories.assessed(RegisteredModel.objects.get(slug=slug))
    tier_lowering.submit(
        actor=access.actor_for(founder),
        model=RegisteredModel.objects.get(slug=LOWERED),
        answers=factories.answers_for(3),
        rationale="For the table.",
    )
    reviews.record(
        actor=access.actor_for(world.person("ap")),
        model=unused,
        conclusion=reviews.ReviewConclusion("fit", "For the table."),
    )
    for source in (TO_STAGING, TO_PRODUCTION, TO_CHAMPION):
        policies.publish(actor=setup.INSTALLER, source=source, reason="the scene of a test")
    _make_versions(world)
    _issue_tokens(world)
    access_requests.create_access_request(
        actor=access.actor_for(world.person("second")), slug=MODEL, role=Role.DEVELOPER, purpose="the winter project"
    )
    webhooks.create(
        actor=access.actor_for(world.person("of")),
        name="theirs",
        url="https://127.0.0.1:9/",
        events=["model_version.created"],
    )
    world.people["proposer"] = factories.person("proposer", name="Pat Proposer").pk
    factories.grant(Role.OFFICER, to=world.person("proposer"))
    factories.verification_key(world.person("proposer"), world.person("of"))
    proposer = access.actor_for(world.person("proposer"))
    later = policies.propose(
        actor=proposer, source=SCHEDULED_POLICY, reason="For the table.", in_force_from=clock.now() + timedelta(days=9)
    )
    factories.confirm(later, world.person("of"))
    policies.propose(actor=proposer, source=PROPOSED_POLICY, reason="For the table.")
    policy_replays.request_replay(actor=proposer, source=ANOTHER_POLICY, since=clock.now() - timedelta(days=9))
    delegations.grant_delegation(
        actor=access.actor_for(world.person("second")),
        delegate="proposer",
        valid_until=clock.now() + timedelta(days=8),
        password=PASSWORD,
    )
    for key in ("go", "shut"):
        accounts.deactivate(actor=SETUP, person=world.person(key), reason="left the bank")
    return world


def _give_roles(world: World, model: RegisteredModel) -> None:
    group = factories.group("risk-team", *(world.person(key) for key in (*IN_THE_GROUP, "second")))
    factories.grant(Role.APPROVER, to=group, on=model)
    alike = [model, *RegisteredModel.objects.filter(slug__in=LIKE_THE_FIRST)]
    for made in alike[1:]:
        factories.grant(Role.APPROVER, to=group, on=made)
    for key, role in ON_THE_MODEL.items():
        for made in alike:
            factories.grant(role, to=world.person(key), on=made)
    for key, roles in EVERYWHERE.items():
        for role in roles:
            factories.grant(role, to=world.person(key))
    for made in alike:
        factories.grant(Role.DEVELOPER, to=world.person("robot"), on=made)
    world.grants["here"] = factories.grant(Role.VIEWER, to=world.person("subject"), on=model).pk


def _make_versions(world: World) -> None:
    trainer = access.actor_for(world.person("tr"))
    asking = access.actor_for(world.person("rq"))
    for number in (SHOWN, FREE, READY, DECLARED, FILLED):
        content = CONTENT if number == SHOWN else b"%d" % number
        declared = versions.declare_version(
            actor=trainer,
            model=world.model,
            spec=VersionSpec(
                source="s3://models/credit-risk-pd",
                tags={"old": "1"},
                artifacts=[factories.artifact(FILE, content)],
                metrics=[MetricSpec("auc", 0.8)],
                card=f"# {number}",
                datasets=[DatasetSpec("training", "loans", digest_algorithm="sha256", digest=DATASET)],
            ),
        )
        if number != DECLARED:
            versions.store_artifact(actor=trainer, version=declared, path=FILE, stream=io.BytesIO(content))
        if number < DECLARED:
            versions.complete_registration(actor=trainer, version=declared)
    evidence.attach_evidence(
        actor=trainer, version=world.version(SHOWN), kind=KIND, filename="report.txt", stream=io.BytesIO(b"good")
    )
    evidence.attach_evidence(
        actor=trainer, version=world.version(FREE), kind=REGULATORY, filename="annex.yaml", stream=io.BytesIO(ANNEX)
    )
    for number in (SHOWN, READY):
        made = promotions.request(
            actor=asking, version=world.version(number), target_stage="staging", reason="the quarterly retraining"
        )
        if number == SHOWN:
            promotions.promote(actor=asking, request=made)
            # What is in Staging was added to since, so that it can be asked to be approved there again.
            added = [MetricSpec("auc", 0.81)]
            evidence.attach_metrics(actor=trainer, version=world.version(SHOWN), metrics=added)
    beyond = Report("nightly", clock.now(), clock.now(), [Signal("auc", 0.7)])
    signals.record_report(actor=trainer, version=world.version(SHOWN), report=beyond)
    promotions.request(
        actor=asking, version=world.version(SHOWN), target_stage="production", reason="the quarterly retraining"
    )
    promotions.request(actor=asking, version=world.version(FREE), target_alias=SHADOW, reason="to be taken off")
    second = access.actor_for(world.person("second"))
    discussion.post_comment(actor=second, subject=world.request(SHOWN), text="How was it evaluated?")
    posted = discussion.post_comment(actor=second, subject=world.version(SHOWN), text="Answered in the card.")
    discussion.resolve_thread(actor=second, thread=posted.thread)
    # One of everything: a check that is due, and a decision.
    named = promotions.request(
        actor=asking, version=world.version(SHOWN), target_alias="champion", reason="the quarterly retraining"
    )
    found = findings.open_for(
        actor=second, model=world.model, source="review", severity="medium", title="No test on recent loans"
    )
    findings.propose_closure(actor=second, finding=found, evidence="The test is attached.")
    waivers.grant(actor=second, request=named, signature=waivers.WaiverSignature(PASSWORD), **waived(named))
    shown = selectors.request_page(access.actor_for(world.person("second")), named.pk)
    promotions.decide(
        actor=access.actor_for(world.person("second")),
        request=named,
        outcome="request_changes",
        packet_digest=shown.packet_digest,
        comment="Say how it was evaluated.",
        signature=promotions.DecisionSignature(PASSWORD),
    )


def _issue_tokens(world: World) -> None:
    assert set(TOKEN_OF) == set(TOKENS)
    for key, (person, scopes, models) in TOKEN_OF.items():
        names = [REPORTED] if access.REPORT_SCOPE in scopes else []
        token, world.secrets[key] = factories.token(world.person(person), scopes, models, checks=names)
        world.own_tokens[token.uid] = factories.token(world.person(person), ["models:read"])[0].uid
        if key == "rk":
            tokens.revoke(actor=SETUP, token=token, reason="the scene of a test")
        if key == "ex":
            _expire(world, key, world.person(person))
    _report_a_check(world)
    saved_views.save_view(
        actor=access.actor_for(world.person("subject")), name="Theirs", query="tier:2", shared=True, vocabulary=WORDS
    )
    subject = world.person("subject")
    ticket, code = enrolment(subject)
    second_factors.enrol(actor=access.actor_for(subject), person=subject, ticket=ticket, code=code)
    for _ in range(settings.COUNTERSIGN_SIGNING_ATTEMPTS):
        signing_locks.count_failure(subject)
    theirs = NotificationDelivery.objects.create(
        person=subject, state=NotificationDelivery.State.DELIVERED, created_at=clock.now()
    )
    theirs.notifications.add(notify(subject))
    channels.add_channel(actor=access.actor_for(subject), kind="slack", name="theirs", url=RECEIVER)
    for key in (*PEOPLE, "subject"):
        if key != "an":
            token, _ = factories.token(world.person(key), ["models:read"])
            world.own_tokens[world.person(key).uid] = token.uid


def _report_a_check(world: World) -> None:
    """A result from outside, with its report."""
    actor = tokens.authenticate(world.secrets["cz"])
    assert actor is not None
    run = external_checks.begin(actor=actor, version=world.version(SHOWN), check=REPORTED, report=RunReport())
    external_checks.attach(actor=actor, run=run, form="json", filename="report.json", raw=b"{}")
    external_checks.update(actor=actor, run=run, report=RunReport(conclusion="neutral"))


def _expire(world: World, key: str, person: User) -> None:
    """A token that ran out: issued a month ago, for a day."""
    with clock.freeze(clock.now() - timedelta(days=30)):
        _, world.secrets[key] = factories.token(person, _ALL, days=1)


__all__ = ["CONTENT", "FILE", "KIND", "MODEL", "PASSWORD", "World", "build"]
