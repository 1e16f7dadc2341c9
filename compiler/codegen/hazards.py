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

_UNITS = (Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE)
_WRITERS = (Opcode.LOAD, Opcode.EXECUTE)
_TOUCHERS = (*_WRITERS, Opcode.EXECUTE, Opcode.STORE)
"""Who wrote (rows 0 and 1) and read (rows 2 and 3) a word of the pool."""
_WRITES = {Opcode.LOAD: 0, Opcode.EXECUTE: 1}
_READS = {Opcode.EXECUTE: 2, Opcode.STORE: 3}
"""The rows of each unit."""


def _view(rows: np.ndarray, span: Span) -> np.ndarray:
    """The span's words of every row, ``[rows, runs, words]``, without copying."""
    step = rows.itemsize
    end = span.base + (span.count - 1) * span.stride + span.length
    assert 0 <= span.base and end <= rows.shape[1], span
    return np.ndarray(
        (len(rows), span.count, span.length), rows.dtype, rows.data, span.base * step,
        (rows.shape[1] * step, span.stride * step, step),
    )


def _latest(rows: np.ndarray, span: Span) -> list[int]:
    """The highest number that each row has for a word of the span."""
    return np.maximum.reduce(_view(rows, span.simplified()), axis=(1, 2)).tolist()


def _waits(counts: dict[Opcode, int]) -> tuple[int, int, int]:
    """The counts as a command holds them."""
    return counts[Opcode.LOAD], counts[Opcode.EXECUTE], counts[Opcode.STORE]


class WaitTracker:
    """Sets the waits of commands given in program order.

    ``pool_words`` is the pool's size, ``memory_words`` the size of each map in memory. For each
    word of the pool, ``_pool`` has the numbers of the last commands that wrote and read it, for
    each word of a map ``_stored`` the last STORE's; 0 for none. Numbers count from 1 in each kind.
    """

    def __init__(self, pool_words: int, memory_words: dict[str, int]) -> None:
        self._pool = np.zeros((len(_TOUCHERS), pool_words), np.int32)
        self._stored = {name: np.zeros((1, n), np.int32) for name, n in memory_words.items()}
        self.counts = dict.fromkeys(_UNITS, 0)

    def add(self, command: Command) -> None:
        """Set ``command.waits`` and count the command. END waits for everything before it."""
        if command.opcode == Opcode.END:
            command.waits = _waits(self.counts)
            return
        waits = dict.fromkeys(_UNITS, 0)
        unit = command.opcode
        for span in command.pool_reads:
            latest = _latest(self._pool[: len(_WRITERS)], span)
            for writer, number in zip(_WRITERS, latest, strict=True):
                waits[writer] = max(waits[writer], number)
        for span in command.pool_writes:
            for earlier, number in zip(_TOUCHERS, _latest(self._pool, span), strict=True):
                if earlier != unit:
                    waits[earlier] = max(waits[earlier], number)
        if unit == Opcode.LOAD and command.memory in self._stored:
            assert command.memory_span is not None
            (last,) = _latest(self._stored[command.memory], command.memory_span)
            waits[Opcode.STORE] = max(waits[Opcode.STORE], last)
        command.waits = _waits(waits)
        self._count(command)

    def _count(self, command: Command) -> None:
        unit = command.opcode
        self.counts[unit] += 1
        number = self.counts[unit]
        for row, spans in ((_READS, command.pool_reads), (_WRITES, command.pool_writes)):
            for span in spans:
                _view(self._pool, span.simplified())[row[unit]] = number
        if unit == Opcode.STORE:
            assert command.memory_span is not None
            _view(self._stored[command.memory], command.memory_span.simplified())[...] = number
