"""The problem type record."""

from typing import NamedTuple


class ProblemType(NamedTuple):
    """A problem type: its title (RFC 9457: the same at every occurrence), its meaning, and the remedy."""

    title: str
    meaning: str
    way_out: str
