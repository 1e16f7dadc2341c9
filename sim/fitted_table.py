"""Tables of text for a terminal: narrow ones lose columns and middles of names, never digits."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

GAP = 2
"""Spaces between two columns."""
LINE_WIDTH = 132
"""Characters of a table's line where there is no terminal."""
SHORTEST = 12
"""Characters that a shortened text keeps, if it has so many."""


@dataclass(frozen=True)
class Column:
    """A column: its cells under a heading.

    Text may be shortened to ``shortest`` characters, a ``number`` never. Of the columns that do not
    fit, those of the highest ``rank`` go first, and those of rank 0 never.
    """

    heading: str
    cells: Sequence[str]
    number: bool = True
    rank: int = 0
    shortest: int = SHORTEST

    @property
    def width(self) -> int:
        """Characters of the widest cell."""
        return max(cell_len(text) for text in (self.heading, *self.cells))

    @property
    def least(self) -> int:
        """Characters without which the column cannot be shown."""
        least = self.width if self.number else min(self.width, self.shortest)
        return max(least, cell_len(self.heading))


def output_width() -> int:
    """Characters of a line on standard output."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else LINE_WIDTH


def fitted_table(columns: Sequence[Column], width: int) -> list[str]:
    """The lines of a table of at most ``width`` characters, if its columns of rank 0 fit there."""
    shown = _fitting(list(columns), width)
    widths = _widths(shown, width)
    rows = [[column.heading for column in shown], ["─" * size for size in widths]]
    rows += [list(row) for row in zip(*(column.cells for column in shown), strict=True)]
    return [_line(row, shown, widths) for row in rows]


def shortened(text: str, width: int) -> str:
    """The text in at most ``width`` characters, with ``…`` in its middle if it is longer."""
    if cell_len(text) <= width:
        return text
    head = (width - 1) // 2
    tail = text
    while cell_len(tail) > width - 1 - head:
        tail = tail[1:]
    return f"{set_cell_size(text, head).rstrip()}…{tail}"


def _fitting(columns: list[Column], width: int) -> list[Column]:
    while _total([column.least for column in columns]) > width:
        last = max(columns, key=lambda column: column.rank)
        if last.rank == 0:
            break
        columns.remove(last)
    return columns


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """The columns' widths; the widest that can give way do so until all fit."""
    widths = [column.width for column in columns]
    while _total(widths) > width:
        able = [i for i, column in enumerate(columns) if widths[i] > column.least]
        if not able:
            break
        widths[max(able, key=lambda i: widths[i])] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = []
    for text, column, width in zip(row, columns, widths, strict=True):
        short = shortened(text, width)
        space = " " * (width - cell_len(short))
        cells.append(space + short if column.number else short + space)
    return (" " * GAP).join(cells).rstrip()
