"""Faults of a YAML document in plain words, with line and field."""

from __future__ import annotations

import pytest

from governance.services import policies
from registry import yaml_reader
from registry.exceptions import ValidationFailedError
from registry.services import questionnaires
from tests import factories

POLICY = """\
# a comment
slug: my-policy
title: Into Production
applies_to:
  stages: [production]
checks:
  - check: integrity.digest
approvals:
  - group: risk-team
    count: {count}
"""


def details(source: str) -> list[str]:
    with pytest.raises(ValidationFailedError) as refused:
        policies.read(source)
    return [fault.detail for fault in refused.value.errors]


def test_a_wrong_value_is_named_with_its_line_and_field() -> None:
    (detail,) = details(POLICY.format(count="two"))
    assert detail == "line 10, field approvals[1].count: write a whole number; found: “two”."
    (detail,) = details(POLICY.format(count=0))
    assert detail == "line 10, field approvals[1].count: write 1 or more; found: “0”."


def test_an_unknown_field_is_named_with_the_one_that_is_meant() -> None:
    found = details(POLICY.format(count=1).replace("stages:", "stagess:"))
    assert (
        "line 5, field applies_to.stagess: there is no field “stagess” here. Did you mean stages? Allowed here: tiers, "
        "tags, data_classes, teams, affects_people, regulations, from, stages, aliases." in found
    )
    (detail,) = details(
        POLICY.format(count=1).replace("group:", "team:").replace("    count", "    group: risk-team\n    count")
    )
    assert detail.startswith("line 9, field approvals[1].team: there is no field “team” here.")


def test_a_missing_field_is_placed_where_it_belongs() -> None:
    found = details(POLICY.format(count=1).replace("title: Into Production\n", ""))
    assert found == ["line 2, field title: this field is required and is missing."]


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("[production]", "production", "write a list, such as [a, b]; found: “production”."),
        (
            "my-policy",
            "My Policy",
            "use lower-case letters, digits and hyphens, beginning with a letter or digit; found: ",
        ),
        (
            "- check: integrity.digest",
            "- {check: integrity.digest, mode: strict}",
            "write 'required' or 'advisory'; found",
        ),
        ("- check: integrity.digest", "integrity.digest", "write a list, such as [a, b]; found: “integrity.digest”."),
        ("title: Into Production", "title: 7", "write text; found: “7”."),
    ],
)
def test_values_of_other_kinds(before: str, after: str, rule: str) -> None:
    assert rule in " ".join(details(POLICY.format(count=1).replace(before, after)))


@pytest.mark.django_db
def test_what_the_instance_does_not_have_is_placed_too() -> None:
    factories.lifecycle()
    (detail,) = details(POLICY.format(count=1))
    assert detail.startswith("line 9, field approvals[1].group: Unknown reviewer group")


def test_a_questionnaire_is_judged_in_the_same_words() -> None:
    with pytest.raises(ValidationFailedError) as refused:
        questionnaires.read("title: Risk\nquestions: none\ntiers: {1: 30, 2: 15}\n")
    assert refused.value.errors[0].detail == "line 2, field questions: write a list, such as [a, b]; found: “none”."


def test_lines_of_places() -> None:
    assert yaml_reader.find_line("a: 1\nb:\n  - c: 2\n  - c: 3\n", ["b", "1", "c"]) == 4
    assert yaml_reader.find_line("a: 1\nb: {}\n", ["b", "missing"]) == 2
    assert yaml_reader.find_line("a: [", ["a"]) == 0
    assert yaml_reader.find_line("", ["a"]) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: c: d\n", "line 2: a colon is not allowed here: put text that contains “: ” in quotes"),
        ("a: 1\nb\nc: 2\n", "a colon is missing after the name of a field"),
        ("a:\n\t- b\n", "line 2: a tab is not allowed: indent with spaces"),
        ("a:\n  - b\n - c\n", "line 3: the indentation does not match the lines above"),
        ('a: "b\n', "a quote is not closed"),
        ("a: [b, c\nd: 1\n", "a list in [ ] is not closed, or a comma is missing"),
    ],
)
def test_text_that_is_no_yaml_is_explained(text: str, words: str) -> None:
    with pytest.raises(yaml_reader.YamlUnreadableError) as refused:
        yaml_reader.read(text)
    assert words in str(refused.value)
