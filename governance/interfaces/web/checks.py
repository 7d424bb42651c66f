"""The documentation of the installed checks."""

from __future__ import annotations

from django.http import HttpResponse

from governance import selectors
from governance.checks.documentation import CONCLUSIONS
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
    context = {
        "found": found,
        "about": about,
        "guide": to_html(about.guide),
        "evidence": [(row, to_html(row.form)) for row in about.evidence],
        "conclusions": CONCLUSIONS,
    }
    return render_page(request, "checks/check.html", context)


@page_view()
def example(request: PageRequest, check_slug: str, name: str) -> HttpResponse:
    """Send an example file of a check as a download."""
    response = HttpResponse(selectors.check_example(check_slug, name), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
