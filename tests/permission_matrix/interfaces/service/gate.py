"""The gate: requests, decisions, aliases."""

from __future__ import annotations

from audit import clock
from audit.actor import Actor
from governance import promotions, selectors
from governance.services import advisories, discussion
from tests.permission_matrix import actors
from tests.permission_matrix.actors import FREE, READY, SHADOW, SHOWN, World
from tests.permission_matrix.interfaces.service.interface import SERVICE, WHY


@SERVICE.at("ask for a promotion")
def _(world: World, actor: Actor) -> None:
    promotions.request(actor=actor, version=world.version(FREE), target_stage="staging", reason=WHY)


@SERVICE.at("ask to approve a version again")
def _(world: World, actor: Actor) -> None:
    promotions.request(actor=actor, version=world.version(SHOWN), target_stage="staging", reason=WHY)


@SERVICE.at("point a free alias")
def _(world: World, actor: Actor) -> None:
    promotions.request(actor=actor, version=world.version(FREE), target_alias="canary", reason=WHY)


@SERVICE.at("take an alias off")
def _(world: World, actor: Actor) -> None:
    promotions.remove_alias(actor=actor, model=world.model, name=SHADOW, reason=WHY)


@SERVICE.at("import advisories")
def _(world: World, actor: Actor) -> None:
    export = advisories.Export(sha256="ab" * 32, modified=clock.now(), records=1, packages={})
    advisories.import_advisories(actor=actor, export=export)


@SERVICE.at("decide on a request")
def _(world: World, actor: Actor) -> None:
    request = world.request(SHOWN)
    promotions.decide(
        actor=actor,
        request=request,
        outcome="approve",
        packet_digest=request.packet_digest,
        comment="Looked at the evaluation.",
        signature=promotions.DecisionSignature(actors.PASSWORD),
    )


@SERVICE.at("withdraw a request")
def _(world: World, actor: Actor) -> None:
    promotions.withdraw(actor=actor, request=world.request(SHOWN), reason=WHY)


@SERVICE.at("execute a request")
def _(world: World, actor: Actor) -> None:
    promotions.promote(actor=actor, request=world.request(READY))


@SERVICE.at("read a discussion")
def _(world: World, actor: Actor) -> None:
    selectors.comment(actor, world.comment.pk)
    selectors.thread(actor, world.resolved_thread.pk)


@SERVICE.at("comment on a request")
def _(world: World, actor: Actor) -> None:
    discussion.post_comment(actor=actor, subject=world.request(SHOWN), text=WHY)


@SERVICE.at("comment on a version")
def _(world: World, actor: Actor) -> None:
    discussion.post_comment(actor=actor, subject=world.version(FREE), text=WHY)


@SERVICE.at("edit another person's comment")
def _(world: World, actor: Actor) -> None:
    discussion.edit_comment(actor=actor, comment=world.comment, text=WHY)


@SERVICE.at("withdraw another person's comment")
def _(world: World, actor: Actor) -> None:
    discussion.withdraw_comment(actor=actor, comment=world.comment)


@SERVICE.at("resolve a thread")
def _(world: World, actor: Actor) -> None:
    discussion.resolve_thread(actor=actor, thread=world.comment.thread)


@SERVICE.at("reopen a thread")
def _(world: World, actor: Actor) -> None:
    discussion.reopen_thread(actor=actor, thread=world.resolved_thread)


@SERVICE.at("end another person's objection")
def _(world: World, actor: Actor) -> None:
    promotions.end_objection(
        actor=actor,
        decision=world.objection,
        kind="withdrawn",
        explanation=WHY,
        signature=promotions.DecisionSignature(actors.PASSWORD),
    )
