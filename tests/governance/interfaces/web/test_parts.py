"""Template tags and helpers without database: numbers, times, charts, diffs, Markdown, search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from audit import clock
from governance.interfaces.html import icons, labels
from governance.interfaces.html.svg import canvas, element
from governance.interfaces.html.templatetags import charts, numbers, times, ui
from governance.interfaces.web import lineage, list_filters, markdown, packets


def drawn(template: str, **context: object) -> str:
    return Template("{% load ui charts %}" + template).render(Context(context))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8741234, "0.8741"), (0.0689, "0.0689"), (12.5, "12.5"), (128440, "128,440"), (0, "0"), (-0.0123, "−0.0123"),
        (1e-9, "1.00e−09"), (None, "–"), (999.96, "1000"), (0.5, "0.5"),
    ],
)  # fmt: skip
def test_numbers_are_written_to_four_figures(value: float | None, text: str) -> None:
    assert numbers.num(value) == text


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_float_can_be_written(value: float) -> None:
    assert numbers.num(value)
    assert numbers.signed(value)


def test_differences_carry_their_sign() -> None:
    assert (numbers.signed(0.012), numbers.signed(-0.0023), numbers.signed(0.0)) == ("+0.012", "−0.0023", "±0")
    assert (numbers.decimals(0.575, 4), numbers.decimals_signed(0.0154, 4)) == ("0.5750", "+0.0154")


def test_a_moment_is_in_the_reader_s_zone_with_utc_on_hover() -> None:
    from django.utils import timezone

    moment = datetime(2026, 11, 18, 8, 12, 44, tzinfo=UTC)
    with timezone.override("Europe/Warsaw"):
        html = times.moment(moment)
    assert 'datetime="2026-11-18T08:12:44.000Z"' in html
    assert 'title="2026-11-18 08:12:44 UTC"' in html
    assert ">18 Nov 2026, 09:12</time>" in html


def test_how_long_ago_in_words() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with clock.freeze(now):
        assert times.span(now - timedelta(days=2, hours=3)) == "2 days ago"
        assert times.span(now + timedelta(hours=1, minutes=1)) == "in 1 hour"
        assert times.span(now) == "just now"
        assert times.long_day(now.date()) == "Today, 20 Nov 2026"


@pytest.mark.parametrize(
    ("name", "letters"), [("Priya Raman", "PR"), ("risk-team", "RT"), ("ada", "AD"), ("", "?"), ("¿", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert ui.initials(name) == letters


def test_every_state_has_a_word_and_a_glyph_that_exists() -> None:
    for table in (labels.REQUEST, labels.CHECK, labels.MET, labels.DECISION):
        for look in table.values():
            assert look.word
            assert look.icon in icons.GLYPHS
    assert 'aria-label="Failed"' in ui.check_mark("failure")
    assert "Unknown" in ui.check_mark("from-a-newer-release")


def test_every_glyph_is_well_formed() -> None:
    for name in icons.GLYPHS:
        ElementTree.fromstring(icons.icon(name, label="x"))
    with pytest.raises(KeyError):
        icons.icon("no-such-glyph")


def test_a_drawing_escapes_what_it_is_given_and_has_no_style() -> None:
    svg = canvas(element("text", "<b>&", class_="x"), width=10, height=4.25, class_='"><script>', label="a & b")
    ElementTree.fromstring(svg)
    assert "<script>" not in svg
    assert "style=" not in svg


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=12),
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
    st.sampled_from(["min", "max"]),
)
def test_charts_draw_whatever_they_are_given(values: list[float], limit: float | None, direction: str) -> None:
    points = [(f"v{n}", v) for n, v in enumerate(values)]
    for svg in (
        charts.sparkline(values, limit=limit, direction=direction),  # type: ignore[arg-type]  # the arguments of the case have many types
        charts.linechart(points, limit=limit, direction=direction),  # type: ignore[arg-type]  # the arguments of the case have many types
        charts.dotplot(values[0] if values else None, values[-1] if values else None, limit=limit, direction=direction),  # type: ignore[arg-type]  # the arguments of the case have many types
    ):
        assert not svg or ElementTree.fromstring(svg) is not None
        assert "nan" not in svg


def test_the_segments_of_a_gate_add_up() -> None:
    svg = charts.segbar(met=3, waived=1, failed=1, total=7)
    assert [svg.count(f"seg {kind}") for kind in ("ok", "waived", "bad", "todo")] == [3, 1, 1, 2]
    assert charts.segbar(met=0, waived=0, failed=0, total=0) == ""


def test_a_filter_changes_one_parameter_and_goes_back_to_the_first_page() -> None:
    request = RequestFactory().get("/models/?tier=1&q=a b&after=abc")
    html = Template("{% load ui %}{% query tier=2 %} {% query after='next' %} {% query_without 'q' %}").render(
        Context({"request": request})
    )
    assert html == "?q=a+b&amp;tier=2 ?tier=1&amp;q=a+b&amp;after=next ?tier=1"


@pytest.mark.parametrize(
    ("box", "text", "filters"),
    [
        ("tier:1 stage:production pd", "pd", {"tier": "1", "stage": "production"}),
        ('team:"Retail Credit" x', "x", {"team": "Retail Credit"}),
        ("note: see tier", "note: see tier", {}),
        ("tier:1 tier:2", "", {"tier": "2"}),
        ("https://x.example tier:", "https://x.example tier:", {}),
    ],
)
def test_words_of_the_search_box(box: str, text: str, filters: dict[str, str]) -> None:
    found = list_filters.parse_search_box(box, ("tier", "stage", "team"))
    assert (found.text, found.filters) == (text, filters)


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>", "[x](javascript:alert(1))", "<img src=x onerror=alert(1)>", "![x](https://spy.example/x)",
        '<a href="x" style="position:fixed">', "[x](data:text/html;base64,xx)", "<iframe src=//x>",
    ],
)  # fmt: skip
def test_markdown_from_people_can_do_nothing(attack: str) -> None:
    html = markdown.to_html(f"Text before.\n\n{attack}\n")
    tree = ElementTree.fromstring(f"<div>{html}</div>")
    for node in tree.iter():
        assert node.tag in {"div", "p", "a"}, node.tag
        assert set(node.attrib) <= {"href", "rel"}
        assert not node.get("href", "").startswith(("javascript:", "data:"))
    assert "Text before." in "".join(tree.itertext())


def test_a_card_is_split_into_metadata_and_prose_with_headings_below_the_page_s() -> None:
    card = "---\nlicense: mit\n---\n# Title\n\n## Limits\n\n| a | b |\n| - | - |\n| 1 | 2 |\n"
    assert markdown.front_matter(card) == "license: mit"
    html = markdown.to_html(markdown.without_front_matter(card))
    assert "<h3>Title</h3>" in html
    assert "<h4>Limits</h4>" in html
    levels = [
        tag for tag in ("h3", "h4", "h5") for _ in range(markdown.to_html("## A\n\n#### B\n\n## C").count(f"<{tag}>"))
    ]
    assert levels == ["h3", "h3", "h4"], "no level is skipped"
    assert "<table>" in html
    assert markdown.without_front_matter("no metadata") == "no metadata"
    assert markdown.without_front_matter("---\nnever closed") == "---\nnever closed"


def test_a_lineage_is_laid_out_from_left_to_right_and_has_no_cycle() -> None:
    assert lineage.layers(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")]) == {"a": 0, "b": 1, "c": 2}
    assert lineage.layers(["late", "b", "c"], [("b", "c"), ("late", "c")]) == {"late": 0, "b": 0, "c": 1}
    with pytest.raises(ValueError, match="cycle"):
        lineage.layers(["a", "b"], [("a", "b"), ("b", "a")])
    nodes = tuple(lineage.Node(x, "data", f"<{x}>", "") for x in "abc")
    svg = lineage.Lineage(nodes, (("a", "c"), ("b", "c"), ("a", "b")), "c").drawn
    ElementTree.fromstring(svg)
    assert "<a>" not in svg


def test_two_packets_are_compared_in_words() -> None:
    metric = {"name": "auc", "dataset": "", "slice": "", "value": 0.87}
    check = {"check": "docs.model_card", "conclusion": "success", "inputs": "1"}
    old = {
        "version": {"card": "x", "metrics": [metric], "files": [], "datasets": [], "code": {}},
        "checks": [check], "champion": None, "model": {}, "policy": {}, "kept_out": {},
    }  # fmt: skip
    new = {
        **old,
        "version": {**old["version"], "card": "y", "metrics": [{**metric, "value": 0.88}]},  # type: ignore[dict-item]  # the type is narrower than the case
        "checks": [{**check, "conclusion": "failure"}],
        "policy": {"revision": 2},
    }
    assert packets.diff_packets(old, old) == []
    assert packets.diff_packets(old, new) == [
        "The model card changed.",
        "auc: 0.87 → 0.88.",
        "Check docs.model_card: now failure.",
        "Other policy revisions apply.",
    ]


def test_tags_draw_what_they_say() -> None:
    assert 'class="tier t1"><b>Tier 1</b>' in drawn("{% tier 1 %}")
    assert "No risk tier" in drawn("{% tier None %}")
    assert 'data-copy="sha256:' in drawn("{% digest d what='digest' %}", d="ab" * 32)
    assert "abab…abab" in drawn("{% digest d %}", d="ab" * 32)
    stage = SimpleNamespace(name="Production", exclusive=True, protected=True, initial=False)
    assert "s-ok" in drawn("{% stage s %}", s=stage)
    assert drawn("{{ 1|plural:'check,checks' }} {{ 1200|plural:'check,checks' }}") == "1 check 1,200 checks"
    assert drawn("{{ 18400000|size }} {{ 12|size }}") == "18.4 MB 12 bytes"
    assert drawn("{{ 'why not'|sentence }}") == "Why not."
