"""The only entry point for governed changes of a stage or a protected alias, for every actor and interface.

Page, REST, MLflow, admin and commands call only these functions. Each is one transaction with its events, takes its
locks in one order (model → version → request → check runs), and ends by evaluating the request again.
"""

from governance.policies import RequestKind
from governance.promotions.aliases import remove_alias
from governance.promotions.binding import bind_policy
from governance.promotions.deciding import decide, prepare_statement
from governance.promotions.due import (
    expired_request_ids,
    requests_affected_by_findings,
    requests_affected_by_model_changes,
    to_settle,
)
from governance.promotions.emergencies import request_emergency, settle_emergencies, settle_emergency
from governance.promotions.emergency_terms import EmergencyTerms
from governance.promotions.escalating import requests_to_escalate, take_due_steps
from governance.promotions.evaluation import promote, rebind_requests, reevaluate
from governance.promotions.import_existing import record_pre_governance_promotion
from governance.promotions.objections import end_objection
from governance.promotions.requesting import request
from governance.promotions.signing import ApprovalCondition, DecisionSignature, PasskeySignature, PreparedStatement
from governance.promotions.withdrawing import withdraw

__all__ = [
    "ApprovalCondition",
    "DecisionSignature",
    "EmergencyTerms",
    "PasskeySignature",
    "PreparedStatement",
    "RequestKind",
    "bind_policy",
    "decide",
    "end_objection",
    "expired_request_ids",
    "prepare_statement",
    "promote",
    "rebind_requests",
    "record_pre_governance_promotion",
    "reevaluate",
    "remove_alias",
    "request",
    "request_emergency",
    "requests_affected_by_findings",
    "requests_affected_by_model_changes",
    "requests_to_escalate",
    "settle_emergencies",
    "settle_emergency",
    "take_due_steps",
    "to_settle",
    "withdraw",
]
