"""The only YAML parser for user input: policies, questionnaires, model cards, DVC files, environment files. Pure.

Stricter than YAML: a duplicate key is refused, because YAML parsers keep the last value and drop the first silently.
Size, depth and the number of values are limited, with aliases and merges resolved, so that a few lines cannot expand to
millions of values.

Plain scalars are those of the core schema of YAML 1.2 (section 10.3.2), as on the Hugging Face Hub: `no`, `on`,
`12:30:45`, `1_000` and `2026-01-05` are text. Merge keys (`<<`) are supported, although YAML 1.2 has dropped them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from registry import characters

MAX_NUMBER = 400
"""Maximum characters of a number: parsing takes quadratic time."""


class YamlUnreadableError(ValueError):
    """The text is not accepted as YAML; the message has the rule, and the line if there is one."""


class DuplicateKeyError(YamlUnreadableError):
    """A mapping has a key twice. `lines` are those of both, counted from 1."""

    def __init__(self, key: str, lines: tuple[int, int]) -> None:
        super().__init__(f"the key “{key}” is written twice, in line {lines[0]} and line {lines[1]}: keep one of them")
        self.key, self.lines = key, lines


@dataclass(frozen=True)
class Limits:
    """Limits of a text: characters, nesting depth, values with aliases resolved, and aliases."""

    characters: int = 256 * 1024
    depth: int = 20
    values: int = 20_000
    aliases: int = 100


DEFAULT_LIMITS = Limits()


def read(text: str, *, limits: Limits = DEFAULT_LIMITS, first_line: int = 1) -> Any:
    """Parse one YAML document into plain Python values.

    Args:
        text: the YAML.
        limits: the limits.
        first_line: the number of its first line, if it is part of a larger text.

    Returns:
        The value; None for an empty text.

    Raises:
        DuplicateKeyError: a mapping has a key twice.
        YamlUnreadableError: it is not valid YAML, or exceeds `limits`.
    """
    if len(text) > limits.characters:
        raise YamlUnreadableError(f"it has {len(text):,} characters; at most {limits.characters:,} are read")
    try:
        loader = _Loader(text, limits, first_line)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except YamlUnreadableError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + first_line}: " if mark is not None else ""
        raise YamlUnreadableError(f"not valid YAML: {where}{_in_plain_words(str(error.problem))}") from error
    except Exception as error:  # PyYAML raises ValueError, OverflowError, AttributeError and more for single values
        raise YamlUnreadableError(f"not valid YAML: {str(error)[:300]}") from error


_PROBLEMS = {
    "mapping values are not allowed here": "a colon is not allowed here: put text that contains “: ” in quotes, or "
    "check the indentation",
    "could not find expected ':'": "a colon is missing after the name of a field",
    "found character '\\t' that cannot start any token": "a tab is not allowed: indent with spaces",
    "expected <block end>": "the indentation does not match the lines above",
    "found unexpected end of stream": "a quote is not closed",
    "expected ',' or ']'": "a list in [ ] is not closed, or a comma is missing",
    "expected ',' or '}'": "fields in { } are not closed, or a comma is missing",
}
"""PyYAML's messages, by their beginning, and clearer messages for authors."""


def _in_plain_words(problem: str) -> str:
    return next((words for start, words in _PROBLEMS.items() if problem.startswith(start)), problem)


def find_line(text: str, steps: Sequence[str], *, first_line: int = 1) -> int:
    """Return the line of a path in a YAML document.

    Args:
        text: the YAML.
        steps: keys, and indexes of list entries from 0, from the root.
        first_line: the number of the text's first line.

    Returns:
        The line of the path, or of its last existing step, such as the mapping that lacks a key; 0 if `read` does not
        accept the text.
    """
    try:
        loader = _Loader(text, DEFAULT_LIMITS, first_line)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except Exception:  # as in `read`: PyYAML raises many kinds of errors
        return 0
    if node is None:
        return 0
    line = int(node.start_mark.line)
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == step), None)
            if pair is None:
                break
            line, node = int(pair[0].start_mark.line), pair[1]
        elif isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
            node = node.value[int(step)]
            line = int(node.start_mark.line)
        else:
            break
    return line + first_line


