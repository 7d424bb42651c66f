"""The admin site: access, error pages, and the list of model admins."""

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
from governance import liveness, selectors
from governance.interfaces.admin.labels import label_of
from governance.interfaces.admin.permissions import actor_of, permissions_of, person_of
from governance.interfaces.admin.reauthentication import confirm_page
from governance.interfaces.html import errors
from governance.interfaces.html.event_labels import lines_of
from registry.exceptions import DomainError, FieldError, PermissionDeniedError, ValidationFailedError

SECTIONS: Final = ("People and access", "Policies", "Promotions", "Catalogue and lifecycle", "Assurance")
"""Order of the sections; each model admin names its own."""

# Sign-in, sign-out and password pages exist elsewhere; view_on_site would link to pages that do not exist.
_NOT_OURS: Final = frozenset({"login", "logout", "password_change", "password_change_done", "view_on_site"})


class AdminAutocompleteView(AutocompleteJsonView):
    """Suggestions of an autocomplete field: the rows that its model admin shows to this user."""

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        return {"id": str(getattr(obj, to_field_name)), "text": label_of(obj)}


class CountersignAdminSite(AdminSite):
    """Django's admin site with the product's permissions, error pages and sign-in."""

    site_title = "Countersign administration"
    site_header = "Countersign"
    index_title = "Administration"
    enable_nav_sidebar = False
    final_catch_all_view = False

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated and permissions_of(request).has_site_access

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Wrap a view: require a signed-in user with access, and render domain errors as product pages.

        Events of the view have the client “admin”. Responses are not cached.
        """

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            response: HttpResponseBase
            try:
                permissions_of(request).require_entry()
                _refuse_nul(request)
                with context.bind_request_context(client="admin"):
                    response = view(request, *args, **kwargs)
            except DomainError as refusal:
                response = errors.refused(request, refusal)
            except PermissionDenied:
                response = errors.refused(
                    request, PermissionDeniedError("Your roles do not permit access to this part of the admin site.")
                )
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        update_wrapper(answer, view)
        return answer if getattr(view, "csrf_exempt", False) else csrf_protect(answer)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        kept = [found for found in super().get_urls() if getattr(found, "name", None) not in _NOT_OURS]
        return [path("confirm/", self.admin_view(confirm_page), name="confirm"), *kept]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Group the model admins by section rather than by Django app."""
        sections: dict[str, list[Any]] = {section: [] for section in SECTIONS}
        for app in super().get_app_list(request, app_label):
            for entry in app["models"]:
                admin: Any = self._registry[entry["model"]]
                opened = entry["admin_url"] or ""
                sections[admin.section].append(
                    {
                        **entry,
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
                "models": sorted(found, key=lambda entry: entry["position"]),
            }
            for number, (section, found) in enumerate(sections.items(), 1)
            if found
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the sections, and the last actions of this person in any interface."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        actor = actor_of(request)
        mine = log.search(actor=actor.id, limit=8).events
        shown = {
            "recent": lines_of(actor, mine),
            "deviations": selectors.deviations_for(actor, person_of(request)),
            "background": liveness.background(),
        }
        return super().index(request, {**shown, **(extra_context or {})})

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Redirect to the start page, which lists all model admins."""
        return redirect("admin:index")

    def autocomplete_view(self, request: HttpRequest) -> Any:
        """Suggest rows for a field."""
        return AdminAutocompleteView.as_view(admin_site=self)(request)


site = CountersignAdminSite()


def _refuse_nul(request: HttpRequest) -> None:
    """Reject a NUL in the URL: PostgreSQL text cannot contain one and would raise an error."""
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        raise ValidationFailedError([FieldError("/", "control_characters", "A URL must not contain NUL.")])
