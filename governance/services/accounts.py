"""Administered accounts: the registry's service, and the notices that follow.

If a user sets another person's password, changes their address or issues their sign-in link, both get a notice where
mail is set up, and both see the event on their profile page.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from audit import selectors as log
from audit.actor import Actor
from audit.models import Event
from audit.recorder import ObjectRef
from governance import task_queue
from registry.actions import (
    PERSON_LINK_ISSUED,
    PERSON_PASSWORD_REPLACED,
    PERSON_PASSWORD_SET,
    PERSON_REGISTERED,
    PERSON_UPDATED,
)
from registry.exceptions import FieldError, ValidationFailedError
from registry.models import SignInLink, User
from registry.services import people, sign_in_links

logger = logging.getLogger(__name__)

NOTIFIED_ACTIONS: Final = (PERSON_PASSWORD_SET, PERSON_LINK_ISSUED, PERSON_PASSWORD_REPLACED, PERSON_UPDATED)
"""Events of an account that are mailed to its holder and to the user who caused them."""
SHOWN: Final = (*NOTIFIED_ACTIONS, PERSON_REGISTERED)
"""Events of an account that its holder's profile page lists."""
RECENT: Final = 20


def is_mail_set_up() -> bool:
    """Return whether this installation sends mail."""
    return not settings.EMAIL_BACKEND.endswith("dummy.EmailBackend")


@transaction.atomic
def set_password(*, actor: Actor, person: User, password: str, reason: str) -> User:
    """Call `registry.services.people.set_password` and enqueue the notice. Same arguments and errors."""
    changed = people.set_password(actor=actor, person=person, password=password, reason=reason)
    _notify_of_last(changed)
    return changed


@transaction.atomic
def update_person(*, actor: Actor, person: User, name: str, title: str, email: str, reason: str) -> User:
    """Call `registry.services.people.update_person`; send notices if someone else changed the address. Same errors."""
    before = person.email
    changed = people.update_person(actor=actor, person=person, name=name, title=title, email=email, reason=reason)
    if changed.email != before and actor.person != person.uid:
        _notify_of_last(changed)
        if before:
            _notify_former_address(changed, before)
    return changed


@transaction.atomic
def issue_link(*, actor: Actor, person: User, way: str, reason: str) -> tuple[SignInLink, str | None]:
    """Call `registry.services.sign_in_links.issue_link` and enqueue notice and mail.

    A worker sends the link by mail if `way` is `MAILED`. Same arguments and errors as the registry's service, and:

    Raises:
        ValidationFailedError: a mailed link is requested and no mail is set up (`no_mail`).
    """
    if way == SignInLink.Way.MAILED and not is_mail_set_up():
        raise ValidationFailedError(
            [FieldError("/way", "no_mail", "This installation sends no mail: show the link instead.")]
        )
    link, secret = sign_in_links.issue_link(actor=actor, person=person, way=way, reason=reason)
    if way == SignInLink.Way.MAILED:
        task_queue.enqueue_on_commit(task_queue.MAIL_LINK, link.pk)
    _notify_of_last(person)
    return link, secret


@transaction.atomic
def redeem_link(*, secret: str, password: str) -> User:
    """Call `registry.services.sign_in_links.redeem_link` and enqueue the notice. Same arguments and errors."""
    person = sign_in_links.redeem_link(secret=secret, password=password)
    _notify_of_last(person)
    return person


def address_of_link(secret: str) -> str:
    """Return the URL of a sign-in link. The secret is in the fragment, which browsers do not send to servers."""
    return f"{settings.PUBLIC_URL}/sign-in/link/#{secret}"


def mail_link(link_id: int) -> bool:
    """Mail a pending sign-in link. Each attempt creates a new secret.

    Args:
        link_id: primary key of the link.

    Returns:
        Whether the mail was sent.
    """
    taken = sign_in_links.take_for_mailing(link_id)
    if taken is None:
        return False
    link, secret = taken
    person = link.account
    try:
        send_mail(
            subject="Set your Countersign password",
            message=(
                f"{person.name},\n\nan administrator issued this link, by which you set your own password. It works "
                f"once, until {link.expires_at:%d %B %Y %H:%M} UTC.\n\n{address_of_link(secret)}\n\nIf you did not "
                "expect it, tell your compliance officer.\n"
            ),
            from_email=None,
            recipient_list=[person.email],
        )
    except OSError as error:
        logger.warning("the sign-in link %s could not be mailed (%s); it is tried again", link.uid, error)
        return False
    sign_in_links.mark_mailed(link)
    return True


def mail_notice(event_id: int) -> int:
    """Mail an account's event to its holder and to the user who caused it.

    Args:
        event_id: primary key of the event.

    Returns:
        The number of messages sent.
    """
    event = Event.objects.filter(
        pk=event_id, thing_type="person", action__in=[str(action) for action in NOTIFIED_ACTIONS]
    ).first()
    if event is None or not is_mail_set_up():
        return 0
    holder = User.objects.filter(uid=event.thing_id).first()
    actor = User.objects.filter(uid=event.actor_id).first()
    sent = 0
    for person in dict.fromkeys(filter(None, (holder, actor))):
        if person.email and holder is not None:
            sent += _mail(person.email, _notice(event, holder, actor))
    return sent


def security_events(person: User) -> list[Event]:
    """Return the latest security events of a person's account and those they caused on other accounts, newest first."""
    names = [str(action) for action in SHOWN]
    own = log.events_for_object(ObjectRef("person", person.uid)).filter(action__in=names)[:RECENT]
    done = Event.objects.filter(actor_id=person.uid, action__in=names).order_by("-happened_at", "-id")[:RECENT]
    found = {event.pk: event for event in (*own, *done)}
    return sorted(found.values(), key=lambda event: event.pk, reverse=True)[:RECENT]


def _notify_of_last(person: User) -> None:
    """Enqueue the notice about the latest event of an account in this transaction."""
    names = [str(action) for action in NOTIFIED_ACTIONS]
    event = log.events_for_object(ObjectRef("person", person.uid)).filter(action__in=names).first()
    if event is not None:
        task_queue.enqueue_on_commit(task_queue.MAIL_NOTICE, event.pk)


def _notify_former_address(person: User, address: str) -> None:
    """Notify an account's former address on commit: the holder may have access to no other."""
    text = f"{person.name},\n\nan administrator gave your Countersign account another e-mail address."
    transaction.on_commit(partial(_mail, address, f"{text} {_REMEDY}"))


_REMEDY: Final = "If you did not expect this, tell your compliance officer; the audit log has the event.\n"


def _notice(event: Event, holder: User, actor: User | None) -> str:
    who = actor.name if actor is not None else "A process of this installation"
    whose = "their own account" if actor == holder else f"the account of {holder.name}"
    return (
        f"{who} {event.sentence}: {whose} ({holder.username}), {event.happened_at:%d %B %Y %H:%M} UTC.\n\n{_REMEDY}"
        f"\nOpen: {settings.PUBLIC_URL}/profile/\n"
    )


def _mail(address: str, message: str) -> bool:
    if not is_mail_set_up():
        return False
    try:
        send_mail(
            subject="How a Countersign account signs in was changed",
            message=message,
            from_email=None,
            recipient_list=[address],
        )
    except OSError as error:
        logger.warning("a notice about an account could not be mailed: %s", error)
        return False
    return True
