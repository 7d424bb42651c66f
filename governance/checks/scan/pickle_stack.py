"""Stack, marks and memo of the pickle interpreter, with their limits."""

from __future__ import annotations

from typing import Never

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.scan.allowed_names import vocabulary
from governance.checks.scan.pickle_report import PickleReport
from governance.checks.scan.pickle_source import Source
from governance.checks.scan.pickle_values import (
    DATA,
    SPENT,
    UNCERTAIN,
    Dtype,
    Opaque,
    State,
    Value,
    Wrapper,
    make_tuple,
)  # fmt: skip

MAX_STACK = 4_000_000
MAX_MARKS = 100_000
MAX_MEMO = 40_000_000
"""Entries. Each takes one byte here, and at least eight in an unpickler."""
MAX_KEPT = 50_000
"""Values in the memo that are kept beside imports and the words of the list."""
PAUSE = 4_096
"""Opcodes between two tests of the limits."""
_KEPT_DEPTH = 100_000
"""Stack entries from which constants become DATA."""
_MEMO_GAP = 1_000
_ABSENT, _PLAIN, _KEPT = 0, 1, 2


class UnreliableError(Exception):
    """The unpicklers may read the rest differently, so interpreting ends. A finding is recorded."""


class PickleStack:
    """What an unpickler keeps while it reads one pickle.

    Attributes:
        source: the bytes.
        report: receives findings.
        earlier: whether an earlier pickle of the file left entries in the memo. A loader may keep them or not.
        opcode_at: position of the current opcode.
        memo_entries: number of entries of the memo.
    """

    def __init__(self, source: Source, report: PickleReport, *, earlier: bool) -> None:
        self.source = source
        self.report = report
        self.earlier = earlier
        self.opcode_at = source.position
        self.stack: list[Value] = []
        self.memo_entries = 0
        self._outer: list[list[Value]] = []
        """The stacks below each mark."""
        self._below = 0
        self._compacted = 0
        self._steps = 0
        self._words = vocabulary()
        self._memo_kinds = bytearray()
        self._memo_kept: dict[int, Value] = {}
        self._memoized = False
        self._kept = 0

    def fail(self, code: str, message: str) -> Never:
        """Record an unsafe finding after which nothing can be known. Raises UnreliableError."""
        self.report.unsafe(code, message, self.opcode_at)
        raise UnreliableError

    def pause(self) -> None:
        """Count `PAUSE` steps and test the limits. Raises Malformed."""
        effort.spend(PAUSE)
        self._steps += PAUSE
        depth = self._below + len(self.stack)
        if depth > MAX_STACK or len(self._outer) > MAX_MARKS:
            raise Malformed("needs more memory to judge than a file may")
        self._compacted = min(self._compacted, depth)
        if depth > self._compacted + _KEPT_DEPTH:
            effort.spend(depth // 4)
            for stack in (*self._outer, self.stack):
                stack[:] = [v if type(v) not in _CONSTANTS else DATA for v in stack]
            self._compacted = depth

    def count_steps(self, steps: int) -> None:
        """Count opcodes that were interpreted together."""
        self._steps += steps

    # Stack and marks.

    def pop(self) -> Value:
        """Take the topmost value. Raises Malformed."""
        if not self.stack:
            raise Malformed("is a pickle that takes more from its stack than there is")
        return self.stack.pop()

    def top(self) -> Value:
        """Return the topmost value. Raises Malformed."""
        if not self.stack:
            raise Malformed("is a pickle that takes more from its stack than there is")
        return self.stack[-1]

    def pop_mark(self) -> list[Value]:
        """Take the topmost mark and return what was above it. Raises Malformed."""
        if not self._outer:
            raise Malformed("is a pickle that looks for a mark that is not there")
        items = self.stack
        self.stack = self._outer.pop()
        self._below -= len(self.stack)
        return items

    def mark(self) -> None:
        """Push a mark."""
        self._outer.append(self.stack)
        self._below += len(self.stack)
        self.stack = []

    def drop(self) -> None:
        """Take the topmost value, or the mark if it is topmost."""
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def drop_mark(self) -> None:
        """Take everything above the topmost mark, and the mark."""
        self.pop_mark()

    def duplicate(self) -> None:
        """Push the topmost value again."""
        self._push_again(self.top())

    def _push_again(self, value: Value) -> None:
        if type(value) is Dtype:
            value.settled = True
        self.stack.append(value)

    # Tuples.

    def empty_tuple(self) -> None:
        """Push an empty tuple."""
        self.stack.append(())

    def tuple_of_mark(self) -> None:
        """Replace everything above the topmost mark by a tuple."""
        items = self.pop_mark()
        self.stack.append(make_tuple(items))

    def tuple1(self) -> None:
        """Replace the topmost value by a tuple of it."""
        self.stack.append(make_tuple([self.pop()]))

    def tuple2(self) -> None:
        """Replace the two topmost values by a tuple."""
        last = self.pop()
        self.stack.append(make_tuple([self.pop(), last]))

    def tuple3(self) -> None:
        """Replace the three topmost values by a tuple."""
        last, middle = self.pop(), self.pop()
        self.stack.append(make_tuple([self.pop(), middle, last]))

    # The memo.

    def get(self, index: int) -> None:
        """Push a memo entry. Raises Malformed."""
        kind = self._memo_kinds[index] if index < len(self._memo_kinds) else _ABSENT
        if self.earlier and (self._memoized or kind == _ABSENT):
            self.stack.append(UNCERTAIN)
        elif kind == _PLAIN:
            self.stack.append(DATA)
        elif kind == _KEPT:
            self._push_again(self._memo_kept[index])
        else:
            raise Malformed("is a pickle that reads a memo entry that is not there")

    def memoize(self) -> None:
        """Store the topmost value under the number of entries."""
        self._memoized = True
        self.put(self.memo_entries)

    def put(self, index: int) -> None:
        """Store the topmost value in the memo.

        Raises:
            Malformed: the memo is too large.
            UnreliableError: the index is far greater than the number of objects so far.
        """
        value = self.top()
        size = len(self._memo_kinds)
        if index >= size:
            if index > _MEMO_GAP + 2 * (self._steps + PAUSE):
                self.fail(
                    "memo_index",
                    f"A memo entry has the number {index:,}. Loading would reserve memory for all entries before it, "
                    "and no pickler writes this.",
                )
            if index >= MAX_MEMO:
                raise Malformed("needs more memory to judge than a file may")
            self._memo_kinds.extend(bytes(max(PAUSE, index + 1 - size)))
        kind = self._memo_kinds[index]
        self.memo_entries += kind == _ABSENT
        if kind == _KEPT:
            self._memo_kept.pop(index)
        self._memo_kinds[index] = _KEPT if value is not DATA and self._keep(index, value) else _PLAIN

    def release(self, wrapper: Wrapper, state: State) -> None:
        """Forget a wrapper whose array was read, and its state."""
        for value in (wrapper, state):
            for index in value.keys:
                if self._memo_kept.get(index) is value:
                    self._memo_kept[index] = SPENT

    def _keep(self, index: int, value: Value) -> bool:
        if type(value) is Opaque and value is not UNCERTAIN and value is not SPENT:
            return False
        if isinstance(value, State | Wrapper):
            value.keys.append(index)
        elif type(value) is str and value in self._words:
            value = self._words[value]
        elif type(value) in _CONSTANTS:
            if self._kept >= MAX_KEPT:
                return False
            self._kept += 1
        self._memo_kept[index] = value
        return True


_CONSTANTS = frozenset({str, int, bool, type(None), tuple})
