"""Policies, to be read by everyone: in words, and as the YAML that was published."""

from __future__ import annotations

from django.http import HttpResponse

from governance import selectors
from governance.interfaces.web.views import PageRequest, page_view, render_page


@page_view()
def policy_list(request: PageRequest) -> HttpResponse:
    """The policies in force, and every path between stages with what governs it."""
    context = {"revisions": list(selectors.policies_in_force()), "paths": selectors.paths()}
    return render_page(request, "policies/list.html", context)


@page_view()
def policy(request: PageRequest, slug: str) -> HttpResponse:
    """One revision of a policy: that in force, or the one of `?revision=`."""
    asked = request.GET.get("revision", "")
    number = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else None
    found = selectors.policy_page(slug, number)
    paths = selectors.paths(slug) if found.revision == found.in_force else ()
    return render_page(request, "policies/policy.html", {"found": found, "revision": found.revision, "paths": paths})
