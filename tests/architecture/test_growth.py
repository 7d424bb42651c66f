"""The time of every pattern and parser that runs over text from outside is proportional to the length of that text.

A function that gains such a pattern belongs into FUNCTIONS; a text that was slow once belongs into GENERATORS. The
comparisons of processor time belong to the long profile (`make test-long`); what counts steps runs always.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.checks.base import EVALUATION_TABLE, File
from governance.checks.number_columns import NumberColumn
from governance.checks.tables import TableFormatError, header, number, rows
from governance.documents import pdf_fonts
from governance.interfaces.mlflow import filters
from governance.interfaces.mlflow.errors import MlflowError
from governance.interfaces.web import list_filters, markdown
from registry import model_card as cards
from registry import questionnaire, yaml_reader
from registry.comparison import Effort, compare_signatures, compare_texts, read_lock
from registry.datasets import detect_formats
from registry.search import InvalidQuery, parser
from registry.search.fields import WORDS
from registry.services.mlflow_names import slug_of
from tests.architecture.growth import GENERATORS, HIGHEST_RATIO, growth

ROOT = Path(__file__).parents[2]


def read_card(text: str) -> None:
    """All that pages, checks and comparisons read of a card."""
    try:
        card = cards.parse(text)
        for value in card.metadata.values():
            cards.to_json_value(value)
    except cards.ModelCardParseError:
        return
    cards.find_missing_sections(
        card, required_metadata=["license"], required_sections=["limitations", "evaluation"], min_words=20
    )
    for section in cards.top_sections(card):
        assert section.words >= 0
        card.source(section)


def read_table(text: str, folder: Path) -> None:
    path = folder / "table.csv"
    path.write_text("label,score\n" + text, encoding="utf-8")
    file = File(EVALUATION_TABLE, "table.csv", hashlib.sha256(b"").hexdigest(), 0, path)
    header(file)
    for _, score in rows(file, required=("label",), optional=("score",)):
        number(score or "0", "a row")


def read_numbers(text: str) -> None:
    column = NumberColumn("row ", "score")
    column.add([text, "1.5", *text.split()], 1)
    column.finish()


def refusing(call: Callable[[str], object], *refusals: type[Exception]) -> Callable[[str], object]:
    def called(text: str) -> object:
        try:
            return call(text)
        except refusals:
            return None

    return called


def in_lines(text: str, before: str, length: int) -> str:
    """The text cut into lines, each with a beginning."""
    return "".join(f"{before}{text[at : at + length]}\n" for at in range(0, len(text), length))


FUNCTIONS: dict[str, tuple[Callable[[str], object], int]] = {
    "model card": (read_card, 32 << 10),
    "heading": (cards.normalised, 64 << 10),
    "front matter of a card": (markdown.front_matter, 64 << 10),
    "Markdown to HTML": (markdown.to_html, 8 << 10),
    "YAML": (refusing(yaml_reader.read, yaml_reader.YamlUnreadableError), 16 << 10),
    "questionnaire": (refusing(questionnaire.parse, ValueError), 8 << 10),
    "lock": (read_lock, 64 << 10),
    "requirements": (lambda text: read_lock(in_lines(text, "a", 1_900)), 64 << 10),
    "conda environment": (lambda text: read_lock("dependencies:\n" + in_lines(text, "- a", 1_900)), 16 << 10),
    "conda archives": (lambda text: read_lock(in_lines(text, "https://a/", 1_900)), 64 << 10),
    "TOML lock": (lambda text: read_lock("[[package]]\n" + text), 64 << 10),
    "dataset reference": (detect_formats, 12 << 10),
    "MLflow filter": (refusing(lambda text: filters.clauses(text, filters.MODEL_KEYS), MlflowError), 64 << 10),
    "MLflow order": (refusing(lambda text: filters.model_order([text]), MlflowError), 64 << 10),
    "search query": (refusing(lambda text: parser.parse(text, WORDS), InvalidQuery), parser.MAX_LENGTH),
    "search box": (lambda text: list_filters.parse_search_box(text, ["state"]), 500),
    "name": (slug_of, 32 << 10),
    "text of a PDF": (pdf_fonts.fitted, 64 << 10),
    "column of numbers": (refusing(read_numbers, TableFormatError), 64 << 10),
    "number": (refusing(lambda text: number(text, "a row"), TableFormatError), 128 << 10),
}


@pytest.mark.long
@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_is_proportional_to_the_length_of_the_text(name: str) -> None:
    call, size = FUNCTIONS[name]
    grown = {}
    for what, make in GENERATORS.items():
        found = growth(call, make, size)
        if found.ratio >= HIGHEST_RATIO:
            grown[what] = found
    assert grown == {}


@pytest.mark.long
def test_time_of_an_evaluation_table_is_proportional_to_its_length(tmp_path: Path) -> None:
    call = refusing(lambda text: read_table(text, tmp_path), TableFormatError)
    grown = {what: growth(call, make, 64 << 10) for what, make in GENERATORS.items()}
    assert {what: found for what, found in grown.items() if found.ratio >= HIGHEST_RATIO} == {}


def lone_matches(lines: int) -> tuple[str, str]:
    """Texts that have single lines in common only, each of them several times: `difflib`'s slow case."""
    before = "".join(f"common {n % (lines // 16 or 1)}\nold {n}\n" for n in range(lines // 2))
    after = "".join(f"common {n % (lines // 16 or 1)}\nnew {n}\n" for n in range(lines // 2))
    return before, after


def test_comparing_two_texts_takes_a_bounded_number_of_steps() -> None:
    before, after = lone_matches(2_900)
    effort = Effort(steps=100_000)
    diff = compare_texts(before, after, effort=effort)
    assert effort.steps == 0
    assert (diff.before, diff.after) == (before, after)
    # What is used up is used up: further texts are compared more coarsely, and nothing of them is lost.
    again = compare_texts("a\nb\n", "a\nc\n", effort=effort)
    assert (again.before, again.after) == ("a\nb\n", "a\nc\n")


@pytest.mark.long
def test_time_of_a_comparison_does_not_grow_faster_than_its_texts() -> None:
    def compare(text: str) -> None:
        compare_texts(*lone_matches(len(text)))

    assert growth(compare, lambda n: "x" * n, 2_900).ratio < HIGHEST_RATIO


@pytest.mark.long
def test_time_of_a_signature_is_proportional_to_its_fields() -> None:
    def compare(text: str) -> None:
        side = {"inputs": json.loads(text)}
        compare_signatures(side, side)

    def same_names(length: int) -> str:
        return json.dumps([{"name": "a", "type": "double"}] * (length // 40))

    assert growth(compare, same_names, 190_000).ratio < HIGHEST_RATIO


def test_yaml_is_read_in_one_place() -> None:
    """Other modules call `registry.yaml_reader`; they may write YAML."""
    readers = {"load", "load_all", "safe_load", "safe_load_all", "full_load", "unsafe_load", "compose", "parse"}
    found = []
    for app in ("audit", "registry", "governance"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == "yaml"
                    and node.attr in readers
                ):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")  # noqa: PERF401 - three loops read better
    assert found == []
