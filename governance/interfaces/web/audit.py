"""The audit log: search, and one event in full."""

from __future__ import annotations

import json
import uuid
from datetime import date, datetime, time
from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone

from audit import actions, integrity, notes, proofs, tree
from audit import selectors as log
from audit.actor import Actor
from audit.models import Event
from governance import selectors as promotions
from governance.interfaces.html.event_labels import ObjectLabelResolver, lines_of
from governance.interfaces.web import list_filters
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.log_state import log_state
from registry import access, moments, selectors
from registry.access import OrgPermission
from registry.exceptions import NotFoundError
from registry.json_text import parse_json_or

FILTERS = ("action", "actor", "model", "request", "from", "to")
SIZE = 50


@page_view()
def audit(request: PageRequest) -> HttpResponseBase:
    """List events, newest first; `download=csv` or `jsonl` returns all that the filters select as a file.

    Readers of the organisation's audit log see all events. Others see the events of a model, version or request that is
    visible to them, named by `model` or `request` in the URL or by the search box.
    """
    search = list_filters.parse_search_box(request.GET.get("q", ""), FILTERS)
    filters = {**search.filters, **list_filters.given(request.GET, FILTERS)}
    whole = access.check_org_permission(request.actor, OrgPermission.READ_AUDIT)
    concern = _concern(request, filters, search.text)
    if not whole and not concern.is_open_to_readers_of_the_model:
        context = {"denied": whole, "models": access.visible_models(request.actor).order_by("slug")[:12]}
        return render_page(request, "audit/closed.html", context, status=403)
    conditions: dict[str, Any] = {
        "action": filters.get("action"),
        "actor": _actor_ids(filters.get("actor", "")) if filters.get("actor") else None,
        "stream": f"model:{concern.model.uid}" if concern.model is not None else None,
        "about": concern.about,
        "after": _start(filters.get("from", "")),
        "before": _end(filters.get("to", "")),
        "text": concern.text or None,
    }
    if (form := promotions.EXPORT_FORMATS.get(request.GET.get("download", ""))) is not None:
        words = {
            **filters,
            **({"q": search.text} if search.text else {}),
            "time_zone": timezone.get_current_timezone_name(),
        }
        view = promotions.LogView(conditions, words, with_addresses=bool(whole))
        response = StreamingHttpResponse(
            promotions.export_lines(view, form), content_type=promotions.CONTENT_TYPES[form]
        )
        response["Content-Disposition"] = f'attachment; filename="audit-log.{form}"'
        return response
    found = log.search(**conditions, cursor=request.GET.get("after"), limit=SIZE)
    altered = integrity.altered_events(found.events)
    context = {
        "altered": altered,
        "lines": lines_of(request.actor, found.events),
        "older": found.cursor,
        "began": bool(request.GET.get("after")),
        "q": request.GET.get("q", ""),
        "text": concern.text,
        "filters": filters,
        "chips": _chips(filters),
        "actions": actions.all_actions(),
        "concern": concern,
        "whole": bool(whole),
        "log": log_state() if whole else None,
        "keys": [(notes.VerificationKey.parse(vkey), since) for vkey, _, since in tree.log_keys()] if whole else [],
        "filtered": bool(search.text or filters),
    }
    return render_page(request, "audit/log.html", context, part="results")


def _concern(request: PageRequest, filters: dict[str, str], text: str) -> promotions.Concern:
    """Return the object named by the URL, or else by the search box. Raises NotFoundError if it is not visible."""
    if number := filters.get("request", "").removeprefix("#"):
        known = number.isascii() and number.isdecimal() and len(number) <= 9
        found = promotions.get_request(request.actor, int(number)) if known else None
        if found is None:
            raise NotFoundError(f"“{number}” is not the number of a promotion request: write digits, such as 63.")
        return promotions.Concern(request=found, text=text)
    if slug := filters.get("model"):
        return promotions.Concern(model=selectors.model(request.actor, slug), text=text)
    return promotions.named_in_log(request.actor, text)


def _actor_ids(name: str) -> list[str]:
    """Return the actor ids for a user name, an id or a process; for a person, their tokens are included."""
    return selectors.actor_ids(name) or [name]


