"""PDF files: the same input gives the same bytes, text is text in every script, and replaced characters are stated."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import unicodedata
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pypdf
import pytest
from fpdf import FPDF
from fpdf.fonts import TTFFont
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.documents import pdf_fonts, pdf_writer
from registry.characters import is_unseen

HOSTILE = "<script>alert(1)</script> [x](javascript:alert(1)) ![i](https://evil.example/p.png) \\ ) (Tj ET endobj"


def about(**facts: Any) -> pdf_writer.PdfMetadata:
    given: dict[str, Any] = {
        "title": "Technical document",
        "subject": "credit-risk-pd v3",
        "printed_by": "Marta Kovač",
        "printed_at": datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
        "permalink": "https://registry.example/models/credit-risk-pd/versions/3/document/",
        "facts": [("Digest", "sha256:" + "a" * 64), ("True at", "event 48,196")],
    }
    return pdf_writer.PdfMetadata(**{**given, **facts})


def content(*blocks: dict[str, Any]) -> dict[str, Any]:
    gap = {"what": "name of the provider", "where": "model card, section “Provider”", "conditional": False}
    point = {"clause": "1(a)", "group": "General", "title": "Purpose", "state": "partly", "blocks": list(blocks)}
    return {"points": [{**point, "missing": [gap]}]}


def text(markdown: str) -> dict[str, Any]:
    return {"kind": "text", "title": "Intended use", "source": "model card", "markdown": markdown, "cut": False}


def read(pdf: bytes) -> str:
    """The text of a PDF file as another program extracts it, with single spaces."""
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages).split())


def test_the_first_page_says_what_who_when_and_by_what_it_is_known() -> None:
    said = read(pdf_writer.document(content(text("Ranks **applicants**.")), about(), compress=False))
    for expected in (
        "Technical document",
        "credit-risk-pd v3",
        "2026-11-24 03:00:00 UTC by Marta Kovač",
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
    assert pdf_writer.document(content(text("x")), about()) == pdf_writer.document(content(text("x")), about())
    assert pdf_writer.document(content(text("x")), about()) != pdf_writer.document(content(text("y")), about())


def test_hostile_text_is_text_in_every_field() -> None:
    table = {"kind": "table", "title": HOSTILE, "source": HOSTILE, "columns": [HOSTILE, "b"], "rows": [[HOSTILE, "1"]]}
    facts = {"kind": "facts", "title": HOSTILE, "source": HOSTILE, "items": [{"name": HOSTILE, "value": HOSTILE}]}
    document = content(text(HOSTILE), {**table, "left_out": 2}, facts)
    pdf = pdf_writer.document(document, about(title=HOSTILE, subject=HOSTILE, printed_by=HOSTILE), compress=False)
    assert "<script>alert(1)</script>" in read(pdf)
    for forbidden in (b"/JavaScript", b"/JS", b"/URI", b"/Launch", b"/EmbeddedFile", b"/AcroForm"):
        assert forbidden not in pdf


NAMES = (
    "Łukasz Żółć",
    "Nguyễn Văn Đức",
    "Ștefan Țăranu",
    "İbrahim Şağdıç",
    "Jürgen Größe",
    "Þórður Ægisson",
    "Ἑλένη Παπαδοπούλου",
    "Дмитрий Щербаков",
    "Їжак Ґалаґан",
    "Ђорђе Љубић",
    "Յովհաննէս",
    "გიორგი",
    "Ẹniọlá Adébáyọ̀",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_can_be_read_and_selected_in_every_field(name: str) -> None:
    table = {"kind": "table", "title": name, "source": name, "columns": [name], "rows": [[name]], "left_out": 0}
    facts = {"kind": "facts", "title": name, "source": name, "items": [{"name": name, "value": name}]}
    blocks = (text(f"# {name}\n\n{name}\n\n- {name}\n\n```\n{name}\n```\n"), table, facts)
    pdf = pdf_writer.document(content(*blocks), about(title=name, subject=name, printed_by=name))
    found = read(pdf)
    # Title, subject, reader; a heading, a paragraph, a list item, code; title, source, heading and cell of the table;
    # title, source, name and value of the facts.
    assert found.count(name) == 3 + 4 + 4 + 4
    assert "code point" not in found
    metadata = pypdf.PdfReader(io.BytesIO(pdf)).metadata
    assert metadata is not None
    assert (metadata.title, metadata.author) == (name, name)


def test_decomposed_text_is_drawn_composed() -> None:
    assert "Nguyễn" in read(pdf_writer.card(unicodedata.normalize("NFD", "Nguyễn"), {}, about()))


def test_characters_that_the_fonts_do_not_have_are_written_as_code_points_and_the_first_page_states_it() -> None:
    pdf = pdf_writer.card("Größe ≥ 3 → Kovač, 中文, 🎉, שלום", {"länge": "β"}, about())
    found = read(pdf)
    assert "Größe ≥ 3 → Kovač, [U+4E2D U+6587], [U+1F389], [U+05E9 U+05DC U+05D5 U+05DD]" in found
    assert "länge β" in found
    assert "do not have all characters" in found
    assert "do not have all characters" not in read(pdf_writer.card("Größe", {}, about()))
    assert "do not have all characters" in read(pdf_writer.card("Größe", {}, about(printed_by="中")))


def test_placeholders_of_the_library_are_text() -> None:
    assert "{pages} {nb} \ue000" not in (found := read(pdf_writer.card("{pages} {nb} \ue000\ue001\ue002", {}, about())))
    assert "{pages} {nb} [U+E000 U+E001 U+E002]" in found
    assert "1 / 1" in found


def test_the_bytes_do_not_depend_on_the_process() -> None:
    program = (
        "import datetime, hashlib; from governance.documents import pdf_writer;"
        "about = pdf_writer.PdfMetadata('t', 's', 'Łukasz', datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC), 'https://a.example/');"
        "print(hashlib.sha256(pdf_writer.card('Nguyễn **Ω**\\n\\n    code', {'a': 'ж'}, about)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "DJANGO_SETTINGS_MODULE": "governance.settings.testing"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_long_words_and_long_tables_go_over_pages() -> None:
    rows = [[f"row {n}", "x" * 600, "b" * 64, "d", "e"] for n in range(60)]
    table = {"kind": "table", "title": "T", "source": "s", "columns": list("abcde"), "rows": rows, "left_out": 0}
    pdf = pdf_writer.document(content(table, text("y" * 20_000)), about(), compress=False)
    assert "row 59" in read(pdf)
    assert pdf.count(b"/Type /Page\n") > 3


@given(st.text(max_size=200))
@settings(max_examples=30, deadline=None)
def test_every_text_of_a_card_is_rendered(markdown: str) -> None:
    assert pdf_writer.card(markdown, {"front": markdown}, about()).startswith(b"%PDF-")


@given(st.text())
def test_fitted_text_has_only_characters_of_the_fonts(given: str) -> None:
    shown = pdf_fonts.fitted(given)
    assert {ord(character) for character in shown if character != "\n"} <= fonts_of_a_file()[pdf_fonts.SANS.lower()]
    assert pdf_fonts.fitted(shown) == shown
    assert pdf_fonts.has_replacement([given]) == ("[U+" in shown and "[U+" not in given)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("“", "“"),
        ("ő", "ő"),
        ("ﬁ", "ﬁ"),
        ("Ж", "Ж"),
        ("中文 x", "[U+4E2D U+6587] x"),
        ("\u202ea", "[U+202E]a"),
        ("a\u00adb\u200bc\ufeff", "abc"),
        ("❤\ufe0f", "❤"),
        ("a\u00a0b", "a\u00a0b"),
        ("a\tb\r\nc\u2028d", "a    b\nc\nd"),
        ("\x07", "[U+0007]"),
        ("\U0010ffff", "[U+10FFFF]"),
    ],
)
def test_fitted(text: str, shown: str) -> None:
    assert pdf_fonts.fitted(text) == shown


@cache
def fonts_of_a_file() -> dict[str, set[int]]:
    """The characters of each font, by the library's key."""
    file = FPDF()
    pdf_fonts.add_fonts(file)
    pdf_fonts.add_mono(file)
    characters = {key: set(font.cmap) for key, font in file.fonts.items() if isinstance(font, TTFFont)}
    pdf_fonts.close_fonts(file)
    return characters


def test_regular_and_bold_have_the_same_characters_and_no_invisible_ones() -> None:
    fonts = fonts_of_a_file()
    sans = fonts[pdf_fonts.SANS.lower()]
    assert sans == fonts[pdf_fonts.SANS.lower() + "B"]
    assert not [f"U+{code:04X}" for code in sans if is_unseen(chr(code))]
    assert sum(path.stat().st_size for path in pdf_fonts.FILES.values()) < 1_500_000
    assert "Bitstream" in (pdf_fonts.FOLDER / "LICENSE").read_text()
