"""The page layout: navigation, counts, signed-in user and installation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from audit import clock
from audit import selectors as log
from audit.actor import Actor
from governance import selectors
from governance.interfaces.web.bounded_cache import BoundedCache
from governance.notifications import inbox
from registry import access
from registry import selectors as catalogue
from registry.access import OrgPermission
from registry.models import Instance
from registry.services import signing_locks

_protects = False
_waiting: BoundedCache[int] = BoundedCache(10_000, lambda number: 1)
_SECONDS = 15
"""How long a number of waiting requests is cached while no event is recorded."""


@dataclass(frozen=True)
class Item:
    """An entry of the navigation. `current` is the value of aria-current, or empty."""

    label: str
    icon: str
    url: str
    current: str
    key: str = ""
    count: int = 0
    count_of: str = ""


@dataclass(frozen=True)
class Group:
    title: str
    items: tuple[Item, ...]


def models_waiting(request: HttpRequest, actor: Actor) -> tuple[int, ...]:
    """The models of the requests that wait for the user; queried once per page."""
    found: tuple[int, ...] | None = getattr(request, "models_waiting", None)
    if found is None:
        person: Any = request.user
        found = selectors.model_ids_awaiting_review(actor, person)
        request.models_waiting = found  # type: ignore[attr-defined]  # kept on the request
    return found


class PageLayout:
    """The layout of one page. Each query runs when the template reads the property, so htmx fragments run none."""

    def __init__(self, request: HttpRequest, actor: Actor) -> None:
        self._request = request
        self._actor = actor

    @property
    def me(self) -> Any:
        return self._request.user

    @property
    def unprotected(self) -> bool:
        """Whether the installation has no protected target; every page then shows a warning.

        False is cached for the process, because an installation keeps its protection; True is queried for each page.
        """
        global _protects  # noqa: PLW0603 - cached for the process
        _protects = _protects or catalogue.has_protected_targets()
        return not _protects

    @cached_property
    def instance(self) -> Instance:
        """The installation record. Pages warn about a single officer and about an unconfirmed set-up."""
        return catalogue.instance()

    @cached_property
    def waiting(self) -> int:
        """The number of requests that wait for the user: as on the page My reviews.

        It changes with an event of the log, or with the time (such as the start of a delegation): the number is cached
        for the newest event and a quarter of a minute.
        """
        newest, period = log.latest_event_pk(), int(clock.now().timestamp()) // _SECONDS
        return _waiting.get((self.me.pk, newest, period), self._count_waiting)

    def _count_waiting(self) -> int:
        return len(models_waiting(self._request, self._actor)) + selectors.count_author_work(self._actor, self.me)

    @cached_property
    def unread(self) -> str:
        """The number of unread notifications, as the header shows it; empty if there is none."""
        number = inbox.count_unread(self._actor, self.me)
        return f"{number}+" if number == inbox.MOST_COUNTED else str(number or "")

    @cached_property
    def nav(self) -> tuple[Group, ...]:
        return (
            Group(
                "Work",
                (
                    self._item(
                        "My reviews", "inbox", "web:reviews", key="r", count=self.waiting, count_of="waiting for you"
                    ),
                    self._item("Promotions", "promote", "web:promotions", key="p"),
                    self._item("Change proposals", "scale", "web:changes"),
                ),
            ),
            Group(
                "Registry",
                (
                    self._item("Models", "cube", "web:models", key="m"),
                    self._item("Datasets", "grid", "web:datasets", key="d"),
                    self._item("After promotion", "history", "web:impacts"),
                ),
            ),
            Group("Assurance", tuple(self._assurance())),
        )

    def _assurance(self) -> Iterator[Item]:
        yield self._item("Models in a stage", "list", "web:stages")
        yield self._item("Findings", "alert", "web:findings")
        yield self._item("Waivers", "waive", "web:waivers")
        yield self._item("Policies", "shield", "web:policies")
        yield self._item("Audit log", "history", "web:audit", key="a")
        # Officers, auditors and administrators: those whom the admin site admits.
        admitted = (OrgPermission.READ_AUDIT, OrgPermission.MANAGE_PEOPLE)
        if any(access.check_org_permission(self._actor, permission) for permission in admitted):
            locked = signing_locks.locked_accounts()
            yield self._item("Administration", "gear", "admin:index", count=locked, count_of="locked for signing")

    @cached_property
    def may_register_models(self) -> bool:
        return bool(access.check_org_permission(self._actor, OrgPermission.REGISTER_MODEL))

    def _item(self, label: str, icon: str, name: str, *, key: str = "", count: int = 0, count_of: str = "") -> Item:
        url = reverse(name)
        path = self._request.path
        current = "page" if path == url else "true" if path.startswith(url) else ""
        return Item(label, icon, url, current, key, count, count_of)


@dataclass(frozen=True)
class Environment:
    """The label of an installation that is not the production one."""

    name: str
    explanation: str


def layout(request: HttpRequest) -> dict[str, Any]:
    """Context processor: layout, display preferences, and the banner of a demo installation."""
    context: dict[str, Any] = {
        "reader": getattr(request, "reader", None),
        "request_id": getattr(request, "request_id", ""),
        "now_utc": clock.now(),
        "environment": (
            Environment("Demo", f"Made-up data; the origin of this log is {settings.COUNTERSIGN_LOG_ORIGIN}")
            if settings.COUNTERSIGN_DEMO
            else None
        ),
    }
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        context["shell"] = PageLayout(request, access.actor_for(user))
    return context
