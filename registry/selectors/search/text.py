"""Free words of a query, by PostgreSQL's full text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorExact, SearchVectorField
from django.db.models import F, Func, Q

from registry.search import Term

_LEXEME = re.compile(r"[^\W_]+")
_OPERATOR = re.compile(r"(?<!\w)-")
"""A hyphen that websearch_to_tsquery reads as NOT: one that does not follow a character of a word."""


class _Words(Func):
    """The row's column of words, which Django does not know of."""

    def __init__(self) -> None:
        super().__init__(F("pk"), output_field=SearchVectorField())

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **more: Any) -> Any:
        key: Any = self.get_source_expressions()[0]
        return f"{compiler.quote_name_unless_alias(key.alias)}.search_words", []


def text_condition(terms: Sequence[Term]) -> list[Any]:
    """Words as English is searched, with their other forms; or as they are written, to their beginnings."""
    conditions: list[Any] = []
    if given := [term for term in terms if not term.negated]:
        conditions.append(_contains(given))
    conditions += [~Q(_contains([term])) for term in terms if term.negated]
    return conditions


def _contains(terms: Sequence[Term]) -> Any:
    written = " ".join(f'"{_said(term)}"' if term.quoted else _said(term) for term in terms)
    english = SearchQuery(written, search_type="websearch", config="pg_catalog.english")
    parts = [part for term in terms if (part := _as_written(term))]
    if not parts or any(_said(term).casefold() == "or" for term in terms):
        return SearchVectorExact(_Words(), english)
    plain = SearchQuery(" & ".join(parts), search_type="raw", config="pg_catalog.simple")
    return SearchVectorExact(_Words(), english | plain)


def _said(term: Term) -> str:
    """The text of a term without operators: the query language has read its own negation, and PostgreSQL refuses more
    than 32 NOTs in a row ("tsquery stack too small")."""
    return _OPERATOR.sub(" ", term.values[0].text.replace('"', " "))


def _as_written(term: Term) -> str:
    """The term for to_tsquery: a phrase in order, or beginnings of words. Nothing but letters and digits gets in."""
    lexemes = [f"'{lexeme}'" for lexeme in _LEXEME.findall(_said(term).lower())]
    if term.quoted:
        return f"({' <-> '.join(lexemes)})" if lexemes else ""
    return " & ".join(f"{lexeme}:*" for lexeme in lexemes)
