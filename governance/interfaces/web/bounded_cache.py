"""A bounded in-process LRU cache for values derived from immutable text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class BoundedCache(Generic[V]):
    """An LRU cache. Keys contain a digest of everything the value depends on, so values need no invalidation.

    Args:
        limit: maximum sum of the sizes of the values, in the unit of `size_of`.
        size_of: returns the size of a value.
    """

    def __init__(self, limit: int, size_of: Callable[[V], int]) -> None:
        self._limit, self._size_of = limit, size_of
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value of a key; compute it if it is not cached. Two threads may compute the same value."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        size = self._size_of(value)
        with self._lock:
            if key not in self._values and size <= self._limit:
                self._values[key] = value
                self._size += size
            while self._size > self._limit:
                self._size -= self._size_of(self._values.popitem(last=False)[1])
        return value
