"""Judge a Jinja template, such as a chat template: can it reach code?

Python objects lead to every function of the process by attributes such as `__class__`, so a template may use only the
statements, functions, methods, filters and tests of the lists here, no attribute that begins with an underscore or
names a frame, and no attribute whose name the template builds. Libraries render chat templates in a sandbox, or
without one. Source: Jinja 3.1; `transformers.utils.chat_template_utils`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from governance.checks.base import Severity
from governance.checks.scan.collecting import Collector, shown
from governance.checks.scan.jinja_lexer import Block, TemplateError, Token, blocks
from governance.checks.scan.jinja_values import SHAPING_FILTERS, BuiltNames, is_hidden

STATEMENTS = frozenset(
    {
        "if", "elif", "else", "endif", "for", "endfor", "set", "endset", "macro", "endmacro", "call", "endcall",
        "filter", "endfilter", "with", "endwith", "block", "endblock", "generation", "endgeneration", "break",
        "continue", "do", "autoescape", "endautoescape",
    }
)  # fmt: skip
_LOADING = frozenset({"include", "import", "from", "extends"})
FUNCTIONS = frozenset(
    {"range", "dict", "namespace", "raise_exception", "strftime_now", "caller", "cycler", "joiner", "loop"}
)
METHODS = frozenset(
    {
        "items", "keys", "values", "get", "startswith", "endswith", "strip", "lstrip", "rstrip", "split", "rsplit",
        "splitlines", "partition", "rpartition", "upper", "lower", "title", "capitalize", "replace", "join", "append",
        "extend", "insert", "pop", "update", "index", "find", "rfind", "count", "isdigit", "isalpha", "isspace",
        "isupper", "islower", "strftime", "copy", "next", "cycle", "changed", "removeprefix", "removesuffix", "zfill",
        "setdefault", "reverse", "sort", "remove", "clear", "ljust", "rjust", "center", "isnumeric", "isalnum",
        "isoformat",
    }
)  # fmt: skip
FILTERS = SHAPING_FILTERS | frozenset(
    {
        "length", "count", "list", "first", "last", "default", "d", "items", "select", "reject", "selectattr",
        "rejectattr", "sort", "unique", "int", "float", "abs", "round", "sum", "min", "max", "wordcount", "batch",
        "slice", "dictsort", "groupby", "map", "random", "from_json", "fromjson",
    }
)  # fmt: skip
TESTS = frozenset(
    {
        "defined", "undefined", "none", "None", "string", "mapping", "sequence", "iterable", "number", "integer",
        "float", "boolean", "true", "false", "True", "False", "equalto", "eq", "ne", "gt", "lt", "ge", "le", "sameas",
        "in", "odd", "even", "divisibleby", "lower", "upper", "callable", "filter", "test", "greaterthan", "lessthan",
        "escaped", "startswith", "endswith", "contains",
    }
)  # fmt: skip
_NAMED_BY_TEXT = frozenset(
    {"map", "select", "reject", "selectattr", "rejectattr", "groupby", "sort", "sum", "min", "max", "unique", "join"}
)
"""Filters that take the name of an attribute, a filter or a test as a text."""
_REFUSED_NAMES = frozenset({"self", "lipsum", "request", "config", "url_for", "get_flashed_messages", "environment"})
"""Objects from which web frameworks and Jinja reach the whole process."""
_FORMAT = re.compile(r"(?:[^{}]|\{\{|\}\}|\{\w{0,20}(?::[\w.<>^+ ,%-]{0,20})?\})*")
_WORDS = frozenset(
    {"in", "is", "not", "and", "or", "if", "else", "elif", "for", "set", "recursive", "ignore", "do", "with"}
)


def judge(template: str, where: str, found: Collector) -> None:
    """Judge a template.

    Args:
        template: its text.
        where: its place in the file.
        found: collects the findings.
    """
    try:
        parts = blocks(template)
    except TemplateError as fault:
        found.unreadable("template_broken", f"The Jinja template {fault}, so what it does cannot be judged.", where)
        return
    _Judge(parts, where, found).run()


class _Judge:
    def __init__(self, parts: list[Block], where: str, found: Collector) -> None:
        self.parts, self.where, self.found = parts, where, found
        self.built = BuiltNames(parts)
        self.line = 1

    def run(self) -> None:
        """Judge every block."""
        for part in self.parts:
            self.line = part.line
            tokens = part.tokens
            if part.is_statement and tokens:
                word, tokens = tokens[0].value, tokens[1:]
                if word in _LOADING:
                    self._refuse(f"loads another template by the statement {word!r}")
                    continue
                if word not in STATEMENTS:
                    self._unknown(f"the statement {shown(word)}")
                    continue
                if word in ("macro", "call", "block"):
                    tokens = tokens[1:] if word in ("macro", "block") else tokens
                if word == "filter":
                    tokens = (Token("operator", "|"), *tokens)
            self._expression(tokens)

    def _expression(self, tokens: Sequence[Token]) -> None:
        for at, token in enumerate(tokens):
            before = tokens[at - 1] if at else None
            after = tokens[at + 1] if at + 1 < len(tokens) else None
            if token.kind == "name":
                self._name(token.value, tokens, at, before, after)
            elif token.is_operator("(") and before is not None and before.is_operator(")", "]", "}"):
                self._refuse("calls a value that it computes")
            elif token.is_operator("(") and before is not None and before.kind == "text":
                self._refuse("calls a text")
            elif token.is_operator("[") and before is not None and _ends_value(before):
                self._subscript(_inside(tokens, at))

    def _name(self, name: str, tokens: Sequence[Token], at: int, before: Token | None, after: Token | None) -> None:
        called = after is not None and after.is_operator("(")
        if before is not None and before.is_operator("|"):
            self._filter(name, _inside(tokens, at + 1) if called else ())
        elif before is not None and (
            before.is_name("is") or (before.is_name("not") and at > 1 and tokens[at - 2].is_name("is"))
        ):
            if name not in TESTS | {"not"}:
                self._unknown(f"the test {shown(name)}")
        elif before is not None and before.is_operator("."):
            if is_hidden(name):
                self._refuse(f"reads the attribute {shown(name)}, which leads to functions of the process")
            elif called and name == "format":
                receiver = tokens[at - 2] if at > 1 else None
                if receiver is None or receiver.kind != "text" or not _FORMAT.fullmatch(receiver.value):
                    self._refuse("formats a text with fields that can read any attribute")
            elif called and name not in METHODS:
                self._unknown(f"the method {shown(name)}")
        elif "__" in name or not name.isascii():
            self._refuse(f"uses the name {shown(name)}")
        elif name in _REFUSED_NAMES:
            self._refuse(f"uses the object {shown(name)}, from which functions of the process are reached")
        elif called and name not in FUNCTIONS and name not in self.built.macros and name not in _WORDS:
            self._unknown(f"the function {shown(name)}")

    def _filter(self, name: str, arguments: Sequence[Token]) -> None:
        if name == "attr":
            self._refuse("reads an attribute by the filter 'attr'")
            return
        if name not in FILTERS:
            self._unknown(f"the filter {shown(name)}")
            return
        if name not in _NAMED_BY_TEXT or not arguments:
            return
        if name == "join":  # its first argument is the text between the parts
            comma = next((n for n, token in enumerate(arguments) if token.is_operator(",")), len(arguments))
            arguments = arguments[comma + 1 :] if not arguments[0].is_name("attribute") else arguments
        for at, token in enumerate(arguments):
            if token.kind == "text" and any(is_hidden(part) for part in token.value.split(".")):
                self._refuse(f"reads the attribute {shown(token.value)} by the filter {name!r}")
            if (
                token.is_name("attribute")
                and at + 2 < len(arguments)
                and arguments[at + 2].kind not in ("text", "number")
            ):
                self._refuse(f"reads an attribute by the filter {name!r} whose name it computes")
        if name == "join":
            return
        self._named_function(name, arguments)

    def _named_function(self, name: str, arguments: Sequence[Token]) -> None:
        """Judge the function, the test or the attribute that a filter takes by a text."""
        first = arguments[0]
        ends_name = len(arguments) == 1 or arguments[1].is_operator(",", "=")
        literal = first.kind == "text" and ends_name
        if name in ("map", "select", "reject") and not first.is_name("attribute", "default"):
            if not literal or first.value not in (FILTERS if name == "map" else TESTS):
                self._refuse(f"names a function for the filter {name!r} that is not on the list")
        elif name in ("selectattr", "rejectattr", "groupby"):
            if not literal and not (first.kind == "number" or first.is_name("attribute")):
                self._refuse(f"reads an attribute by the filter {name!r} whose name it computes")
            tests = [t for t in arguments[1:3] if t.kind == "text"][:1] if name != "groupby" else []
            if (
                name != "groupby"
                and len(arguments) > 2
                and (not tests or tests[0].value not in TESTS | {"==", "!=", ">", "<", ">=", "<="})
            ):
                self._refuse(f"names a test for the filter {name!r} that is not on the list")

    def _subscript(self, tokens: Sequence[Token]) -> None:
        if any(token.kind == "text" and (is_hidden(token.value) or "__" in token.value) for token in tokens):
            self._refuse(f"reads the attribute {shown(''.join(t.value for t in tokens))} by a subscript")
        elif self.built.is_built(tokens) or any(t.is_name("previtem", "nextitem") for t in tokens):
            self._refuse(f"computes the name of the attribute {shown(''.join(t.value for t in tokens))}")

    def _refuse(self, what: str) -> None:
        self.found.executes("Jinja template", self._place())
        self.found.find(
            "template_reaches_code",
            f"The template {what}. Rendering it can run code with the rights of the program. Remove the template, or "
            "use the one that the authors of the base model publish.",
            self._place(),
            severity=Severity.CRITICAL,
        )

    def _unknown(self, what: str) -> None:
        self.found.find(
            "template_unknown",
            f"The template uses {what}, which is not on the list of what chat templates use, so what it does cannot be "
            "judged.",
            self._place(),
        )

    def _place(self) -> str:
        return f"{self.where}: line {self.line}" if self.where else f"line {self.line}"


def _ends_value(token: Token) -> bool:
    if token.kind == "name":
        return token.value not in _WORDS
    return token.kind == "text" or token.is_operator(")", "]", "}")


def _inside(tokens: Sequence[Token], at: int) -> Sequence[Token]:
    """Return the tokens between the bracket at a position and its counterpart."""
    depth = 0
    for end in range(at, len(tokens)):
        if tokens[end].is_operator("(", "[", "{"):
            depth += 1
        elif tokens[end].is_operator(")", "]", "}"):
            depth -= 1
            if depth == 0:
                return tokens[at + 1 : end]
    return tokens[at + 1 :]
