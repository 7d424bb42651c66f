"""Sign-in links: the holder of an account sets a password that no one else knows.

A password that an administrator set cannot be used for a decision signature (`sign_in.reauthenticate`) until the holder
replaces it through such a link. A link is mailed to the account's address, or shown once to the administrator, who
hands it over; the person to whom it was shown is recorded (`AccountControl`), and the account does not approve that
person's requests (SoD-7).

Source: NIST SP 800-63B, 4.6 and 5.1.1.2 (reset by a secret sent to a validated address); 21 CFR 11.300.
"""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction

from audit import clock, leaf, recorder
from audit.actor import Actor
from audit.recorder import ObjectRef
from registry import access
from registry.actions import PERSON_LINK_ISSUED, PERSON_PASSWORD_REPLACED
from registry.exceptions import PermissionDeniedError
from registry.models import IS_CURRENT, AccountControl, SignInLink, User
from registry.services.account_controls import record_control
from registry.services.people import check_password, require_superuser_for
from registry.services.sign_in import count_from_address
from registry.validation import ErrorCollector

LIFETIME = timedelta(hours=24)
_BYTES = 32


@transaction.atomic
def issue_link(*, actor: Actor, person: User, way: str, reason: str) -> tuple[SignInLink, str | None]:
    """Issue a link with which a person sets their own password; an earlier unused link ends.

    Args:
        actor: an administrator.
        person: the account.
        way: a value of `SignInLink.Way`.
        reason: kept with the event.

    Returns:
        The link, and the secret of a shown one; the secret of a mailed one is created when it is mailed.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_PEOPLE, or it is their own account, or a superuser's and
            they are not one.
        ValidationFailedError: the account cannot receive such a link, or the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    if actor.person == person.uid:
        raise PermissionDeniedError(
            "Another administrator issues your sign-in link: one you issue yourself proves nothing.",
            code="own_account",
        )
    user = User.objects.get_for_update(person.pk)
    require_superuser_for(actor, user)
    faults = ErrorCollector()
    why = faults.reason(reason)
    if way not in SignInLink.Way.values:
        faults.add("/way", "unknown_way", f"A link is one of: {', '.join(SignInLink.Way.values)}.")
    if user.kind != User.Kind.PERSON:
        faults.add("/person", "service_account", "A service account signs in with tokens: issue one.")
    elif not user.is_active:
        faults.add("/person", "inactive", "This account is deactivated: reactivate it first.")
    elif way == SignInLink.Way.MAILED and not user.email:
        faults.add("/way", "no_address", "The account has no e-mail address: add one, or show the link.")
    faults.raise_if_any()
    shown = way == SignInLink.Way.SHOWN
    secret = secrets.token_urlsafe(_BYTES) if shown else None
    now = clock.now()
    link = SignInLink(
        account=user,
        way=way,
        issued_by=access.person_of(actor),
        digest=digest_of(secret) if secret is not None else None,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    event = recorder.record_event(
        PERSON_LINK_ISSUED,
        actor=actor,
        target=_ref(user),
        stream=f"person:{user.uid}",
        data={"way": way, "expires_at": leaf.timestamp(link.expires_at), "link": str(link.uid)},
        reason=why,
    )
    for earlier in SignInLink.objects.filter(account=user, used_at__isnull=True, ended_at__isnull=True):
        earlier.ended_at = event.happened_at
        earlier.save(update_fields=["ended_at"])
    link.save(force_insert=True)
    if shown and link.issued_by is not None:
        record_control(account=user, person=link.issued_by, kind=AccountControl.Kind.LINK_SHOWN, event=event)
    return link, secret


def redeem_link(*, secret: str, password: str) -> User:
    """Set the password of the account of a link, and end the link. Open sessions of the account end.

    Args:
        secret: the secret of the link.
        password: the new password.

    Raises:
        PermissionDeniedError: the link is unknown, used, ended or expired, or its account is deactivated
            ("link_refused").
        InvalidStateError: too many attempts from the address.
        ValidationFailedError: the validators refuse the password.
    """
    count_from_address("sign-in-link")
    digest = digest_of(secret)
    found = SignInLink.objects.filter(digest=digest).first()
    if found is None:
        raise _refused()
    with transaction.atomic():
        user = User.objects.get_for_update(found.account_id)
        link = SignInLink.objects.get_for_update(found.pk)
        if (
            link.used_at is not None
            or link.ended_at is not None
            or link.expires_at <= clock.now()
            or bytes(link.digest or b"") != digest
            or not user.is_active
        ):
            raise _refused()
        faults = ErrorCollector()
        check_password(faults, password, user)
        faults.raise_if_any()
        event = recorder.record_event(
            PERSON_PASSWORD_REPLACED,
            actor=access.actor_for(user, auth="link"),
            target=_ref(user),
            stream=f"person:{user.uid}",
            data={"way": link.way, "link": str(link.uid)},
        )
        user.set_password(password)
        user.save(update_fields=["password"])
        link.used_at = event.happened_at
        link.save(update_fields=["used_at"])
        ended = (AccountControl.Kind.PASSWORD_SET, AccountControl.Kind.LINK_SHOWN)
        shown_to = link.issued_by_id if link.way == SignInLink.Way.SHOWN else None
        for control in AccountControl.objects.filter(IS_CURRENT, account=user, kind__in=ended):
            if control.kind == AccountControl.Kind.LINK_SHOWN and control.person_id == shown_to:
                continue  # this link was shown to them
            control.closed_at, control.closed_event = event.happened_at, event.event_id
            control.save(update_fields=["closed_at", "closed_event"])
    return user


def unmailed() -> list[int]:
    """Return the keys of the links that wait to be mailed, oldest first; at most 200."""
    rows = SignInLink.objects.filter(
        way=SignInLink.Way.MAILED,
        mailed_at__isnull=True,
        used_at__isnull=True,
        ended_at__isnull=True,
        expires_at__gt=clock.now(),
    )
    return list(rows.order_by("pk").values_list("pk", flat=True)[:200])


@transaction.atomic
def take_for_mailing(link_id: int) -> tuple[SignInLink, str] | None:
    """Create a new secret for a link that is to be mailed now; an earlier secret stops working.

    Send the message after this transaction and call `mark_mailed` then.

    Returns:
        The link and its secret; None if there is nothing to mail.
    """
    link = SignInLink.objects.get_for_update(link_id)
    if link.pk not in unmailed():
        return None
    secret = secrets.token_urlsafe(_BYTES)
    link.digest = digest_of(secret)
    link.save(update_fields=["digest"])
    return link, secret


def mark_mailed(link: SignInLink) -> None:
    """Record that the message with the link was sent."""
    link.mailed_at = clock.now()
    link.save(update_fields=["mailed_at"])


def digest_of(secret: str) -> bytes:
    """Return the stored digest of a link's secret. The secret has 256 random bits, so a slow hash adds nothing."""
    return hashlib.sha256(secret.encode()).digest()


def _refused() -> PermissionDeniedError:
    return PermissionDeniedError(
        "This link does not work: it was used, it expired, or a newer one took its place. Ask an administrator for "
        "another.",
        code="link_refused",
    )


def _ref(user: User) -> ObjectRef:
    return ObjectRef("person", user.uid)
