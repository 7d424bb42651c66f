"""The query language of the registry: its words, and reading a query into terms. Pure: no database, no clock."""

from registry.search.faults import Fault, InvalidQuery
from registry.search.language import MAX_LENGTH, MAX_TERMS, nearest, parse
from registry.search.terms import Ago, Bound, Query, Span, Term, Value
from registry.search.words import NONE, TEXT, WORDS, Kind, Of, Vocabulary, Word

__all__ = [
    "MAX_LENGTH",
    "MAX_TERMS",
    "NONE",
    "TEXT",
    "WORDS",
    "Ago",
    "Bound",
    "Fault",
    "InvalidQuery",
    "Kind",
    "Of",
    "Query",
    "Span",
    "Term",
    "Value",
    "Vocabulary",
    "Word",
    "nearest",
    "parse",
]
