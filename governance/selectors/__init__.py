"""Questions about promotions: what a page or the API shows of a request, and what waits for whom. Reads only.

What is shown is judged by the same pure verdict the gate uses, so nobody is told anything the gate does not hold.
"""

from django.db.models import QuerySet

from governance.models import PolicyRevision
from governance.selectors.comparing import compared
from governance.selectors.counting import counted_up_to
from governance.selectors.deviating import Deviation, deviations_for, deviations_of
from governance.selectors.finding import absent_request, get_bare_request, get_request, visible_requests
from governance.selectors.inbox import ListRow, MyReviews, list_rows, models_needing, my_reviews
from governance.selectors.leaving import Leaving, leaving
from governance.selectors.page import (
    CheckRow,
    MetricRow,
    RequestPage,
    Standing,
    judge,
    metric_rows,
    request_page,
    seen_token,
)
from governance.selectors.paths import PathPolicy, PathRequirements, paths, warnings_of
from governance.selectors.population import Occupant, all_occupants, in_stage, occupants
from governance.selectors.search import find_models, find_versions, parse
from governance.selectors.trail import Concern, named_in_log, trail_of_request

__all__ = [
    "CheckRow",
    "Concern",
    "Deviation",
    "Leaving",
    "ListRow",
    "MetricRow",
    "MyReviews",
    "Occupant",
    "PathPolicy",
    "PathRequirements",
    "RequestPage",
    "Standing",
    "absent_request",
    "all_occupants",
    "compared",
    "counted_up_to",
    "deviations_for",
    "deviations_of",
    "find_models",
    "find_versions",
    "get_bare_request",
    "get_request",
    "in_stage",
    "judge",
    "leaving",
    "list_rows",
    "metric_rows",
    "models_needing",
    "my_reviews",
    "named_in_log",
    "occupants",
    "parse",
    "paths",
    "policies_in_force",
    "request_page",
    "seen_token",
    "trail_of_request",
    "visible_requests",
    "warnings_of",
]


def policies_in_force() -> QuerySet[PolicyRevision]:
    return PolicyRevision.objects.filter(in_force_of__isnull=False).select_related("policy").order_by("policy__slug")
