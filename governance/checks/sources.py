"""Where a piece of evidence comes from, before it is copied into a sandbox. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A file of the evidence: in storage under its digest, or, for a model card, its text."""

    kind: str
    path: str
    sha256: str
    size: int
    stored: bool = True
    text: str | None = None

    def as_json(self) -> list[str | int]:
        """Return its part of the inputs digest."""
        return [self.kind, self.path, self.sha256, self.size]
