"""Text diffs with Markdown tables rendered as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from django import template

from registry.comparison import DiffSegment

register = template.Library()

_DELIMITER = re.compile(r"\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
Line = tuple[DiffSegment, ...]


@dataclass(frozen=True)
class Block:
    """A part of a text: running text in `pieces`, or a table with `head` and `rows` of cells."""

    pieces: tuple[DiffSegment, ...] = ()
    head: tuple[Line, ...] = ()
    rows: tuple[tuple[Line, ...], ...] = ()


@register.filter
def diff_blocks(pieces: Iterable[DiffSegment]) -> list[Block]:
    """Divide the segments of a diff into running text and tables.

    A table is a run of lines that begin with “|” and include the delimiter line. Differences stay marked in the cells.
    """
    blocks: list[Block] = []
    text: list[DiffSegment] = []
    table: list[Line] = []
    for line in [*_lines(pieces), None]:
        if line is not None and _words(line).lstrip().startswith("|"):
            table.append(line)
            continue
        if table and any(_DELIMITER.fullmatch(_words(row).strip()) for row in table):
            blocks += [Block(pieces=tuple(text))] if text else []
            blocks.append(_table(table))
            text = []
        else:
            text += [piece for row in table for piece in row]
        table = []
        text += line or ()
    return [*blocks, Block(pieces=tuple(text))] if text else blocks


def _lines(pieces: Iterable[DiffSegment]) -> Iterator[Line]:
    """Split the segments into lines; each line ends with its line feed."""
    line: list[DiffSegment] = []
    for piece in pieces:
        if piece.kind not in ("same", "added", "removed"):  # an omission replaces whole lines
            if line:
                yield tuple(line)
            yield (piece,)
            line = []
            continue
        for part in piece.text.splitlines(keepends=True):
            line.append(replace(piece, text=part))
            if part.endswith("\n"):
                yield tuple(line)
                line = []
    if line:
        yield tuple(line)


def _words(line: Line) -> str:
    return "".join(piece.text for piece in line if piece.kind in ("same", "added", "removed"))


def _table(lines: Iterable[Line]) -> Block:
    rows = [_cells(line) for line in lines if not _DELIMITER.fullmatch(_words(line).strip())]
    return Block(head=rows[0], rows=tuple(rows[1:])) if rows else Block()


def _cells(line: Line) -> tuple[Line, ...]:
    """Split a table row into cells at each “|”."""
    cells: list[list[DiffSegment]] = [[]]
    for piece in line:
        for place, part in enumerate(piece.text.rstrip("\n").split("|")):
            if place:
                cells.append([])
            if part.strip():
                cells[-1].append(replace(piece, text=part))
    written = cells[1:-1] if len(cells) > 2 and not cells[-1] else cells[1:]
    return tuple(tuple(cell) for cell in written)
