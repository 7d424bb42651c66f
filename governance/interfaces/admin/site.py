"""The site itself: who is let in, how it is answered, and how its rooms are listed."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.csrf import csrf_protect

from audit import context
from audit import selectors as log
from governance import selectors
from governance.interfaces.admin.labels import label_of
from governance.interfaces.admin.permissions import actor_of, person_of, standing_of
from governance.interfaces.admin.reauthentication import confirm_page
from governance.interfaces.web import errors
from governance.interfaces.web.audit import lines_of
from registry.exceptions import DomainError, FieldError, PermissionDeniedError, ValidationFailedError

SECTIONS: Final = ("People and access", "Policies", "Promotions", "Catalogue and lifecycle", "Assurance")
"""The order of the rooms; each admin class names its own."""

# What the product does elsewhere: signing in and out, one's own password. And what leads to pages that do not exist.
_NOT_OURS: Final = frozenset({"login", "logout", "password_change", "password_change_done", "view_on_site"})


class AdminAutocompleteView(AutocompleteJsonView):
    """What a field offers while somebody types: among the rows its admin class shows to this reader."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {"id": str(getattr(obj, to_field_name)), "text": label_of(obj)}


class CountersignAdminSite(AdminSite):
    """Django's admin, under the product's own rules of permission, refusal and sign-in."""

    site_title = "Countersign administration"
    site_header = "Countersign"
    index_title = "Administration"
    enable_nav_sidebar = False
    final_catch_all_view = False

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated and standing_of(request).has_site_access

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Make a view a page of this site: signed-in readers with a role here, refusals as the product's own pages,
        every event marked as coming through this door, nothing kept by the browser."""

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            response: HttpResponseBase
            try:
                standing_of(request).require_entry()
                _refuse_nul(request)
                with context.bind_request_context(client="admin"):
                    response = view(request, *args, **kwargs)
            except DomainError as refusal:
                response = errors.refused(request, refusal)
            except PermissionDenied:
                response = errors.refused(
                    request, PermissionDeniedError("Your role does not open this part of the admin site.")
                )
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        update_wrapper(answer, view)
        return answer if getattr(view, "csrf_exempt", False) else csrf_protect(answer)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        kept = [found for found in super().get_urls() if getattr(found, "name", None) not in _NOT_OURS]
        return [path("confirm/", self.admin_view(confirm_page), name="confirm"), *kept]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The rooms by subject rather than by package."""
        rooms: dict[str, list[Any]] = {section: [] for section in SECTIONS}
        for app in super().get_app_list(request, app_label):
            for room in app["models"]:
                admin: Any = self._registry[room["model"]]
                opened = room["admin_url"] or ""
                rooms[admin.section].append(
                    {
                        **room,
                        "name": admin.plural[:1].upper() + admin.plural[1:],
                        "about": admin.about,
                        "icon": admin.icon,
                        "position": admin.position,
                        "current": "page" if request.path == opened else request.path.startswith(opened) and "true",
                    }
                )
        return [
            {
                "name": section,
                "app_label": f"section-{number}",
                "app_url": "",
                "has_module_perms": True,
                "models": sorted(found, key=lambda room: room["position"]),
            }
            for number, (section, found) in enumerate(rooms.items(), 1)
            if found
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The rooms, and what this person did last, wherever they did it."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        actor = actor_of(request)
        mine = log.search(actor=actor.id, limit=8).events
        shown = {"recent": lines_of(actor, mine), "deviations": selectors.deviations_for(actor, person_of(request))}
        return super().index(request, {**shown, **(extra_context or {})})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """The rooms are not sorted by package: the start page has them all."""
        return redirect("admin:index")

    def autocomplete_view(self, request: HttpRequest) -> Any:
        """Rows for a field, while somebody types."""
        return AdminAutocompleteView.as_view(admin_site=self)(request)


site = CountersignAdminSite()


def _refuse_nul(request: HttpRequest) -> None:
    """No text of the database holds a NUL, so an address with one finds nothing; PostgreSQL would not even look."""
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        raise ValidationFailedError([FieldError("/", "control_characters", "An address holds no NUL character.")])
