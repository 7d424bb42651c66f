"""Find the names in a Jinja template whose value can be a text that the template builds.

A built text can be the name of a hidden attribute, although no part of it is. The analysis is coarse: a name is built
if any expression that sets it, or a parameter of its macro, joins or changes texts or uses a built name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from governance.checks.scan.jinja_lexer import Block, Token

SHAPING_FILTERS = frozenset(
    {
        "tojson", "trim", "string", "join", "lower", "upper", "capitalize", "title", "replace", "reverse", "safe",
        "escape", "e", "indent", "format", "truncate", "striptags", "center", "wordwrap", "urlencode", "forceescape",
    }
)  # fmt: skip
"""Filters that change or make a text."""
_SHAPING_METHODS = frozenset(
    {
        "replace", "join", "format", "lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize", "ljust",
        "rjust", "center", "zfill", "removeprefix", "removesuffix", "strftime",
    }
)  # fmt: skip
_HIDDEN = re.compile(
    r"_.*|.*__.*|(?:gi|cr|ag)_(?:frame|code|running|yieldfrom|await|origin)|tb_\w+|f_(?:globals|locals|builtins|back|code)"
    r"|func_\w+|im_(?:func|self|class)|co_\w+|mro|subclasses",
    re.DOTALL,
)
_MAX_ROUNDS = 50


def is_hidden(name: str) -> bool:
    """Return whether a name is of an attribute that leads to functions of the process."""
    return _HIDDEN.fullmatch(name) is not None


class BuiltNames:
    """The names that hold built texts, and the macros of a template with their parameters."""

    def __init__(self, parts: Sequence[Block]) -> None:
        self.macros: dict[str, list[str]] = {}
        self._names: set[str] = set()
        self._call_parameters: list[str] = []
        for part in parts:
            self._define(part)
        for _ in range(_MAX_ROUNDS):
            before = len(self._names)
            for part in parts:
                self._propagate(part)
            if len(self._names) == before:
                return
        self._names.update(*self.macros.values())

    def is_built(self, tokens: Sequence[Token]) -> bool:
        """Return whether an expression can be a text that the template builds."""
        has_text = any(token.kind == "text" for token in tokens)
        for at, token in enumerate(tokens):
            before = tokens[at - 1] if at else None
            called = at + 1 < len(tokens) and tokens[at + 1].is_operator("(")
            if token.is_operator("~") or (has_text and token.is_operator("+", "*", "%")):
                return True
            if token.kind == "text" and is_hidden(token.value):
                return True
            if token.kind != "name":
                continue
            if before is not None and before.is_operator("|"):
                if token.value in SHAPING_FILTERS:
                    return True
            elif before is not None and before.is_operator("."):
                if (called and token.value in _SHAPING_METHODS) or (not called and token.value in self._names):
                    return True
            elif token.value in self._names or (called and (token.value in self.macros or token.value == "caller")):
                return True
        return False

    def _define(self, part: Block) -> None:
        tokens = part.tokens
        if not part.is_statement or len(tokens) < 2:
            return
        if tokens[0].is_name("macro"):
            names, defaults = _parameters(tokens[2:])
            self.macros[tokens[1].value] = self.macros.get(tokens[1].value, []) + names
            if self.is_built(defaults):
                self._names.update(names)
        elif tokens[0].is_name("call") and tokens[1].is_operator("("):
            self._call_parameters += _parameters(tokens[1:])[0]
        elif tokens[0].is_name("set") and not any(token.is_operator("=") for token in tokens):
            self._names.add(tokens[3].value if len(tokens) > 3 and tokens[2].is_operator(".") else tokens[1].value)

    def _propagate(self, part: Block) -> None:
        tokens = part.tokens
        if part.is_statement and tokens and tokens[0].is_name("set", "with", "for"):
            separator = next((n for n, t in enumerate(tokens) if t.is_operator("=") or t.is_name("in")), None)
            if separator is not None and self.is_built(tokens[separator + 1 :]):
                self._names.update(_targets(tokens[1:separator]))
                if tokens[0].is_name("with"):
                    self._names.update(t.value for t in tokens[1:] if t.kind == "name")
        for at, token in enumerate(tokens):
            if token.kind != "name" or at + 1 >= len(tokens) or not tokens[at + 1].is_operator("("):
                continue
            names = self._call_parameters if token.value == "caller" else self.macros.get(token.value, [])
            if names and self.is_built(_arguments(tokens, at + 1)):
                self._names.update(names)


def _targets(tokens: Sequence[Token]) -> set[str]:
    """Return the names that are assigned; of `ns.role`, the attribute."""
    followed = [*tokens[1:], None]
    return {
        token.value
        for token, after in zip(tokens, followed, strict=True)
        if token.kind == "name" and not (after is not None and after.is_operator("."))
    }


def _parameters(tokens: Sequence[Token]) -> tuple[list[str], list[Token]]:
    """Return the parameters of a macro, and the tokens of their defaults."""
    names: list[str] = []
    defaults: list[Token] = []
    for at, token in enumerate(tokens):
        if token.kind == "name" and at and tokens[at - 1].is_operator("(", ","):
            names.append(token.value)
        elif token.kind in ("text", "name"):
            defaults.append(token)
    return names, defaults


def _arguments(tokens: Sequence[Token], at: int) -> Sequence[Token]:
    depth = 0
    for end in range(at, len(tokens)):
        depth += tokens[end].is_operator("(", "[", "{") - tokens[end].is_operator(")", "]", "}")
        if depth == 0:
            return tokens[at + 1 : end]
    return tokens[at + 1 :]
