"""Read JSON in files of a version: limited, and without keys that are written twice. Pure.

Readers of JSON keep the last of two equal keys or the first, so such a file has two meanings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed

MAX_JSON = 16 << 20
"""Maximum bytes of a JSON text that is parsed: its values occupy about ten times as much memory."""
MAX_LEVELS = 200


class NotJsonError(ValueError):
    """The text is not JSON."""


def read(raw: bytes, what: str) -> Any:
    """Parse a JSON text.

    Args:
        raw: UTF-8, with or without a byte order mark, at most `MAX_JSON` bytes.
        what: the text, for messages: "config.json".

    Returns:
        The value. Walk it with `walk`, because it may be nested deeper than the stack.

    Raises:
        NotJsonError: the text is not JSON.
        Malformed: it is JSON with a key that is written twice, or larger or nested deeper than the limit.
    """
    if len(raw) > MAX_JSON:
        raise Malformed(f"has a {what} of {len(raw):,} bytes; more than {MAX_JSON:,} are not judged")
    effort.spend(len(raw) // 16)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            double = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise Malformed(f"has a {what} with the key {double[:80]!r} twice: readers differ in which one they take")
        return found

    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=unique)
    except RecursionError:
        raise Malformed(f"has a {what} that is nested too deep to be judged") from None
    except ValueError as fault:
        raise NotJsonError(f"is not JSON: {fault}") from None


def read_object(raw: bytes, what: str) -> dict[str, Any]:
    """Parse a JSON text that must be an object. Raises Malformed if it is not; see `read`."""
    try:
        found = read(raw, what)
    except NotJsonError as fault:
        raise Malformed(f"has a {what} that {fault}") from None
    if not isinstance(found, dict):
        raise Malformed(f"has a {what} that is not a JSON object")
    return found


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each object, array and scalar in a JSON value with its place: "config.layers[2].name".

    Raises:
        Malformed: it is nested deeper than `MAX_LEVELS`, or the step limit is exceeded.
    """
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    steps = 0
    while waiting:
        place, each, level = waiting.pop()
        steps += 1
        if steps % 1_000 == 0:
            effort.spend(1_000)
        yield place, each
        if level > MAX_LEVELS:
            raise Malformed(f"has JSON nested deeper than {MAX_LEVELS} levels, which is not judged")
        if isinstance(each, dict):
            waiting += [(_join(place, key), inner, level + 1) for key, inner in reversed(each.items())]
        elif isinstance(each, list):
            waiting += [(f"{place}[{n}]", inner, level + 1) for n, inner in reversed(list(enumerate(each)))]


def _join(place: str, key: str) -> str:
    key = key if len(key) <= 60 else key[:60] + "…"
    return f"{place}.{key}" if place else key
