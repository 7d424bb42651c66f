"""Numbers for monitoring, in the text format of Prometheus."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from governance import liveness, selectors
from governance.log_state import log_state
from registry import access
from registry.services import tokens

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the state of the queues, workers and beat.

    For a process on the same machine, or with a token that reads the audit log of the organisation.
    """
    if not (_is_local(request) or _is_permitted(request)):
        text = "Ask from this machine without a proxy, or with a token of an auditor or officer (audit:read).\n"
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse(text, status=401, content_type="text/plain; charset=utf-8", headers=headers)
    return HttpResponse("\n".join(_lines()) + "\n", content_type=CONTENT_TYPE)


def _is_local(request: HttpRequest) -> bool:
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _is_permitted(request: HttpRequest) -> bool:
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    actor = tokens.authenticate(secret.strip()) if kind.lower() == "bearer" else None
    return actor is not None and bool(access.check_org_permission(actor, access.OrgPermission.READ_AUDIT))


def _lines() -> Iterable[str]:
    found = liveness.background()
    yield from _gauge("countersign_workers", "Workers that run.", [("", len(found.workers))])
    served = [(queue, sum(queue in worker.queues for worker in found.workers)) for queue in liveness.queues()]
    yield from _gauge("countersign_queue_workers", "Workers that serve a queue.", _labelled("queue", served))
    yield from _gauge("countersign_beat_up", "Whether beat runs.", [("", int(found.has_beat))])
    waiting = selectors.waiting_checks()
    counts = [(status, found.number) for status, found in waiting.items()]
    ages = [(status, round(found.oldest, 1)) for status, found in waiting.items()]
    yield from _gauge("countersign_check_runs", "Unfinished check runs.", _labelled("status", counts))
    text = "Age of the oldest unfinished check run."
    yield from _gauge("countersign_check_run_oldest_seconds", text, _labelled("status", ages))
    log = log_state()
    text = "Events that are not in the tree of the audit log yet."
    yield from _gauge("countersign_audit_pending_events", text, [("", log.pending)])
    text = "Age of the oldest event that is not in the tree."
    yield from _gauge("countersign_audit_pending_oldest_seconds", text, [("", round(log.oldest_pending, 1))])
    yield from _gauge("countersign_audit_tree_size", "Events in the tree.", [("", log.size)])
    yield from _gauge("countersign_audit_signed_size", "Size of the last checkpoint.", [("", log.signed_size)])
    text = "Whether a sequencer runs and signs."
    yield from _gauge("countersign_audit_sequencer_up", text, [("", int(log.runs))])
    text = "Anchors that lack a recent checkpoint."
    yield from _gauge("countersign_audit_anchors_late", text, [("", len(log.late))])


def _labelled(name: str, values: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    return [(f'{{{name}="{value}"}}', number) for value, number in values]


def _gauge(name: str, text: str, values: Iterable[tuple[str, float]]) -> Iterable[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for labels, number in values:
        yield f"{name}{labels} {number}"