class _Loader(yaml.SafeLoader):
    """SafeLoader that counts the nodes it composes and refuses duplicate keys."""

    def __init__(self, text: str, limits: Limits, first_line: int) -> None:
        super().__init__(text)
        self._text = text
        self._limits, self._first_line = limits, first_line
        self._depth = self._aliases = 0
        self._sizes: dict[int, int] = {}
        """Number of values of each composed node, by its id(), aliases resolved."""
        self._composed: list[yaml.Node] = []
        """Keeps every node alive, so that no id() is reused."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self._aliases += 1
            line = self._line(self._next_event())
            node = super().compose_node(parent, index)
            if self._aliases > self._limits.aliases:
                raise YamlUnreadableError(f"line {line}: at most {self._limits.aliases} aliases are read")
            if id(node) not in self._sizes:
                raise YamlUnreadableError(f"line {line}: an alias is inside the value that it names")
            return node
        self._depth += 1
        if self._depth > self._limits.depth:
            raise YamlUnreadableError(
                f"line {self._line(self._next_event())}: nested more than {self._limits.depth} levels deep"
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None:
            self._measure(node)
            if isinstance(node, yaml.MappingNode):
                self._refuse_duplicates(node)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (YamlUnreadableError, yaml.YAMLError, RecursionError):
            raise
        # a constructor of PyYAML fails on a value that does not match its tag: !!timestamp x
        except Exception as error:
            tag = node.tag.removeprefix("tag:yaml.org,2002:")
            found = repr(node.value[:40]) if isinstance(node, yaml.ScalarNode) else "this value"
            raise YamlUnreadableError(f"line {self._line(node)}: {found} is no {tag}") from error

    def construct_bool(self, node: yaml.ScalarNode) -> bool:
        return self._matching(node, _BOOL, "true or false").lower() == "true"

    def construct_int(self, node: yaml.ScalarNode) -> int:
        text = self._matching(node, _INT, "an integer")
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))

    def construct_float(self, node: yaml.ScalarNode) -> float:
        return float(self._matching(node, _FLOAT, "a number").lower().replace(".inf", "inf").replace(".nan", "nan"))

    def _measure(self, node: yaml.Node) -> None:
        parts: list[yaml.Node] = []
        if isinstance(node, yaml.ScalarNode):
            self._refuse_hidden(node)
        elif isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        size = 1 + sum(self._sizes[id(part)] for part in parts)
        if size > self._limits.values:
            raise YamlUnreadableError(
                f"line {self._line(node)}: it expands to more than {self._limits.values:,} values"
            )
        self._sizes[id(node)] = size
        self._composed.append(node)

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        # Here and not when the mapping is constructed: merge keys are resolved in the node itself, and overriding a
        # merged key is not a duplicate.
        seen: dict[Hashable, int] = {}
        for key, _ in node.value:
            line = self._line(key)
            if not isinstance(key, yaml.ScalarNode):
                raise YamlUnreadableError(f"line {line}: a key is one value, not a list or a mapping")
            name = key.value if key.tag == "tag:yaml.org,2002:merge" else self.construct_object(key)
            if name in seen:
                raise DuplicateKeyError(str(key.value)[:100], (seen[name], line))
            seen[name] = line

    def _refuse_hidden(self, node: yaml.ScalarNode) -> None:
        r"""Refuse disallowed characters written as an escape such as \\u202e: the check of the source text does
        not see them, and a lone surrogate can be neither stored nor sent.
        """
        place = characters.first_unfit(node.value)
        if place is not None and place.character not in self._text:
            raise YamlUnreadableError(f"line {self._line(node)}: an escape means {place.code_point}: remove it")

    def _matching(self, node: yaml.ScalarNode, form: re.Pattern[str], what: str) -> str:
        """Return the text of a scalar tagged as `what`. An explicit tag (`!!bool maybe`) may be wrong."""
        if not isinstance(node, yaml.ScalarNode) or not form.fullmatch(node.value):
            found = repr(node.value[:40]) if isinstance(node, yaml.ScalarNode) else f"a {node.id}"
            raise YamlUnreadableError(f"line {self._line(node)}: {found} is not {what}")
        if len(node.value) > MAX_NUMBER:
            raise YamlUnreadableError(f"line {self._line(node)}: a number of more than {MAX_NUMBER} characters")
        return str(node.value)

    def _next_event(self) -> Any:
        return self.peek_event()  # type: ignore[no-untyped-call]  # the stubs give it no types

    def _line(self, where: Any) -> int:
        return int(where.start_mark.line) + self._first_line


_BOOL = re.compile("true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*+)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_NULL = re.compile("~|null|Null|NULL|")

_Loader.yaml_implicit_resolvers = {}  # those of PyYAML are for YAML 1.1
for _tag, _form, _first in (
    ("bool", _BOOL, "tTfF"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("merge", re.compile("<<"), "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_form.pattern})\\Z"), list(_first))
for _tag, _construct in (
    ("bool", _Loader.construct_bool),
    ("int", _Loader.construct_int),
    ("float", _Loader.construct_float),
):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct)
