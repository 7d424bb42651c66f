"""What a promotion approved of a version, for services that add to the version. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from audit.leaf import Json

if TYPE_CHECKING:
    from registry.models import ModelVersion


class Approved(NamedTuple):
    """A protected stage or alias that a version holds: its promotion, and the fingerprint of the version at that
    time.
    """

    place: str
    """The slug of a stage, or an alias after @."""
    promotion: UUID
    request: int
    fingerprint: str

    def deviation(self, fingerprint: str) -> dict[str, Json] | None:
        """Return how another fingerprint deviates from the approved one, in the form of an event; None if it is
        the same.
        """
        if fingerprint == self.fingerprint:
            return None
        return {"place": self.place, "request": self.request, "approved_fingerprint": self.fingerprint}


AskApproved = Callable[["ModelVersion"], Sequence[Approved]]
"""Called with the version locked to which something is added."""


def nothing_approved(version: ModelVersion) -> Sequence[Approved]:
    """Return no approvals, for a version without a protected stage or alias.

    The database refuses an addition to a version with one if the event does not name the promotion.
    """
    return ()
