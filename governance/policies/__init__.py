"""What a policy says, and what follows from it: facts in, verdict out.

Pure: no database, no clock, no settings. `governance.promotions` gathers the facts under lock and acts on the verdict;
pages, API and simulator show the same verdict, so nobody is told anything the gate does not also hold.
"""

from governance.policies.combining import Merge, UncombinableRule, combine, conflicts, merge_equal
from governance.policies.document import (
    AppliesTo,
    ApprovalRule,
    CheckRule,
    CheckSlug,
    PolicyDocument,
    Slug,
    parse,
    young_enough,
)
from governance.policies.judging import (
    PASSING_CONCLUSIONS,
    ApprovalStanding,
    CheckFact,
    DecisionFact,
    Facts,
    Met,
    Requirement,
    Reviewer,
    State,
    Verdict,
    assign,
    conditions_of_model,
    verdict,
)
from governance.policies.paths import (
    Basis,
    Demand,
    Represented,
    choose,
    demands_of_alias,
    demands_of_move,
    overlap,
)
from governance.policies.separation import (
    YOU,
    Exclusion,
    Involvement,
    Joining,
    exclusion,
    joining_exclusion,
)
from governance.policies.wording import in_words

__all__ = [
    "PASSING_CONCLUSIONS",
    "YOU",
    "AppliesTo",
    "ApprovalRule",
    "ApprovalStanding",
    "Basis",
    "CheckFact",
    "CheckRule",
    "CheckSlug",
    "DecisionFact",
    "Demand",
    "Exclusion",
    "Facts",
    "Involvement",
    "Joining",
    "Merge",
    "Met",
    "PolicyDocument",
    "Represented",
    "Requirement",
    "Reviewer",
    "Slug",
    "State",
    "UncombinableRule",
    "Verdict",
    "assign",
    "choose",
    "combine",
    "conditions_of_model",
    "conflicts",
    "demands_of_alias",
    "demands_of_move",
    "exclusion",
    "in_words",
    "joining_exclusion",
    "merge_equal",
    "overlap",
    "parse",
    "verdict",
    "young_enough",
]
