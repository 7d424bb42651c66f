"""Questions about promotions: what a page or the API shows of a request, and what waits for whom. Reads only.

What is shown is judged by the same pure verdict the gate uses, so nobody is told anything the gate does not hold.
"""

from governance.selectors.author_queue import AuthorRow, has_author_work, waiting_for_author
from governance.selectors.comparing import compared
from governance.selectors.counting import counted_up_to
from governance.selectors.deviating import Deviation, deviations_for, deviations_of
from governance.selectors.finding import absent_request, get_bare_request, get_request, visible_requests
from governance.selectors.inbox import ListRow, MyReviews, list_rows, models_needing, my_reviews
from governance.selectors.leaving import Leaving, leaving
from governance.selectors.measured import Measured, measured_by
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
from governance.selectors.policies import PolicyPage, policies_in_force, policy_page
from governance.selectors.population import Occupant, all_occupants, in_stage, occupants
from governance.selectors.readiness import AskedGroup, ReadinessStep, TargetReadiness, readiness
from governance.selectors.related import Rejection, Related
from governance.selectors.search import find_models, find_versions, parse
from governance.selectors.trail import Concern, named_in_log, trail_of_request

__all__ = [
    "AskedGroup",
    "AuthorRow",
    "CheckRow",
    "Concern",
    "Deviation",
    "Leaving",
    "ListRow",
    "Measured",
    "MetricRow",
    "MyReviews",
    "Occupant",
    "PathPolicy",
    "PathRequirements",
    "PolicyPage",
    "ReadinessStep",
    "Rejection",
    "Related",
    "RequestPage",
    "Standing",
    "TargetReadiness",
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
    "has_author_work",
    "in_stage",
    "judge",
    "leaving",
    "list_rows",
    "measured_by",
    "metric_rows",
    "models_needing",
    "my_reviews",
    "named_in_log",
    "occupants",
    "parse",
    "paths",
    "policies_in_force",
    "policy_page",
    "readiness",
    "request_page",
    "seen_token",
    "trail_of_request",
    "visible_requests",
    "waiting_for_author",
    "warnings_of",
]
