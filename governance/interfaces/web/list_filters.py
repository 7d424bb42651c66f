"""The filters typed into the search box of a list that has a few of its own (requests, events): `state:blocked pd` is
a filter and a text. Models have a language: `governance.interfaces.web.search`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

# key:value, or key:"two words"; a colon inside other text ("note: see") has no key we know and stays text.
_WORD = re.compile(r'(?<![a-z_])([a-z_]++):("[^"]*"|[^\s"]++)')


@dataclass(frozen=True)
class Search:
    """A search box read: what is left as text, and the filters in it."""

    text: str = ""
    filters: dict[str, str] = field(default_factory=dict)


def given(params: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Return the filters that an address gives by themselves."""
    return {key: params[key] for key in keys if params.get(key)}


def parse_search_box(box: str, keys: Collection[str]) -> Search:
    """Take the filters with known keys out of the text; a key given twice counts as it was given last."""
    filters: dict[str, str] = {}

    def taken(found: re.Match[str]) -> str:
        key, value = found[1], found[2].strip('"')
        if key not in keys or not value:
            return found[0]
        filters[key] = value
        return " "

    text = _WORD.sub(taken, box[:500])
    return Search(" ".join(text.split()), filters)
