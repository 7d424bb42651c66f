"""Explanation of a permission: every grant that gives it, and every reason that denies it, as values.

The result follows from the same rows as `check_permission`; a property test compares the two. Interfaces put it into
words.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Q, QuerySet

from audit import clock
from registry.access.permissions import ROLE_PERMISSIONS, SCOPE_FOR, SUPERUSER_PERMISSIONS, Permission, Role
from registry.access.policy import users_with_permission
from registry.models import AccessToken, Grant, Membership, RegisteredModel, User, active_grants_q


@dataclass(frozen=True)
class GrantPath:
    """One way in which a person has a permission: a role, on the model or organisation-wide, granted to them or
    to a group of theirs; if `grant` is None, that they are a superuser.
    """

    grant: Grant | None
    membership: Membership | None = None

    @property
    def everywhere(self) -> bool:
        """Whether it applies to every model."""
        return self.grant is None or self.grant.model_id is None

    @property
    def direct(self) -> bool:
        """Whether the role was granted to the person directly, on this model."""
        return self.grant is not None and self.membership is None and not self.everywhere


class DenyReason(StrEnum):
    """A reason that denies a permission, whatever roles are held."""

    INACTIVE = "inactive"
    ADMINISTERS = "administers"
    """Administrators and superusers do not decide (SoD-4)."""
    SERVICE_ACCOUNT = "service_account"
    """Service accounts do not decide (SoD-5)."""
    NO_TOKEN = "no_token"  # noqa: S105 (a bar, not a secret)
    SCOPE = "scope"
    LIMITED = "limited"


@dataclass(frozen=True)
class Explanation:
    """Whether a person, or a token of theirs, has a permission on the model, by which grants, and which reasons
    deny it.
    """

    person: User
    permission: Permission
    model: RegisteredModel
    paths: tuple[GrantPath, ...]
    bars: tuple[DenyReason, ...]

    @property
    def allowed(self) -> bool:
        return bool(self.paths) and not self.bars

    @property
    def direct(self) -> bool:
        """Whether only roles granted directly to the person give the permission."""
        return bool(self.paths) and all(path.direct for path in self.paths)


@dataclass(frozen=True)
class EffectivePermissions:
    """All permissions of one account on a model."""

    person: User
    by_permission: dict[Permission, Explanation]

    def may(self, permission: Permission) -> bool:
        return self.by_permission[permission].allowed

    @property
    def any(self) -> bool:
        return any(explanation.allowed for explanation in self.by_permission.values())


def explain(
    person: User, permission: Permission, model: RegisteredModel, *, token: AccessToken | None = None
) -> Explanation:
    """Return why the person has the permission on the model, or why not; with `token`, whether they have it with
    that token.
    """
    (rights,) = _rights(model, [person], permissions=(permission,), token=token)
    return rights.by_permission[permission]


def effective_permissions_of(person: User, model: RegisteredModel) -> EffectivePermissions:
    """Return all permissions of one person on the model, with reasons, at the cost of one."""
    return _rights(model, [person])[0]


def effective_permissions_on(model: RegisteredModel) -> list[EffectivePermissions]:
    """Return the permissions of everyone who has any on the model, by name. The number of queries is constant."""
    reached = Q(is_superuser=True)
    for permission in Permission:
        reached |= Q(pk__in=users_with_permission(permission, model).values("pk"))
    people = list(User.objects.filter(reached, is_active=True).order_by("name", "pk"))
    return [rights for rights in _rights(model, people) if rights.any]


def users_who_can_grant(model: RegisteredModel, to: User | None = None) -> QuerySet[User]:
    """Return the users who may grant roles on the model, without `to`."""
    found = users_with_permission(Permission.GRANT_ROLE, model).order_by("is_superuser", "name", "pk")
    return found.exclude(pk=to.pk) if to is not None else found


def _rights(
    model: RegisteredModel,
    people: Iterable[User],
    *,
    permissions: Iterable[Permission] = tuple(Permission),
    token: AccessToken | None = None,
) -> list[EffectivePermissions]:
    people = list(people)
    now = clock.now()
    memberships: defaultdict[int, list[Membership]] = defaultdict(list)
    for membership in Membership.effective(now).filter(user__in=[p.pk for p in people]).select_related("group"):
        memberships[membership.user_id].append(membership)
    groups = {m.group_id for ms in memberships.values() for m in ms}
    by_user: defaultdict[int, list[Grant]] = defaultdict(list)
    by_group: defaultdict[int, list[Grant]] = defaultdict(list)
    found = Grant.objects.filter(
        active_grants_q(now),
        Q(model=model) | Q(model__isnull=True),
        Q(user__in=[p.pk for p in people]) | Q(group__in=groups),
    )
    for grant in found.select_related("group", "model", "user").order_by("opened_at", "pk"):
        if grant.user_id is not None:
            by_user[grant.user_id].append(grant)
        elif grant.group_id is not None:
            by_group[grant.group_id].append(grant)
    answers = []
    for person in people:
        paths = [GrantPath(grant) for grant in by_user[person.pk]]
        paths += [GrantPath(grant, m) for m in memberships[person.pk] for grant in by_group[m.group_id]]
        answers.append(
            EffectivePermissions(person, {each: _explained(person, each, model, paths, token) for each in permissions})
        )
    return answers


def _explained(
    person: User, permission: Permission, model: RegisteredModel, paths: list[GrantPath], token: AccessToken | None
) -> Explanation:
    bringing = [p for p in paths if p.grant is not None and permission in ROLE_PERMISSIONS[Role(p.grant.role)]]
    if person.is_superuser and permission in SUPERUSER_PERMISSIONS:
        bringing.append(GrantPath(None))
    bars = []
    if not person.is_active:
        bars.append(DenyReason.INACTIVE)
    if permission is Permission.DECIDE:
        administers = any(
            p.grant is not None and p.grant.model_id is None and p.grant.role == Role.ADMINISTRATOR for p in paths
        )
        if person.is_superuser or administers:
            bars.append(DenyReason.ADMINISTERS)
        if person.kind == User.Kind.SERVICE:
            bars.append(DenyReason.SERVICE_ACCOUNT)
    if token is not None:
        scope = SCOPE_FOR[permission]
        if scope is None:
            bars.append(DenyReason.NO_TOKEN)
        elif scope not in token.scopes:
            bars.append(DenyReason.SCOPE)
        if token.model_slugs is not None and model.slug not in token.model_slugs:
            bars.append(DenyReason.LIMITED)
    return Explanation(person, permission, model, tuple(bringing), tuple(bars))
