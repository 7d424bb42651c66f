"""The services: what every other door is held to. A function takes the world and an actor, and returns when the action
was done; a list says whether the thing was in it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from audit import clock
from audit.actor import Actor
from governance import promotions
from governance import selectors as gate
from governance.models import Webhook
from governance.services import evidence, policies, webhooks
from governance.webhooks import sending
from registry import access, selectors
from registry.access import OrgPermission, Permission, Role
from registry.exceptions import NotFound, NotPermitted, Refusal
from registry.models import SavedView
from registry.search import WORDS
from registry.services import (
    access_requests,
    archiving,
    assessments,
    downloads,
    groups,
    labelling,
    models,
    people,
    questionnaires,
    reviews,
    saved_views,
    tokens,
    uploads,
    versions,
)
from registry.services.versions import MetricSpec, VersionSpec
from tests.matrix import actors
from tests.matrix.actors import DATASET, DECLARED, FILE, FILLED, FREE, KIND, MODEL, READY, SHADOW, SHOWN, World
from tests.matrix.doors.knocking import Answer, Caller, Knocks, TryIt
from tests.matrix.table import Door, Verdict

WHY = "for the table"
NEW_PASSWORD = "nine-Blue-lanterns-7"


def _read(function: Callable[[World, Actor], Any]) -> TryIt:
    def try_it(world: World, caller: Caller) -> Answer:
        actor = world.actor(caller.key, token=caller.token)
        if actor is None:
            return Answer(Verdict.SIGN_IN)
        try:
            found = function(world, actor)
        except Refusal as refusal:
            # There is no session here to be without: whoever is gone is refused, one way or the other.
            if caller.key == "go":
                return Answer(Verdict.SIGN_IN, refusal=refusal)
            return Answer(_VERDICTS[type(refusal)], refusal=refusal)
        if found is False:
            return Answer(Verdict.SIGN_IN if caller.key == "go" else Verdict.INVISIBLE)
        return Answer(Verdict.ALLOWED)

    return try_it


_VERDICTS: dict[type[Refusal], Verdict] = {NotFound: Verdict.INVISIBLE, NotPermitted: Verdict.DENIED}
"""Any other refusal is about something else than permission: a fault of the test."""

SERVICE = Knocks(Door.SERVICE, _read)


# --- reading ---


@SERVICE.at("view the model")
@SERVICE.at("read the log of the model")
def _(world: World, actor: Actor) -> None:
    access.require(actor, Permission.VIEW, world.model)


@SERVICE.at("find the model in a list")
def _(world: World, actor: Actor) -> bool:
    access.require_scope(actor, "models:read")
    return access.visible_to(actor).filter(slug=MODEL).exists()


@SERVICE.at("view a version")
def _(world: World, actor: Actor) -> None:
    selectors.version(actor, MODEL, SHOWN)


@SERVICE.at("view a dataset")
def _(world: World, actor: Actor) -> None:
    selectors.lineage.dataset(actor, DATASET)


@SERVICE.at("find the dataset in a list")
def _(world: World, actor: Actor) -> bool:
    return selectors.lineage.find_datasets(actor, "loans").filter(digest=DATASET).exists()


@SERVICE.at("resolve a reference")
def _(world: World, actor: Actor) -> None:
    selectors.resolve(actor, f"{MODEL}/{SHOWN}")


@SERVICE.at("download an artifact")
def _(world: World, actor: Actor) -> None:
    downloads.artifact(actor=actor, artifact=world.version(SHOWN).artifacts.get()).close()


@SERVICE.at("download evidence")
def _(world: World, actor: Actor) -> None:
    downloads.evidence(actor=actor, evidence=world.version(SHOWN).evidence.get()).close()


@SERVICE.at("view a request")
def _(world: World, actor: Actor) -> None:
    gate.get_request(actor, world.request(SHOWN).pk)


@SERVICE.at("find the request in a list")
def _(world: World, actor: Actor) -> bool:
    access.require_scope(actor, "models:read")
    return gate.visible_requests(actor).filter(pk=world.request(SHOWN).pk).exists()


@SERVICE.at("read the policies")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    access.require_scope(actor, "models:read")
    assert gate.policies_in_force().exists()


@SERVICE.at("open one's own pages")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)


@SERVICE.at("read the audit log")
def _(world: World, actor: Actor) -> None:
    access.require_in_organisation(actor, OrgPermission.READ_AUDIT)


@SERVICE.at("read an event of the organisation")
def _(world: World, actor: Actor) -> bool:
    return bool(access.can_in_organisation(actor, OrgPermission.READ_AUDIT))


@SERVICE.at("read the webhooks")
def _(world: World, actor: Actor) -> bool:
    return webhooks.listing(actor).exists() and bool(webhooks.get(actor, world.webhook))


@SERVICE.at("create a webhook")
def _(world: World, actor: Actor) -> None:
    webhooks.create(actor=actor, name="another", url="https://127.0.0.1:9/", events=["model_version.created"])


@SERVICE.at("change a webhook")
def _(world: World, actor: Actor) -> None:
    webhooks.update(actor=actor, webhook_id=world.webhook, status="DISABLED")


@SERVICE.at("test a webhook")
def _(world: World, actor: Actor) -> None:
    hook = Webhook.objects.get(uid=world.webhook)
    assert not sending.probe(actor=actor, webhook=hook, told="model_version.created").success


@SERVICE.at("delete a webhook")
def _(world: World, actor: Actor) -> None:
    webhooks.delete(actor=actor, webhook_id=world.webhook)


@SERVICE.at("enter the admin site")
def _(world: World, actor: Actor) -> None:
    ways_in = (OrgPermission.READ_AUDIT, OrgPermission.MANAGE_GROUPS, OrgPermission.MANAGE_POLICIES)
    if not any(access.can_in_organisation(actor, way) for way in ways_in):
        access.require_in_organisation(actor, OrgPermission.MANAGE_PEOPLE)


# --- the catalogue ---


@SERVICE.at("register a model")
def _(world: World, actor: Actor) -> None:
    models.register_model(actor=actor, slug="new-model", title="New")


@SERVICE.at("open the form of the model")
def _(world: World, actor: Actor) -> None:
    may = models.may_change(actor=actor, model=selectors.model(actor, MODEL))
    if isinstance(may, access.Denied):
        raise may.refusal()


@SERVICE.at("edit the model")
def _(world: World, actor: Actor) -> None:
    models.update_model(actor=actor, model=world.model, title="Another title")


@SERVICE.at("register a version by its source")
def _(world: World, actor: Actor) -> None:
    versions.declare_version(actor=actor, model=world.model, spec=VersionSpec(source="s3://models/6"))


@SERVICE.at("describe a version")
def _(world: World, actor: Actor) -> None:
    labelling.describe_version(actor=actor, version=world.version(FREE), description="other words")


@SERVICE.at("tag the model")
def _(world: World, actor: Actor) -> None:
    labelling.tag_model(actor=actor, model=world.model, key="team", value="retail")


@SERVICE.at("tag a version")
def _(world: World, actor: Actor) -> None:
    labelling.tag_version(actor=actor, version=world.version(FREE), key="run", value="nightly")


@SERVICE.at("change the model's risk tier")
def _(world: World, actor: Actor) -> None:
    models.update_model(actor=actor, model=world.model, risk_tier=2)


@SERVICE.at("read why a tier")
@SERVICE.at("read the reviews")
def _(world: World, actor: Actor) -> None:
    selectors.model(actor, actors.UNUSED)


@SERVICE.at("read the questionnaire")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    access.require_scope(actor, "models:read")
    assert questionnaires.in_force() is not None


@SERVICE.at("assess a model")
def _(world: World, actor: Actor) -> None:
    assessments.assess(actor=actor, model=world.unused, answers=world.answers, rationale=WHY)


@SERVICE.at("record a review")
def _(world: World, actor: Actor) -> None:
    reviews.record(actor=actor, model=world.unused, said=reviews.Said("fit", "Looked at it."))


@SERVICE.at("publish a questionnaire")
def _(world: World, actor: Actor) -> None:
    questionnaires.publish(actor=actor, source=actors.ANOTHER_QUESTIONNAIRE, reason=WHY)


@SERVICE.at("archive a model")
def _(world: World, actor: Actor) -> None:
    archiving.archive_model(actor=actor, model=world.unused, reason=WHY)


@SERVICE.at("declare a version")
def _(world: World, actor: Actor) -> None:
    spec = VersionSpec(artifacts=[actors.declared(6)])
    versions.declare_version(actor=actor, model=world.model, spec=spec)


@SERVICE.at("ask where files go")
def _(world: World, actor: Actor) -> None:
    uploads.orders(actor=actor, version=world.version(DECLARED))


@SERVICE.at("upload an artifact")
def _(world: World, actor: Actor) -> None:
    stream = io.BytesIO(b"%d" % DECLARED)
    versions.store_artifact(actor=actor, version=world.version(DECLARED), path=FILE, stream=stream)


@SERVICE.at("complete a version")
def _(world: World, actor: Actor) -> None:
    versions.complete(actor=actor, version=world.version(FILLED))


@SERVICE.at("add metrics")
def _(world: World, actor: Actor) -> None:
    evidence.attach_metrics(actor=actor, version=world.version(FREE), metrics=[MetricSpec("auc", 0.9)])


@SERVICE.at("add a model card")
def _(world: World, actor: Actor) -> None:
    evidence.attach_card(actor=actor, version=world.version(FREE), text="# Another card")


@SERVICE.at("add evidence")
def _(world: World, actor: Actor) -> None:
    evidence.attach_evidence(
        actor=actor, version=world.version(FREE), kind=KIND, filename="report.txt", stream=io.BytesIO(b"better")
    )


@SERVICE.at("write notes on a version")
def _(world: World, actor: Actor) -> None:
    labelling.annotate_version(actor=actor, version=world.version(FREE), notes=WHY)


# --- the gate ---


@SERVICE.at("ask for a promotion")
def _(world: World, actor: Actor) -> None:
    promotions.request(actor=actor, version=world.version(FREE), target_stage="staging", reason=WHY)


@SERVICE.at("point a free alias")
def _(world: World, actor: Actor) -> None:
    promotions.request(actor=actor, version=world.version(FREE), target_alias="canary", reason=WHY)


@SERVICE.at("take an alias off")
def _(world: World, actor: Actor) -> None:
    promotions.remove_alias(actor=actor, model=world.model, name=SHADOW, reason=WHY)


@SERVICE.at("decide on a request")
def _(world: World, actor: Actor) -> None:
    request = world.request(SHOWN)
    promotions.decide(
        actor=actor,
        request=request,
        outcome="approve",
        packet_digest=request.packet_digest,
        comment="Looked at the evaluation.",
        signature=promotions.Signature(actors.PASSWORD),
    )


@SERVICE.at("withdraw a request")
def _(world: World, actor: Actor) -> None:
    promotions.withdraw(actor=actor, request=world.request(SHOWN), reason=WHY)


@SERVICE.at("execute a request")
def _(world: World, actor: Actor) -> None:
    promotions.promote(actor=actor, request=world.request(READY))


# --- roles, groups, accounts, policies ---


@SERVICE.at("give a role on the model")
def _(world: World, actor: Actor) -> None:
    access.grant_role(actor=actor, role=Role.VIEWER, model=world.model, user=world.person("second"), reason=WHY)


@SERVICE.at("take a role on the model")
def _(world: World, actor: Actor) -> None:
    access.revoke_role(actor=actor, grant=world.grant("here"), reason=WHY)


@SERVICE.at("read others' rights on the model")
def _(world: World, actor: Actor) -> None:
    selectors.require_reading_rights(actor, world.model)


@SERVICE.at("ask for a role")
def _(world: World, actor: Actor) -> None:
    access_requests.ask(actor=actor, slug="somewhere-else", role=Role.VIEWER, purpose=WHY)


@SERVICE.at("list access requests")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    selectors.access_requests(actor)


@SERVICE.at("view somebody's access request")
def _(world: World, actor: Actor) -> None:
    selectors.access_request(actor, world.access_request.pk)


@SERVICE.at("grant an access request")
def _(world: World, actor: Actor) -> None:
    access_requests.grant(actor=actor, request=world.access_request)


@SERVICE.at("deny an access request")
def _(world: World, actor: Actor) -> None:
    access_requests.deny(actor=actor, request=world.access_request, reason=WHY)


@SERVICE.at("withdraw somebody's access request")
def _(world: World, actor: Actor) -> None:
    access_requests.withdraw(actor=actor, request=world.access_request)


@SERVICE.at("give a role in the organisation")
def _(world: World, actor: Actor) -> None:
    access.grant_role(actor=actor, role=Role.VIEWER, user=world.person("second"), reason=WHY)


@SERVICE.at("give oneself a role")
def _(world: World, actor: Actor) -> None:
    access.grant_role(actor=actor, role=Role.VIEWER, user=access.person_of(actor), reason=WHY)


@SERVICE.at("publish a policy")
def _(world: World, actor: Actor) -> None:
    policies.publish(actor=actor, source=actors.ANOTHER_POLICY, reason=WHY)


@SERVICE.at("revise a policy")
def _(world: World, actor: Actor) -> None:
    policies.publish(actor=actor, source=actors.REVISED, reason=WHY)


@SERVICE.at("create a group")
def _(world: World, actor: Actor) -> None:
    groups.create_group(actor=actor, slug="committee", name="Committee", reason=WHY)


@SERVICE.at("change a group")
def _(world: World, actor: Actor) -> None:
    groups.update_group(actor=actor, group=world.group, name="Another name", reason=WHY)


@SERVICE.at("add a member")
def _(world: World, actor: Actor) -> None:
    groups.add_member(actor=actor, group=world.group, user=world.person("subject"), reason=WHY)


@SERVICE.at("end a membership")
def _(world: World, actor: Actor) -> None:
    groups.remove_member(actor=actor, group=world.group, user=world.person("second"), reason=WHY)


@SERVICE.at("open an account")
def _(world: World, actor: Actor) -> None:
    people.register_person(actor=actor, username="newcomer", name="New Comer", reason=WHY)


@SERVICE.at("change somebody's record")
def _(world: World, actor: Actor) -> None:
    people.update_person(actor=actor, person=world.person("subject"), name="Another Name", reason=WHY)


@SERVICE.at("set somebody's password")
def _(world: World, actor: Actor) -> None:
    people.set_password(actor=actor, person=world.person("subject"), password=NEW_PASSWORD, reason=WHY)


@SERVICE.at("deactivate an account")
def _(world: World, actor: Actor) -> None:
    people.deactivate(actor=actor, person=world.person("subject"), reason=WHY)


@SERVICE.at("reactivate an account")
def _(world: World, actor: Actor) -> None:
    people.reactivate(actor=actor, person=world.person("shut"), reason=WHY)


@SERVICE.at("set one's own password")
def _(world: World, actor: Actor) -> None:
    people.set_password(actor=actor, person=access.require_person(actor), password=NEW_PASSWORD)


# --- tokens ---


def _issue(actor: Actor, person: Any) -> None:
    tokens.issue(
        actor=actor,
        person=person,
        name="for the table",
        scopes=["models:read"],
        expires_at=clock.now() + timedelta(days=7),
    )


@SERVICE.at("issue a token for oneself")
def _(world: World, actor: Actor) -> None:
    _issue(actor, access.require_person(actor))


@SERVICE.at("issue a token for a service account")
def _(world: World, actor: Actor) -> None:
    _issue(actor, world.person("robot"))


def kept_view(actor: Actor) -> SavedView:
    """A view of the actor's own."""
    return saved_views.save_view(actor=actor, name="Mine", query="tier:1", shared=False, vocabulary=WORDS)


@SERVICE.at("keep a view")
def _(world: World, actor: Actor) -> None:
    kept_view(actor)


@SERVICE.at("change one's own view")
def _(world: World, actor: Actor) -> None:
    saved_views.change_view(actor=actor, pk=kept_view(actor).pk, name="Still mine", shared=True)


@SERVICE.at("delete one's own view")
def _(world: World, actor: Actor) -> None:
    saved_views.delete_view(actor=actor, pk=kept_view(actor).pk)


@SERVICE.at("change somebody's view")
def _(world: World, actor: Actor) -> None:
    saved_views.change_view(actor=actor, pk=world.view, name="Mine now", shared=False)


@SERVICE.at("revoke one's own token")
def _(world: World, actor: Actor) -> None:
    tokens.revoke(actor=actor, token=world.own_token(actor.id), reason=WHY)


@SERVICE.at("revoke somebody's token")
def _(world: World, actor: Actor) -> None:
    tokens.revoke(actor=actor, token=world.own_token(world.person("subject").uid), reason=WHY)
