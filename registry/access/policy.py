"""Permission checks: who may do what with which model, by actor or by model.

`users_with_permission` and `models_with_permission` are two queries on the same facts: guardian rows for one model,
organisation-wide grants, temporal membership, active accounts; ends are compared with the clock. `check_permission` is
`users_with_permission` for one person (`registry.access.permission_queries`). A property test compares the three.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit import clock
from audit.actor import Actor, ActorKind
from registry.access.actors import missing_scope_message
from registry.access.permission_queries import (
    ids_of_users_with_permission,
    user_has_org_permission,
    user_has_permission,
    users_and_models_with_permission,
)
from registry.access.permissions import (
    ORG_SCOPE_FOR,
    PERMISSION_LABELS,
    REPORT_SCOPE,
    SCOPE_FOR,
    SUPERUSER_ORG_PERMISSIONS,
    SUPERUSER_PERMISSIONS,
    OrgPermission,
    Permission,
    Role,
    roles_with,
    roles_with_in_organisation,
)
from registry.access.reached import Reached
from registry.exceptions import NotFoundError, PermissionDeniedError
from registry.models import (
    Grant,
    Membership,
    ModelGroupPermission,
    ModelUserPermission,
    RegisteredModel,
    User,
    active_grants_q,
    not_expired_q,
)

_OF_ALL_MODELS = {
    OrgPermission.READ_AUDIT: "the audit log of the organisation is about all models",
    OrgPermission.MANAGE_WEBHOOKS: "a webhook is about all models",
}
_NAMED = 5
"""Number of people named in an error message."""


@dataclass(frozen=True)
class Allowed:
    """The permission is granted."""

    def __bool__(self) -> Literal[True]:
        return True


class Denied:
    """The permission is denied.

    `reason` is a message with what is missing and who can grant it; `who_can` has their names. Both are computed when
    read, so a page that only decides whether to show a button does not run their queries.
    """

    def __init__(
        self,
        because: Callable[[tuple[str, ...]], str],
        who: Callable[[], tuple[str, ...]] = tuple,
        *,
        code: str = "not_permitted",
        rule: str = "",
        access_request: tuple[str, str] | None = None,
    ) -> None:
        self._because, self._who = because, who
        self.code, self.rule = code, rule
        self.access_request = access_request

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return f"Denied({self.reason!r})"

    @cached_property
    def who_can(self) -> tuple[str, ...]:
        return self._who()

    @cached_property
    def reason(self) -> str:
        return self._because(self.who_can)

    def refusal(self) -> PermissionDeniedError:
        """Return the exception with the same content."""
        refusal = PermissionDeniedError(self.reason, code=self.code, who_can=self.who_can, rule=self.rule)
        refusal.access_request = self.access_request
        return refusal


_Answer = TypeVar("_Answer")
_answers: ContextVar[dict[Hashable, Any] | None] = ContextVar("access_answers", default=None)


@contextmanager
def cache_permission_checks() -> Iterator[None]:
    """Inside the block, a repeated permission check returns the first result without a query.

    Only for read-only pages; never around code that acts, or grants and revokes roles.
    """
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def _cached(question: Hashable, compute: Callable[[], _Answer]) -> _Answer:
    """Return the answer to a question about permissions or eligibility; inside `cache_permission_checks` it is computed
    once.

    Args:
        question: the cache key, such as the name of the question and the keys it is about.
        compute: computes the answer.
    """
    answers = _answers.get()
    if answers is None:
        return compute()
    if question not in answers:
        answers[question] = compute()
    found: _Answer = answers[question]
    return found


def check_permission(
    actor: Actor, permission: Permission, model: RegisteredModel, *, scope: str | None = None
) -> Allowed | Denied:
    """Return whether the actor has the permission on the model.

    One query; none if the answer does not depend on the database. A process has every permission except DECIDE.

    Args:
        actor: the actor.
        permission: the permission.
        model: the model.
        scope: the scope that a token needs, for an action with a scope of its own; None for that of the permission.

    Returns:
        `Allowed`, or `Denied` with the reason; use it as a boolean.
    """
    if (denied := _denied_to_this_kind(actor, permission, scope or SCOPE_FOR[permission])) is not None:
        return denied
    if actor.models is not None and model.slug not in actor.models:
        return Denied(
            lambda _: f"This token is limited to other models: {', '.join(sorted(actor.models or ()))}.",
            code="token_limited",
        )
    person = actor.person
    if person is None or _cached(
        (person, permission, model.pk), lambda: user_has_permission(person, permission, model.pk, clock.now())
    ):
        return Allowed()
    return _denied(actor, permission, model)


def check_org_permission(actor: Actor, permission: OrgPermission) -> Allowed | Denied:
    """Return whether the actor has the organisation-wide permission: `Allowed`, or `Denied` with the reason. At
    most one query.
    """
    if (denied := _denied_to_this_kind(actor, permission, ORG_SCOPE_FOR[permission])) is not None:
        return denied
    if actor.models is not None and (what := _OF_ALL_MODELS.get(permission)) is not None:
        return Denied(
            lambda _: (
                f"This token is limited to models ({', '.join(sorted(actor.models or ()))}), and {what}: use one "
                "without that limit."
            ),
            code="token_limited",
        )
    person = actor.person
    if person is None or _cached(
        (person, permission), lambda: user_has_org_permission(person, permission, clock.now())
    ):
        return Allowed()

    def because(who: tuple[str, ...]) -> str:
        roles = roles_with_in_organisation(permission)
        needed = f"the role {_either(roles)}" if roles else "an active account that is more than an auditor's"
        return f"To {PERMISSION_LABELS[permission]} you need {needed}." + _way_out(who)

    return Denied(because, lambda: _names(holders_in_organisation(OrgPermission.MANAGE_PEOPLE)))


def require_permission(
    actor: Actor, permission: Permission, model: RegisteredModel, *, scope: str | None = None
) -> None:
    """Require that the actor has the permission on the model. Arguments as for `check_permission`.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: it is visible, but the actor does not have the permission.
    """
    answer = check_permission(actor, permission, model, scope=scope)
    if isinstance(answer, Denied):
        if not _knows_of(actor, model):
            raise NotFoundError(model_not_found_message(model.slug))
        raise answer.refusal()


def require_report_permission(actor: Actor, check: str, model: RegisteredModel) -> None:
    """Require that the actor may report a result of this check for the model's versions.

    A token does, which names the check and whose account may add to versions. A person signed in to the pages, and a
    process, do not: a result comes from a program that can be identified by its token.

    Args:
        actor: who reports.
        check: name of the check.
        model: the model.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor is no token, lacks the scope or the permission, or does not name the check.
    """
    require_permission(actor, Permission.REGISTER_VERSION, model, scope=REPORT_SCOPE)
    if actor.kind is not ActorKind.TOKEN:
        raise PermissionDeniedError(
            f"Results of checks are reported with an access token: make one with the scope {REPORT_SCOPE} for {check}.",
            code="token_required",
        )
    if check not in actor.checks:
        raise PermissionDeniedError(
            f"This token reports {', '.join(sorted(actor.checks)) or 'no check'}, not {check}: use a token with the "
            f"scope {REPORT_SCOPE} that names {check}.",
            code="check_not_named",
        )


def require_in_organisation(actor: Actor, permission: OrgPermission) -> None:
    """Require that the actor has the organisation-wide permission.

    Raises:
        PermissionDeniedError: the actor does not have it.
    """
    answer = check_org_permission(actor, permission)
    if isinstance(answer, Denied):
        raise answer.refusal()


def visible_models(actor: Actor) -> QuerySet[RegisteredModel]:
    """Return the models visible to the actor, as a composable query set with sub-queries of ids.

    A process sees all; a deactivated account, and a token without `models:read`, none.
    """
    return models_with_permission(actor, Permission.VIEW)


def models_with_permission(actor: Actor, permission: Permission) -> QuerySet[RegisteredModel]:
    """Return the models on which the actor has the permission: `check_permission` for all models at once."""
    return _cached(("models_for", permission, actor), lambda: _models_for(actor, permission)).all()


def _models_for(actor: Actor, permission: Permission) -> QuerySet[RegisteredModel]:
    models = RegisteredModel.objects.all()
    if _denied_to_this_kind(actor, permission, SCOPE_FOR[permission]) is not None:
        return models.none()
    if actor.models is not None:
        models = models.filter(slug__in=actor.models)
    if actor.person is None:
        return models
    return models.filter(Reached(actor.person, permission, clock.now()))


def users_with_permission(permission: Permission, model: RegisteredModel) -> QuerySet[User]:
    """Return the active accounts that have the permission on the model, regardless of token limits.

    DECIDE excludes superusers and administrators (SoD-4), and service accounts (SoD-5).
    """
    lasting = not_expired_q(clock.now())
    here = ModelUserPermission.objects.filter(lasting, content_object_id=model.pk, **_codename(permission))
    groups_here = ModelGroupPermission.objects.filter(lasting, content_object_id=model.pk, **_codename(permission))
    people = (
        Q(pk__in=here.values("user_id"))
        | _members_of(groups_here.values("group_id"))
        | _with_role(*roles_with(permission))
    )
    if permission in SUPERUSER_PERMISSIONS:
        people |= Q(is_superuser=True)
    found = User.objects.filter(people, is_active=True)
    if permission is Permission.DECIDE:
        found = found.filter(is_superuser=False, kind=User.Kind.PERSON).exclude(_with_role(Role.ADMINISTRATOR))
    return found


def filter_users_with_permission(
    people: Iterable[User], permission: Permission, model: RegisteredModel
) -> frozenset[int]:
    """Return the keys of those people who have the permission on the model. One prepared query."""
    return ids_of_users_with_permission([person.uid for person in people], permission, model.pk, clock.now())


def current_grants() -> QuerySet[Grant]:
    """Return the grants in force now: not closed and not expired."""
    return Grant.objects.filter(active_grants_q(clock.now()))


def users_with_permission_by_model(
    people: Iterable[User], permission: Permission, models: Collection[int], *, decides: bool = False
) -> dict[int, frozenset[int]]:
    """Return which of some people have the permission on each of some models. One prepared query.

    Args:
        people: the users.
        permission: the permission.
        models: primary keys of the models.
        decides: leave out superusers, administrators and service accounts, who never decide.

    Returns:
        For each model the primary keys of the users with the permission; a model without any has the empty set.
    """
    uids, now = [person.uid for person in people], clock.now()
    pairs = users_and_models_with_permission(uids, permission, models, now, decides=decides)
    return {model: frozenset(user for user, on in pairs if on == model) for model in models}


def holders_in_organisation(permission: OrgPermission) -> QuerySet[User]:
    """Return the active accounts that have the organisation-wide permission."""
    active = User.objects.filter(is_active=True)
    if permission is OrgPermission.REGISTER_MODEL:
        # Everyone except those who have only the role of auditor: an auditor of the models does not add models.
        roles = Grant.objects.filter(active_grants_q(clock.now())).filter(
            Q(user_id=OuterRef("pk"))
            | Q(
                group_id__in=Membership.effective(clock.now())
                .filter(user_id=OuterRef(OuterRef("pk")))
                .values("group_id")
            )
        )
        audits, does_more = Exists(roles.filter(role=Role.AUDITOR)), Exists(roles.exclude(role=Role.AUDITOR))
        return active.filter(~audits | does_more)
    people = _with_role(*roles_with_in_organisation(permission))
    if permission in SUPERUSER_ORG_PERMISSIONS:
        people |= Q(is_superuser=True)
    return active.filter(people)


def names_who_can_assign(model: RegisteredModel) -> tuple[str, ...]:
    """Return names of users who may set a model's owner and tier: those who grant roles on it, and officers."""
    found = users_with_permission(Permission.GRANT_ROLE, model) | holders_in_organisation(OrgPermission.MANAGE_POLICIES)
    return _names(found)


