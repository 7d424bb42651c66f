"""Read-only queries on promotions and on what is in production: request pages, lists, inboxes, readiness, health.

They use the same pure evaluation as the gate, so what is shown is what the gate enforces.
"""

from governance.selectors.author_queue import AuthorRow, has_author_work, waiting_for_author
from governance.selectors.check_pages import CheckCatalogue, CheckPage, check_catalogue, check_example, check_page
from governance.selectors.comparing import compare_with_limits, limits_in_force, limits_in_force_by_tier
from governance.selectors.counting import capped_counts, waiting_checks
from governance.selectors.deviating import Deviation, deviations_for, deviations_of
from governance.selectors.health import (
    Approved,
    ModelHealth,
    approved_for,
    health_of_models,
    health_of_version,
    health_of_versions,
)
from governance.selectors.inbox import (
    ListRow,
    MyReviews,
    model_ids_awaiting_review,
    my_reviews,
    promotion_summaries,
    promotion_summaries_of,
)
from governance.selectors.leaving import Leaving, leaving
from governance.selectors.loading_effects import LoadingEffect, LoadingEffects, loading_effects
from governance.selectors.measured import Measured, measured_by
from governance.selectors.packets import PacketProof, PacketRecord, packet_record
from governance.selectors.paths import PathPolicy, PathRequirements, paths, warnings_of
from governance.selectors.policies import (
    PolicyPage,
    PolicyRow,
    policies_in_force,
    policy_page,
    policy_rows,
    revision_numbered,
)
from governance.selectors.policy_history import (
    PolicyChange,
    RevisionDifference,
    difference_of,
    history_of,
    models_covered,
    open_proposals,
)
from governance.selectors.population import Occupant, all_occupants, in_stage, occupants
from governance.selectors.readiness import AskedGroup, ReadinessStep, TargetReadiness, readiness
from governance.selectors.related import Rejection, Related
from governance.selectors.request_detail import (
    CheckRow,
    MetricRow,
    PromotionDetail,
    RequestEvaluation,
    evaluate_request,
    metric_rows,
    poll_token,
    request_page,
)
from governance.selectors.requests import (
    decisions_on_packet,
    get_request,
    get_request_status,
    latest_runs,
    live_alias_requests,
    live_requests,
    packets_by_digest,
    request_not_found,
    request_numbers,
    request_revision,
    requests_by_pk,
    requests_of_version,
    source_copy,
    visible_requests,
)
from governance.selectors.rollbacks import RollbackCandidate, rollback_candidates
from governance.selectors.search import find_models, find_versions, parse
from governance.selectors.signals import (
    SignalChart,
    SignalsPage,
    finding,
    series_now,
    series_of,
    signals_page,
    visible_findings,
)
from governance.selectors.trail import Concern, named_in_log, trail_of_request
from governance.selectors.whole_versions import ResolvedVersion, WholeVersion, resolved_version, whole_version

__all__ = [
    "Approved",
    "AskedGroup",
    "AuthorRow",
    "CheckCatalogue",
    "CheckPage",
    "CheckRow",
    "Concern",
    "Deviation",
    "Leaving",
    "ListRow",
    "LoadingEffect",
    "LoadingEffects",
    "Measured",
    "MetricRow",
    "ModelHealth",
    "MyReviews",
    "Occupant",
    "PacketProof",
    "PacketRecord",
    "PathPolicy",
    "PathRequirements",
    "PolicyChange",
    "PolicyPage",
    "PolicyRow",
    "PromotionDetail",
    "ReadinessStep",
    "Rejection",
    "Related",
    "RequestEvaluation",
    "ResolvedVersion",
    "RevisionDifference",
    "RollbackCandidate",
    "SignalChart",
    "SignalsPage",
    "TargetReadiness",
    "WholeVersion",
    "all_occupants",
    "approved_for",
    "capped_counts",
    "check_catalogue",
    "check_example",
    "check_page",
    "compare_with_limits",
    "decisions_on_packet",
    "deviations_for",
    "deviations_of",
    "difference_of",
    "evaluate_request",
    "find_models",
    "find_versions",
    "finding",
    "get_request",
    "get_request_status",
    "has_author_work",
    "health_of_models",
    "health_of_version",
    "health_of_versions",
    "history_of",
    "in_stage",
    "latest_runs",
    "leaving",
    "limits_in_force",
    "limits_in_force_by_tier",
    "live_alias_requests",
    "live_requests",
    "loading_effects",
    "measured_by",
    "metric_rows",
    "model_ids_awaiting_review",
    "models_covered",
    "my_reviews",
    "named_in_log",
    "occupants",
    "open_proposals",
    "packet_record",
    "packets_by_digest",
    "parse",
    "paths",
    "policies_in_force",
    "policy_page",
    "policy_rows",
    "poll_token",
    "promotion_summaries",
    "promotion_summaries_of",
    "readiness",
    "request_not_found",
    "request_numbers",
    "request_page",
    "request_revision",
    "requests_by_pk",
    "requests_of_version",
    "resolved_version",
    "revision_numbered",
    "rollback_candidates",
    "series_now",
    "series_of",
    "signals_page",
    "source_copy",
    "trail_of_request",
    "visible_findings",
    "visible_requests",
    "waiting_checks",
    "waiting_for_author",
    "warnings_of",
    "whole_version",
]
