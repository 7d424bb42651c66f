"""The small parts every page is made of: glyphs, people, states, times, numbers, digests.

Tags, not includes: a page holds some hundred of them, and a tag costs a few microseconds.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2s
from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance.interfaces.web import icons, labels

register = template.Library()

TONES = 6
DIGEST_EDGE = 4
_CODE = re.compile(r"`([^`\n]+)`")


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """A glyph of `governance.interfaces.web.icons`; give `label` only where no word stands beside it."""
    return icons.icon(name, css, label)


def initials(name: str) -> str:
    """Two letters for a name of people or of teams: "Priya Raman" → "PR", "risk-team" → "RT"."""
    parts = [part for part in name.replace("-", " ").replace("_", " ").replace(".", " ").split() if part[0].isalnum()]
    if not parts:
        return "?"
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else parts[0][1:2])).upper()


@register.simple_tag
def avatar(name: str, css: str = "") -> SafeString:
    """A disc with initials. Decoration: the name is always written beside it. The tone follows from the name."""
    tone = blake2s(name.encode(), digest_size=1).digest()[0] % TONES + 1
    return format_html('<span class="avatar tone-{} {}" aria-hidden="true">{}</span>', tone, css, initials(name))


@register.simple_tag
def tier(value: int | None) -> SafeString:
    """A risk tier as shape and word: diamond, dot, ring; dashed where nobody has set one."""
    if value is None:
        return format_html('<span class="tier t0"><b>{}</b></span>', "No risk tier")
    return format_html('<span class="tier t{}"><b>Tier {}</b></span>', min(value, 3), value)


@register.simple_tag
def state(value: str) -> SafeString:
    """The state of a promotion request, as a pill."""
    return _pill(labels.REQUEST.get(value, labels.UNKNOWN))


@register.simple_tag
def access_state(value: str) -> SafeString:
    """The state of an access request, as a pill."""
    return _pill(labels.ACCESS.get(value, labels.UNKNOWN))


@register.simple_tag
def change_state(value: str) -> SafeString:
    """The state of a change proposal, as a pill."""
    return _pill(labels.CHANGE.get(value, labels.UNKNOWN))


@register.simple_tag
def state_line(value: str) -> SafeString:
    """The state of a promotion request inside a table row: glyph and word without the pill."""
    look = labels.REQUEST.get(value, labels.UNKNOWN)
    return format_html('<span class="req s-{}">{}<span>{}</span></span>', look.kind, icons.icon(look.icon), look.word)


@register.simple_tag
def stage(value: Any) -> SafeString:
    """A version's stage as a pill. Stages are data: their flags, not their names, choose glyph and colour."""
    if value.exclusive:
        return _pill(labels.StatusBadge(value.name, "shield-check", "ok"))
    if value.protected:
        return _pill(labels.StatusBadge(value.name, "shield", "info"))
    return _pill(labels.StatusBadge(value.name, "cube" if value.initial else "inbox", "none"))


@register.simple_tag
def check_mark(value: str) -> SafeString:
    """The disc before a check: its word is said to screen readers and shown on hover."""
    return _disc(labels.CHECK.get(value, labels.UNKNOWN))


@register.filter
def check_word(value: str) -> str:
    """ "failure" → "Failed"."""
    return labels.CHECK.get(value, labels.UNKNOWN).word


@register.simple_tag
def severity(value: str) -> SafeString:
    """The severity of a finding: glyph and word; a word that no check should give is shown as it is."""
    look = labels.SEVERITY.get(value) or labels.StatusBadge(str(value) or "Note", "info", "ghost")
    return format_html('<span class="tag {}">{}{}</span>', look.kind, icons.icon(look.icon), look.word)


@register.simple_tag
def met_mark(value: str) -> SafeString:
    """The disc before a requirement of the gate."""
    return _disc(labels.MET.get(value, labels.UNKNOWN))


@register.filter
def decision_word(value: str) -> str:
    """ "approve" → "Approved"."""
    return labels.DECISION.get(value, labels.UNKNOWN).word


def _pill(look: labels.StatusBadge) -> SafeString:
    return format_html('<span class="state s-{}">{}{}</span>', look.kind, icons.icon(look.icon), look.word)


def _disc(look: labels.StatusBadge) -> SafeString:
    glyph = icons.icon(look.icon, "spin" if look.icon == "spin" else "", look.word)
    return format_html('<span class="st {}" title="{}">{}</span>', look.kind, look.word, glyph)


# --- digests, text ----------------------------------------------------------------------------------------------------


@register.filter
def short(value: str) -> str:
    """A digest's two ends: "5f70…c3d8". The whole of it stays reachable: see `digest`."""
    return f"{value[:DIGEST_EDGE]}…{value[-DIGEST_EDGE:]}" if len(value) > 3 * DIGEST_EDGE else value


@register.simple_tag
def digest(value: str, algorithm: str = "sha256", what: str = "") -> SafeString:
    """A digest: its ends to read, the whole on hover, and, given `what` it is of, a button that copies the whole."""
    if not value:
        return SafeString('<span class="muted">none</span>')
    whole = f"{algorithm}:{value}" if algorithm else value
    label = f"{algorithm}:{short(value)}" if algorithm else short(value)
    shown = format_html('<code title="{}">{}</code>', whole, label)
    return shown if not what else SafeString(shown + copy(whole, what))


@register.simple_tag
def copy(text: str, what: str) -> SafeString:
    """A button that copies `text`; without JavaScript it is not shown."""
    return format_html(
        '<button class="iconbtn copy" type="button" data-copy="{}" aria-label="Copy {}" title="Copy {}">{}</button>',
        text,
        what,
        what,
        icons.icon("copy"),
    )


