"""The policy language and its evaluation: facts in, verdict out.

Pure: no database, no clock, no settings. `governance.gate` reads the facts, and `governance.promotions` acts on the
verdict under locks. Pages, API and simulator show the same verdict.
"""

from governance.policies.combining import Merge, UncombinableRule, combine, conflicts, merge_equal
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
    Requirement,
    RequirementStatus,
    Reviewer,
    Verdict,
    assign_approvers,
    conditions_of_model,
    evaluate,
)
from governance.policies.kinds import RequestKind, rules_for
from governance.policies.paths import (
    Basis,
    Demand,
    Represented,
    choose,
    demands_of_alias,
    demands_of_move,
    overlap,
)
from governance.policies.rollback import Rollback, shortest_period
from governance.policies.separation import (
    YOU,
    Exclusion,
    Involvement,
    Joining,
    joining_exclusion,
    separation_of_duties_exclusion,
)
from governance.policies.summary import summary
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
    "GateState",
    "Involvement",
    "Joining",
    "Merge",
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
    "assign_approvers",
    "choose",
    "combine",
    "combine_emergencies",
    "conditions_of_model",
    "conflicts",
    "demands_of_alias",
    "demands_of_move",
    "evaluate",
    "in_words",
    "is_fresh",
    "joining_exclusion",
    "merge_equal",
    "overlap",
    "parse",
    "rules_for",
    "separation_of_duties_exclusion",
    "shortest_period",
    "summary",
]
