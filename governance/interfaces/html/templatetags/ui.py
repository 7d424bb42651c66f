"""Template tags for icons, people, states and digests.

Tags, not includes: a page has about a hundred of them, and a tag takes a few microseconds.
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

from governance.interfaces.html import icons, labels

register = template.Library()

TONES = 6
DIGEST_EDGE = 4
_CODE = re.compile(r"`([^`\n]+)`")


@register.simple_tag
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """An icon of `governance.interfaces.html.icons`; give a `label` only if there is no word next to it."""
    return icons.icon(name, css, label)


def initials(name: str) -> str:
    """Two initials of a person or team: "Priya Raman" → "PR", "risk-team" → "RT"."""
    parts = [part for part in name.replace("-", " ").replace("_", " ").replace(".", " ").split() if part[0].isalnum()]
    if not parts:
        return "?"
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else parts[0][1:2])).upper()


@register.simple_tag
def avatar(name: str, css: str = "") -> SafeString:
    """A disc with initials. Decorative: the name is always next to it. The tone is derived from the name."""
    tone = blake2s(name.encode(), digest_size=1).digest()[0] % TONES + 1
    return format_html('<span class="avatar tone-{} {}" aria-hidden="true">{}</span>', tone, css, initials(name))


@register.simple_tag
def tier(value: int | None) -> SafeString:
    """A risk tier as shape and word; dashed if it is not set."""
    if value is None:
        return format_html('<span class="tier t0"><b>{}</b></span>', "No risk tier")
    return format_html('<span class="tier t{}"><b>Tier {}</b></span>', min(value, 3), value)


@register.simple_tag
def state(value: str) -> SafeString:
    """The state of a promotion request, as a badge."""
    return _pill(labels.REQUEST.get(value, labels.UNKNOWN))


@register.simple_tag
def access_state(value: str) -> SafeString:
    """The state of an access request, as a badge."""
    return _pill(labels.ACCESS.get(value, labels.UNKNOWN))


@register.simple_tag
def change_state(value: str) -> SafeString:
    """The state of a change proposal, as a badge."""
    return _pill(labels.CHANGE.get(value, labels.UNKNOWN))


@register.simple_tag
def health_state(value: str) -> SafeString:
    """The health of a version or model in production, as a badge."""
    return _pill(labels.HEALTH.get(value, labels.UNKNOWN))


@register.simple_tag
def finding_state(value: str) -> SafeString:
    """The state of a finding, as a badge."""
    return _pill(labels.FINDING.get(value, labels.UNKNOWN))


@register.simple_tag
def waiver_state(value: str) -> SafeString:
    """The state of a waiver, as a badge."""
    return _pill(labels.WAIVER.get(value, labels.UNKNOWN))


@register.simple_tag
def judgement_line(value: str) -> SafeString:
    """A production signal compared with its limit: icon and word without the badge."""
    return _plain_badge(labels.JUDGEMENT.get(value, labels.UNKNOWN))


@register.simple_tag
def health_line(value: str) -> SafeString:
    """The health in production in a table row: icon and word without the badge."""
    return _plain_badge(labels.HEALTH.get(value, labels.UNKNOWN))


@register.simple_tag
def state_line(value: str) -> SafeString:
    """The state of a promotion request in a table row: icon and word without the badge."""
    return _plain_badge(labels.REQUEST.get(value, labels.UNKNOWN))


@register.simple_tag
def stage(value: Any) -> SafeString:
    """A stage as a badge. Its flags, not its name, select icon and colour."""
    if value.exclusive:
        return _pill(labels.StatusBadge(value.name, "shield-check", "ok"))
    if value.protected:
        return _pill(labels.StatusBadge(value.name, "shield", "info"))
    return _pill(labels.StatusBadge(value.name, "cube" if value.initial else "inbox", "none"))


@register.simple_tag
def check_mark(value: str) -> SafeString:
    """The icon of a check, with its word for screen readers and on hover."""
    return _disc(labels.CHECK.get(value, labels.UNKNOWN))


@register.filter
def check_word(value: str) -> str:
    """ "failure" → "Failed"."""
    return labels.CHECK.get(value, labels.UNKNOWN).word


@register.simple_tag
def severity(value: str) -> SafeString:
    """The severity of a finding: icon and word; an unknown value is shown unchanged."""
    look = labels.SEVERITY.get(value) or labels.StatusBadge(str(value) or "Note", "info", "ghost")
    return format_html('<span class="tag {}">{}{}</span>', look.kind, icons.icon(look.icon), look.word)


@register.simple_tag
def met_mark(value: str) -> SafeString:
    """The icon of a gate requirement."""
    return _disc(labels.MET.get(value, labels.UNKNOWN))


@register.filter
def decision_word(value: str) -> str:
    """ "approve" → "Approved"."""
    return labels.DECISION.get(value, labels.UNKNOWN).word


def _plain_badge(look: labels.StatusBadge) -> SafeString:
    return format_html('<span class="req s-{}">{}<span>{}</span></span>', look.kind, icons.icon(look.icon), look.word)


def _pill(look: labels.StatusBadge) -> SafeString:
    return format_html('<span class="state s-{}">{}{}</span>', look.kind, icons.icon(look.icon), look.word)


def _disc(look: labels.StatusBadge) -> SafeString:
    glyph = icons.icon(look.icon, "spin" if look.icon == "spin" else "", look.word)
    return format_html('<span class="st {}" title="{}">{}</span>', look.kind, look.word, glyph)


# --- digests, text ----------------------------------------------------------------------------------------------------


@register.filter
def short(value: str) -> str:
    """A shortened digest: "5f70…c3d8". `digest` also gives the full value."""
    return f"{value[:DIGEST_EDGE]}…{value[-DIGEST_EDGE:]}" if len(value) > 3 * DIGEST_EDGE else value


@register.simple_tag
def digest(value: str, algorithm: str = "sha256", what: str = "") -> SafeString:
    """A shortened digest with the full value on hover and, if `what` is given, a copy button."""
    if not value:
        return SafeString('<span class="muted">none</span>')
    whole = f"{algorithm}:{value}" if algorithm else value
    label = f"{algorithm}:{short(value)}" if algorithm else short(value)
    shown = format_html('<code title="{}">{}</code>', whole, label)
    return shown if not what else SafeString(shown + copy(whole, what))


@register.simple_tag
def copy(text: str, what: str) -> SafeString:
    """A button that copies `text`; hidden without JavaScript."""
    return format_html(
        '<button class="iconbtn copy" type="button" data-copy="{}" aria-label="Copy {}" title="Copy {}">{}</button>',
        text,
        what,
        what,
        icons.icon("copy"),
    )


@register.filter
def pretty_json(value: Any) -> str:
    """Indented JSON with sorted keys."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)


