"""Response schema of a conflict of interest."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from governance.interfaces.rest.schemas import ResponseBody
from governance.selectors import Conflict


class ConflictResponse(ResponseBody):
    """A person with an interest in the request, by the rules of the separation of duties."""

    effect: Literal["excluded", "marked", "unmatched"] = Field(
        description="excluded: decisions do not count. marked: they count, and the reason is shown. unmatched: the "
        "metadata of the version names a person who matches no account."
    )
    name: str
    rule: str
    reason: str

    @classmethod
    def of(cls, conflict: Conflict) -> ConflictResponse:
        return cls(effect=conflict.effect, name=conflict.name, rule=conflict.rule, reason=conflict.reason)
