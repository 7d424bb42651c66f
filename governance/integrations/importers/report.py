"""The report of an import: counts, and a table of what was left out, with remedies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_DECIDE_HERE = "check the version here: changes in the source are not applied"
MAX_NOTES = 1_000
"""Maximum lines of the table; further ones are counted."""


@dataclass(frozen=True)
class Note:
    """Something that was left out or not changed: what, by which rule, and the remedy."""

    what: str
    rule: str
    way_out: str


@dataclass
class Report:
    """The report of an import."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    omitted: int = 0

    def note(self, what: str, rule: str, way_out: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(Note(what, rule, way_out))
        else:
            self.omitted += 1

    def note_changes(self, what: str, changes: Sequence[tuple[str, str, str]]) -> None:
        """Report what changed in the source since the import: (field, before, now)."""
        if changes:
            self.counts["of these changed in the source"] += 1
            differences = "; ".join(f"{name} {before or '–'} → {now or '–'}" for name, before, now in changes)
            self.note(f"{what}: {differences}", "the claims at the time of the import are kept", _DECIDE_HERE)

    def lines(self) -> Iterator[str]:
        """Yield counts and table as lines for a terminal."""
        words = (
            "models imported",
            "models imported before",
            "versions imported",
            "versions imported before",
            "of these changed in the source",
            "marked promoted before governance",
            "ungoverned transitions and aliases",
        )
        for word in words:
            yield f"{self.counts[word]:>9,}  {word}"
        if self.notes:
            yield ""
            yield f"{len(self.notes) + self.omitted:,} left out or not changed:"
            for note in self.notes:
                yield f"  {note.what}"
                yield f"      rule      {note.rule}"
                yield f"      remedy    {note.way_out}"
            if self.omitted:
                yield f"  … and {self.omitted:,} more: correct these and run the import again."
