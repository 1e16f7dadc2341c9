"""Use of the scratchpad over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.codegen import commands as codegen
from compiler.codegen.commands import Command, Span
from hw.spec.isa import Opcode
from sim.simulation import Timing

SAMPLES = 400
"""Instants at which the words in use are counted."""
KINDS = ("weights, parameters, tables", "maps from memory", "maps computed")
CONSTANTS, LOADED, COMPUTED = range(3)
_FREE = -1


@dataclass(frozen=True)
class Occupancy:
    """Words of the scratchpad in use at some ``cycles``, a row of ``words`` for each of KINDS.

    A word is in use from the start of the command that writes it to the end of the last one that
    reads it.
    """

    cycles: NDArray[np.int64]
    words: NDArray[np.int64]
    scratchpad_words: int

    @property
    def share(self) -> NDArray[np.float64]:
        """All words in use at each instant, out of the scratchpad's."""
        used: NDArray[np.int64] = self.words.sum(axis=0)
        return used / self.scratchpad_words


def occupancy(commands: Sequence[Command], timing: Timing, scratchpad_words: int) -> Occupancy:
    """The scratchpad's use through a run of ``commands``, which have the numbers of
    ``timing.spans``."""
    at = (2 * np.arange(SAMPLES) + 1) * timing.cycles // (2 * SAMPLES)
    ledger = _Ledger(scratchpad_words, at)
    for command, (start, end, _) in zip(commands, timing.spans, strict=True):
        for span in command.scratchpad_reads:
            ledger.read(span, end)
        for span in command.scratchpad_writes:
            ledger.write(span, start, _kind(command))
    return Occupancy(at, ledger.counts(), scratchpad_words)


def _kind(command: Command) -> int:
    if command.opcode == Opcode.EXECUTE:
        return COMPUTED
    return CONSTANTS if command.memory == codegen.CONSTANTS else LOADED


class _Ledger:
    """Content of each word of the scratchpad, since when, and the time of its last read.

    A word written again before it was read counts from the first of the writes: spans of commands
    that write with gaps contain each other's words.
    """

    def __init__(self, scratchpad_words: int, at: np.ndarray) -> None:
        self._at = at
        self._all = np.arange(scratchpad_words)
        self._born = np.zeros(scratchpad_words, np.int64)
        self._read = np.full(scratchpad_words, -1, np.int64)
        self._kind = np.full(scratchpad_words, _FREE, np.int8)
        self._changes = np.zeros((len(KINDS), len(at) + 1), np.int64)

    def read(self, span: Span, cycle: int) -> None:
        where = span.words()
        self._read[where] = np.maximum(self._read[where], cycle)

    def write(self, span: Span, cycle: int, kind: int) -> None:
        words = self._all[span.words()]
        new = words[(self._read[words] >= 0) | (self._kind[words] != kind)]
        self._close(new, cycle)
        self._born[new], self._read[new], self._kind[new] = cycle, -1, kind

    def counts(self) -> NDArray[np.int64]:
        """Words in use at each instant, by kind."""
        self._close(self._all, np.iinfo(np.int64).max)
        self._read[:] = -1
        return np.cumsum(self._changes, axis=1)[:, :-1]

    def _close(self, words: np.ndarray, limit: int) -> None:
        """Enter what was in use in ``words``, up to its last reading but before ``limit``."""
        words = words[self._read[words] >= 0]
        first = np.searchsorted(self._at, self._born[words], "left")
        end = np.searchsorted(self._at, np.minimum(self._read[words], limit - 1), "right")
        for kind in range(len(KINDS)):
            own = (self._kind[words] == kind) & (first < end)
            size = self._changes.shape[1]
            self._changes[kind] += np.bincount(first[own], minlength=size)
            self._changes[kind] -= np.bincount(end[own], minlength=size)
