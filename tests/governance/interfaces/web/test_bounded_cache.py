"""Values derived from immutable text are computed once, and the cache is bounded."""

import pytest

from governance.interfaces.web import markdown
from governance.interfaces.web.bounded_cache import BoundedCache


def test_the_least_recently_used_values_go_first() -> None:
    made: list[str] = []
    cache: BoundedCache[str] = BoundedCache(10, len)

    def get(key: str, length: int) -> str:
        return cache.get(key, lambda: made.append(key) or key * length)  # type: ignore[func-returns-value]  # append returns None

    get("a", 4), get("b", 4), get("a", 4)
    assert made == ["a", "b"]
    get("c", 4)
    assert get("a", 4) == "aaaa"
    assert made == ["a", "b", "c"]
    get("b", 4)
    assert made == ["a", "b", "c", "b"]
    # What is larger than everything that may be kept is not kept, and pushes nothing out.
    assert get("d", 11) == get("d", 11)
    assert made == ["a", "b", "c", "b", "d", "d"]
    get("b", 4)
    assert made[-1] == "d"


def test_long_markdown_is_rendered_once() -> None:
    text = "# Heading\n\n" + "Some **words** here.\n\n" * 400
    first = markdown.to_html(text)
    assert markdown.to_html(text) is first
    # Headings begin at another level elsewhere: another value.
    assert "<h3>" in first
    assert "<h5>" in markdown.to_html(text, below=4)


def test_a_text_of_nothing_but_marks_is_shown_as_it_was_written() -> None:
    text = "![" * markdown.MAX_MARKS + "<script>"
    assert markdown.to_html(text) == f"<pre>{text.replace('<', '&lt;').replace('>', '&gt;')}</pre>"


@pytest.mark.parametrize(
    "block",
    [
        "# a\n",
        "a\n=\n",
        "- a\n",
        "1. a\n",
        "> a\n\n",
        "a\n\n",
        "a|b\n-|-\n",
        "- " * 10 + "a\n",
        "  * a\n",
        "> - # a\n",
        "-\n",
    ],
)
def test_a_text_of_very_many_blocks_is_shown_as_it_was_written_and_kept(block: str) -> None:
    few, many = block * 100, block * (markdown.MAX_BLOCKS + 1)
    assert not markdown.to_html(few).startswith("<pre>")
    shown = markdown.to_html(many)
    assert shown.startswith("<pre>")
    assert markdown.to_html(many) is shown


def test_the_cells_of_a_wide_table_are_counted() -> None:
    wide = "|" + "a|" * 50_000 + "\n|" + "-|" * 50_000 + "\n"
    assert markdown.to_html(wide).startswith("<pre>")


def test_prose_and_tables_of_a_long_card_are_rendered() -> None:
    prose = ("word " * 15 + "\n") * 2_500
    table = "a | b | c | d\n--- | --- | --- | ---\n" + "1 | 2 | 3 | 4\n" * 900
    assert markdown.to_html(f"# Card\n\n{prose}\n\n{table}").startswith("<h3>Card</h3>\n<p>word")
