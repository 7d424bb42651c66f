"""Repeated rows of an evaluation table: they add no information, so they must not narrow a bound."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from governance.checks.tables import TableFormatError

FEWEST_DISTINCT = 10
"""Tables with fewer distinct rows are not tested by rows alone: labels and predictions of a small problem repeat
naturally.
"""
MOST_COMPARED = 2_000_000
"""Maximum length in rows of a table that is searched for a repeated block."""


@dataclass
class RepeatedRows:
    """Collects the identity of each row while a table is read."""

    path: str
    has_ids: bool
    has_detail: bool
    """Whether a row has more than a label and a prediction, so that equal rows are unlikely."""
    _ids: array[int] = field(default_factory=lambda: array("q"))
    _rows: array[int] = field(default_factory=lambda: array("q"))
    _lines: array[int] = field(default_factory=lambda: array("q"))

    def add(self, identities: Sequence[str], rows: Sequence[tuple[str, ...]], line: int) -> None:
        """Add consecutive rows.

        Args:
            identities: the example id of each row; ignored if the table has none.
            rows: the cells of each row.
            line: line of the first row in the file.

        Raises:
            TableFormatError: an id is blank.
        """
        if self.has_ids:
            if not all(identities):
                blank = line + next(at for at, identity in enumerate(identities) if not identity)
                raise TableFormatError(f"{self.path}, row {blank}: the id is blank. Give every row its own.")
            self._ids.extend(map(hash, identities))
        self._rows.extend(map(hash, rows))
        self._lines.extend(range(line, line + len(rows)))

    def first_of_each(self) -> np.ndarray | None:
        """Return the indices of the rows that count; None if every row counts.

        Raises:
            TableFormatError: two rows have the same id and different values.
        """
        rows = np.frombuffer(self._rows, dtype=np.int64)
        if self.has_ids:
            return self._first_of_each_id(np.frombuffer(self._ids, dtype=np.int64), rows)
        _, first, counts = np.unique(rows, return_index=True, return_counts=True)
        if len(first) < FEWEST_DISTINCT:
            return None
        if self.has_detail and np.gcd.reduce(counts) > 1:
            return np.asarray(np.sort(first))
        period = _period(rows) if len(rows) <= MOST_COMPARED else len(rows)
        return np.arange(period) if FEWEST_DISTINCT <= period <= len(rows) // 2 else None

    def _first_of_each_id(self, ids: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
        _, first, which = np.unique(ids, return_index=True, return_inverse=True)
        if len(first) == len(ids):
            return None
        other = np.flatnonzero(rows != rows[first[which]])
        if len(other):
            second = int(other[0])
            lines = self._lines[int(first[which[second]])], self._lines[second]
            raise TableFormatError(
                f"{self.path}: rows {lines[0]} and {lines[1]} have the same id and different values. Give every "
                "example its own id, or keep one row of each."
            )
        return np.asarray(np.sort(first))


def _period(rows: np.ndarray) -> int:
    """Return the shortest period of the table's rows (Knuth-Morris-Pratt failure function); its length if there
    is none.
    """
    values = rows.tolist()
    failure = [0] * len(values)
    matched = 0
    for place in range(1, len(values)):
        while matched and values[place] != values[matched]:
            matched = failure[matched - 1]
        matched += values[place] == values[matched]
        failure[place] = matched
    period = len(values) - (failure[-1] if failure else 0)
    return period if period and len(values) % period == 0 else len(values)
