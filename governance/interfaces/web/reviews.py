"""My reviews, and the start page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect

from audit import clock
from governance import selectors
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import PromotionRequest
from registry import selectors as registry
from registry.services import change_proposals

OWN_SHOWN = 20
ACCESS_SHOWN = 50
IMPACTS_SHOWN = 20
DELEGATIONS_SHOWN = 5


@page_view()
def reviews(request: PageRequest) -> HttpResponse:
    """Show what waits for the user as reviewer, author or model owner, what waits for others, and recent decisions."""
    queue = selectors.my_queue(request.actor, request.person)
    own = (
        selectors.visible_requests(request.actor)
        .filter(requested_by=request.person, state__in=PromotionRequest.LIVE)
        .order_by("-pk")[:OWN_SHOWN]
    )
    context = {
        "changes": change_proposals.waiting_for(request.actor),
        "access_requests": registry.access_requests_to_answer(request.actor)[:ACCESS_SHOWN],
        "queue": queue,
        "delegations": selectors.delegation_rows(
            request.actor, selectors.delegations_of(request.person, current=True)[:DELEGATIONS_SHOWN]
        ),
        "deviations": selectors.deviations_for(request.actor, request.person),
        "impacts": selectors.impacts_for(request.actor, request.person, most=IMPACTS_SHOWN),
        "debts": selectors.visible_debts(request.actor),
        "findings": selectors.findings_for(request.actor, request.person),
        "today": clock.now().date(),
        "own": selectors.promotion_summaries(request.actor, own, request.person),
    }
    return render_page(request, "reviews/reviews.html", context)


@page_view()
def home(request: PageRequest) -> HttpResponse:
    """Redirect to the reviews if something waits for the user, otherwise to the models."""
    waits = bool(selectors.model_ids_awaiting_review(request.actor, request.person)) or bool(
        selectors.count_author_work(request.actor, request.person)
    )
    return redirect("web:reviews" if waits else "web:models")
