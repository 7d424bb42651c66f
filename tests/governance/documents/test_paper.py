"""Paper: the same input gives the same bytes, whatever the text holds is text, and what fonts lack is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.documents import paper
from governance.documents.letters import Letters

HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) ![i](https://evil.example/p.png) \\ ) (Tj ET endobj"


def about(**facts: Any) -> paper.Print:
    given: dict[str, Any] = {
        "title": "Technical document",
        "subject": "credit-risk-pd v3",
        "printed_by": "Marta Kovač",
        "printed_at": datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
        "permalink": "https://registry.example/models/credit-risk-pd/versions/3/document/",
        "facts": [("Digest", "sha256:" + "a" * 64), ("True at", "event 48,196")],
    }
    return paper.Print(**{**given, **facts})


def content(*blocks: dict[str, Any]) -> dict[str, Any]:
    gap = {"what": "name of the provider", "where": "model card, section “Provider”", "conditional": False}
    point = {"clause": "1(a)", "group": "General", "title": "Purpose", "state": "partly", "blocks": list(blocks)}
    return {"points": [{**point, "missing": [gap]}]}


def text(markdown: str) -> dict[str, Any]:
    return {"kind": "text", "title": "Intended use", "source": "model card", "markdown": markdown, "cut": False}


def read(pdf: bytes) -> str:
    """The text of an uncompressed PDF: its strings, joined as they were drawn."""
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    drawn = b"".join(part.split(b"endstream")[0] for part in pdf.split(b"stream\n")[1:])
    said, inside, skip = bytearray(), False, False
    for byte in drawn:
        character = bytes([byte])
        if skip:
            said += character
            skip = False
        elif inside and character == b"\\":
            skip = True
        elif character == b"(" and not inside:
            inside = True
        elif character == b")" and inside:
            inside = False
            said += b" "
        elif inside:
            said += character
    return " ".join(bytes(said).decode("windows-1252", "replace").split())


def test_the_first_page_says_what_who_when_and_by_what_it_is_known() -> None:
    said = read(paper.document(content(text("Ranks **applicants**.")), about(), compress=False))
    for expected in (
        "Technical document",
        "credit-risk-pd v3",
        "2026-11-24 03:00:00 UTC by Marta Kovac",
        "https://registry.example/models/credit-risk-pd/versions/3/document/",
        "a" * 30,
        "event 48,196",
        "What is missing",
        "model card, section “Provider”",
        "Ranks applicants.",
        "Source: model card",
        "1 / 1",
    ):
        assert expected in said, (expected, said)


def test_the_same_input_gives_the_same_bytes() -> None:
    assert paper.document(content(text("x")), about()) == paper.document(content(text("x")), about())
    assert paper.document(content(text("x")), about()) != paper.document(content(text("y")), about())


def test_hostile_text_is_text_in_every_field() -> None:
    table = {"kind": "table", "title": HOSTILE, "source": HOSTILE, "columns": [HOSTILE, "b"], "rows": [[HOSTILE, "1"]]}
    facts = {"kind": "facts", "title": HOSTILE, "source": HOSTILE, "items": [{"name": HOSTILE, "value": HOSTILE}]}
    document = content(text(HOSTILE), {**table, "left_out": 2}, facts)
    pdf = paper.document(document, about(title=HOSTILE, subject=HOSTILE, printed_by=HOSTILE), compress=False)
    assert "<script>alert(1)</script>" in read(pdf)
    for forbidden in (b"/JavaScript", b"/JS", b"/URI", b"/Launch", b"/EmbeddedFile", b"/AcroForm"):
        assert forbidden not in pdf


def test_letters_the_fonts_lack_are_written_otherwise_and_it_is_said() -> None:
    pdf = paper.card("Größe ≥ 3 → Kovač, 中文, Ω", {"länge": "β"}, about(), compress=False)
    said = read(pdf)
    assert "Größe >= 3 -> Kovac, [U+4E2D][U+6587], Omega" in said
    assert "Some letters are not in the fonts" in said
    assert "Some letters" not in read(paper.card("Größe", {}, about(printed_by="Marta"), compress=False))


def test_long_words_and_long_tables_go_over_pages() -> None:
    rows = [[f"row {n}", "x" * 600, "b" * 64, "d", "e"] for n in range(60)]
    table = {"kind": "table", "title": "T", "source": "s", "columns": list("abcde"), "rows": rows, "left_out": 0}
    pdf = paper.document(content(table, text("y" * 20_000)), about(), compress=False)
    assert "row 59" in read(pdf)
    assert pdf.count(b"/Type /Page\n") > 3


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_whatever_a_card_holds_is_printed(markdown: str) -> None:
    assert paper.card(markdown, {"front": markdown}, about()).startswith(b"%PDF-")


@given(st.text())
def test_every_letter_can_be_shown(given: str) -> None:
    Letters().shown(given).encode("windows-1252")


@pytest.mark.parametrize(
    ("letter", "shown"), [("“", "“"), ("ő", "o"), ("ﬁ", "fi"), ("Ж", "[U+0416]"), ("\u202e", "[U+202E]")]
)
def test_letters(letter: str, shown: str) -> None:
    assert Letters().shown(letter) == shown