def grants_conferring(user: User, permission: Permission, model: RegisteredModel) -> QuerySet[Grant]:
    """Return the active grants that give a person the permission on the model, directly or through a group."""
    groups = Membership.effective(clock.now()).filter(user=user).values("group_id")
    return Grant.objects.filter(
        active_grants_q(clock.now()),
        Q(user=user) | Q(group_id__in=groups),
        Q(model=model) | Q(model__isnull=True),
        role__in=roles_with(permission),
    ).select_related("group", "model", "user")


def model_not_found_message(slug: str) -> str:
    """Return the message for a model that is absent or not visible; it is the same for both."""
    return f"There is no model “{slug}” that you may see."


def _codename(permission: Permission) -> dict[str, str]:
    return {
        "permission__codename": str(permission),
        "permission__content_type__app_label": "registry",
        "permission__content_type__model": "registeredmodel",
    }


def _with_role(*roles: Role) -> Q:
    """Return the condition for accounts with one of the roles organisation-wide."""
    everywhere = Grant.objects.filter(active_grants_q(clock.now()), model__isnull=True, role__in=roles)
    direct = everywhere.filter(user__isnull=False).values("user_id")
    return Q(pk__in=direct) | _members_of(everywhere.filter(group__isnull=False).values("group_id"))


def _members_of(groups: QuerySet[Any, Any]) -> Q:
    """Return the condition for accounts that are members of these groups now. `groups` is a sub-query of their ids."""
    return Q(pk__in=Membership.effective(clock.now()).filter(group_id__in=groups).values("user_id"))


