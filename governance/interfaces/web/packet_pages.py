"""The pages of frozen packets: one packet as it was signed, and the differences of two packets of a request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect

from governance import selectors
from governance.interfaces.web import packets
from governance.interfaces.web.discussion import discussion_at
from governance.interfaces.web.packet_renderers import render
from governance.interfaces.web.views import PageRequest, page_view, render_page

MOST_DIFFERENCES = 400
"""Maximum differences listed; further ones are counted."""
_KEYS = ("check", "path", "kind", "slug", "group", "name", "dataset", "slice", "role", "reference", "event")
"""Members that identify an item of a list, in the order in which they are joined."""


@page_view()
def packet(request: PageRequest, number: int, digest: str) -> HttpResponse:
    """Show a packet as it was signed, verified; `download=1` sends the stored bytes."""
    record = selectors.packet_record(request.actor, number, digest)
    if request.GET.get("download") == "1":
        response = HttpResponse(record.body, content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="packet-{number}-{digest[:12]}.json"'
        return response
    context = {
        "r": record.request,
        "record": record,
        "sections": render(record),
        "past": discussion_at(record.request, list(record.decisions)),
        "as_stored": record.content or record.body.decode("utf-8", "replace"),
    }
    return render_page(request, "promotions/packet.html", context)


@page_view()
def earlier_address(request: PageRequest, number: int, digest: str) -> HttpResponse:
    """Redirect the earlier address of a packet, which events and documents may name."""
    response = redirect("web:packet", number, digest, permanent=True)
    if request.GET:
        response["Location"] += f"?{request.GET.urlencode()}"
    return response


@dataclass(frozen=True)
class Difference:
    """A member that differs between two packets: its path in words, and its values."""

    part: str
    item: str
    before: str
    after: str


@page_view()
def compare(request: PageRequest, number: int, before: str, after: str) -> HttpResponse:
    """Show what differs between two packets of a request."""
    old, new = (selectors.packet_record(request.actor, number, digest) for digest in (before, after))
    found = list(differences(old.content, new.content))
    shown = found[:MOST_DIFFERENCES]
    try:
        sentences = packets.diff_packets(dict(old.content), dict(new.content))
    except (KeyError, TypeError):  # one of them is not of a form that has these members
        sentences = []
    context = {
        "r": new.request,
        "old": old,
        "new": new,
        "sentences": sentences,
        "differences": shown,
        "left_out": len(found) - len(shown),
        "names": {**old.names, **new.names},
    }
    return render_page(request, "promotions/packet_changes.html", context)


def differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Return the members that differ between two packets, in the order of the content.

    Items of a list are matched by the members that identify them, so that an added item is one difference.
    """
    if before == after:
        return
    old, new = _members(before), _members(after)
    if old is not None and new is not None:
        for key in dict.fromkeys([*old, *new]):
            yield from differences(old.get(key), new.get(key), (*path, key))
        return
    yield Difference(_words(path[:1]), _words(path[1:]), _value(before), _value(after))


def _members(value: Any) -> dict[str, Any] | None:
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, list) or not value or not all(isinstance(item, Mapping) for item in value):
        return None
    found: dict[str, Any] = {}
    for item in value:
        parts = [str(item[name]) for name in _KEYS if isinstance(item.get(name), str | int)]
        key = " · ".join(filter(None, parts))
        found[key if key and key not in found else f"{key or 'item'} {len(found) + 1}"] = item
    return found


def _words(path: tuple[str, ...]) -> str:
    return " › ".join(part.replace("_", " ") for part in path)


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
