"""Django's authentication backend: passwords as Django checks them, permissions as this package decides them."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission as DjangoPermission
from django.db.models import Model, Q, QuerySet

from audit import clock
from registry.access.permission_queries import user_has_org_permission, user_has_permission
from registry.access.permissions import OrgPermission, Permission
from registry.access.policy import holders_in_organisation, users_with_permission
from registry.models import RegisteredModel, User

_LABEL = RegisteredModel._meta.app_label


class RoleBackend(ModelBackend):
    """Makes `User.has_perm`, `get_all_permissions` and `with_perm` agree with `registry.access`.

    A permission on a model is asked for with the model: `user.has_perm("registry.decide_promotion", model)`. A
    permission in the organisation is asked for without an object: `user.has_perm("registry.manage_policies")`. Every
    other combination is False. A superuser has the permissions that roles and `SUPERUSER_PERMISSIONS` give, no others.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        label, _, codename = perm.partition(".")
        if not isinstance(user_obj, User) or not user_obj.is_active or label != _LABEL:
            return False
        if isinstance(obj, RegisteredModel) and codename in set(Permission):
            return user_has_permission(user_obj.uid, Permission(codename), obj.pk, clock.now())
        if obj is None and codename in set(OrgPermission):
            return user_has_org_permission(user_obj.uid, OrgPermission(codename), clock.now())
        return False

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(label_and_name.startswith(f"{app_label}.") for label_and_name in self.get_all_permissions(user_obj))

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        names = {f"{_LABEL}.{codename}" for codename in (OrgPermission if obj is None else Permission)}
        return {name for name in names if self.has_perm(user_obj, name, obj)}

    def get_user_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        return self.get_all_permissions(user_obj, obj)

    def get_group_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """Return nothing: `get_user_permissions` includes what a person has through groups."""
        return set()

    def with_perm(
        self,
        perm: str | DjangoPermission,
        is_active: bool = True,
        include_superusers: bool = True,
        obj: Model | None = None,
    ) -> QuerySet[User]:
        """Return the active accounts that have the permission; superusers only where it is theirs.

        An inactive account has no permission, so the result is empty for `is_active=False`.
        """
        if not is_active and is_active is not None:
            return User.objects.none()
        codename = str(perm).partition(".")[2] if isinstance(perm, str) else perm.codename
        if isinstance(obj, RegisteredModel) and codename in set(Permission):
            found = users_with_permission(Permission(codename), obj)
        elif obj is None and codename in set(OrgPermission):
            found = holders_in_organisation(OrgPermission(codename))
        else:
            return User.objects.none()
        return found.exclude(Q(is_superuser=True)) if not include_superusers else found
