"""The query of a list page: search box, filter controls, filter chips and error display; and the help page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.http import HttpResponse, QueryDict
from django.utils.http import urlencode

from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.selectors.search import VOCABULARY, parse
from registry.search import MAX_LENGTH, FieldTarget, InvalidQuery, Query, QueryError, Range, Term

FILTERS: Final = {
    "tier": "tier:{}",
    "stage": "stage:{}",
    "owner": "owner:{}",
    "team": "team:{}",
    "status": "status:{}",
    "needs": "{}",
}
"""Filters with a control of their own, or with a URL parameter older than the query language, as query terms."""
NEEDS: Final = {"decision": "request:live", "review": "review:overdue", "owner": "is:incomplete"}

_WORDS: Final = {
    "none": "not set",
    "active": "not archived",
    "due": "due within 30 days",
    "live": "open",
    "@me": "you",
}
_SIGNS: Final = {(True, False): ">", (True, True): "≥", (False, False): "<", (False, True): "≤"}


@dataclass(frozen=True)
class FilterChip:
    """An active term: its text, and the URL of the list without it."""

    name: str
    value: str
    url: str


@dataclass(frozen=True)
class QueryErrorView:
    """A query error: the text before, in and after it, the message, and the suggested correction."""

    before: str
    wrong: str
    after: str
    detail: str
    meant: str
    url: str


@dataclass(frozen=True)
class ParsedSearch:
    """The search of a page.

    Args:
        box: text of the search box.
        text: the box and the filters as one query, as saved views store it.
        query: the parsed query; None if it is invalid.
        chips: the active terms.
        troubles: the errors of an invalid query.
        filters: the values of the filter controls.
    """

    box: str
    text: str
    query: Query | None
    chips: tuple[FilterChip, ...] = ()
    troubles: tuple[QueryErrorView, ...] = ()
    filters: Mapping[str, str] | None = None


def parse_list_search(params: QueryDict, here: str) -> ParsedSearch:
    """Parse the search of a request. `here` is the URL of the list."""
    box = _one(params, "q").replace("\x00", " ")
    given = {name: value for name in FILTERS if (value := _one(params, name).strip())}
    parts, origin, at = [box.strip()] if box.strip() else [], [], len(box.strip())
    for name, value in given.items():
        written = FILTERS[name].format(_quoted(NEEDS.get(value, value) if name == "needs" else value, name))
        at += bool(parts)
        origin.append((at, name))
        parts.append(written)
        at += len(written)
    text = " ".join(parts)
    try:
        query = parse(text)
    except InvalidQuery as fault:
        return ParsedSearch(box, text, None, troubles=query_errors(fault, params, here), filters=given)
    return ParsedSearch(box, text, query, chips=_chips(query, dict(origin), params, here), filters=given)


def query_errors(wrong: InvalidQuery, params: QueryDict, here: str) -> tuple[QueryErrorView, ...]:
    """Prepare the errors of a query for display."""
    return tuple(_trouble(wrong.text, fault, params, here) for fault in wrong.faults)


def _trouble(text: str, fault: QueryError, params: QueryDict, here: str) -> QueryErrorView:
    before, wrong, after = text[: fault.start], text[fault.start : fault.end], text[fault.end :]
    meant = f"{before}{fault.suggestion}{after}" if fault.suggestion else ""
    return QueryErrorView(
        before, wrong, after, fault.detail, meant, _address(here, _all(params), {"q": meant}) if meant else ""
    )


def _chips(query: Query, origin: Mapping[int, str], params: QueryDict, here: str) -> tuple[FilterChip, ...]:
    """One chip per condition; all text terms share one."""
    chips = []
    for term in query.terms:
        if term.word is not None:
            beside = origin.get(term.start)
            kept = _all(params)
            if beside is not None:
                kept.pop(beside)
            else:
                kept["q"] = Query(_one(params, "q").strip()).without(term)
            chips.append(FilterChip(_name_of(term), describe_term(term), _address(here, kept, {})))
    if texts := query.named(""):
        kept = {**_all(params), "q": Query(_one(params, "q").strip()).without(*texts)}
        words = " ".join(query.text[term.start : term.end] for term in texts)
        chips.append(FilterChip("Text", words, _address(here, kept, {})))
    return tuple(chips)


def _one(params: QueryDict, name: str) -> str:
    return str(params.get(name, ""))


def _all(params: QueryDict) -> dict[str, str]:
    return {name: _one(params, name) for name in params}


def _address(here: str, params: Mapping[str, str], changed: Mapping[str, str]) -> str:
    given = dict(params)
    if changed:
        given = {name: value for name, value in given.items() if name not in FILTERS}
    given |= changed
    kept = {name: value for name, value in given.items() if value and name not in ("after", "before")}
    return f"{here}?{urlencode(kept)}" if kept else here


def _quoted(value: str, name: str) -> str:
    value = value.replace('"', " ")
    return f'"{value}"' if name != "needs" and any(char.isspace() or char == "," for char in value) else value


def _name_of(term: Term) -> str:
    assert term.word is not None
    return f"{term.word.label} {term.part}" if term.part else term.word.label


def describe_term(term: Term) -> str:
    text = " or ".join(
        _span(v.span, v.text) if v.span else _WORDS.get(v.text, v.text + "…" * v.is_prefix) for v in term.values
    )
    return f"not {text}" if term.negated else text


def _span(span: Range, text: str) -> str:
    """Format a compared value with its operator."""
    if span.low is not None and span.high is not None:
        return text.replace("..", " to ")
    low = span.low is not None
    return f"{_SIGNS[low, span.with_low if low else span.with_high]} {text.strip('.') if '..' in text else text}"


@page_view()
def search_help(request: PageRequest) -> HttpResponse:
    """Show every word of the query language, from the table that the parser uses."""
    groups = [
        ("Filters for models", [word for word in VOCABULARY if word.of is FieldTarget.MODEL]),
        ("Filters for models and versions", [word for word in VOCABULARY if word.of is FieldTarget.BOTH]),
        ("Filters for versions", [word for word in VOCABULARY if word.of is FieldTarget.VERSION]),
    ]
    return render_page(request, "search/help.html", {"groups": groups, "most": MAX_LENGTH})
