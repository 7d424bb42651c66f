"""Values of the pickle interpreter: what is known about an object that loading would build. Pure.

Constants that can matter later (names, numbers of a shape) are Python's own `str`, `int`, `bool` and None, and short
tuples of values. Everything else is DATA, whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""A constant, a short tuple, an instance of a class below, or an opaque value."""


class Opaque:
    """A value of which nothing is kept."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


DATA = Opaque("data")
"""Plain data, or what a call of an allowed name returns."""
DICT = Opaque("dict")
"""A dict that was just made: the state of an ordinary object."""
STATEFUL = Opaque("stateful")
"""What a call returns whose class has a `__setstate__` of its own."""
UNCERTAIN = Opaque("uncertain")
"""A value that depends on whether the loader keeps the memo of an earlier pickle in the file."""
SPENT = Opaque("spent")
"""A wrapper of joblib whose array was read, or a state that was applied."""


@dataclass(frozen=True, slots=True)
class Import:
    """An object that loading imports by its name. `use` is what the list or the policy allows; None for nothing."""

    name: str
    use: str | None


@dataclass(slots=True)
class Dtype:
    """A dtype of NumPy.

    Attributes:
        kind: the character of its kind, such as `f`.
        item: size of an element in bytes.
        objects: whether elements are Python objects.
        exact: whether the above is certain.
        settled: whether loading may have used it, so that a state would change what exists.
    """

    kind: str
    item: int
    objects: bool
    exact: bool = True
    settled: bool = False


@dataclass(slots=True)
class State:
    """A dict that must be known: the attributes of a wrapper of joblib, or the fields of a dtype.

    Attributes:
        items: the content.
        exact: whether it is certain.
        applied: whether a dtype uses it, so that a change of it would change the dtype.
        keys: memo entries that hold it.
    """

    items: dict[str, Value] = field(default_factory=dict)
    exact: bool = True
    applied: bool = False
    keys: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Wrapper:
    """A NumpyArrayWrapper of joblib: the bytes of an array follow in the file once its state is set.

    Attributes:
        described: whether a state for it was begun.
        keys: memo entries that hold it.
    """

    described: bool = False
    keys: list[int] = field(default_factory=list)


MAX_TUPLE = 64
"""Elements of a tuple that is kept: as many as an array can have dimensions."""


def make_tuple(items: list[Value]) -> Value:
    """Return a tuple of values; DATA if it is too long. Tuples nested more than thrice are DATA, to bound memory."""
    if len(items) > MAX_TUPLE:
        return DATA
    return tuple(DATA if type(item) is tuple and _has_nested(item) else item for item in items)


def _has_nested(value: tuple[Value, ...]) -> bool:
    return any(type(part) is tuple and any(type(inner) is tuple for inner in part) for part in value)
