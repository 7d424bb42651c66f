"""The documentation of the installed checks."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse

from governance import selectors
from governance.checks.documentation_text import origin_in_words, sections
from governance.interfaces.web.markdown import to_html
from governance.interfaces.web.views import PageRequest, page_view, render_page


@page_view()
def check_list(request: PageRequest) -> HttpResponse:
    """List the installed checks, and the plug-ins that cannot be used with the reason."""
    return render_page(request, "checks/list.html", {"found": selectors.check_catalogue()})


@page_view()
def check(request: PageRequest, check_slug: str) -> HttpResponse:
    """Show what a check does, its parameters and evidence, and how to fix a failure."""
    found = selectors.check_page(check_slug)
    about = found.documentation
    parts = sections(about, lambda name: reverse("web:check-example", args=[about.slug, name]))
    rendered = [(part, to_html(part.text)) for part in parts]
    context = {
        "found": found,
        "about": about,
        "origin": origin_in_words(about),
        "main": rendered[:3],
        "side": rendered[3:],
    }
    return render_page(request, "checks/check.html", context)


@page_view()
def example(request: PageRequest, check_slug: str, name: str) -> HttpResponse:
    """Send an example file of a check as a download."""
    response = HttpResponse(selectors.check_example(check_slug, name), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
