"""The waits of every command, from the words that it and the commands before it touch.

LOAD, EXECUTE and STORE units each run their commands in order, so for every word the last
command of each kind that touched it is all there is to know. Within the EXECUTE unit only a
read after a write needs a wait: a write comes after the fill of its own command has begun, which
is after every earlier command has read all its operands, and the drain finishes commands in order.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from compiler.codegen.commands import Command, Span
from hw.spec.isa import Opcode

LOAD, EXECUTE, STORE = range(3)
_NUMBERS = {Opcode.LOAD: LOAD, Opcode.EXECUTE: EXECUTE, Opcode.STORE: STORE}

LOADED, MADE, READ, SENT = range(4)
"""Rows of the pool's table: the last LOAD and the last EXECUTE that wrote a word, the last EXECUTE
and the last STORE that read it."""
_READERS = (None, READ, SENT)
_WRITERS = (LOADED, MADE, None)
"""The row in which each unit notes that it reads, or writes, a word."""

_BEFORE_READ = np.array([(LOADED, LOAD), (MADE, EXECUTE)])
_BEFORE_WRITE = (
    np.array([(MADE, EXECUTE), (READ, EXECUTE), (SENT, STORE)]),
    np.array([(LOADED, LOAD), (SENT, STORE)]),
)
"""The rows that count for a read, and for each unit's write, and which unit notes there."""
_BEFORE_LOAD = np.array([(0, STORE)])
"""The same in the table of a map in memory, which has one row, the last STORE."""


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
        unit, waits = _NUMBERS[command.opcode], np.zeros(3, np.int64)
        self._counts[unit] += 1
        number = self._counts[unit]
        for span in command.pool_reads:
            _wait(self._pool, span, _BEFORE_READ, waits)
            _note(self._pool, span, _READERS[unit], number)
        for span in command.pool_writes:
            _wait(self._pool, span, _BEFORE_WRITE[unit], waits)
            _note(self._pool, span, _WRITERS[unit], number)
        if command.memory in self._stored:
            assert command.memory_span is not None
            stored = self._stored[command.memory]
            if unit == LOAD:
                _wait(stored, command.memory_span, _BEFORE_LOAD, waits)
            else:
                _note(stored, command.memory_span, 0, number)
        command.waits = tuple(waits.tolist())


def _wait(table: np.ndarray, span: Span, before: np.ndarray, waits: np.ndarray) -> None:
    """Raise ``waits`` to the last commands that count ``before`` one that touches the span."""
    _check(table, span)
    _raise(table, span.base, span.length, span.count, span.stride, before, waits)


def _note(table: np.ndarray, span: Span, row: int | None, number: int) -> None:
    """Write a command's number in a row of the table."""
    assert row is not None, span
    _check(table, span)
    _fill(table[row], span.base, span.length, span.count, span.stride, number)


def _check(table: np.ndarray, span: Span) -> None:
    end = span.base + (span.count - 1) * span.stride + span.length
    assert 0 <= span.base and end <= table.shape[1], span


@njit(cache=True)
def _raise(table, base, length, count, stride, before, waits):  # type: ignore[no-untyped-def]
    for run in range(count):
        first = base + run * stride
        for row, unit in before:
            waits[unit] = max(waits[unit], table[row, first : first + length].max())


@njit(cache=True)
def _fill(row, base, length, count, stride, number):  # type: ignore[no-untyped-def]
    for run in range(count):
        first = base + run * stride
        row[first : first + length] = number
