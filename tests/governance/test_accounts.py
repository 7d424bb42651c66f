"""A password that somebody else set signs nothing until its holder replaced it by a link; both are told."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from audit import clock
from audit.models import Event
from governance.gate.gate_inputs import exclusion_of
from governance.models import PromotionRequest
from governance.services import accounts
from registry import access
from registry.actions import PERSON_LINK_ISSUED, PERSON_PASSWORD_REPLACED, PERSON_PASSWORD_SET
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from registry.models import AccountControl, SignInLink, User
from registry.services import people as service
from registry.services import sign_in, sign_in_links, tokens
from registry.services.account_controls import has_own_password
from tests import factories
from tests.personas import People

OTHER = "another-Long-password-8"
MINE = "my-Own-long-password-9"
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"

pytestmark = pytest.mark.django_db


def take_over(people: People) -> User:
    """The administrator sets Marta's password."""
    return service.set_password(
        actor=access.actor_for(people.ada), person=people.marta, password=OTHER, reason="she forgot it"
    )


def link(people: People, way: str = "shown", *, by: User | None = None) -> str:
    _, secret = sign_in_links.issue_link(
        actor=access.actor_for(by or people.ada), person=people.marta, way=way, reason="she has no password of hers"
    )
    return secret or ""


def attempts(person: User) -> dict[str, Any]:
    """What a password stands behind."""
    return {
        "sign": lambda: sign_in.reauthenticate(person, OTHER, pointer="/password"),
        "administer": lambda: sign_in.reauthenticate_to_administer(person, OTHER, pointer="/password"),
        "issue a token": lambda: tokens.issue(
            actor=access.actor_for(person),
            person=person,
            name="mine",
            scopes=["models:read"],
            expires_at=clock.now() + timedelta(days=1),
        ),
        "change the password": lambda: service.set_password(
            actor=access.actor_for(person), person=person, password=MINE
        ),
    }


@pytest.mark.parametrize("what", ["sign", "administer", "issue a token", "change the password"])
def test_a_password_set_by_another_person_signs_nothing(people: People, what: str) -> None:
    marta = take_over(people)
    assert sign_in.sign_in(username="marta", password=OTHER) == marta, "it lets her in, to read"
    with pytest.raises(PermissionDeniedError) as refused:
        attempts(marta)[what]()
    assert refused.value.code == "password_not_own"


def test_so_does_one_an_account_was_made_with(people: People) -> None:
    made = service.register_person(actor=access.actor_for(people.ada), username="new", name="New Comer", password=OTHER)
    with pytest.raises(PermissionDeniedError, match="Another person set your password"):
        sign_in.reauthenticate(made, OTHER, pointer="/password")


def test_the_holder_replaces_it_by_a_link_once(people: People) -> None:
    take_over(people)
    secret = link(people)

    marta = sign_in_links.redeem_link(secret=secret, password=MINE)

    assert has_own_password(marta)
    sign_in.reauthenticate(marta, MINE, pointer="/password")
    event = Event.objects.get(action=PERSON_PASSWORD_REPLACED)
    assert event.body["actor"] == {"type": "person", "id": marta.uid, "auth": "link"}
    assert secret not in "".join(bytes(e.leaf).decode() for e in Event.objects.all())
    with pytest.raises(PermissionDeniedError) as refused:
        sign_in_links.redeem_link(secret=secret, password=OTHER)
    assert refused.value.code == "link_refused"


def test_a_link_ends_by_time_by_a_newer_one_and_with_the_account(people: People) -> None:
    first, second = link(people), link(people)
    with pytest.raises(PermissionDeniedError):
        sign_in_links.redeem_link(secret=first, password=MINE)
    with clock.freeze(clock.now() + timedelta(hours=25)), pytest.raises(PermissionDeniedError):
        sign_in_links.redeem_link(secret=second, password=MINE)
    with pytest.raises(PermissionDeniedError):
        sign_in_links.redeem_link(secret="guessed", password=MINE)
    with pytest.raises(ValidationFailedError):
        sign_in_links.redeem_link(secret=second, password="short")
    service.deactivate(actor=factories.SETUP, person=people.marta, reason="left")
    with pytest.raises(PermissionDeniedError):
        sign_in_links.redeem_link(secret=second, password=MINE)


