"""Tables of the report, as the template ``macros.html.jinja`` draws them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from corpus.report.numbers import shorten


class BarPiece(NamedTuple):
    """A coloured piece of a bar: its CSS class, its left edge and its width, both in per cent."""

    css_class: str
    left: float
    width: float


class Bar(NamedTuple):
    """A horizontal bar in a cell of a table."""

    pieces: tuple[BarPiece, ...]


Cell: TypeAlias = str | int | Bar


class BarRow(NamedTuple):
    """A row of a table with bars: its name, the counts that its bar shows, and the other cells."""

    name: str
    counts: Sequence[int]
    cells: Sequence[str | int]


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption_hidden: bool = True  # read by screen readers alone
    tight: bool = False  # no wider than its cells need

    @cached_property  # asked for by each cell
    def is_numeric(self) -> list[bool]:
        """For each column, whether all of its cells are numbers, which are aligned right."""
        return [
            bool(self.rows) and all(_is_number(row[column]) for row in self.rows)
            for column in range(len(self.heads))
        ]


def bar_table(caption: str, heads: Sequence[str], rows: Sequence[BarRow]) -> Table:
    """Make a table with a bar in the second cell of each row; the longest is the largest sum."""
    largest = max((sum(row.counts) for row in rows), default=0) or 1
    lines = [[shorten(row.name), _draw_bar(row.counts, largest), *row.cells] for row in rows]
    longest_name = max((len(row.name) for row in rows), default=0)
    return Table(caption, [heads[0], "", *heads[1:]], lines, tight=longest_name < 14)


def _draw_bar(counts: Sequence[int], largest: int) -> Bar:
    pieces, left = [], 0.0
    # Kept, dropped, dropped for another reason.
    for css_class, count in zip(("k", "d", "o"), counts, strict=False):
        width = 100 * count / largest
        pieces.append(BarPiece(css_class, left, width))
        left += width
    return Bar(tuple(pieces))


def _is_number(cell: Cell) -> bool:
    if isinstance(cell, int):
        return True
    return isinstance(cell, str) and bool(re.fullmatch(r"[<>+\-−]?[\d.,]+\s?[%kMGT]?|–", cell))
