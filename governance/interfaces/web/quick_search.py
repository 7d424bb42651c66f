"""/go/: redirect from a reference to its page. The search box accepts a digest or #128 in the same way."""

from __future__ import annotations

import re
import uuid
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from audit import selectors as log
from governance import selectors as promotions
from governance.interfaces.html.event_labels import ObjectLabelResolver
from governance.interfaces.web.audit import may_read_event
from governance.interfaces.web.views import PageRequest, page_view
from registry import access, selectors
from registry.exceptions import NotFoundError

UNMISTAKABLE = 32
"""Minimum length at which a text is taken as a digest or an id."""
LONGEST = 250

_NUMBER = re.compile(r"#?(\d{1,9})")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{8,64})")
_VERSION = re.compile(r"(?:models:/)?([a-z0-9][a-z0-9._-]*)(?:/| v| )(\d{1,9})")
_ALIAS = re.compile(r"(?:models:/)?([a-z0-9][a-z0-9._-]*)@([\w-]{1,255})")


@page_view()
def jump(request: PageRequest, what: str = "") -> HttpResponse:
    """Redirect to the named object, or to a model search."""
    named = (what or request.GET.get("q", "")).strip().rstrip("/")[:500]
    return redirect(find(request, named) or f"{reverse('web:models')}?{urlencode({'q': named})}")


def named_by(request: PageRequest, text: str) -> str:
    """Return the URL of the object that a reference names (#128, digest, model@alias, id); empty for other text."""
    text = text.strip().removeprefix("sha256:")
    unmistakable = text.startswith("#") or "@" in text or len(text) >= UNMISTAKABLE
    return find(request, text) if unmistakable and len(text) <= LONGEST and " " not in text and ":" not in text else ""


def find(request: PageRequest, named: str) -> str:
    """Return the URL of the one visible object with that name; empty if there is none or more than one."""
    for look in (_request, _event_or_object, _reference, _model, _digest):
        if address := look(request, named):
            return address
    return ""


def _request(request: PageRequest, named: str) -> str:
    found = _NUMBER.fullmatch(named)
    if found is None or not promotions.visible_requests(request.actor).filter(pk=int(found[1])).exists():
        return ""
    return reverse("web:promotion", args=[int(found[1])])


def _event_or_object(request: PageRequest, named: str) -> str:
    try:
        uid = uuid.UUID(named)
    except ValueError:
        return ""
    event = log.get_event(uid)
    if event is not None and may_read_event(request.actor, event):
        return reverse("web:event", args=[event.event_id])
    names = ObjectLabelResolver.of(request.actor, str(uid))
    return next((label.url for label in names if label.url), "")


def _reference(request: PageRequest, named: str) -> str:
    if version := _VERSION.fullmatch(named):
        reference = f"{version[1]}/{version[2]}"
    elif alias := _ALIAS.fullmatch(named):
        reference = f"{alias[1]}@{alias[2]}"
    else:
        return ""
    try:
        found = selectors.resolve(request.actor, reference)
    except NotFoundError:
        return ""
    return reverse("web:version", args=[found.model.slug, found.number])


def _model(request: PageRequest, named: str) -> str:
    visible = access.visible_models(request.actor).filter(slug=named).exists()
    return reverse("web:model", args=[named]) if visible else ""


def _digest(request: PageRequest, named: str) -> str:
    """Look up a fingerprint, a file digest or a packet digest; a prefix is enough if it is unique."""
    found = _DIGEST.fullmatch(named)
    if found is None:
        return ""
    start = found[1].lower()
    packets = promotions.visible_requests(request.actor).filter(
        Q(packet_digest__startswith=start) | Q(packets__digest__startswith=start)
    )
    versions = selectors.versions_with_digest_prefix(request.actor, start)
    addresses = {reverse("web:promotion", args=[pk]) for pk in packets.values_list("pk", flat=True).distinct()[:2]}
    addresses |= {reverse("web:version", args=[v.model.slug, v.number]) for v in versions[:2]}
    return addresses.pop() if len(addresses) == 1 else ""
