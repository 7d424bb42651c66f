"""Tokens and saved views."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from audit import clock
from audit.actor import Actor
from governance import selectors as gate
from governance.services import delegations
from registry import access
from registry.models import SavedView
from registry.search import WORDS
from registry.services import (
    account_controls,
    saved_views,
    tokens,
)
from tests.permission_matrix import actors
from tests.permission_matrix.actors import World
from tests.permission_matrix.interfaces.service.interface import SERVICE, WHY


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


@SERVICE.at("record an owner of a service account")
def _(world: World, actor: Actor) -> None:
    account_controls.add_service_account_user(
        actor=actor, account=world.person("robot"), person=world.person("subject"), owner=True, reason=WHY
    )


@SERVICE.at("end an owner of a service account")
def _(world: World, actor: Actor) -> None:
    account_controls.remove_service_account_user(
        actor=actor, account=world.person("robot"), person=world.person("second"), owner=True, reason=WHY
    )


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


@SERVICE.at("change another person's view")
def _(world: World, actor: Actor) -> None:
    saved_views.change_view(actor=actor, pk=world.view, name="Mine now", shared=False)


@SERVICE.at("revoke one's own token")
def _(world: World, actor: Actor) -> None:
    tokens.revoke(actor=actor, token=world.own_token(actor.id), reason=WHY)


@SERVICE.at("read what waits for oneself")
def _(world: World, actor: Actor) -> None:
    access.require_scope(actor, "models:read")
    gate.my_queue(actor, access.require_person(actor))


@SERVICE.at("list one's delegations")
def _(world: World, actor: Actor) -> None:
    access.require_person(actor)
    access.require_scope(actor, "models:read")
    list(gate.visible_delegations(actor))


@SERVICE.at("delegate one's decisions")
def _(world: World, actor: Actor) -> None:
    delegations.grant_delegation(
        actor=actor, delegate="subject", valid_until=clock.now() + timedelta(days=8), password=actors.PASSWORD
    )


@SERVICE.at("read another person's delegation")
def _(world: World, actor: Actor) -> bool:
    access.require_scope(actor, "models:read")
    return gate.visible_delegations(actor).filter(pk=world.delegation.pk).exists()


@SERVICE.at("revoke another person's delegation")
def _(world: World, actor: Actor) -> None:
    delegations.revoke_delegation(actor=actor, uid=world.delegation.uid, reason=WHY)


@SERVICE.at("revoke another person's token")
def _(world: World, actor: Actor) -> None:
    tokens.revoke(actor=actor, token=world.own_token(world.person("subject").uid), reason=WHY)