@pytest.mark.parametrize("who", ["priya", "henrik", "marta"])
def test_only_who_administers_accounts_issues_links_and_not_for_themselves(people: People, who: str) -> None:
    with pytest.raises(PermissionDeniedError):
        link(people, by=getattr(people, who))
    with pytest.raises(PermissionDeniedError) as refused:
        sign_in_links.issue_link(actor=access.actor_for(people.ada), person=people.ada, way="shown", reason="my own")
    assert refused.value.code == "own_account"


def test_no_administrator_resets_a_superuser(people: People) -> None:
    factories.grant(access.Role.ADMINISTRATOR, to=people.chen)
    with pytest.raises(PermissionDeniedError) as refused:
        sign_in_links.issue_link(
            actor=access.actor_for(people.chen), person=people.ada, way="shown", reason="takes over"
        )
    assert refused.value.code == "superuser_required"


def test_who_was_shown_the_link_is_not_approved_by_the_account(people: People) -> None:
    sign_in_links.redeem_link(secret=link(people), password=MINE)
    held = AccountControl.objects.filter(account=people.marta, kind=AccountControl.Kind.LINK_SHOWN).get()
    assert held.person == people.ada
    factories.lifecycle()
    model = factories.model(people.priya)
    version = factories.version(model, people.priya)
    asked = PromotionRequest(
        pk=1, model=model, version=version, requested_by=people.ada, created_at=clock.now(), state="open"
    )
    found = exclusion_of(people.marta, asked)
    assert found is not None
    assert found.rule == "SoD-7"


def test_accounts_that_one_administrator_could_use_do_not_approve_each_other(people: People) -> None:
    """Ada was shown the links of Marta and of Priya: she could ask as one and approve as the other."""
    sign_in_links.redeem_link(secret=link(people), password=MINE)
    factories.lifecycle()
    model = factories.model(people.priya)
    asked = PromotionRequest(
        pk=1,
        model=model,
        version=factories.version(model, people.priya),
        requested_by=people.priya,
        created_at=clock.now(),
        state="open",
    )
    assert exclusion_of(people.marta, asked) is None
    _, secret = sign_in_links.issue_link(
        actor=access.actor_for(people.ada), person=people.priya, way="shown", reason="lost it"
    )
    assert secret is not None
    sign_in_links.redeem_link(secret=secret, password=OTHER)
    found = exclusion_of(people.marta, asked)
    assert found is not None
    assert found.rule == "SoD-7"
    assert exclusion_of(people.aiko, asked) is None


def test_another_link_ends_what_the_first_administrator_could_do(people: People) -> None:
    other = factories.person("otto", is_staff=True, is_superuser=True)
    sign_in_links.redeem_link(secret=link(people), password=MINE)
    sign_in_links.redeem_link(secret=link(people, by=other), password=OTHER)
    held = AccountControl.objects.filter(account=people.marta, kind=AccountControl.Kind.LINK_SHOWN)
    assert [(c.person.username, c.closed_at is None) for c in held.order_by("pk")] == [("ada", False), ("otto", True)]


def test_sessions_end_when_the_password_is_set_and_when_it_is_replaced(people: People, client: Client) -> None:
    client.force_login(people.marta)
    assert client.get(reverse("web:profile")).status_code == 200
    take_over(people)
    assert client.get(reverse("web:profile")).status_code == 302
    client.force_login(User.objects.get(pk=people.marta.pk))
    assert b"and cannot sign" in client.get(reverse("web:profile")).content
    sign_in_links.redeem_link(secret=link(people), password=MINE)
    assert client.get(reverse("web:profile")).status_code == 302