def _knows_of(actor: Actor, model: RegisteredModel) -> bool:
    """Return whether the model is visible to the actor's person, whatever the scopes of the token."""
    if actor.models is not None and model.slug not in actor.models:
        return False
    return actor.person is None or user_has_permission(actor.person, Permission.VIEW, model.pk, clock.now())


def _denied_to_this_kind(actor: Actor, permission: Permission | OrgPermission, scope: str | None) -> Denied | None:
    """Return the denials that need no query: processes do not decide, and tokens need the scope."""
    if permission is Permission.DECIDE and actor.person is None:
        return Denied(
            lambda _: "System processes do not decide: a person must decide.", code="person_required", rule="SoD-4"
        )
    if actor.scopes is None:
        return None
    if scope is None:
        return Denied(
            lambda _: f"No token may {PERMISSION_LABELS[permission]}: a person does it, signed in to the pages.",
            code="person_required",
        )
    if scope not in actor.scopes:
        return Denied(lambda _: missing_scope_message(scope), code="missing_scope")
    return None


def _denied(actor: Actor, permission: Permission, model: RegisteredModel) -> Denied:
    def because(who: tuple[str, ...]) -> str:
        person = User.objects.filter(uid=actor.person).first()
        if person is None or not person.is_active:
            return "This account is deactivated and may do nothing; an administrator can reactivate it."
        if permission is Permission.DECIDE and grants_conferring(person, permission, model).exists():
            if person.kind == User.Kind.SERVICE:
                return "Service accounts do not decide, whatever their roles (SoD-5): a person must decide."
            return "Administrators do not decide, whatever their roles (SoD-4): a reviewer must decide."
        return (
            f"To {PERMISSION_LABELS[permission]} you need the role {_either(_useful(permission))} on {model.slug}."
            + _way_out(who)
        )

    def who() -> tuple[str, ...]:
        return _names(users_with_permission(Permission.GRANT_ROLE, model).exclude(uid=actor.person))

    return Denied(because, who, access_request=(model.slug, str(_useful(permission)[0])))


def _useful(permission: Permission) -> tuple[Role, ...]:
    """Return the roles that are worth requesting: those that are granted on one model."""
    return tuple(
        role for role in roles_with(permission) if role not in (Role.AUDITOR, Role.OFFICER, Role.ADMINISTRATOR)
    )


def _either(roles: tuple[Role, ...]) -> str:
    return " or ".join([", ".join(roles[:-1]), roles[-1]] if len(roles) > 1 else roles)


def _way_out(who: tuple[str, ...]) -> str:
    return f" {' or '.join(who)} can grant it." if who else " An administrator can grant it."


def _names(people: QuerySet[User]) -> tuple[str, ...]:
    return tuple(str(user) for user in people.order_by("is_superuser", "name", "pk")[:_NAMED])
