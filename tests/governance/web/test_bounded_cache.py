"""Values made of immutable text are made once, and what is kept is bounded."""

from governance.web import markdown
from governance.web.bounded_cache import BoundedCache


def test_the_least_recently_used_values_go_first() -> None:
    made: list[str] = []
    cache: BoundedCache[str] = BoundedCache(10, len)

    def get(key: str, length: int) -> str:
        return cache.get(key, lambda: made.append(key) or key * length)  # type: ignore[func-returns-value]

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
