"""Divide a Jinja template into blocks and tokens, as `jinja2.lexer` (3.1) does with the default delimiters. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_TEMPLATE = 1 << 20
"""Maximum characters of a template."""
_OPENING = re.compile(r"\{([%{#])")
_ENDRAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d[\d_]*)?)"
    r"|(?P<name>\w+)"
    r"|(?P<text>'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\")"
    r"|(?P<operator>//|\*\*|==|!=|>=|<=|[+\-/*%~\[\](){}.:|,;<>=])",
    re.DOTALL,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}


class TemplateError(ValueError):
    """The text is not a template that Jinja accepts."""


@dataclass(frozen=True)
class Token:
    """A token: kind ("name", "text", "number", "operator") and value; the value of a text has no quotes or escapes."""

    kind: str
    value: str

    def is_operator(self, *values: str) -> bool:
        """Return whether it is one of the operators."""
        return self.kind == "operator" and self.value in values

    def is_name(self, *values: str) -> bool:
        """Return whether it is one of the names."""
        return self.kind == "name" and self.value in values


@dataclass(frozen=True)
class Block:
    """A statement or an output: its tokens, and the line where it begins."""

    is_statement: bool
    tokens: tuple[Token, ...]
    line: int


def blocks(template: str) -> list[Block]:
    """Return the statements and outputs of a template.

    Raises:
        TemplateError: the template is broken, or longer than the limit.
    """
    if len(template) > MAX_TEMPLATE:
        raise TemplateError(f"is longer than {MAX_TEMPLATE:,} characters")
    found: list[Block] = []
    position, line, counted = 0, 1, 0
    while (opening := _OPENING.search(template, position)) is not None:
        line += template.count("\n", counted, opening.start())
        counted = opening.start()
        kind, start = opening[1], opening.end()
        if kind == "#":
            end = template.find("#}", start)
            if end < 0:
                raise TemplateError(f"has a comment without an end, line {line}")
            position = end + 2
            continue
        if template[start : start + 1] in ("-", "+"):
            start += 1
        tokens, position = _tokens(template, start, "%}" if kind == "%" else "}}", line)
        if kind == "%" and [token.value for token in tokens] == ["raw"]:
            end_of_raw = _ENDRAW.search(template, position)
            if end_of_raw is None:
                raise TemplateError(f"has a raw block without an end, line {line}")
            position = end_of_raw.end()
            continue
        found.append(Block(kind == "%", tuple(tokens), line))
    return found


def _tokens(template: str, position: int, ending: str, line: int) -> tuple[list[Token], int]:
    found: list[Token] = []
    waiting: list[str] = []
    while True:
        if not waiting:
            for closing in (ending, f"-{ending}", f"+{ending}"):
                if template.startswith(closing, position):
                    return found, position + len(closing)
        match = _TOKEN.match(template, position)
        if match is None:
            raise TemplateError(f"has a character that no expression contains, or a block without an end, line {line}")
        position = match.end()
        kind, value = str(match.lastgroup), match[0]
        if kind == "operator":
            if value in _PAIRS:
                waiting.append(_PAIRS[value])
            elif value in ")]}" and (not waiting or waiting.pop() != value):
                raise TemplateError(f"has brackets that do not match, line {line}")
        if kind == "text":
            value = _unescaped(value[1:-1], line)
            if found and found[-1].kind == "text":  # Jinja joins texts that follow each other
                value = found.pop().value + value
        if kind != "space":
            found.append(Token(kind, value))


def _unescaped(text: str, line: int) -> str:
    try:
        return text.encode("ascii", "backslashreplace").decode("unicode-escape")
    except UnicodeDecodeError:
        raise TemplateError(f"has a text with a broken escape, line {line}") from None
