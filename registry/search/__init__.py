"""The query language of the registry: its fields, and the parser. Pure: no database, no clock."""

from registry.search.ast import Bound, Query, Range, RelativeAge, Term, Value
from registry.search.errors import InvalidQuery, QueryError
from registry.search.fields import NONE, TEXT, WORDS, FieldRegistry, FieldTarget, FieldType, SearchField
from registry.search.parser import MAX_LENGTH, MAX_TERMS, closest_match, parse

__all__ = [
    "MAX_LENGTH",
    "MAX_TERMS",
    "NONE",
    "TEXT",
    "WORDS",
    "Bound",
    "FieldRegistry",
    "FieldTarget",
    "FieldType",
    "InvalidQuery",
    "Query",
    "QueryError",
    "Range",
    "RelativeAge",
    "SearchField",
    "Term",
    "Value",
    "closest_match",
    "parse",
]
