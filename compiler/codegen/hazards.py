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
NOWHERE = -1
_READERS = (NOWHERE, READ, SENT)
_WRITERS = (LOADED, MADE)
"""The row in which each unit notes that it reads, or writes, a word. STORE writes none."""

_BEFORE_READ = np.array([(LOADED, LOAD), (MADE, EXECUTE)])
_BEFORE_WRITE = (
    np.array([(MADE, EXECUTE), (READ, EXECUTE), (SENT, STORE)]),
    np.array([(LOADED, LOAD), (SENT, STORE)]),
)
"""The rows that count for a read, and for each unit's write, and which unit notes there."""
_BEFORE_LOAD, _BEFORE_STORE = np.array([(0, STORE)]), np.zeros((0, 2), np.int64)
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
        assert not (command.pool_reads and _READERS[unit] == NOWHERE), command
        for span in command.pool_reads:
            _touch(self._pool, span, _BEFORE_READ, waits, _READERS[unit], number)
        for span in command.pool_writes:
            _touch(self._pool, span, _BEFORE_WRITE[unit], waits, _WRITERS[unit], number)
        if command.memory in self._stored:
            assert command.memory_span is not None
            before, row = (_BEFORE_LOAD, NOWHERE) if unit == LOAD else (_BEFORE_STORE, 0)
            _touch(self._stored[command.memory], command.memory_span, before, waits, row, number)
        command.waits = tuple(waits.tolist())


def _touch(
    table: np.ndarray, span: Span, before: np.ndarray, waits: np.ndarray, row: int, number: int
) -> None:
    """Raise ``waits`` [LOADs, EXECUTEs, STOREs] to the last commands that count ``before`` one that
    touches the span, and write its number in a row of the table [rows, words], unless NOWHERE."""
    base, length, count, stride = span.base, span.length, span.count, span.stride
    assert 0 <= base and base + (count - 1) * stride + length <= table.shape[1], span
    _note(table, base, length, count, stride, before, waits, row, number)


@njit(cache=True)
def _note(table, base, length, count, stride, before, waits, row, number):
    """``_touch``, of the span's ``count`` runs of ``length`` words."""
    for run in range(count):
        first = base + run * stride
        for earlier, unit in before:
            waits[unit] = max(waits[unit], table[earlier, first : first + length].max())
        if row != NOWHERE:
            table[row, first : first + length] = number
