"""Reading a query: terms with their places, and faults that say where and what is allowed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.search import MAX_LENGTH, MAX_TERMS, WORDS, InvalidQuery, Query, QueryError, Range, RelativeAge, parse
from registry.search.parser import MAX_VALUES


def read(text: str) -> list[tuple[object, ...]]:
    return [
        (("-" if t.negated else "") + t.name, t.part, *(v.text + "*" * v.is_prefix for v in t.values))
        for t in parse(text, WORDS).terms
    ]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("   \t ", []),
        ("tier:1", [("tier", "", "1")]),
        ("TIER=1,None", [("tier", "", "1", "none")]),
        ("-stage:archived", [("-stage", "", "archived")]),
        ("tier!=1", [("-tier", "", "1")]),
        ("-tier!=1", [("tier", "", "1")]),
        ('team:"Retail Credit",risk*', [("team", "", "Retail Credit", "risk*")]),
        ('team:"none"', [("team", "", "none")]),
        ("tag.team=risk tag:llm", [("tag", "team", "risk"), ("tag", "", "llm")]),
        ('metric."log loss"<=0.3', [("metric", "log loss", "0.3")]),
        ("metric.auc:>0.9", [("metric", "auc", "0.9")]),
        ("metric.auc.holdout>0.9", [("metric", "auc.holdout", "0.9")]),
        ("digest:sha256:5F70 commit:abcd*", [("digest", "", "5f70*"), ("commit", "", "abcd*")]),
        ("name:credit* run:*", [("name", "", "credit*"), ("run", "", "*")]),
        (
            'credit -fraud "loss given default"',
            [("", "", "credit"), ("-", "", "fraud"), ("", "", "loss given default")],
        ),
        ('-"a b" - x', [("-", "", "a b"), ("", "", "-"), ("", "", "x")]),
        ('""', []),
        ("credit-risk-pd 12:30 ~a", [("", "", "credit-risk-pd"), ("", "", "12:30"), ("", "", "~a")]),
    ],
)
def test_terms(text: str, terms: list[tuple[object, ...]]) -> None:
    assert read(text) == terms


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("metric.a>0.9", Range(low=0.9, with_low=False)),
        ("metric.a>=.5", Range(low=0.5)),
        ("metric.a<-1e-3", Range(high=-0.001, with_high=False)),
        ("metric.a=1", Range(1.0, 1.0)),
        ("metric.a:0.8..0.9", Range(0.8, 0.9)),
        ("metric.a:0.8..", Range(low=0.8)),
        ("metric.a:..0.9", Range(high=0.9)),
        ("updated:2026-10-01", Range(date(2026, 10, 1), date(2026, 10, 1))),
        ("updated:>2026-10-01", Range(low=date(2026, 10, 1), with_low=False)),
        ("updated:2026-01-01..2026-02-01", Range(date(2026, 1, 1), date(2026, 2, 1))),
        ("updated:<30d", Range(high=RelativeAge(timedelta(days=30)), with_high=False)),
        ("updated:>=2w", Range(low=RelativeAge(timedelta(days=14)))),
        ("tier:<=2", Range(high=2)),
        ("tier:1..2", Range(1, 2)),
    ],
)
def test_spans(text: str, span: Range) -> None:
    assert parse(text, WORDS).terms[0].values[0].span == span


@pytest.mark.parametrize(
    ("text", "code", "wrong", "meant"),
    [
        ("x teir:1", "unknown_word", "teir", "tier"),
        ("auc>0.9", "unknown_word", "auc", "metric.auc"),
        ("note: see", "unknown_word", "note", ""),
        ("tier:9", "unknown_value", "9", ""),
        ("tier:>9", "unknown_value", "9", ""),
        ("status:archivd", "unknown_value", "archivd", "archived"),
        ("review:overdu", "day", "overdu", "overdue"),
        ("name>credit", "not_compared", ">", ""),
        ("tier:", "value_missing", "tier:", ""),
        ("tier:1,", "value_missing", ",", ""),
        ("tier:1,,2", "value_missing", ",", ""),
        ("metric>0.9", "part_missing", "metric", ""),
        ("tag.=x", "part_missing", "tag", ""),
        ("tier.x:1", "part", "x", ""),
        ("metric.auc>high", "number", "high", ""),
        ("metric.auc>1e999", "number", "1e999", ""),
        ("metric.auc:..", "number", "..", ""),
        ("updated:2026-13-01", "day", "2026-13-01", ""),
        ("updated:0001-01-01", "day", "0001-01-01", ""),
        ("updated:yesterday", "day", "yesterday", ""),
        ("updated:30d", "age_alone", "30d", "<30d"),
        ("updated:1d..2d", "day", "1d..2d", ""),
        ("metric.a:2..1", "empty_span", "2..1", "1..2"),
        ("digest:5f7", "digest_form", "5f7", ""),
        ("digest:xyzw", "digest_form", "xyzw", ""),
        ('team:"Retail', "quote", '"Retail', ""),
        ('"open', "quote", '"open', ""),
        ("a\x00b", "character", "\x00", ""),
        ("a\ud800b", "character", "\ud800", ""),
    ],
)
def test_a_fault_shows_where_and_what_was_meant(text: str, code: str, wrong: str, meant: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse(text, WORDS)
    fault = refused.value.faults[0]
    assert (fault.code, text[fault.start : fault.end], fault.suggestion) == (code, wrong, meant)
    line, carets = refused.value.render_with_carets(fault).split("\n")
    assert carets == " " * fault.start + "^" * len(wrong)
    assert len(line) == len(text)
    if code == "unknown_word":
        assert fault.allowed == WORDS.names
        assert f'"{text[fault.start :].split(" ", maxsplit=1)[0]}' in fault.detail, "and how to search for it as text"


def test_every_fault_is_reported_at_once() -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse("teir:1 credit tier:9 metric.auc>x", WORDS)
    assert [f.code for f in refused.value.faults] == ["unknown_word", "unknown_value", "number"]
    assert refused.value.code == "invalid_query"


def test_length_terms_and_values_are_bounded() -> None:
    assert len(parse(" ".join(["x"] * MAX_TERMS), WORDS).terms) == MAX_TERMS
    for text, code in (
        ("x " * (MAX_TERMS + 1), "too_many_terms"),
        ("x" * (MAX_LENGTH + 1), "too_long"),
        ("alias:" + ",".join(["a"] * (MAX_VALUES + 1)), "too_many_values"),
    ):
        with pytest.raises(InvalidQuery) as refused:
            parse(text, WORDS)
        assert [fault.code for fault in refused.value.faults] == [code]


def test_a_term_is_taken_out_as_it_stood() -> None:
    query = parse('credit  tier:1 -team:"A B"  risk', WORDS)
    tier, team = query.terms[1:3]
    assert query.without(tier) == 'credit -team:"A B"  risk'
    assert query.without(team, tier) == "credit risk"
    assert query.without() == query.text
    assert query.without(*query.terms) == ""


SIGNS = (":", "=", ">", "<=", "!=", '"', ",", "..", "-", ".", " ", "*")
ODD = ("1", "none", "@me", "30d", "9" * 30, "é", "\U0001f600", "٣", "\x00", "\ud800", "\n")
PIECES = st.sampled_from([*(e for word in WORDS for e in word.examples), *WORDS.names, *SIGNS, *ODD])


def read_or_refused(text: str) -> tuple[Query | None, tuple[QueryError, ...]]:
    try:
        return parse(text, WORDS), ()
    except InvalidQuery as refused:
        return None, refused.faults


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=25).map("".join)))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    query, faults = read_or_refused(text)
    assert all(0 <= fault.start < fault.end and fault.detail for fault in faults)
    if query is None:
        assert faults
        return
    at = 0
    for term in query.terms:
        assert at <= term.start < term.end <= len(text)
        assert term.values
        at = term.end
        again = parse(text[term.start : term.end], WORDS).terms
        assert [(t.name, t.part, t.negated, t.quoted) for t in again] == [
            (term.name, term.part, term.negated, term.quoted)
        ]
    assert [t.name for t in parse(query.without(*query.terms[:1]), WORDS).terms] == [t.name for t in query.terms[1:]]
