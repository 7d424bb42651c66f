"""The one reader of YAML: what it refuses, and what it reads as everybody does."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from governance import policies
from registry import model_card, questionnaire, yaml_reader
from registry.yaml_reader import DuplicateKeyError, Limits, YamlUnreadableError, read

DUPLICATES = {
    "at the top": ("checks: [a]\nslug: x\nchecks: []\n", "checks", (1, 3)),
    "deeper": ("a:\n  - b: 1\n    b: 2\n", "b", (2, 3)),
    "in flow style": ("{a: 1,\n a: 2}", "a", (1, 2)),
    "quoted": ("a: 1\n'a': 2\n", "a", (1, 2)),
    "equal as numbers": ("1: a\n0x1: b\n", "0x1", (1, 2)),
    "equal as booleans": ("True: a\ntrue: b\n", "true", (1, 2)),
    "merge keys": ("b: &b {x: 1}\nc:\n  <<: *b\n  <<: *b\n", "<<", (3, 4)),
    "inside a key's value only an alias repeats": ("a: &a {x: 1, x: 2}\nb: *a\n", "x", (1, 1)),
    "in a set": ("s: !!set {a, b, a}\n", "a", (1, 1)),
}


@pytest.mark.parametrize("name", DUPLICATES)
def test_a_key_twice_is_refused_with_both_lines(name: str) -> None:
    text, key, lines = DUPLICATES[name]
    with pytest.raises(DuplicateKeyError) as caught:
        read(text)
    assert (caught.value.key, caught.value.lines) == (key, lines)
    assert f"line {lines[0]}" in str(caught.value)


def test_a_merge_may_be_overridden() -> None:
    text = "base: &base {x: 1, y: 2}\nmore: &more {<<: *base, x: 3}\nlast: {<<: *more, y: 4}\n"
    assert read(text)["last"] == {"x": 3, "y": 4}


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merge_bomb(levels: int) -> str:
    lines = ["m0: &m0 {a: 1, b: 2, c: 3}"]
    lines += [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


REFUSED = {
    "aliases of aliases": bomb(8),
    "merges of merges": merge_bomb(8),
    "an alias inside its own value": "a: &a [*a]",
    "too many aliases": "a: &a 1\nb: [" + "*a, " * 200 + "]",
    "too deep in flow style": "[" * 5000 + "]" * 5000,
    "too deep in block style": "\n".join(" " * n + "a:" for n in range(60)),
    "many open braces": "{" * 5000,
    "an unknown tag": "!!python/object/apply:os.system [ls]",
    "a long number": "a: " + "9" * 5000,
    "a long fraction": "a: 0." + "3" * 5000,
    "a date that is none": "a: !!timestamp 2024-99-99",
    "two documents": "a: 1\n---\nb: 2\n",
    "an unfinished list": "a: [1",
    "a control character": "a: \x01",
    "a list as key": "? [1, 2]\n: x\n",
    "an undefined alias": "a: *b",
    "too long": "a: " + "x" * (256 * 1024),
    "an escaped NUL": 'a: "x\\0y"',
    "an escaped NUL in a key": '"x\\0y": 1',
    "half of a surrogate pair": 'a: "x\\ud800y"',
    "half of a surrogate pair in a list": 'a: [1, "\\udfff"]',
    "a broken merge": "<<: 1",
    "a broken pair list": "!!omap [a]",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_safely_is_one_error(name: str) -> None:
    with pytest.raises(YamlUnreadableError):
        read(REFUSED[name])


def test_lines_are_counted_from_where_the_text_begins() -> None:
    with pytest.raises(DuplicateKeyError) as caught:
        read("a: 1\na: 2\n", first_line=10)
    assert caught.value.lines == (10, 11)
    with pytest.raises(YamlUnreadableError, match="line 10"):
        read("a: 1\nb: [1]\n", first_line=9, limits=Limits(depth=2))


SCALARS = {
    "no": "no", "on": "on", "y": "y", "yes": "yes", "Off": "Off", "true": True, "False": False, "TRUE": True,
    "1_000": "1_000", "12:30:45": "12:30:45", "190:20:30.15": "190:20:30.15", "0b11": "0b11",
    "2026-01-05": "2026-01-05", "2026-01-05T10:00:00Z": "2026-01-05T10:00:00Z", "=": "=", "010": 10, "0o17": 15,
    "0x1F": 31, "-5": -5, "1e3": 1000.0, "-.5": -0.5, "~": None, "null": None, "1.2.3": "1.2.3", "v1": "v1",
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_plain_scalars_are_those_of_yaml_1_2(text: str) -> None:
    found = read(f"a: {text}")["a"]
    assert (type(found), found) == (type(SCALARS[text]), SCALARS[text])


@pytest.mark.parametrize(
    "text",
    ["!!bool maybe", "!!bool yes", '!!int ""', "!!int 1_000", "!!int [1]", "!!float {}", "!!float x", "!!timestamp x"],
)
def test_a_value_that_is_not_what_its_tag_says_is_refused(text: str) -> None:
    with pytest.raises(YamlUnreadableError):
        read(f"x: {text}")


@pytest.mark.parametrize("escape", [r"\ud800", r"\u202e", r"\0", r"\x07", r"\uffff"])
def test_an_escape_brings_no_character_that_text_may_not_have(escape: str) -> None:
    with pytest.raises(YamlUnreadableError, match="line 2: an escape"):
        read(f'a: 1\nb: "x{escape}"\n')


def leaves_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return [leaves_as_text(member) for member in value.values()]
    return [leaves_as_text(member) for member in value] if isinstance(value, list) else ""


@given(st.text(alphabet="ab:-[]{}&*>!'\"#| \n0123456789.,?%@~", max_size=60))
def test_it_finds_the_structure_that_pyyaml_finds_or_refuses(text: str) -> None:
    try:
        found: Any = read(text)
    except YamlUnreadableError:
        return
    assert leaves_as_text(found) == leaves_as_text(yaml.load(text, yaml.BaseLoader))


POLICY = """slug: a
title: abc
applies_to: {stages: [production]}
checks:
  - check: artifact.format
  - check: integrity.digest
