"""The policy language and its evaluation: facts in, verdict out.

Pure: no database, no clock, no settings. `governance.gate` reads the facts, and `governance.promotions` acts on the
verdict under locks. Pages, API and simulator show the same verdict.
"""

from governance.policies.combining import (
    Merge,
    UncombinableRule,
    combine,
    conflicts,
    is_at_least_as_strict,
    merge_equal,
)
from governance.policies.document import (
    DEFAULT_EXTERNAL_TIMEOUT,
    AppliesTo,
    ApprovalRule,
    CheckRule,
    CheckSlug,
    PolicyDocument,
    Slug,
    is_fresh,
    parse,
)
from governance.policies.emergency import Emergency, combine_emergencies
from governance.policies.judging import (
    PASSING_CONCLUSIONS,
    ApprovalProgress,
    CheckFact,
    DecisionFact,
    Facts,
    GateState,
    Reviewer,
    Verdict,
    applicable_rules,
    assign_approvers,
    conditions_of_model,
    evaluate,
)
from governance.policies.kinds import RequestKind, rules_for
from governance.policies.model_filter import ModelFacts, ModelFilter, describe_models, facts_of_model
from governance.policies.mutual_approvals import MutualApprovals, approval_cycles, cycle_in_words
from governance.policies.paths import (
    Basis,
    Demand,
    Represented,
    choose,
    demands_of_alias,
    demands_of_move,
    is_ambiguous,
    overlap,
    why_chosen,
)
from governance.policies.requirements import Requirement, RequirementStatus
from governance.policies.rollback import Rollback, shortest_period
from governance.policies.separation import (
    YOU,
    Exclusion,
    Involvement,
    Joining,
    delegation_exclusion,
    joining_exclusion,
    separation_of_duties_exclusion,
)
from governance.policies.summary import summary
from governance.policies.timing import FreezeWindow, approval_expiry, describe_hours, frozen_until
from governance.policies.wording import in_words

__all__ = [
    "DEFAULT_EXTERNAL_TIMEOUT",
    "PASSING_CONCLUSIONS",
    "YOU",
    "AppliesTo",
    "ApprovalProgress",
    "ApprovalRule",
    "Basis",
    "CheckFact",
    "CheckRule",
    "CheckSlug",
    "DecisionFact",
    "Demand",
    "Emergency",
    "Exclusion",
    "Facts",
    "FreezeWindow",
    "GateState",
    "Involvement",
    "Joining",
    "Merge",
    "ModelFacts",
    "ModelFilter",
    "MutualApprovals",
    "PolicyDocument",
    "Represented",
    "RequestKind",
    "Requirement",
    "RequirementStatus",
    "Reviewer",
    "Rollback",
    "Slug",
    "UncombinableRule",
    "Verdict",
    "applicable_rules",
    "approval_cycles",
    "approval_expiry",
    "assign_approvers",
    "choose",
    "combine",
    "combine_emergencies",
    "conditions_of_model",
    "conflicts",
    "cycle_in_words",
    "delegation_exclusion",
    "demands_of_alias",
    "demands_of_move",
    "describe_hours",
    "describe_models",
    "evaluate",
    "facts_of_model",
    "frozen_until",
    "in_words",
    "is_ambiguous",
    "is_at_least_as_strict",
    "is_fresh",
    "joining_exclusion",
    "merge_equal",
    "overlap",
    "parse",
    "rules_for",
    "separation_of_duties_exclusion",
    "shortest_period",
    "summary",
    "why_chosen",
]
