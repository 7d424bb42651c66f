"""The result of a replay, as values and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from audit import canonical
from governance.replay.outcomes import ReplayOutcome


class ReplayPart(StrEnum):
    """The sets over which a draft is replayed."""

    PAST = "past"
    OPEN = "open"
    PRODUCTION = "production"


@dataclass(frozen=True)
class ReplayRow:
    """A request, or a version in a protected place, that the draft concerns and does not leave unchanged."""

    part: ReplayPart
    outcome: ReplayOutcome
    request: int | None
    model: int
    slug: str
    version: int
    target: str
    state: str
    """State of the request."""
    before: str
    after: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Replay:
    """The result of a replay.

    `counts` is the number of requests by part and outcome; `outside` how many of a part the draft does not concern.
    """

    policy: str
    document_digest: str
    since: datetime
    rows: tuple[ReplayRow, ...]
    counts: Mapping[str, Mapping[str, int]]
    outside: Mapping[str, int]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the result."""
        return canonical.digest(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON, in a stable order."""
        return {
            "policy": self.policy,
            "document_digest": self.document_digest,
            "since": self.since.isoformat(),
            "counts": {part: dict(sorted(counts.items())) for part, counts in sorted(self.counts.items())},
            "outside": dict(sorted(self.outside.items())),
            "rows": [
                {
                    "part": str(row.part),
                    "outcome": str(row.outcome),
                    "request": row.request,
                    "model_id": row.model,
                    "model": row.slug,
                    "version": row.version,
                    "target": row.target,
                    "state": row.state,
                    "before": row.before,
                    "after": row.after,
                    "reasons": list(row.reasons),
                }
                for row in self.rows
            ],
        }
