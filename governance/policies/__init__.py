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
from governance.policies.separation import (
    YOU,
    Exclusion,
    Involvement,
    Joining,
    exclusion,
    joining_exclusion,
)

__all__ = [
    "YOU",
    "AppliesTo",
    "ApprovalRule",
    "ApprovalStanding",
    "CheckFact",
    "CheckRule",
    "CheckSlug",
    "DecisionFact",
    "Exclusion",
    "Facts",
    "Involvement",
    "Joining",
    "Merge",
    "Met",
    "PolicyDocument",
    "Requirement",
    "Reviewer",
    "Slug",
    "State",
    "UncombinableRule",
    "Verdict",
    "assign",
    "combine",
    "conditions_of_model",
    "conflicts",
    "exclusion",
    "joining_exclusion",
    "merge_equal",
    "parse",
    "verdict",
    "young_enough",
]
