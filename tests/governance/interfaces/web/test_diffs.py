"""Markdown tables in text diffs."""

from __future__ import annotations

from governance.interfaces.html.templatetags.diffs import Block, diff_blocks
from registry.comparison import DiffSegment, collapse_unchanged, compare_texts

BEFORE = "Results:\n\n| metric | value |\n|---|---|\n| auc | 0.87 |\n| loss | 0.4 |\n\nEnd.\n"
AFTER = BEFORE.replace("0.87", "0.91").replace("| loss | 0.4 |", "| loss | 0.4 |\n| f1 | 0.8 |")


def texts(row: tuple[tuple[DiffSegment, ...], ...]) -> list[str]:
    return ["".join(f"{piece.kind}:{piece.text.strip()} " for piece in cell).strip() for cell in row]


def blocks(before: str, after: str) -> list[Block]:
    return diff_blocks(compare_texts(before, after).pieces)


def test_a_table_is_drawn_with_its_changes_in_their_cells() -> None:
    first, table, last = blocks(BEFORE, AFTER)
    assert "".join(piece.text for piece in first.pieces).startswith("Results")
    assert texts(table.head) == ["same:metric", "same:value"]
    assert texts(table.rows[0]) == ["same:auc", "removed:0.87 added:0.91"]
    assert texts(table.rows[1]) == ["same:loss", "same:0.4"]
    assert texts(table.rows[2]) == ["added:f1", "added:0.8"]
    assert "".join(piece.text for piece in last.pieces).strip() == "End."


def test_nothing_of_a_text_is_lost() -> None:
    for before, after in [(BEFORE, AFTER), ("", AFTER), ("a\nb\n", "a\nc"), ("| no table\n", "| no table either\n")]:
        found = diff_blocks(compare_texts(before, after).pieces)
        words = " ".join(
            piece.text
            for block in found
            for row in (block.pieces, *(cell for r in (block.head, *block.rows) for cell in r))
            for piece in row
        )
        for word in after.replace("|", " ").replace("---", " ").split():
            assert word in words


def test_what_is_left_out_stays_in_its_place() -> None:
    same = "\n".join(f"line {n}" for n in range(40)) + "\n"
    found = diff_blocks(collapse_unchanged(compare_texts(same + BEFORE, same + AFTER)))
    assert any(piece.kind not in ("same", "added", "removed") for piece in found[0].pieces)
    assert found[1].head