def _start(text: str) -> datetime | None:
    day = _day(text)
    return timezone.make_aware(datetime.combine(day, time.min)) if day is not None else None


def _end(text: str) -> datetime | None:
    day = _day(text)
    return timezone.make_aware(datetime.combine(day, time.max)) if day is not None else None


def _day(text: str) -> date | None:
    try:
        return moments.read_day(text)
    except moments.MomentError:
        return None


def _chips(filters: dict[str, str]) -> list[tuple[str, str, str]]:
    words = {"action": "What", "actor": "Who", "model": "Model", "request": "Request", "from": "From", "to": "To"}
    return [(words[key], value, key) for key, value in filters.items()]


@page_view()
def event(request: PageRequest, event_id: uuid.UUID) -> HttpResponse:
    """Show one event and its exact bytes."""
    found = log.get_event(event_id)
    if found is None or not may_read_event(request.actor, found):
        raise NotFoundError("There is no event with this id that you can see.")
    if request.GET.get("download") == "1":
        response = HttpResponse(bytes(found.leaf), content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="event-{found.event_id}.json"'
        return response
    whole = bool(access.check_org_permission(request.actor, OrgPermission.READ_AUDIT))
    proof = proofs.prove_event(found.event_id)
    if proof is not None and request.GET.get("proof") == "1":
        response = HttpResponse(proof.text, content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="event-{found.event_id}.tlog-proof"'
        return response
    names = ObjectLabelResolver(request.actor, [found])
    opened = log.private_values(found)
    body = found.body
    context = {
        "event": found,
        "altered": integrity.altered_events([found]).get(found.event_id),
        "proof": proof,
        "checkpoint": notes.parse_checkpoint(notes.parse(proof.checkpoint.note).text) if proof is not None else None,
        "actor": names.actor_of(found),
        "thing": names.object_of(found),
        "related": names.related_of(found),
        "auth": body.get("actor", {}).get("auth", ""),
        "reason": opened.get("/reason"),
        "changes": _changes(body, opened),
        "data": _data(body, opened),
        "origin": body.get("request", {}),
        "address": opened.get("/request/address") if whole else None,
        "leaf": _pretty(bytes(found.leaf)),
        "size": len(found.leaf),
        "before": log.event_at(found.stream_id, found.stream_seq - 1),
        "after": log.event_at(found.stream_id, found.stream_seq + 1),
        "whole": whole,
    }
    return render_page(request, "audit/event.html", context)


def may_read_event(actor: Actor, found: Event) -> bool:
    """Return whether the actor may read the event: readers of the log every event, others those of models they see."""
    if access.check_org_permission(actor, OrgPermission.READ_AUDIT):
        return True
    kind, _, uid = str(found.stream_id).partition(":")
    return kind == "model" and access.visible_models(actor).filter(uid=uid).exists()


def _changes(body: dict[str, Any], opened: dict[str, str]) -> list[tuple[str, str, str]]:
    """Field, value before, value after. Private values are shown if kept, otherwise as “erased”."""
    rows = []
    for n, change in enumerate(body.get("changes", ())):
        field = str(change.get("field", ""))
        if "commit" in change:
            rows.append((field, *_private(opened.get(f"/changes/{n}"))))
        else:
            rows.append((field, _shown(change.get("from")), _shown(change.get("to"))))
    return rows


def _private(kept: str | None) -> tuple[str, str]:
    if kept is None:
        return "", "erased"
    value = parse_json_or(kept, kept)
    if isinstance(value, dict) and value.keys() <= {"from", "to"}:
        return _shown(value.get("from")), _shown(value.get("to"))
    return "", _shown(value)


def _data(body: dict[str, Any], opened: dict[str, str]) -> list[tuple[str, str]]:
    rows = []
    for name, value in body.get("data", {}).items():
        if isinstance(value, dict) and "commit" in value:
            rows.append((name, opened.get(f"/data/{name}", "erased")))
        elif value is not None:
            rows.append((name, _shown(value)))
    return rows


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pretty(leaf: bytes) -> str:
    return json.dumps(json.loads(leaf), indent=2, ensure_ascii=False)
