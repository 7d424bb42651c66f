"""Names that look alike, and characters that no reader sees or that show a text in another order."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import characters
from registry.exceptions import ValidationFailedError
from registry.validation import ErrorCollector


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("churn", "\u0441hurn"),  # Cyrillic es
        ("paypal", "p\u0430yp\u0430l"),
        ("credit-risk", "credit\u2010risk"),  # hyphen
        ("credit-risk", "cr\u0435dit-risk"),
        ("model", "rnodel"),
        ("l", "1"),
        ("Pr\u00fcfung", "Pru\u0308fung"),
        ("churn", "churn\u3164"),
        ("churn", "churn\ufe0f"),
        ("churn", "chu\u00adrn"),
        ("a b", "a\u00a0b"),
        ("fi", "\ufb01"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert characters.skeleton(one) == characters.skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("churn", "Churn"), ("churn", "churn-2"), ("credit_risk", "credit-risk")])
def test_names_that_differ_to_the_eye_have_two(one: str, other: str) -> None:
    assert characters.skeleton(one) != characters.skeleton(other)


def test_capitals_do_not_tell_people_apart() -> None:
    assert characters.caseless_skeleton("MARTA") == characters.caseless_skeleton("m\u0430rta")
    assert characters.skeleton("MARTA") != characters.skeleton("marta")


@given(st.text(max_size=40))
def test_a_skeleton_is_decomposed_and_holds_nothing_ignorable(text: str) -> None:
    made = characters.skeleton(text)

    assert unicodedata.normalize("NFD", made) == made
    assert characters.skeleton(unicodedata.normalize("NFC", text)) == made


BIDI_CARD = '---\nlicense: Apache-2.0\ndatasets: [loans-2025]\nmetrics: [accuracy]\nx: "\u202e.evil"\n---\n# Model\n'


def test_a_card_with_an_override_is_refused_with_its_place() -> None:
    faults = ErrorCollector()

    faults.clean_text("/text", BIDI_CARD, 10_000)

    (fault,) = faults.errors
    assert (fault.pointer, fault.code) == ("/text", "bidirectional_controls")
    assert "Line 5, character 5 is U+202E RIGHT-TO-LEFT OVERRIDE" in fault.detail


@pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_every_control_of_direction_is_refused_in_texts_lines_and_names(code: int) -> None:
    for check in (ErrorCollector.clean_text, ErrorCollector.clean_line, ErrorCollector.name):
        faults = ErrorCollector()
        check(faults, "/x", f"a{chr(code)}b", 100)
        with pytest.raises(ValidationFailedError):
            faults.raise_if_any()


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x85", "\u2028", "\u2029", "\uffff", "\ufdd0", "\U000e0041"])
def test_what_no_text_needs_is_refused(character: str) -> None:
    faults = ErrorCollector()

    faults.clean_text("/x", f"first\nsecond{character}", 100)

    assert [fault.code for fault in faults.errors] == ["control_characters"]
    assert "Line 2, character 7" in faults.errors[0].detail


@pytest.mark.parametrize(
    "text",
    [
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with the joiner it needs
        "\u0915\u094d\u200d\u0937",
        "\u05e9\u05dc\u05d5\u05dd\u200f!",
        "\U0001f469\u200d\U0001f4bb \u2764\ufe0f",
        "a\tb\r\nc\n",
    ],
)
def test_what_scripts_need_stays(text: str) -> None:
    faults = ErrorCollector()

    assert faults.clean_text("/x", text, 100) == text
    assert not faults.errors


@pytest.mark.parametrize(
    "name",
    ["churn\u00a0x", "churn\u3164", "churn\ufe0f", "churn\uffff", "chu\u200brn", "\u2800", "a  b", "\ue000", "\u115f"],
)
def test_a_name_has_visible_characters_only(name: str) -> None:
    for check in ("name", "mlflow_name"):
        faults = ErrorCollector()
        if check == "name":
            faults.name("/x", name, 100)
        else:
            faults.mlflow_name("/x", name)
        assert faults.errors, (check, ascii(name))


def test_keys_of_tags_that_look_alike_are_refused() -> None:
    faults = ErrorCollector()

    faults.clean_tags("/tags", {"region": "eu", "r\u0435gion": "us"})

    assert [fault.code for fault in faults.errors] == ["looks_alike"]


def test_an_emoji_keeps_its_style_in_a_title() -> None:
    faults = ErrorCollector()

    assert faults.clean_line("/title", "I \u2764\ufe0f churn", 100)
    assert not faults.errors


@given(st.text(max_size=200))
def test_what_is_marked_holds_nothing_that_is_refused(text: str) -> None:
    assert characters.first_unfit(characters.marked(text)) is None