def test_the_page_of_the_link(people: People, client: Client) -> None:
    take_over(people)
    secret = link(people)
    path = reverse("web:sign-in-link")
    shown = client.get(path)
    assert shown.status_code == 200
    assert "no-store" in shown["Cache-Control"]
    assert shown["Referrer-Policy"] == "no-referrer"
    assert client.post(path, {"code": "guessed", "password": MINE}).status_code == 403
    assert client.post(path, {"code": secret, "password": "short"}).status_code == 400
    assert client.post(path, {"code": secret, "password": MINE}).status_code == 200
    assert sign_in.sign_in(username="marta", password=MINE) == people.marta


def test_both_are_notified_by_mail_and_on_their_profile(
    people: People, settings: Settings, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_BACKEND = LOCMEM
    ada = access.actor_for(people.ada)
    accounts.set_password(actor=ada, person=people.marta, password=OTHER, reason="she forgot it")
    event = Event.objects.get(action=PERSON_PASSWORD_SET)

    assert accounts.mail_notice(event.pk) == 2

    assert {address for message in mail.outbox for address in message.to} == {"marta@bank.example", "ada@bank.example"}
    for person in (people.marta, people.ada):
        assert event in accounts.security_events(person)
    client.force_login(User.objects.get(pk=people.marta.pk))
    assert PERSON_PASSWORD_SET.sentence in client.get(reverse("web:profile")).content.decode().replace("&#x27;", "'")


def test_a_link_is_mailed_to_the_account_and_to_no_other_address(people: People, settings: Settings) -> None:
    ada = access.actor_for(people.ada)
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    with pytest.raises(ValidationFailedError):
        accounts.issue_link(actor=ada, person=people.marta, way="mailed", reason="r")
    settings.EMAIL_BACKEND = LOCMEM

    made, secret = accounts.issue_link(actor=ada, person=people.marta, way="mailed", reason="she forgot it")

    assert secret is None
    assert sign_in_links.unmailed() == [made.pk]
    assert accounts.mail_link(made.pk)
    assert not accounts.mail_link(made.pk), "once"
    (message,) = mail.outbox
    assert message.to == ["marta@bank.example"]
    found = re.search(r"/sign-in/link/#(\S+)", str(message.body))
    assert found is not None
    assert bytes(SignInLink.objects.get(pk=made.pk).digest or b"") == sign_in_links.digest_of(found[1])
    sign_in_links.redeem_link(secret=found[1], password=MINE)
    assert not AccountControl.objects.filter(kind=AccountControl.Kind.LINK_SHOWN).exists()


def test_the_former_address_is_notified_of_another(
    people: People, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    settings.EMAIL_BACKEND = LOCMEM
    with django_capture_on_commit_callbacks(execute=True):
        accounts.update_person(
            actor=access.actor_for(people.ada),
            person=people.marta,
            name=people.marta.name,
            title="",
            email="mallory@bank.example",
            reason="r",
        )
    assert ["marta@bank.example"] in [message.to for message in mail.outbox]
    assert AccountControl.objects.get(kind=AccountControl.Kind.ADDRESS_SET).person == people.ada


def test_the_administration_shows_a_link_once(people: People, client: Client) -> None:
    assert people.marta
    client.force_login(people.ada)
    client.post(reverse("admin:confirm"), {"confirm-password": factories.PASSWORD, "next": reverse("admin:index")})
    path = reverse("admin:registry_user_link", args=[people.marta.pk])
    answer = client.post(path, {"way": "shown", "reason": "she has none"})
    assert answer.status_code == 200
    found = re.search(r"/sign-in/link/#([A-Za-z0-9_-]+)", answer.content.decode())
    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    assert found[1] not in client.get(reverse("admin:registry_user_change", args=[people.marta.pk])).content.decode()
    assert Event.objects.filter(action=PERSON_LINK_ISSUED).count() == 1
    sign_in_links.redeem_link(secret=found[1], password=MINE)
