"""Accounts: people and service accounts. `registry.services.groups` manages reviewer groups; some of its services
are exported here too.
"""

import unicodedata

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access
from registry.actions import (
    PERSON_DEACTIVATED,
    PERSON_PASSWORD_SET,
    PERSON_REACTIVATED,
    PERSON_REGISTERED,
    PERSON_UPDATED,
)
from registry.exceptions import InvalidStateError, PermissionDeniedError
from registry.models import AccountControl, User
from registry.models.user import new_person_uid
from registry.services.account_controls import record_control, require_own_password
from registry.services.groups import add_member, create_group, remove_member
from registry.services.look_alikes import refuse_look_alike
from registry.services.uniqueness import translate_unique_violation
from registry.validation import ErrorCollector

__all__ = [
    "add_member",
    "create_group",
    "deactivate",
    "reactivate",
    "register_person",
    "remove_member",
    "set_password",
    "update_person",
]


@transaction.atomic
def register_person(
    *,
    actor: Actor,
    username: str,
    name: str,
    email: str = "",
    kind: str = User.Kind.PERSON,
    password: str | None = None,
    is_staff: bool = False,
    is_superuser: bool = False,
    title: str = "",
    reason: str | None = None,
) -> User:
    """Create an account.

    Args:
        actor: an administrator or a process.
        username: the name for signing in; unique regardless of case and look-alikes.
        name: the person's name.
        email: the address, or empty.
        kind: a value of `User.Kind`.
        password: None for an account without password sign-in; a service account never has one.
        is_staff: the account may use the admin site.
        is_superuser: the account is a superuser.
        title: the person's position.
        reason: kept with the event, if given.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_PEOPLE, or sets `is_staff` or `is_superuser` and is not a
            superuser.
        ValidationFailedError: a field breaks a rule, or the user name is taken.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    if is_staff or is_superuser:
        _require_superuser(actor)
    faults = ErrorCollector()
    user = User(
        uid=new_person_uid(),
        kind=kind,
        username=unicodedata.normalize("NFKC", faults.name("/username", username, 150)),
        name=faults.clean_line("/name", name, 200, required=True),
        title=faults.clean_line("/title", title, 120),
        email=_email(faults, email),
        is_staff=is_staff,
        is_superuser=is_superuser,
        created_at=clock.now(),
    )
    _check_username(faults, user)
    if kind not in User.Kind.values:
        faults.add("/kind", "unknown_kind", f"An account is one of: {', '.join(User.Kind.values)}.")
    if kind == User.Kind.SERVICE:
        if password is not None:
            faults.add("/password", "service_account", "A service account signs in with tokens: give it no password.")
        if is_staff or is_superuser:
            faults.add(
                "/is_staff", "service_account", "A service account neither opens the admin site nor administers."
            )
    elif password is not None:
        check_password(faults, password, user)
    why = faults.reason_if_given(reason)
    faults.raise_if_any()
    user.set_password(password)
    event = recorder.record_event(
        PERSON_REGISTERED,
        actor=actor,
        target=_ref(user),
        stream=_stream(user),
        changes=[
            *(
                Change(field, None, PrivateValue(getattr(user, field)))
                for field in ("username", "name", "title", "email")
              if getattr(user, field)),
            Change("kind", None, str(user.kind)),
            Change("is_staff", None, user.is_staff),
            Change("is_superuser", None, user.is_superuser),
        ],
        data={"password": password is not None},
        reason=why,
    )  # fmt: skip
    with translate_unique_violation(
        "/username", f"There is an account “{user.username}” already: choose another name."
    ):
        user.save(force_insert=True)
    _record_control(actor, user, AccountControl.Kind.CREATED, event)
    if password is not None:
        _record_control(actor, user, AccountControl.Kind.PASSWORD_SET, event)
    return user


@transaction.atomic
def update_person(
    *,
    actor: Actor,
    person: User,
    name: str | None = None,
    title: str | None = None,
    email: str | None = None,
    reason: str | None = None,
) -> User:
    """Change name, title and address of an account. People may change their own account.

    If nothing differs, nothing is written.

    Args:
        actor: the person, or an administrator.
        person: the account.
        name: the new full name; None keeps it.
        title: the new job title; None keeps it.
        email: the new mail address; None keeps it.
        reason: why, for the audit event.

    Raises:
        PermissionDeniedError: the actor is a token, or neither the person nor an administrator.
        ValidationFailedError: a field breaks a rule.
    """
    _require_self_or_manager(actor, person, "change this account")
    user = _locked(person)
    faults = ErrorCollector()
    given: dict[str, str] = {}
    if name is not None:
        given["name"] = faults.clean_line("/name", name, 200, required=True)
    if title is not None:
        given["title"] = faults.clean_line("/title", title, 120)
    if email is not None:
        given["email"] = _email(faults, email)
    why = faults.reason_if_given(reason)
    faults.raise_if_any()
    changed = {field: value for field, value in given.items() if getattr(user, field) != value}
    if not changed:
        return user
    event = recorder.record_event(
        PERSON_UPDATED,
        actor=actor,
        target=_ref(user),
        stream=_stream(user),
        changes=[
            Change(field, PrivateValue(getattr(user, field)) if getattr(user, field) else None, PrivateValue(value))
            for field, value in changed.items()
        ],
        reason=why,
    )
    for field, value in changed.items():
        setattr(user, field, value)
    user.save(update_fields=list(changed))
    if "email" in changed:
        _record_control(actor, user, AccountControl.Kind.ADDRESS_SET, event)
    return user


@transaction.atomic
def set_password(*, actor: Actor, person: User, password: str, reason: str | None = None) -> User:
    """Set the password of an account; sessions opened with the old one end. People may set their own.

    A password that another person sets cannot be used for a decision signature until the holder replaces it by a
    sign-in link (`sign_in_links`). Until then the holder cannot change it here either, because anyone who knows the
    password could.

    Raises:
        PermissionDeniedError: the actor is a token, or neither the person nor an administrator; or another person set
            the current password ("password_not_own").
        ValidationFailedError: the validators refuse the password, or the account is a service account.
    """
    _require_self_or_manager(actor, person, "set this account's password")
    user = _locked(person)
    if user.uid != actor.person:
        require_superuser_for(actor, user)
    else:
        require_own_password(user)
    faults = ErrorCollector()
    if user.kind == User.Kind.SERVICE:
        faults.add("/password", "service_account", "A service account signs in with tokens: issue one.")
    else:
        check_password(faults, password, user)
    why = faults.reason_if_given(reason)
    faults.raise_if_any()
    event = recorder.record_event(PERSON_PASSWORD_SET, actor=actor, target=_ref(user), stream=_stream(user), reason=why)
    user.set_password(password)
    user.save(update_fields=["password"])
    _record_control(actor, user, AccountControl.Kind.PASSWORD_SET, event)
    return user


@transaction.atomic
def deactivate(*, actor: Actor, person: User, reason: str) -> User:
    """Deactivate an account: no sign-in, its tokens stop working, it may do nothing, and its roles have no effect.

    Its roles and memberships stay recorded.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_PEOPLE, or it is their own account, or a superuser's and
            they are not one.
        ValidationFailedError: the reason is empty.
        InvalidStateError: the account is already deactivated.
    """
    return _set_active(actor, person, reason, active=False)


@transaction.atomic
def reactivate(*, actor: Actor, person: User, reason: str) -> User:
    """Reactivate an account.

    Raises:
        PermissionDeniedError: see `deactivate`.
        ValidationFailedError: the reason is empty.
        InvalidStateError: the account is already active.
    """
    return _set_active(actor, person, reason, active=True)


def _set_active(actor: Actor, person: User, reason: str, *, active: bool) -> User:
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    if person.uid == actor.person:
        raise PermissionDeniedError(
            "You cannot deactivate or reactivate your own account: ask another administrator.", code="own_account"
        )
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    user = _locked(person)
    if user.is_superuser:
        _require_superuser(actor)
    if user.is_active == active:
        raise InvalidStateError(f"This account is {'active' if active else 'deactivated'} already.", code="unchanged")
    event = recorder.record_event(
        PERSON_REACTIVATED if active else PERSON_DEACTIVATED,
        actor=actor,
        target=_ref(user),
        stream=_stream(user),
        changes=[Change("is_active", not active, active)],
        reason=why,
    )
    user.is_active = active
    if not active or user.deactivated_at is None:  # an earlier release kept the time only in the audit log
        user.deactivated_at = event.happened_at
    user.save(update_fields=["is_active", "deactivated_at"])
    return user


def _record_control(actor: Actor, user: User, kind: AccountControl.Kind, event: Event) -> None:
    """Record that the account of the actor could act as another account."""
    person = access.person_of(actor)
    if person is not None:
        record_control(account=user, person=person, kind=kind, event=event)


def require_superuser_for(actor: Actor, user: User) -> None:
    """Require that only superusers change the account of a superuser.

    Raises:
        PermissionDeniedError: the account is a superuser's and the actor is a person who is not one.
    """
    if user.is_superuser:
        _require_superuser(actor)


def _require_superuser(actor: Actor) -> None:
    if actor.person is None:
        return
    if not User.objects.filter(uid=actor.person, is_superuser=True, is_active=True).exists():
        raise PermissionDeniedError(
            "Only a superuser makes or changes accounts that administer.", code="superuser_required"
        )


def _require_self_or_manager(actor: Actor, person: User, what: str) -> None:
    if actor.scopes is not None:
        raise PermissionDeniedError(
            f"No token may {what}: a person does it, signed in to the pages.", code="person_required"
        )
    if actor.person != person.uid:
        access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    elif not person.is_active:
        access.require_person(actor)


def _email(faults: ErrorCollector, email: str) -> str:
    email = faults.clean_line("/email", email, 254)
    if email:
        try:
            EmailValidator()(email)
        except ValidationError:
            faults.add("/email", "email", "Write an address such as ada@example.org, or leave it empty.")
    return email


def _check_username(faults: ErrorCollector, user: User) -> None:
    if not user.username:
        return
    try:
        UnicodeUsernameValidator()(user.username)
    except ValidationError:
        faults.add("/username", "username", "A user name has letters, digits and @ . + - _ only.")
    if User.objects.filter(username__iexact=user.username).exists():
        faults.add("/username", "taken", f"There is an account “{user.username}” already: choose another name.")
    names = User.objects.values_list("username", flat=True)
    refuse_look_alike(faults, "/username", user.username, names, "an account")


def check_password(faults: ErrorCollector, password: str, user: User) -> None:
    """Add to `faults` the errors of the password validators."""
    try:
        validate_password(password, user)
    except ValidationError as refused:
        for message in refused.messages:
            faults.add("/password", "weak_password", message)


def _locked(person: User) -> User:
    return User.objects.get_for_update(person.pk)


def _ref(user: User) -> ObjectRef:
    return ObjectRef("person", user.uid)


def _stream(user: User) -> str:
    return f"person:{user.uid}"
