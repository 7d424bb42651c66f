"""The inbox of notifications."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.notifications import inbox

MAX_KEY = 2**63 - 1


@page_view("GET", "POST")
def notifications(request: PageRequest) -> HttpResponse:
    """Show the inbox; a POST marks as read, mutes or unmutes."""
    unread = request.GET.get("show") != "all"
    if request.method == "POST":
        _change(request)
        return redirect(request.get_full_path())
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdecimal() and int(given[:19]) <= MAX_KEY else None
    context = {
        "inbox": inbox.inbox(request.actor, unread=unread, before=before),
        "unread_only": unread,
        "muted": inbox.mutes(request.actor)[:100],
        "first": before is None,
    }
    return render_page(request, "notifications/inbox.html", context)


@page_view("GET")
def open_notification(request: PageRequest, uid: UUID) -> HttpResponse:
    """Mark a notification as read and open its object. Mails link here: a GET that may be repeated, for its own person
    only.
    """
    return redirect(inbox.open_notification(request.actor, uid).path)


def _change(request: PageRequest) -> None:
    posted = request.POST
    # PostgreSQL refuses NUL in a text.
    subject = [posted.get(name, "").replace("\x00", "") for name in ("subject_type", "subject_id")]
    match posted.get("do"):
        case "read-all":
            inbox.mark_all_read(request.actor)
            messages.success(request, "All notifications are marked as read.")
        case "read":
            inbox.mark_read(request.actor, _uids(posted.getlist("uid")))
        case "mute":
            muted = inbox.mute(request.actor, *subject)
            messages.success(request, f"You are not notified about {muted.subject} any more.")
        case "unmute":
            inbox.unmute(request.actor, *subject)
            messages.success(request, "You are notified about this object again.")
        case _:
            messages.error(request, "Choose one of the buttons of the page.")


def _uids(given: list[str]) -> list[UUID]:
    found = []
    for text in given:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
