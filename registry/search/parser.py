"""Parser of queries such as `tier:1 -stage:archived metric.auc>0.9 "retail credit"` into terms with their positions.

A term is a field with its values, or free text. A minus before a term negates it. Values with spaces are quoted; a
comma separates alternatives; `a..b` is a range. A term that looks like a field but is not one is refused with its
position and the closest names, never searched as text: a filter without effect would show too many results.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from registry import moments
from registry.search.ast import Bound, Query, Range, RelativeAge, Term, Value
from registry.search.errors import InvalidQuery, QueryError
from registry.search.fields import FieldRegistry, FieldType, SearchField

MAX_LENGTH: Final = 500
"""Maximum characters of a query."""
MAX_TERMS: Final = 30
"""Maximum terms of a query."""
MAX_VALUES: Final = 20
"""Maximum alternatives of one term."""
SHORTEST_DIGEST: Final = 4

_HEAD = re.compile(
    r"""(?P<word>[A-Za-z][A-Za-z_]*)
        (?:\.(?P<part>"[^"]*"|[^\s:=<>!",]*))?
        (?P<sign>:(?:>=|<=|[<>=])?|!=|>=|<=|[<>=])""",
    re.VERBOSE,
)
_AGE = re.compile(r"(\d{1,4})([hdwmy])", re.ASCII)
_OLDEST = timedelta(days=36_500)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_HEX = re.compile(r"[0-9a-f]*")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_UNITS |= {"m": timedelta(days=30), "y": timedelta(days=365)}
_COMPARED = {">": "above", ">=": "from", "<": "below", "<=": "up to"}


def parse(text: str, vocabulary: FieldRegistry) -> Query:
    """Parse a query.

    Args:
        text: the query.
        vocabulary: the allowed fields.

    Raises:
        InvalidQuery: with every error at its position in `text`.
    """
    if len(text) > MAX_LENGTH:
        fault = QueryError(
            "too_long",
            f"A query has at most {MAX_LENGTH} characters; this one has {len(text)}.",
            MAX_LENGTH,
            len(text),
        )
        raise InvalidQuery(text[: MAX_LENGTH + 20], [fault])
    return _Reading(text, vocabulary).whole()


@dataclass
class _Reading:
    """The state of the parser for one query."""

    text: str
    vocabulary: FieldRegistry
    at: int = 0
    terms: list[Term] = field(default_factory=list)
    faults: list[QueryError] = field(default_factory=list)

    def whole(self) -> Query:
        for place, char in enumerate(self.text):
            if char == "\x00" or (not char.isascii() and 0xD800 <= ord(char) <= 0xDFFF):
                self._wrong("character", "This character cannot be searched for: take it out.", place, place + 1)
        while self._skip_space():
            if len(self.terms) == MAX_TERMS:
                detail = f"A query has at most {MAX_TERMS} terms: leave some out."
                self._wrong("too_many_terms", detail, self.at, len(self.text))
                break
            self._term()
        if self.faults:
            raise InvalidQuery(self.text, self.faults)
        return Query(self.text, tuple(self.terms))

    def _skip_space(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def _term(self) -> None:
        start = self.at
        rest = self.text[start + 1 : start + 2]
        negated = self.text[start] == "-" and rest != "" and not rest.isspace()
        if negated:
            self.at += 1
        head = _HEAD.match(self.text, self.at)
        if head is not None:
            self._condition(head, start, negated)
        elif self.text[self.at] == '"':
            value = self._quoted()
            if value.strip():
                self._add(Term(None, (Value(value, at=start),), start, self.at, negated=negated, quoted=True))
        else:
            begin = self.at
            while self.at < len(self.text) and not self.text[self.at].isspace() and self.text[self.at] != '"':
                self.at += 1
            self._add(Term(None, (Value(self.text[begin : self.at], at=begin),), start, self.at, negated=negated))

    def _quoted(self) -> str:
        """Return the text in quotes, starting at the opening quote."""
        begin = self.at
        end = self.text.find('"', begin + 1)
        if end < 0:
            self._wrong("quote", 'There is no closing quote: end it with another ".', begin, len(self.text))
            self.at = len(self.text)
            return self.text[begin + 1 :]
        self.at = end + 1
        return self.text[begin + 1 : end]

    def _condition(self, head: re.Match[str], start: int, negated: bool) -> None:
        sign = head["sign"]
        self.at = head.end()
        given = self._values()
        end = self.at
        word = self.vocabulary.get(head["word"].casefold())
        if word is None:
            self._unknown(head, end)
            return
        part = (head["part"] or "").strip('"').strip()
        if not self._part_fits(word, head, part):
            return
        if sign == "!=":
            negated = not negated
        compared = sign.removeprefix(":") if sign.removeprefix(":") in _COMPARED else ""
        if compared and not word.is_ordered:
            detail = f"“{word.name}” is not a number or a day and cannot be compared with {compared}: {_written(word)}."
            self._wrong("not_compared", detail, *head.span("sign"), allowed=(":", "="))
            return
        if not given:
            self._wrong("value_missing", f"“{word.name}” needs a value: {_written(word)}.", start, max(end, start + 1))
            return
        values = [self._value(word, compared, text, place, quoted) for text, place, quoted in given]
        self._add(Term(word, tuple(v for v in values if v is not None), start, end, part=part, negated=negated))

    def _values(self) -> list[tuple[str, int, bool]]:
        """Return the values up to the next space, each with its position and whether it was quoted."""
        found: list[tuple[str, int, bool]] = []
        while self.at < len(self.text) and not self.text[self.at].isspace():
            place = self.at
            if self.text[place] == '"':
                found.append((self._quoted().strip(), place, True))
            else:
                while self.at < len(self.text) and not self.text[self.at].isspace() and self.text[self.at] not in ',"':
                    self.at += 1
                found.append((self.text[place : self.at], place, False))
            if self.text[self.at : self.at + 1] == ",":
                self.at += 1
                if self.at == len(self.text) or self.text[self.at].isspace():
                    found.append(("", self.at - 1, False))
        for value, place, _ in found:
            if not value:
                self._wrong("value_missing", "There is no value here.", place, place + 1)
        if len(found) > MAX_VALUES:
            detail = f"A term has at most {MAX_VALUES} values: leave some out."
            self._wrong("too_many_values", detail, found[MAX_VALUES][1], self.at)
        return found

    def _unknown(self, head: re.Match[str], end: int) -> None:
        given = head["word"].casefold()
        names = self.vocabulary.names
        meant = closest_match(given, names)
        out = f'to search for it as text, put it in quotes: "{self.text[head.start() : end]}"'
        if not meant and "metric" in names and head["sign"].lstrip(":") in _COMPARED:
            meant = f"metric.{given}"
        hint = f" Did you mean “{meant}”?" if meant else ""
        detail = f"Unknown filter “{given}”.{hint} Filters: {', '.join(names)}; or {out}."
        self._wrong("unknown_word", detail, *head.span("word"), allowed=names, meant=meant)

    def _part_fits(self, word: SearchField, head: re.Match[str], part: str) -> bool:
        if part and not word.part:
            detail = f"“{word.name}” takes nothing after a dot: {_written(word)}."
            self._wrong("part", detail, *head.span("part"), allowed=(word.name,))
        elif (word.part_needed or head["part"] is not None) and not part and word.part:
            detail = f"“{word.name}” and a dot are followed by {word.part}: {_written(word)}."
            self._wrong("part_missing", detail, *head.span("word"), allowed=word.examples)
        else:
            return True
        return False

    def _value(self, word: SearchField, compared: str, text: str, at: int, quoted: bool) -> Value | None:
        if not text:
            return None  # already reported
        end = at + len(text) + 2 * quoted
        if text.casefold() in word.values and not compared and (word.kind is not FieldType.LINE or not quoted):
            return Value(text.casefold(), at=at)
        match word.kind:
            case FieldType.CHOICE:
                return self._choice(word, compared, text, at, end)
            case FieldType.DAY | FieldType.NUMBER:
                span = self._span(word, compared, text, at, end)
                return Value(text, span=span, at=at) if span is not None else None
            case FieldType.HEX:
                digits = text.casefold().removeprefix("sha256:").rstrip("*")
                if len(digits) < SHORTEST_DIGEST or not _HEX.fullmatch(digits):
                    detail = (
                        f"“{word.name}” takes the beginning of a digest, {SHORTEST_DIGEST} hexadecimal digits at "
                        f"least: {word.examples[0]}."
                    )
                    self._wrong("digest_form", detail, at, end, allowed=word.examples)
                    return None
                return Value(digits, is_prefix=True, at=at)
            case _:
                beginning = not quoted and text.endswith("*") and len(text) > 1
                return Value(text[:-1] if beginning else text, is_prefix=beginning, at=at)

    def _choice(self, word: SearchField, compared: str, text: str, at: int, end: int) -> Value | None:
        if word.ordered:
            low, dots, high = text.partition("..")
            numbers = [int(v) for v in word.values if v.isdecimal()]
            given = [int(v) for v in (low, high) if v.isascii() and v.isdecimal() and len(v) < 4]
            if compared and not dots and given and given[0] in numbers:
                return Value(text, span=_compared(compared, given[0]), at=at)
            if dots and not compared and len(given) == 2:
                return Value(text, span=Range(given[0], given[1]), at=at)
        meant = closest_match(text.casefold(), word.values)
        hint = f" Did you mean “{meant}”?" if meant else ""
        detail = f"“{word.name}” takes {_either(word.values)}, not “{text}”.{hint}"
        self._wrong("unknown_value", detail, at, end, allowed=word.values, meant=meant)
        return None

    def _span(self, word: SearchField, compared: str, text: str, at: int, end: int) -> Range | None:
        low_text, dots, high_text = text.partition("..")
        if dots and not compared and (low_text or high_text):
            low, high = self._bound(word, low_text), self._bound(word, high_text)
            sound = (low is not None or not low_text) and (high is not None or not high_text)
            if sound and not isinstance(low, RelativeAge) and not isinstance(high, RelativeAge):
                if low is not None and high is not None and low > high:  # type: ignore[operator]  # both ends have one type
                    detail = f"This span ends before it begins: write {high_text}..{low_text}."
                    self._wrong("empty_span", detail, at, end, meant=f"{high_text}..{low_text}")
                    return None
                return Range(low, high)
        elif not dots:
            bound = self._bound(word, text)
            if isinstance(bound, RelativeAge) and not compared:
                detail = f"An age is compared: {word.name}:<{text} is less, {word.name}:>{text} is more than that."
                self._wrong("age_alone", detail, at, end, meant=f"<{text}")
                return None
            if bound is not None:
                return _compared(compared, bound)
        self._not_read(word, text, at, end)
        return None

    def _not_read(self, word: SearchField, text: str, at: int, end: int) -> None:
        form = (
            "a number (0.9, 1e-3) or a span (0.8..0.9)"
            if word.kind is FieldType.NUMBER
            else "a day (2026-10-01), a span (2026-01-01..2026-02-01) or a compared age (<30d, >1y; h d w m y)"
        )
        meant = closest_match(text.casefold(), word.values)
        also = f", or {_either(word.values)}" if word.values else ""
        hint = f" Did you mean “{meant}”?" if meant else ""
        detail = f"“{word.name}” takes {form}{also}, not “{text}”.{hint}"
        self._wrong(
            "number" if word.kind is FieldType.NUMBER else "day", detail, at, end, allowed=word.examples, meant=meant
        )

    def _bound(self, word: SearchField, text: str) -> Bound | None:
        """Return a number, a date or an age; None if the text is none."""
        if word.kind is FieldType.NUMBER:
            if not _NUMBER.fullmatch(text):
                return None
            number = float(text)
            return number if math.isfinite(number) else None
        if age := _AGE.fullmatch(text):
            return RelativeAge(min(int(age[1]) * _UNITS[age[2]], _OLDEST))
        try:
            return moments.read_day(text)
        except moments.MomentError:
            return None

    def _add(self, term: Term) -> None:
        if term.values:
            self.terms.append(term)

    def _wrong(
        self, code: str, detail: str, start: int, end: int, *, allowed: Sequence[str] = (), meant: str = ""
    ) -> None:
        self.faults.append(QueryError(code, detail, start, max(end, start + 1), tuple(allowed), meant))


def _compared(sign: str, bound: Bound) -> Range:
    match sign:
        case ">":
            return Range(low=bound, with_low=False)
        case ">=":
            return Range(low=bound)
        case "<":
            return Range(high=bound, with_high=False)
        case "<=":
            return Range(high=bound)
        case _:
            return Range(bound, bound)


def closest_match(given: str, names: Sequence[str]) -> str:
    """Return the closest name; empty if none is close."""
    return next(iter(difflib.get_close_matches(given, names, n=1, cutoff=0.6)), "")


def _either(values: Sequence[str]) -> str:
    return " or ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values)


def _written(word: SearchField) -> str:
    return f"write {_either(word.examples[:2])}"
