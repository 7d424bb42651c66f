"""Rules of form."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.exceptions import ValidationFailedError
from registry.json_text import MAX_LEVELS, JsonTextError, parse_json, parse_json_or
from registry.validation import ErrorCollector


def codes(faults: ErrorCollector) -> list[str]:
    return [error.code for error in faults.errors]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "required"),
        ("/etc/passwd", "absolute"),
        ("C:/weights.bin", "absolute"),
        ("c:weights.bin", "absolute"),
        ("a\\b", "backslash"),
        ("..\\..\\x", "backslash"),
        ("../x", "parent_folder"),
        ("a/../b", "parent_folder"),
        ("a/..", "parent_folder"),
        ("./a", "empty_segment"),
        ("a//b", "empty_segment"),
        ("a/", "empty_segment"),
        ("a\x00b", "control_characters"),
        ("a\nb", "control_characters"),
        ("a\x7fb", "control_characters"),
        ("weights\u202ecod.exe", "control_characters"),
        ("a\u2028b", "control_characters"),
        ("NUL", "reserved_name"),
        ("a/con.txt", "reserved_name"),
        ("Lpt1.tar.gz/a", "reserved_name"),
        ("com¹", "reserved_name"),
        ("...", "end_of_name"),
        ("a/b..", "end_of_name"),
        ("a /b", "end_of_name"),
        ("a/ b", "end_of_name"),
        ("x" * 501, "too_long"),
        ("é" * 128, "too_long"),
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path: str, code: str) -> None:
    faults = ErrorCollector()
    faults.paths("/artifacts", ["fine.bin", path])
    assert [(error.pointer, error.code) for error in faults.errors] == [("/artifacts/1/path", code)]
    assert faults.errors[0].detail


@pytest.mark.parametrize(
    "path",
    ["a", "a/b.bin", "a b/c.bin", "..a/..b", "console", "a/nul_model.bin", "modèle/poids.bin", "モデル/重み", "ab:c"],
)
def test_an_honest_path_is_taken(path: str) -> None:
    faults = ErrorCollector()
    faults.paths("/artifacts", [path])
    assert not faults.errors


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Weights.bin", "weights.BIN"),
        ("caf\u00e9", "cafe\u0301"),
        ("straße", "STRASSE"),
        ("a/b", "A/b"),
        ("same", "same"),
    ],
)
def test_two_paths_that_are_one_name_somewhere_are_refused(one: str, other: str) -> None:
    faults = ErrorCollector()
    faults.paths("", [one, other])
    assert codes(faults) == ["same_name"]


def test_a_file_cannot_be_a_folder_as_well() -> None:
    faults = ErrorCollector()
    faults.paths("", ["Model/a", "model"])
    assert codes(faults) == ["file_and_folder"]


@given(st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_what_is_accepted_is_safe_to_join_to_a_folder(paths: list[str]) -> None:
    faults = ErrorCollector()
    faults.paths("", paths)
    if not faults.errors:
        for path in paths:
            assert not path.startswith("/")
            assert not {"", ".", ".."} & set(path.split("/"))
            assert all(unicodedata.category(c) not in ("Cc", "Cs") for c in path)
        assert len({unicodedata.normalize("NFC", path).casefold() for path in paths}) == len(paths)


@pytest.mark.parametrize("slug", ["a", "credit-risk-pd", "v1.2_x", "0", "a" * 200])
def test_model_slugs(slug: str) -> None:
    faults = ErrorCollector()
    faults.model_slug("/slug", slug)
    assert not faults.errors


@pytest.mark.parametrize("slug", ["", "A", "a/b", "a b", "-a", "a-", ".", "..", "a..b", "é", "a\n", "new", "a" * 201])
def test_bad_model_slugs_are_refused(slug: str) -> None:
    faults = ErrorCollector()
    faults.model_slug("/slug", slug)
    assert len(faults.errors) == 1


def test_an_alias_has_letters_of_any_script() -> None:
    faults = ErrorCollector()
    assert faults.alias("/alias", "Prüfung_второй-1") == "Prüfung_второй-1"
    assert not faults.errors


@pytest.mark.parametrize("name", ["latest", "LATEST", "v1", "V22", "", "a b", "a\u3164b", "a.b", "a" * 256])
def test_bad_aliases_are_refused(name: str) -> None:
    faults = ErrorCollector()
    faults.alias("/alias", name)
    assert len(faults.errors) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), True, "0.5", None, 10**400])
def test_a_metric_is_a_finite_number(value: object) -> None:
    faults = ErrorCollector()
    faults.number("/value", value)
    assert len(faults.errors) == 1


def test_documents_are_plain_json_of_bounded_depth_and_size() -> None:
    for value, code in (
        ({"a": float("nan")}, "not_finite"),
        ({"a": 2**53}, "too_large"),
        ({"a": "\x00"}, "control_characters"),
        ({"a\x00": 1}, "control_characters"),
        ({"a": {1, 2}}, "not_json"),
        ({"a": "x" * 300_000}, "too_large"),
        ({"a": [[[[[[[[1]]]]]]]]}, "too_deep"),
    ):
        faults = ErrorCollector()
        faults.clean_json("/parameters", value)
        assert codes(faults) == [code]
    faults = ErrorCollector()
    assert faults.clean_json("", {"lr": 0.1, "layers": [1, 2], "nested": {"x": None}})
    assert not faults.errors


def test_every_fault_is_reported_at_once() -> None:
    faults = ErrorCollector()
    faults.clean_line("/name", "", 10, required=True)
    faults.clean_line("/title", "x" * 11, 10)
    faults.clean_line("/team", "a\nb", 10)
    with pytest.raises(ValidationFailedError) as refused:
        faults.raise_if_any()
    assert [(e.pointer, e.code) for e in refused.value.errors] == [
        ("/name", "required"),
        ("/title", "too_long"),
        ("/team", "invisible_characters"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "syntax"),
        (b"\xff\xff", "syntax"),
        ("9" * 5000, "syntax"),
        ("[" * 100_000, "too_deep"),
        ("[" * 3000 + "]" * 3000, "too_deep"),
        ("[" * (MAX_LEVELS + 1) + "]" * (MAX_LEVELS + 1), "too_deep"),
        ('{"\\ud800": 1}', "characters"),
        ('["a\\u0000"]', "characters"),
    ],
)
def test_json_from_outside_is_read_or_refused_with_one_error(text: str | bytes, code: str) -> None:
    with pytest.raises(JsonTextError) as refused:
        parse_json(text)
    assert refused.value.code == code
    assert parse_json_or(text, "fallback") == "fallback"


def test_json_from_outside_is_read_to_the_limit_of_levels() -> None:
    assert parse_json("[" * MAX_LEVELS + "]" * MAX_LEVELS)
    assert parse_json(b'{"a": ["\xc3\xa9", 1.5, null]}') == {"a": ["\xe9", 1.5, None]}
