"""Bounds on metric values, and the only implementation of the comparison operators of policies. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
)
"""Comparison of a value (first) with a limit (second), by the operator as a policy writes it."""


@dataclass(frozen=True)
class MetricBound:
    """A limit that a policy sets on a metric: `op` is a key of `OPERATORS`."""

    op: str
    value: float

    @property
    def is_minimum(self) -> bool:
        """Whether values below the limit are outside; else values above it are."""
        return self.op.startswith(">")

    def holds(self, value: float) -> bool:
        """Return whether a value is within the limit."""
        return OPERATORS[self.op](value, self.value)
