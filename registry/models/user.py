"""People and service accounts."""

import secrets
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import auth
from django.contrib.auth import hashers
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.db.models.functions import Lower

from registry.models.managers import PreparedManager, PreparedModel


def new_person_uid() -> str:
    """Return a pseudonym of 80 random bits, which identifies a person in the audit log, so that the log holds no
    personal data.
    """
    return "usr_" + secrets.token_hex(10)


class UserManager(PreparedManager["User"], BaseUserManager["User"]):
    """Read-only manager. `registry.services.people` creates accounts and records who did; a manager's
    `create_user` could not, and the database would refuse the row at commit.
    """

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=username)


class User(PreparedModel, AbstractBaseUser, PermissionsMixin):
    """One person, or one service account with which a program signs in.

    `is_superuser` opens the admin site and nothing else: it satisfies no approval (SoD-4).
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        SERVICE = "service", "Service account"

    uid = models.CharField(max_length=40, unique=True, default=new_person_uid, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.PERSON)
    username = models.CharField(max_length=150, unique=True, validators=[UnicodeUsernameValidator()])
    name = models.CharField("full name", max_length=200)
    title = models.CharField("job title", max_length=120, blank=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("may open the admin site", default=False)
    created_at = models.DateTimeField()
    deactivated_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="of the last deactivation, kept after a reactivation: what was signed before counts no more",
    )

    # Signing in is an event of the audit log, not a column that every request overwrites.
    last_login = None
    # Memberships are temporal rows (Membership); this reads the database view of those in force, for Django and
    # guardian.
    groups = models.ManyToManyField("auth.Group", through="registry.EffectiveMembership", related_name="user_set")  # type: ignore[assignment]  # replaces a field of PermissionsMixin
    # Permissions come from roles granted by registry.access; a direct permission would have no record.
    user_permissions = None  # type: ignore[assignment]  # replaces a field of PermissionsMixin

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ("username",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="user_service_account_is_no_officer",
                condition=~models.Q(kind="service") | models.Q(is_superuser=False, is_staff=False),
                violation_error_code="service_account_privilege",
            ),
            models.UniqueConstraint(Lower("username"), name="user_username_once_in_any_case"),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    def is_deactivated(self) -> bool:
        """Return whether the account is deactivated in the database, regardless of this instance."""
        return not type(self).objects.filter(pk=self.pk, is_active=True).exists()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Return whether `registry.access` gives the permission. Unlike Django's method it does not give a superuser
        every permission.
        """
        return any(backend.has_perm(self, perm, obj) for backend in auth.get_backends())

    def has_module_perms(self, app_label: str) -> bool:
        """Return whether the person has a permission of the app, superusers included."""
        backends: Iterable[Any] = auth.get_backends()
        return any(backend.has_module_perms(self, app_label) for backend in backends)

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether this is the password. Unlike Django's method it never stores a new hash: the row changes
        only with an event.
        """
        return hashers.check_password(raw_password, self.password)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]
