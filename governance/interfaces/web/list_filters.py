"""Filters in the search box of simple lists (requests, events): `state:blocked pd` is a filter and a text.

Model lists use the query language: `governance.interfaces.web.search`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

# key:value or key:"two words". A colon in other text ("note: see") has no known key, so it stays text.
_WORD = re.compile(r'(?<![a-z_])([a-z_]++):("[^"]*"|[^\s"]++)')


@dataclass(frozen=True)
class Search:
    """A parsed search box: the remaining text, and the filters."""

    text: str = ""
    filters: dict[str, str] = field(default_factory=dict)


def given(params: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Return the filters given as URL parameters."""
    return {key: params[key] for key in keys if params.get(key)}


def parse_search_box(box: str, keys: Collection[str]) -> Search:
    """Extract the filters with known keys from the text. The last value of a key counts."""
    filters: dict[str, str] = {}

    def taken(found: re.Match[str]) -> str:
        key, value = found[1], found[2].strip('"')
        if key not in keys or not value:
            return found[0]
        filters[key] = value
        return " "

    text = _WORD.sub(taken, box[:500])
    return Search(" ".join(text.split()), filters)
