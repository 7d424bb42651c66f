"""What a promotion approved of a version, as services that add to the version are given it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from audit.leaf import Json

if TYPE_CHECKING:
    from registry.models import ModelVersion


class Approved(NamedTuple):
    """A protected place that a version holds: the promotion behind it, and the fingerprint the version had then."""

    place: str
    """A stage's slug, or an alias after @."""
    promotion: UUID
    request: int
    fingerprint: str

    def deviation(self, fingerprint: str) -> dict[str, Json] | None:
        """How another fingerprint deviates from the approved one, as an event records it; None where it does not."""
        if fingerprint == self.fingerprint:
            return None
        return {"place": self.place, "request": self.request, "approved_fingerprint": self.fingerprint}


AskApproved = Callable[["ModelVersion"], Sequence[Approved]]
"""Asked under the locks of the version that is added to."""


def nothing_approved(version: ModelVersion) -> Sequence[Approved]:
    """For a version that holds no protected place. The database refuses an addition to one that does, where its event
    does not name the promotion."""
    return ()
