"""Formatting of cells: links, dates, states. Always with text, never by colour alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance.interfaces.html.templatetags import times, ui

NONE = "–"


def admin_link(row: Model | None, words: str = "") -> SafeString | str:
    """A link to a row's record on this site."""
    if row is None:
        return NONE
    opts = row._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, words or str(row))


def page_link(url: str, words: str) -> SafeString:
    """A link to a page outside the admin site."""
    return format_html('<a href="{}">{}</a>', url, words)


def place_link(slug: str, number: int | None, place: str = "") -> SafeString:
    """A link to the page of a version, or of a model without a number; `place` is a stage or alias after it."""
    url = reverse("web:version", args=[slug, number]) if number is not None else reverse("web:model", args=[slug])
    words = f"{slug} v{number}" if number is not None else slug
    return page_link(url, f"{words} in {place}" if place else words)


def format_datetime(value: datetime | None) -> SafeString:
    """The date and time in the user's time zone, UTC on hover."""
    return times.moment(value)


def badge(words: str, kind: str) -> SafeString:
    """A state as text; `kind` is a colour class (ok, wait, bad, info, none)."""
    return format_html('<span class="badge {}">{}</span>', kind, words)


def tags(words: Iterable[Any]) -> SafeString | str:
    """Several short texts, each in its own tag."""
    return format_html_join(" ", '<span class="tag">{}</span>', ((word,) for word in words)) or NONE


def code(text: str) -> SafeString | str:
    """An identifier or digest in a monospace font."""
    return format_html("<code>{}</code>", text) if text else NONE


def block(text: str) -> SafeString | str:
    """Multi-line text, unchanged."""
    return format_html('<pre tabindex="0">{}</pre>', text) if text else NONE


def json_block(value: Any) -> SafeString | str:
    """A formatted JSON value."""
    return block(ui.pretty_json(value)) if value else NONE
