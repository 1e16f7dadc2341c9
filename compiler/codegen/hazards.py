"""The waits of every command, from the words that it and the commands before it touch.

LOAD, EXECUTE and STORE units each run their commands in order, so for every word the last
command of each kind that touched it is all there is to know. Within the EXECUTE unit only a
read after a write needs a wait: a write comes after the fill of its own command has begun, which
is after every earlier command has read all its operands, and the drain finishes commands in order.
"""

from __future__ import annotations

import numpy as np

from compiler.codegen.commands import Command, Span
from hw.spec.isa import Opcode

LOAD, EXECUTE, STORE = range(3)
_NUMBERS = {Opcode.LOAD: LOAD, Opcode.EXECUTE: EXECUTE, Opcode.STORE: STORE}
_READERS = (None, 2, 3)
_WRITERS = (0, 1, None)
"""The row of the pool's table in which each unit notes that it reads, or writes, a word."""

_BEFORE_READ = slice(0, 2), (LOAD, EXECUTE)
_BEFORE_WRITE = (slice(1, 4), (EXECUTE, EXECUTE, STORE)), (slice(0, 4, 3), (LOAD, STORE))
"""The rows that count for a read, and for each unit's write, and which unit notes there."""


def _words(rows: np.ndarray, span: Span) -> np.ndarray:
    """The span's words of every row, ``[rows, words]`` or ``[rows, runs, words]``, no copy."""
    base, length, count = span.base, span.length, span.count
    assert 0 <= base and base + (count - 1) * span.stride + length <= rows.shape[1], span
    if count == 1 or span.stride == length:
        return rows[:, base : base + length * count]
    step = rows.itemsize
    return np.ndarray(
        (len(rows), count, length), rows.dtype, rows.data, base * step,
        (rows.shape[1] * step, span.stride * step, step),
    )


def _latest(words: np.ndarray) -> list[int]:
    """The highest number that each row has."""
    return np.maximum.reduce(words, axis=(1, 2) if words.ndim == 3 else 1).tolist()


class WaitTracker:
    """Sets the waits of commands given in program order.

    ``pool_words`` is the pool's size, ``memory_words`` the size of each map in memory. For each
    word of the pool, ``_pool`` has the numbers of the last LOAD and EXECUTE that wrote it and of
    the last EXECUTE and STORE that read it, for each word of a map ``_stored`` the last STORE's; 0
    for none. Numbers count from 1 in each unit.
    """

    def __init__(self, pool_words: int, memory_words: dict[str, int]) -> None:
        self._pool = np.zeros((4, pool_words), np.int32)
        self._stored = {name: np.zeros((1, n), np.int32) for name, n in memory_words.items()}
        self._counts = [0, 0, 0]

    def add(self, command: Command) -> None:
        """Set ``command.waits`` and count the command. END waits for everything before it."""
        if command.opcode == Opcode.END:
            command.waits = (self._counts[LOAD], self._counts[EXECUTE], self._counts[STORE])
            return
        unit, waits = _NUMBERS[command.opcode], [0, 0, 0]
        self._counts[unit] += 1
        for span in command.pool_reads:
            self._touch(span, _BEFORE_READ, _READERS[unit], unit, waits)
        for span in command.pool_writes:
            self._touch(span, _BEFORE_WRITE[unit], _WRITERS[unit], unit, waits)
        if command.memory in self._stored:
            assert command.memory_span is not None
            stored = _words(self._stored[command.memory], command.memory_span)
            if unit == LOAD:
                waits[STORE] = max(waits[STORE], *_latest(stored))
            else:
                stored[...] = self._counts[STORE]
        command.waits = (waits[LOAD], waits[EXECUTE], waits[STORE])

    def _touch(
        self, span: Span, before: tuple[slice, tuple[int, ...]], row: int | None, unit: int,
        waits: list[int],
    ) -> None:
        """Raise ``waits`` to the last commands that count ``before``, and note this one."""
        assert row is not None, unit
        words = _words(self._pool, span)
        rows, units = before
        for earlier, number in zip(units, _latest(words[rows]), strict=True):
            waits[earlier] = max(waits[earlier], number)
        words[row] = self._counts[unit]
