"""Policies, readable by every user: as text, and as the published YAML."""

from __future__ import annotations

from django.http import HttpResponse

from governance import selectors
from governance.interfaces.web.views import PageRequest, page_view, render_page


@page_view()
def policy_list(request: PageRequest) -> HttpResponse:
    """List the policies in force, and every path between stages with its requirements."""
    context = {"revisions": list(selectors.policies_in_force()), "paths": selectors.paths()}
    return render_page(request, "policies/list.html", context)


@page_view()
def policy(request: PageRequest, slug: str) -> HttpResponse:
    """Show a revision of a policy: the one in force, or the one in `?revision=`."""
    asked = request.GET.get("revision", "")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else None
    found = selectors.policy_page(slug, number)
    paths = selectors.paths(slug) if found.revision == found.in_force else ()
    return render_page(request, "policies/policy.html", {"found": found, "revision": found.revision, "paths": paths})
