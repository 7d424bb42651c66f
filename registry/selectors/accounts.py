"""Accounts, reviewer groups, memberships and tokens, by their names and ids. The callers decide who may read them."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from registry.models import IS_CURRENT, AccessToken, AccountControl, Membership, ReviewerGroup, User


def account_by_username(username: str) -> User | None:
    """Return the account with this user name, active or not; None if there is none."""
    return User.objects.filter(username=username).first()


def accounts_by_username(names: Iterable[str]) -> dict[str, User]:
    """Return the active accounts with these user names in any case, by the name in lower case. One query."""
    wanted = {name.lower() for name in names}
    found = User.objects.annotate(lowered=Lower("username")).filter(lowered__in=wanted, is_active=True)
    return {user.username.lower(): user for user in found} if wanted else {}


def active_person(username: str) -> User | None:
    """Return the active account of a person with this user name; None if there is none."""
    return User.objects.filter(username=username, is_active=True, kind=User.Kind.PERSON).first()


def account_by_uid(uid: str | None) -> User | None:
    """Return the account with this uid; None if there is none, or no uid is given."""
    return User.objects.filter(uid=uid).first() if uid else None


def accounts_by_uid(uids: Iterable[str]) -> dict[str, User]:
    """Return the accounts with these uids, by uid. One query."""
    return {user.uid: user for user in User.objects.filter(uid__in=set(uids))}


def account_names(uids: Iterable[str]) -> dict[str, str]:
    """Return the names of the accounts with these uids, by uid. One query."""
    return dict(User.objects.filter(uid__in=set(uids)).values_list("uid", "name"))


def actor_ids(name: str) -> list[str]:
    """Return the actor ids in events for a user name or a uid: the account's and those of its tokens.

    Returns:
        The ids; empty if there is no such account.
    """
    person = User.objects.filter(Q(username=name) | Q(uid=name)).first()
    if person is None:
        return []
    return [person.uid, *AccessToken.objects.filter(person=person).values_list("uid", flat=True)]


def reviewer_group(slug: str) -> ReviewerGroup | None:
    """Return the reviewer group with this slug; None if there is none."""
    return ReviewerGroup.objects.filter(slug=slug).first()


def current_memberships(*, group: ReviewerGroup | None = None, user: User | None = None) -> QuerySet[Membership]:
    """Return the memberships that are not closed, of a group by the names of people, or of a person by group."""
    found = Membership.objects.filter(IS_CURRENT)
    if group is not None:
        return found.filter(group=group).select_related("user").order_by("user__name", "pk")
    return found.filter(user=user).select_related("group").order_by("group__name")


def tokens_of(person: User) -> QuerySet[AccessToken]:
    """Return the tokens of a person, unrevoked ones first, newest first, with their last use."""
    return AccessToken.objects.filter(person=person).select_related("use").order_by("revoked_at", "-created_at")


def tokens_by_uid(uids: Iterable[str]) -> dict[str, AccessToken]:
    """Return the tokens with these uids, by uid, with their owners. One query."""
    return {token.uid: token for token in AccessToken.objects.filter(uid__in=set(uids)).select_related("person")}


def controls_of(account: User) -> QuerySet[AccountControl]:
    """Return the records of who controlled a shared account."""
    return AccountControl.objects.filter(account=account).select_related("person", "token")
