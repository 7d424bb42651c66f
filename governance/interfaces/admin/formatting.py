"""What stands in a cell of a list or a record: links, moments, states. Always words; never a colour alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance.interfaces.web.templatetags import times, ui

NONE = "–"


def admin_link(row: Model | None, words: str = "") -> SafeString | str:
    """A link to a row's record in this site."""
    if row is None:
        return NONE
    opts = row._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, words or str(row))


def page_link(url: str, words: str) -> SafeString:
    """A link to a page of the product."""
    return format_html('<a href="{}">{}</a>', url, words)


def format_datetime(value: datetime | None) -> SafeString:
    """An exact moment in the reader's zone, UTC on hover."""
    return times.moment(value)


def badge(words: str, kind: str) -> SafeString:
    """A state in a word; `kind` is a colour class of the product (ok, wait, bad, info, none)."""
    return format_html('<span class="badge {}">{}</span>', kind, words)


def tags(words: Iterable[Any]) -> SafeString | str:
    """Several short words, each set apart."""
    return format_html_join(" ", '<span class="tag">{}</span>', ((word,) for word in words)) or NONE


def code(text: str) -> SafeString | str:
    """Something to be read letter by letter: an id, a digest, a name for machines."""
    return format_html("<code>{}</code>", text) if text else NONE


def block(text: str) -> SafeString | str:
    """Several lines, as they were written."""
    return format_html('<pre tabindex="0">{}</pre>', text) if text else NONE


def json_block(value: Any) -> SafeString | str:
    """A JSON value for reading."""
    return block(ui.pretty_json(value)) if value else NONE
