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


def _view(words: np.ndarray, span: Span) -> np.ndarray:
    """The span's words as a view of ``words``, without copying."""
    span = span.simplified()
    if span.count == 1:
        return words[span.base : span.base + span.length]
    step = words.strides[0]
    end = span.base + (span.count - 1) * span.stride + span.length
    assert 0 <= span.base and end <= len(words), span
    return np.lib.stride_tricks.as_strided(
        words[span.base :], (span.count, span.length), (span.stride * step, step)
    )


class _Words:
    """For each word the number of the last LOAD and EXECUTE that wrote it and of the last EXECUTE
    and STORE that read it; 0 for none. Numbers count from 1 in each kind."""

    def __init__(self, size: int) -> None:
        self.written = {u: np.zeros(size, np.int32) for u in (Opcode.LOAD, Opcode.EXECUTE)}
        self.read = {u: np.zeros(size, np.int32) for u in (Opcode.EXECUTE, Opcode.STORE)}

    def last(self, kind: dict[Opcode, np.ndarray], unit: Opcode, span: Span) -> int:
        return int(_view(kind[unit], span).max()) if unit in kind else 0


class WaitTracker:
    """Sets the waits of commands given in program order.

    ``pool_words`` is the pool's size, ``memory_words`` the size of each map in memory.
    """

    def __init__(self, pool_words: int, memory_words: dict[str, int]) -> None:
        self._pool = _Words(pool_words)
        self._stored = {name: np.zeros(n, np.int32) for name, n in memory_words.items()}
        self.counts = dict.fromkeys(_UNITS, 0)

    def add(self, command: Command) -> None:
        """Set ``command.waits`` and count the command. END waits for everything before it."""
        if command.opcode == Opcode.END:
            # One count for each of the three units; a type checker cannot see the length.
            command.waits = tuple(self.counts[u] for u in _UNITS)  # type: ignore[assignment]
            return
        waits = dict.fromkeys(_UNITS, 0)
        unit = command.opcode
        for span in command.pool_reads:
            for writer in self._pool.written:
                waits[writer] = max(
                    waits[writer], self._pool.last(self._pool.written, writer, span)
                )
        for span in command.pool_writes:
            for kind in (self._pool.written, self._pool.read):
                for earlier in kind:
                    if earlier != unit:
                        waits[earlier] = max(waits[earlier], self._pool.last(kind, earlier, span))
        if unit == Opcode.LOAD and command.memory in self._stored:
            assert command.memory_span is not None
            last = _view(self._stored[command.memory], command.memory_span).max()
            waits[Opcode.STORE] = max(waits[Opcode.STORE], int(last))
        # One count for each of the three units; a type checker cannot see the length.
        command.waits = tuple(waits[u] for u in _UNITS)  # type: ignore[assignment]
        self._count(command)

    def _count(self, command: Command) -> None:
        unit = command.opcode
        self.counts[unit] += 1
        number = self.counts[unit]
        for span in command.pool_reads:
            _view(self._pool.read[unit], span)[...] = number
        for span in command.pool_writes:
            _view(self._pool.written[unit], span)[...] = number
        if unit == Opcode.STORE:
            assert command.memory_span is not None
            _view(self._stored[command.memory], command.memory_span)[...] = number
