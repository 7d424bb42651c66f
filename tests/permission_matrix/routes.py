"""Every address the product answers, found by asking the URL resolver, and what the table does not try."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic import View

from governance.interfaces.admin.site import site
from governance.interfaces.rest import operation
from tests.permission_matrix.actors import MODEL

OPEN = {
    "GET web:sign-in": "the way in",
    "POST web:sign-in": "the way in",
    "GET web:sign-in-link": "how the holder of an account sets a password; nothing opens without the link's code",
    "POST web:sign-in-link": "the same",
    "POST web:theme": "how a browser shows pages; the sign-in page has a theme, too",
    "healthz": "asked by machines that run the product; tells nothing of it",
    "readyz": "the same",
    "metrics": "numbers for a process on the same machine; others need a token that reads the audit log",
    "mlflow-3:server-info": "tells what the MLflow interface does not do, to clients that ask before they sign in",
    "getSchema": "describes the interface, not what is in it",
    "listProblems": "the same",
    "getProblem": "the same",
}
"""What needs no session, and why."""

BESIDE = {
    "mlflow:elsewhere": "finds nothing for anybody",
    "POST web:sign-out": "ends the session that is sent with it, of any person",
    **{
        f"{method} web:{page}": "no policy of the scene has the section; the tests of these kinds of requests try it"
        for method in ("GET", "POST")
        for page in ("emergency", "rollback")
    },
    "GET web:audit-bundle": "needs a signed log; test_audit_pages.py tries who gets one",
    "GET web:packet-earlier": "redirects to the present address of the packet, which decides",
    "GET admin:confirm": "asks for the password again, and opens nothing that was not open",
    "POST admin:confirm": "the same",
    "GET admin:jsi18n": "the words of Django's own scripts",
    "GET admin:autocomplete": "offers rows of the rooms it is asked for; their tests hold it to what those show",
    "GET admin:app_list": "leads to the start page of the site",
}
"""What is open to every signed-in person, and has no row in the table."""

SAMPLES = {
    "slug": MODEL,
    "check_slug": "integrity.digest",
    "grant_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "sha256": "0" * 64,
    "digest": "0" * 64,
    "uid": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "event_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
}


@dataclass(frozen=True)
class Route:
    """An address and one thing that can be done there. `path` is an example of it."""

    name: str
    path: str


def patterns(
    within: URLResolver | None = None, prefix: str = "/", interface: str = ""
) -> Iterator[tuple[str, str, URLPattern]]:
    """Every pattern: the namespace it belongs to, its path so far, and itself."""
    for found in (within or get_resolver()).url_patterns:
        if isinstance(found, URLResolver):
            yield from patterns(found, prefix + str(found.pattern), found.namespace or interface)
        else:
            yield interface, prefix, found


def page_routes() -> list[Route]:
    """The pages, with each method that a page says it takes."""
    found = []
    for interface, prefix, pattern in patterns():
        if interface == "web":
            path = _example(prefix, pattern)
            allowed = Client().generic("OPTIONS", path).headers["Allow"].split(", ")
            found += [Route(f"{method} web:{pattern.name}", path) for method in allowed if method in ("GET", "POST")]
    return found


def operations() -> list[Route]:
    """The operations of the interface, by their names. The catch-all has none: it finds nothing for anybody."""
    found = []
    for interface, prefix, pattern in patterns():
        view: type[View] | None = getattr(pattern.callback, "cls", None)
        if interface == "api" and view is not None:
            for method in view.http_method_names:
                this = operation.get_operation(view, method)
                if this is not None:
                    found.append(Route(this.id, prefix + str(pattern.pattern)))
    return found


def commands() -> set[str]:
    """What changes something in the admin site, by its routes."""
    found = set()
    for kind, room in site._registry.items():
        names = [command.name for command in getattr(room, "commands", ())]
        names += ["add"] if getattr(room, "adding", None) is not None else []
        for name in names:
            route = f"admin:{kind._meta.app_label}_{kind._meta.model_name}_{name}"
            found |= {f"GET {route}", f"POST {route}"}
    return found


def _example(prefix: str, pattern: URLPattern) -> str:
    path = prefix + str(pattern.pattern)
    for name, converter in pattern.pattern.converters.items():
        kind = type(converter).__name__
        usual = {"IntConverter": "1", "UUIDConverter": SAMPLES["event_id"], "Sha256": SAMPLES["sha256"]}
        sample = SAMPLES.get(name, usual.get(kind, "x"))
        path = "".join((path[: path.index("<")], sample, path[path.index(">") + 1 :])) if "<" in path else path
    return path
