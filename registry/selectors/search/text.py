"""Full-text terms of a query, with PostgreSQL's text search."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVectorExact, SearchVectorField
from django.db.models import F, Func, Q

from registry.search import Term

_LEXEME = re.compile(r"[^\W_]+")
_OPERATOR = re.compile(r"(?<!\w)-")
"""A hyphen that websearch_to_tsquery reads as NOT: one that does not follow a word character."""


class _Words(Func):
    """The row's text search column, which is not a field of the Django model."""

    def __init__(self) -> None:
        super().__init__(F("pk"), output_field=SearchVectorField())

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **more: Any) -> Any:
        key: Any = self.get_source_expressions()[0]
        return f"{compiler.quote_name_unless_alias(key.alias)}.search_words", []


def text_condition(terms: Sequence[Term]) -> list[Any]:
    """Return conditions that match words as English text, with their inflections, or as written, by prefix."""
    conditions: list[Any] = []
    if given := [term for term in terms if not term.negated]:
        conditions.append(_contains(given))
    conditions += [~Q(_contains([term])) for term in terms if term.negated]
    return conditions


def _contains(terms: Sequence[Term]) -> Any:
    written = " ".join(f'"{_text(term)}"' if term.quoted else _text(term) for term in terms)
    english = SearchQuery(written, search_type="websearch", config="pg_catalog.english")
    parts = [part for term in terms if (part := _as_written(term))]
    if not parts or any(_text(term).casefold() == "or" for term in terms):
        return SearchVectorExact(_Words(), english)
    plain = SearchQuery(" & ".join(parts), search_type="raw", config="pg_catalog.simple")
    return SearchVectorExact(_Words(), english | plain)


def _text(term: Term) -> str:
    """Return the text of a term without operators: the parser has handled negation, and PostgreSQL refuses more
    than 32 NOTs in a row ("tsquery stack too small").
    """
    return _OPERATOR.sub(" ", term.values[0].text.replace('"', " "))


def _as_written(term: Term) -> str:
    """Return the term for to_tsquery: a phrase in order, or prefixes of words. Contains only letters and digits
    of the input.
    """
    lexemes = [f"'{lexeme}'" for lexeme in _LEXEME.findall(_text(term).lower())]
    if term.quoted:
        return f"({' <-> '.join(lexemes)})" if lexemes else ""
    return " & ".join(f"{lexeme}:*" for lexeme in lexemes)
