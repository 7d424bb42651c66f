"""Two texts: nothing is lost, whatever they hold, and the work stays bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.comparison import Effort, collapse_unchanged, compare_texts
from registry.comparison import text as texts
from registry.comparison.text import DiffGranularity, SegmentKind

LINES = st.lists(st.sampled_from(["", "a b c", "a b d", "one two three", "x", "  y z"]), max_size=12).map("\n".join)
TEXTS = st.one_of(st.text(max_size=200), LINES)


@given(TEXTS, TEXTS)
def test_without_what_was_added_it_is_the_first_and_without_what_was_removed_the_second(a: str, b: str) -> None:
    diff = compare_texts(a, b)
    assert (diff.before, diff.after) == (a, b)
    assert diff.changed == (a != b)
    assert (diff.changes > 0) == (a != b)


@given(TEXTS, TEXTS, st.integers(0, 3))
def test_folding_hides_only_what_is_the_same(a: str, b: str, around: int) -> None:
    diff = compare_texts(a, b)
    shown = collapse_unchanged(diff, around=around)
    assert "".join(p.text for p in shown if p.kind is not SegmentKind.ADDED) == a
    changed = [p for p in diff.pieces if p.kind in (SegmentKind.ADDED, SegmentKind.REMOVED)]
    assert [p for p in shown if p.kind in (SegmentKind.ADDED, SegmentKind.REMOVED)] == changed


def test_a_changed_sentence_is_marked_word_by_word() -> None:
    diff = compare_texts(
        "Thin-file applicants were not tested.\n", "Thin-file applicants reach AUC 0.781, no better than v12.\n"
    )
    assert [(str(p.kind), p.text) for p in diff.pieces if p.kind is not SegmentKind.SAME] == [
        ("removed", "were not tested"),
        ("added", "reach AUC 0.781, no better than v12"),
    ]
    assert diff.how is DiffGranularity.WORDS
    assert diff.changes == 1


def test_a_rewritten_passage_is_no_confetti() -> None:
    diff = compare_texts(
        "Red lorry and yellow lorry are here", "Some quite unlike sentence stands in its place now, and ends"
    )
    assert [str(p.kind) for p in diff.pieces] == ["removed", "added"]


def test_a_long_passage_is_compared_by_lines_and_says_so() -> None:
    paragraph = " ".join(f"word{n}" for n in range(2_000))
    diff = compare_texts(f"same\n{paragraph}\nend\n", f"same\n{paragraph} more\nend\n")
    assert diff.how is DiffGranularity.LINES
    assert [str(p.kind) for p in diff.pieces] == ["same", "removed", "added", "same"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n".join(f"line {n}" for n in range(60_000)), "\n".join(f"other {n}" for n in range(60_000))),
        ("a\nb\n" * 200_000, "b\na\n" * 200_000),
        ("x" * 2_000_000, "y" * 2_000_000),
    ],
    ids=["all lines differ", "lines that repeat", "one line"],
)
def test_megabytes_are_degraded_and_nothing_is_lost(before: str, after: str) -> None:
    diff = compare_texts(before, after)
    assert diff.how is not DiffGranularity.WORDS
    assert len(diff.pieces) < 10
    assert (diff.before, diff.after) == (before, after)


def test_words_are_matched_within_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    before = "".join(f"paragraph {n} says the old thing here\n\nunchanged {n}\n\n" for n in range(50))
    after = before.replace("old", "new")
    assert compare_texts(before, after).how is DiffGranularity.WORDS
    diff = compare_texts(before, after, effort=Effort(words=100))
    assert diff.how is DiffGranularity.LINES
    assert (diff.before, diff.after) == (before, after)
    assert texts.MAX_ALL_WORDS > 100
