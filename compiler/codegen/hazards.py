"""The waits of every command, from the words that it and the commands before it touch.

LOAD, EXECUTE and STORE units each run their commands in order, so for every word the last
command of each kind that touched it is all there is to know. Within the EXECUTE unit only a
read after a write needs a wait: a write comes after the fill of its own command has begun, which
is after every earlier command has read all its operands, and the drain finishes commands in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain

import numpy as np

from compiler.codegen.commands import Command
from compiler.kernels import kernel
from hw.spec.isa import Opcode

LOAD, EXECUTE, STORE = range(3)
_NUMBERS = {Opcode.LOAD: LOAD, Opcode.EXECUTE: EXECUTE, Opcode.STORE: STORE}

LOADED, MADE, READ, SENT = range(4)
"""Rows of the scratchpad's table: the last LOAD and the last EXECUTE that wrote a word, the last
EXECUTE and the last STORE that read it."""
NOWHERE = -1
_READERS = np.array([NOWHERE, READ, SENT])
_WRITERS = np.array([LOADED, MADE, NOWHERE])
"""The row in which each unit notes that it reads, or writes, a word."""

_BEFORE_READ = np.array([(LOADED, LOAD), (MADE, EXECUTE)])
_BEFORE_EXECUTE = np.array([(LOADED, LOAD), (SENT, STORE)])
_BEFORE_LOAD = np.array([(MADE, EXECUTE), (READ, EXECUTE), (SENT, STORE)])
"""The rows that count for a read, and for a write of each unit, and which unit notes there."""
_STORED = np.array([(0, STORE)])
"""The same for a LOAD from a map in memory, whose table has one row, the last STORE."""

_READS, _WRITES, _MOVES = range(3)
"""Uses of words by a command: it reads or writes the scratchpad's, or moves those of a map."""


def set_waits(
    commands: Sequence[Command], scratchpad_words: int, memory_words: Mapping[str, int]
) -> None:
    """Set the waits of a whole program's commands, END the last, which waits for all others.

    ``scratchpad_words`` is the scratchpad's size, ``memory_words`` the size of each map in memory.
    Numbers count from 1 in each unit; 0 is none.
    """
    units = np.array([_NUMBERS[command.opcode] for command in commands[:-1]], np.int64)
    ends = accumulate(memory_words.values(), initial=0)
    starts = dict(zip(memory_words, ends, strict=False))
    spans = np.fromiter(chain.from_iterable(_spans(commands, starts)), np.int64).reshape(-1, 6)
    memory = sum(memory_words.values())
    _check(spans, np.where(spans[:, 1] == _MOVES, memory, scratchpad_words))
    waits = np.zeros((len(commands), 3), np.int64)
    scratchpad, stored = np.zeros((4, scratchpad_words), np.int32), np.zeros((1, memory), np.int32)
    _note_all(units, spans, scratchpad, stored, waits, np.zeros(3, np.int64))
    waits[-1] = np.bincount(units, minlength=3)
    for command, counts in zip(commands, waits.tolist(), strict=True):
        loads, executes, stores = counts
        command.waits = loads, executes, stores


def _spans(
    commands: Sequence[Command], starts: Mapping[str, int]
) -> Iterator[tuple[int, int, int, int, int, int]]:
    """The words that the commands touch, in order: the command's number, its use of them, and the
    words. Maps in memory lie one after another, from ``starts`` on."""
    for number, command in enumerate(commands):
        for span in command.scratchpad_reads:
            yield number, _READS, *span
        for span in command.scratchpad_writes:
            yield number, _WRITES, *span
        if command.memory in starts:
            assert command.memory_span is not None
            yield number, _MOVES, *command.memory_span.moved(starts[command.memory])


def _check(spans: np.ndarray, words: np.ndarray) -> None:
    """Every span lies within as many words as there are."""
    _, _, base, length, count, stride = spans.T
    assert (base >= 0).all() and (base + (count - 1) * stride + length <= words).all()


@kernel
def _note_all(units, spans, scratchpad, stored, waits, counts):
    """Set the rows of ``waits`` [LOADs, EXECUTEs, STOREs]: the last commands that each must wait
    for, from the table of the scratchpad [4, words] and the one of the maps in memory [1, words].
    ``counts``, 0 at first, are the commands of each unit so far."""
    next_command = 0
    for number, access, base, length, count, stride in spans:
        while next_command <= number:
            counts[units[next_command]] += 1
            next_command += 1
        unit, own = units[number], waits[number]
        words = base, length, count, stride
        if access == _READS:
            _note(scratchpad, words, _BEFORE_READ, own, _READERS[unit], counts[unit])
        elif access == _WRITES:
            before = _BEFORE_LOAD if unit == LOAD else _BEFORE_EXECUTE
            _note(scratchpad, words, before, own, _WRITERS[unit], counts[unit])
        elif unit == LOAD:
            _note(stored, words, _STORED, own, NOWHERE, counts[unit])
        else:
            _note(stored, words, _STORED[:0], own, 0, counts[unit])


@kernel
def _note(table, words, before, waits, row, number):
    """Raise ``waits`` to the last commands that count ``before`` one that touches the words, and
    write its number in a row of the table, unless NOWHERE."""
    base, length, count, stride = words
    for run in range(count):
        first = base + run * stride
        for earlier, unit in before:
            last = table[earlier, first]
            # Over `flat`, the loop becomes vector instructions.
            for touched in table[earlier, first : first + length].flat:
                last = max(last, touched)
            waits[unit] = max(waits[unit], last)
        if row != NOWHERE:
            table[row, first : first + length] = number