@register.filter
def pretty_json(value: Any) -> str:
    """JSON for reading: indented, keys in order."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)


@register.filter
def with_code(text: str) -> SafeString:
    """Text of the product's own descriptions, escaped, with what is between backticks as code."""
    pieces = _CODE.split(text)
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", piece) if n % 2 else piece,) for n, piece in enumerate(pieces))
    )


@register.filter
def plural(count: int, forms: str) -> str:
    """`{{ n|plural:"check,checks" }}` → "1 check", "3 checks"."""
    one, many = forms.split(",")
    return f"{count:,} {one if count == 1 else many}"


@register.filter
def sentence(value: str) -> str:
    """The text with a capital and a full stop, whatever the service left off."""
    text = value.strip()
    return text if not text else text[0].upper() + text[1:] + ("" if text[-1] in ".!?”" else ".")


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key) if mapping else None


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with some parameters changed (None takes one away): how filters stay in the URL.

    Changing anything goes back to the first page unless the change is itself a page.
    """
    request: HttpRequest = context["request"]
    params = request.GET.copy()
    if not {"after", "before"} & changes.keys():
        changes |= {"after": None, "before": None}
    for key, value in changes.items():
        params.pop(key, None)
        if value not in (None, ""):
            params[key] = str(value)
    pairs = [(k, v) for k, values in params.lists() for v in values if v]
    return "?" + urlencode(pairs)


@register.simple_tag(takes_context=True)
def query_without(context: dict[str, Any], name: str) -> str:
    """The present query string without one parameter, named by a variable; begins again at the first page."""
    return query(context, **{name: None})


@register.filter
def absolute(value: int) -> int:
    """The size of a number, without its sign."""
    return abs(value)


@register.filter
def request_kind(value: str) -> str:
    """The colour class of a request's state."""
    return labels.REQUEST.get(value, labels.UNKNOWN).kind


@register.filter
def request_icon(value: str) -> str:
    """The glyph of a request's state."""
    return labels.REQUEST.get(value, labels.UNKNOWN).icon


@register.filter
def stage_short(name: str) -> str:
    """A stage's name where three stand side by side: "Development" → "Dev"."""
    return name[:3] if len(name) > 10 else name


@register.simple_tag
def event_doer(names: Any, event: Any) -> str:
    """The name of who did what an event tells (`governance.interfaces.web.event_labels.ObjectLabelResolver`)."""
    return str(names.doer(event).name)


@register.filter
def sub(value: int, other: int) -> int:
    """`value` less `other`."""
    return value - other


@register.filter
def compact_json(value: Any) -> str:
    """JSON in one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


@register.filter
def without_name(text: str, name: str) -> str:
    """A reason that begins with a person's name, where the name has just been written."""
    return text.removeprefix(name).strip()


@register.filter
def first_open(slots: Any, slot: Any) -> bool:
    """Whether this is the first open one of an approval rule's slots."""
    return next((s for s in slots if s.decision is None), None) is slot


@register.filter
def checks_summary(rows: Any) -> str:
    """ "5 of 7 required passed · 1 running"."""
    required = [row for row in rows if row.rule.mode == "required"]
    parts = [f"{sum(row.requirement.satisfied for row in required)} of {len(required)} required satisfied"]
    words_ = [row.word.lower() for row in rows if not row.requirement.satisfied]
    parts += [f"{words_.count(word)} {word}" for word in dict.fromkeys(words_)]
    if warned := sum(row.has_warnings and row.requirement.satisfied for row in rows):
        parts.append(f"{warned} passed with warnings")
    return " · ".join(parts)


@register.simple_tag
def check_row_mark(row: Any) -> SafeString:
    """The disc before a check of a request: how its latest run stands, stale and waived before anything else."""
    if str(row.requirement.state) == "waived":
        return check_mark("waived")
    if row.stale:
        return check_mark("stale")
    if row.run is None:
        return check_mark("expected")
    if row.has_warnings and row.run.conclusion == "success":
        return check_mark("warned")
    return check_mark(row.run.conclusion or row.run.status)


_TIMELINE_ICONS = {
    "promotion-requested": "promote",
    "promotion-promoted": "promote",
    "promotion-reapproved": "promote",
    "promotion-rejected": "x",
    "promotion-withdrawn": "undo",
    "promotion-blocked": "alert",
    "promotion-readied": "check",
    "promotion-reopened": "clock",
    "promotion-expired": "calendar",
    "promotion-superseded": "history",
    "promotion-rebound": "link",
    "packet-frozen": "file",
    "document-frozen": "file",
    "packet-outdated": "history",
}


@register.simple_tag
def timeline_icon(kind: str) -> SafeString:
    """The glyph of an event that has no drawing of its own."""
    return icons.icon(_TIMELINE_ICONS.get(kind, "info"))


@register.filter
def is_http(link: str) -> bool:
    """Whether a link somebody gave leads to a web page, and not to a script."""
    return link.startswith(("https://", "http://"))


@register.filter
def action_kind(action: str) -> str:
    """The tint of an action's name in a list of events."""
    kinds = {
        "promoted": "ok",
        "recorded": "ok",
        "rejected": "bad",
        "failed": "bad",
        "blocked": "bad",
        "revoked": "warn",
    }
    kinds |= {"withdrawn": "warn", "lapsed": "warn", "expired": "warn", "deactivated": "warn", "removed": "warn"}
    return next((kind for ending, kind in kinds.items() if str(action).endswith(ending)), "")


@register.filter
def line_count(text: str) -> int:
    """How many lines a text has; blank ones are not counted."""
    return sum(1 for line in text.splitlines() if line.strip())


@register.filter
def is_text(value: Any) -> bool:
    """Whether a value is text, and no list or mapping."""
    return isinstance(value, str)
