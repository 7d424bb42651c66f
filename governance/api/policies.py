"""The policies in force."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.api import pagination
from governance.api.endpoint import Endpoint, answer
from governance.api.operation import Operation
from governance.api.shapes import Moment, Page, PageAsked, Shown
from registry import access


class PolicyShown(Shown):
    """A policy revision in force. `digest` is the SHA-256 of the RFC 8785 form of `document`; `confirmation` says who
    put it in force: two_officers, single_officer, or setup (without a second person)."""

    slug: str
    title: str
    revision: int
    digest: str
    published_at: Moment
    confirmation: str
    document: dict[str, Any]
    source: str


class PolicyPage(Page[PolicyShown]):
    """A page of policies in force, by name."""


class PoliciesView(Endpoint):
    """/policies"""

    @Operation("listPolicies", "List the policies in force", "policies", {200: PolicyPage}, query=PageAsked)
    def get(self, request: Request) -> Response:
        """What each policy in force asks, of which promotions."""
        asked = self.asked(PageAsked)
        access.require_scope(self.actor, "models:read")
        rows, following = pagination.page(
            selectors.policies_in_force(),
            by="policy__slug",
            kind=str,
            cursor=asked.cursor,
            limit=asked.limit,
            place=lambda revision: revision.policy.slug,
        )
        return answer(
            PolicyPage(
                items=[
                    PolicyShown(
                        slug=revision.policy.slug,
                        title=revision.policy.title,
                        revision=revision.number,
                        digest=revision.digest,
                        published_at=revision.published_at,
                        confirmation=revision.confirmation,
                        document=revision.document,
                        source=revision.source,
                    )
                    for revision in rows
                ],
                next=following,
            ),
            headers=pagination.link(request, following),
        )
