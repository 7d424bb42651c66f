"""Policies, readable by every user: in words, as rules, as the published YAML, with history, models and differences."""

from __future__ import annotations

from django.http import HttpResponse

from governance import selectors
from governance.interfaces.web import pagination
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import access

MAX_WAIVERS = 20
"""Waivers on the page of a policy, those that end first; the list of waivers shows all."""


@page_view()
def policy_list(request: PageRequest) -> HttpResponse:
    """List the policies in force, and every path between stages with its requirements."""
    context = {
        "rows": selectors.policy_rows(),
        "others": selectors.policies_not_in_force(),
        "paths": selectors.paths(),
        "proposals": list(selectors.open_proposals(request.actor)),
        "may_propose": may_propose(request),
    }
    return render_page(request, "policies/list.html", context)


def may_propose(request: PageRequest) -> bool:
    """Return whether the user is offered the forms of an officer."""
    return bool(access.check_org_permission(request.actor, access.OrgPermission.MANAGE_POLICIES))


@page_view()
def policy(request: PageRequest, slug: str) -> HttpResponse:
    """Show a revision of a policy: the one in force, or the one in `?revision=`.

    `?from=` and `?to=` name two revisions whose difference is shown.
    """
    found = selectors.policy_page(slug, _number(request, "revision"))
    governed = selectors.paths(slug) if found.in_force is not None else ()
    covered = selectors.models_covered(request.actor, governed, found.document)
    cut = pagination.paginate(covered.select_related("owner"), ("slug",), request.GET)
    context = {
        "found": found,
        "revision": found.revision,
        "paths": governed if found.revision == found.in_force else (),
        "history": selectors.history_of(request.actor, found.revision.policy),
        "covered": covered.count(),
        "models": cut.rows,
        "page": cut,
        "proposals": list(selectors.open_proposals(request.actor, slug)),
        "may_propose": may_propose(request),
        "difference": _difference(request, slug, found),
        "waivers": list(selectors.waivers_under_policy(request.actor, slug)[:MAX_WAIVERS]),
        "approvals": sorted(found.document.approvals, key=lambda rule: rule.order),
    }
    return render_page(request, "policies/policy.html", context, part="covered")


def _difference(request: PageRequest, slug: str, found: selectors.PolicyPage) -> selectors.RevisionDifference | None:
    """Return the difference that is asked for; else that to the revision before, if there is one."""
    numbers = [one.number for one in found.revisions]
    after = _number(request, "to") or found.revision.number
    earlier = [number for number in numbers if number < after]
    before = _number(request, "from") or (max(earlier) if earlier else None)
    if before is None:
        return None
    first, second = (selectors.revision_numbered(slug, found.revisions, number) for number in (before, after))
    return selectors.difference_of(first, second)


def _number(request: PageRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