@register.filter
def with_code(text: str) -> SafeString:
    """Escape a text of the product and show text between backticks as code."""
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
    """Add a capital letter and a full stop if they are missing."""
    text = value.strip()
    return text if not text else text[0].upper() + text[1:] + ("" if text[-1] in ".!?”" else ".")


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key) if mapping else None


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The current query string with some parameters changed; None removes one.

    Returns to the first page, unless the page itself is changed.
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
    """The current query string without one parameter, from the first page."""
    return query(context, **{name: None})


@register.filter
def absolute(value: int) -> int:
    """The absolute value."""
    return abs(value)


@register.filter
def request_kind(value: str) -> str:
    """The colour class of a request's state."""
    return labels.REQUEST.get(value, labels.UNKNOWN).kind


@register.filter
def request_icon(value: str) -> str:
    """The icon of a request's state."""
    return labels.REQUEST.get(value, labels.UNKNOWN).icon


@register.filter
def stage_short(name: str) -> str:
    """A short stage name for narrow columns: "Development" → "Dev"."""
    return name[:3] if len(name) > 10 else name


@register.simple_tag
def event_actor(names: Any, event: Any) -> str:
    """The name of the actor of an event."""
    return str(names.actor_of(event).name)


@register.filter
def sub(value: int, other: int) -> int:
    """`value` minus `other`."""
    return value - other


@register.filter
def compact_json(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


@register.filter
def without_name(text: str, name: str) -> str:
    """A reason without the person's name at its beginning, where the name was just shown."""
    return text.removeprefix(name).strip()


@register.filter
def first_open(slots: Any, slot: Any) -> bool:
    """Whether this is the first open slot of an approval rule."""
    return next((s for s in slots if s.decision is None), None) is slot


@register.filter
def checks_summary(rows: Any) -> str:
    """ "5 of 7 required satisfied · 1 running"."""
    required = [row for row in rows if row.rule.mode == "required"]
    parts = [f"{sum(row.requirement.satisfied for row in required)} of {len(required)} required satisfied"]
    words_ = [row.word.lower() for row in rows if not row.requirement.satisfied]
    parts += [f"{words_.count(word)} {word}" for word in dict.fromkeys(words_)]
    if warned := sum(row.has_warnings and row.requirement.satisfied for row in rows):
        parts.append(f"{warned} passed with warnings")
    return " · ".join(parts)


@register.simple_tag
def check_row_mark(row: Any) -> SafeString:
    """The icon of a check of a request; stale and waived take precedence over the latest run."""
    if str(row.requirement.state) == "waived":
        return check_mark("waived")
    if str(row.requirement.state) == "not_applicable":
        return check_mark("skipped")
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
    """The icon of an event kind."""
    return icons.icon(_TIMELINE_ICONS.get(kind, "info"))


@register.filter
def is_http(link: str) -> bool:
    """Whether a user-supplied link is a web URL and not a script."""
    return link.startswith(("https://", "http://"))


@register.filter
def action_kind(action: str) -> str:
    """The colour class of an action in a list of events."""
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
    """The number of non-blank lines."""
    return sum(1 for line in text.splitlines() if line.strip())


@register.filter
def is_text(value: Any) -> bool:
    """Whether a value is a string."""
    return isinstance(value, str)