checks: []
"""


def test_a_policy_with_a_key_twice_is_refused() -> None:
    with pytest.raises(DuplicateKeyError) as caught:
        policies.parse(POLICY)
    assert (caught.value.key, caught.value.lines) == ("checks", (4, 7))


def test_a_questionnaire_with_a_key_twice_is_refused() -> None:
    with pytest.raises(DuplicateKeyError):
        questionnaire.parse("title: One\ntitle: Two\nquestions: []\n")


def test_a_card_with_a_key_twice_cannot_be_read() -> None:
    text = "---\nlicense: Apache-2.0\nlicense: Proprietary\n---\n# Model\n"
    with pytest.raises(model_card.ModelCardParseError, match="“license” is written twice, in line 2 and line 3"):
        model_card.parse(text)


@pytest.mark.parametrize("escape", ["\\0", "\\ud800"])
def test_no_document_holds_what_neither_database_nor_page_can_hold(escape: str) -> None:
    with pytest.raises(ValueError, match="line 2: an escape means"):
        policies.parse(f'slug: a\ntitle: "abc{escape}"\napplies_to: {{stages: [production]}}\n')
    with pytest.raises(ValueError, match="line 1: an escape"):
        questionnaire.parse(f'title: "abc{escape}"\n')
    with pytest.raises(model_card.ModelCardParseError, match="line 2: an escape"):
        model_card.parse(f'---\nlicense: "a{escape}"\n---\n# Model\n')


def test_the_limits_of_a_caller_hold() -> None:
    with pytest.raises(YamlUnreadableError):
        read("[1, 2, 3]", limits=yaml_reader.Limits(values=3))
