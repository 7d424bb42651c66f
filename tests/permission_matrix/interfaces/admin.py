"""The admin site: a browser in which the password was given again just now, every command opened and sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from audit.models import Event
from governance.models import Delegation, Policy
from registry.models import (
    AccessToken,
    Grant,
    Instance,
    Membership,
    ProtectedAlias,
    QuestionnaireRevision,
    ReviewerGroup,
    User,
    VerificationKey,
)
from tests.factories import PASSWORD
from tests.permission_matrix import actors, inputs
from tests.permission_matrix.actors import MODEL, World
from tests.permission_matrix.interfaces.attempts import Answer, Caller, InterfaceAttempts, TryIt
from tests.permission_matrix.interfaces.page import answer_of, browser, shown_and_sent
from tests.permission_matrix.interfaces.service.interface import NEW_PASSWORD, WHY
from tests.permission_matrix.table import PEOPLE_MAY, ExpectedResult, Interface


def confirm(world: World) -> None:
    """Have everybody who may enter the site give their password again."""
    for key, verdict in PEOPLE_MAY["enter the admin site"].verdicts.items():
        if verdict is ExpectedResult.ALLOWED:
            client = browser(world, key)
            given = {"confirm-password": PASSWORD, "next": reverse("admin:index")}
            assert client.post(reverse("admin:confirm"), given).status_code == 302
            world.cookies[key] = client.cookies


def _read(function: Callable[[World, Client, Caller], Any]) -> TryIt:
    def try_it(world: World, caller: Caller) -> Answer:
        found = function(world, browser(world, caller.key), caller)
        return found if isinstance(found, Answer) else answer_of(found)

    return try_it


ADMIN = InterfaceAttempts(Interface.ADMIN, _read)


def address(kind: type[Model], page: str, row: Model | None = None) -> str:
    """The address of a page of the site: of a row, or of its kind."""
    name = f"admin:{kind._meta.app_label}_{kind._meta.model_name}_{page}"
    return reverse(name, args=[row.pk] if row is not None else [])


def _command(
    action: str,
    kind: type[Model],
    name: str,
    fields: Callable[[World, Caller], dict[str, Any]],
    row: Callable[[World], Model] | None = None,
    *,
    shown: bool = True,
    own_words: bool = False,
) -> None:
    """A command, and the form it is carried out with. `shown` false: what is refused is what stands in the form."""
    route = f"admin:{kind._meta.app_label}_{kind._meta.model_name}_{name}"

    def carry_out(world: World, client: Client, caller: Caller) -> Answer:
        path = address(kind, name, row(world) if row is not None else None)
        return shown_and_sent(client, path, {"reason": WHY, **fields(world, caller)}, shown=shown)

    ADMIN.at(action, f"GET {route}", f"POST {route}", own_words=own_words)(carry_out)


@ADMIN.at("enter the admin site", "GET admin:index")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.get(reverse("admin:index"))


@ADMIN.at("read the audit log", "GET admin:audit_event_changelist")
def _(world: World, client: Client, caller: Caller) -> HttpResponseBase:
    return client.get(address(Event, "changelist"))


def _subject(world: World) -> User:
    return world.person("subject")


def _champion(world: World) -> ProtectedAlias:
    return ProtectedAlias.objects.get(name="champion")


def _nothing(world: World, caller: Caller) -> dict[str, Any]:
    return {}


def _itself(world: World, caller: Caller) -> dict[str, Any]:
    return {"role": "viewer", "user": "" if caller.key == "an" else world.person(caller.key).username}


# The site offers roles to those who administer people, so the refusal names that permission.
_command(
    "give a role on the model",
    Grant,
    "add",
    lambda w, c: {"role": "viewer", "user": "second", "model": MODEL},
    own_words=True,
)
_command("take a role on the model", Grant, "revoke", _nothing, lambda world: world.grant("here"), own_words=True)
_command("give a role in the organisation", Grant, "add", lambda w, c: {"role": "viewer", "user": "second"})
_command("give oneself a role", Grant, "add", _itself, shown=False)
_command("propose a policy", Policy, "add", lambda w, c: {"source": actors.ANOTHER_POLICY})
_command("protect an alias", ProtectedAlias, "add", lambda w, c: {"name": "blue", "stage": ""})
_command("propose to loosen an alias", ProtectedAlias, "end", _nothing, _champion)
_command("propose to loosen an alias", ProtectedAlias, "represent", lambda w, c: {"stage": ""}, _champion)
_command("propose to confirm the set-up", Instance, "confirm-setup", _nothing, lambda world: Instance.objects.get())
_command("require two officers", Instance, "end-single-officer", _nothing, lambda world: Instance.objects.get())
_command("create a group", ReviewerGroup, "add", lambda w, c: {"slug": "committee", "name": "Committee"})
_command("change a group", ReviewerGroup, "edit", lambda w, c: {"name": "Another name"}, lambda world: world.group)
_command("add a member", ReviewerGroup, "join", lambda w, c: {"user": "subject"}, lambda world: world.group)
_command("add a member", Membership, "add", lambda w, c: {"group": "risk-team", "user": "subject"})
_command("end a membership", Membership, "end", _nothing, lambda world: world.membership)
_command("open an account", User, "add", lambda w, c: {"kind": "person", "username": "newcomer", "name": "New Comer"})
_command("change another person's record", User, "edit", lambda w, c: {"name": "Another Name"}, _subject)
_command("set another person's password", User, "password", lambda w, c: {"password": NEW_PASSWORD}, _subject)
_command("issue another person's sign-in link", User, "link", lambda w, c: {"way": "shown"}, _subject)
_owner = {"kind": "owner"}
_command(
    "record an owner of a service account",
    User,
    "holder",
    lambda w, c: {"person": "subject", **_owner},
    lambda world: world.person("robot"),
)
_command(
    "end an owner of a service account",
    User,
    "release",
    lambda w, c: {"person": "second", **_owner},
    lambda world: world.person("robot"),
)
_command("unlock another person's signing", User, "unlock", _nothing, _subject)
_command("reset another person's second factor", User, "second-factor", _nothing, _subject)
_command("deactivate an account", User, "deactivate", _nothing, _subject)
_command("reassign what an account owns", User, "reassign", lambda w, c: {"to": "second"}, _subject)
_command("reactivate an account", User, "reactivate", _nothing, lambda world: world.person("shut"))
_command(
    "revoke another person's token",
    AccessToken,
    "revoke",
    _nothing,
    lambda world: world.own_token(world.person("subject").uid),
)
_command("revoke another person's delegation", Delegation, "revoke", _nothing, lambda world: world.delegation)
_command("propose a verification key", VerificationKey, "add", lambda w, c: inputs.another_key())
_command("revoke a verification key", VerificationKey, "revoke", _nothing, lambda world: world.verification_key)
_questionnaire = {"source": actors.ANOTHER_QUESTIONNAIRE}
_command("propose a questionnaire", QuestionnaireRevision, "add", lambda w, c: _questionnaire)
_command(
    "propose a questionnaire",
    QuestionnaireRevision,
    "publish",
    lambda w, c: _questionnaire,
    lambda world: QuestionnaireRevision.objects.get(),
)
_command("retire a policy", Policy, "retire", _nothing, lambda world: world.policy)
_command("cancel a scheduled change", Policy, "cancel", _nothing, lambda w: Policy.objects.get(slug="matrix-later"))
_command("revise a policy", Policy, "publish", lambda w, c: {"source": actors.REVISED}, lambda world: world.policy)
