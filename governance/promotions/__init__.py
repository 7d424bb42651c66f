"""THE DOOR: every governed change of a stage or a protected alias walks through here, whoever asks and from where.

Page, REST, MLflow, admin and commands call these functions and nothing behind them. Each is one transaction with its
events, takes its locks in one order (model → version → request → check runs), and ends by settling.
"""

from governance.promotions.adopting import adopt
from governance.promotions.aliases import remove_alias
from governance.promotions.binding import bind_policy
from governance.promotions.deciding import Signature, decide
from governance.promotions.expiring import expired, to_settle, touched_by_their_model
from governance.promotions.requesting import request
from governance.promotions.settling import promote, refresh, settle
from governance.promotions.withdrawing import withdraw

__all__ = [
    "Signature",
    "adopt",
    "bind_policy",
    "decide",
    "expired",
    "promote",
    "refresh",
    "remove_alias",
    "request",
    "settle",
    "to_settle",
    "touched_by_their_model",
    "withdraw",
]
