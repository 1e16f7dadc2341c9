"""Line assembler, one cycle at a time (docs/architecture.md, 3.3): the line that words are put in,
and after it the one that waits to be written."""

import numpy as np

from hw.spec.regs import Fault
from hw.spec.timing import DMA_WRITE_PHASE
from sim.timing.records import record_type
from sim.timing.state import LOAD, compiled, raise_fault

STATE = record_type(
    *("closed", "line", "last", "index"),
    *("pending_valid", "pending_line", "pending_last", "pending_index"),
)
"""Whether the open line is ``closed``, its address, whether it is the last of the LOAD with that
index; the same of the pending line."""
WRITE_PHASE = DMA_WRITE_PHASE
SCRATCHPAD_RANGE = int(Fault.SCRATCHPAD_RANGE)


def state() -> np.ndarray:
    """The assembler after reset."""
    return np.zeros(1, STATE)


@compiled
def is_empty(assembler):
    """Whether no line waits to be moved or written."""
    return assembler.pending_valid == 0 and assembler.closed == 0


@compiled
def in_write_phase(setup, now):
    """Whether a line may be written in this cycle."""
    return (now.phase - WRITE_PHASE) & (setup.line_words - 1) == 0


@compiled
def ready(assembler, setup, now):
    """Whether a word can be accepted in this cycle, whatever else comes."""
    return assembler.closed == 0 or assembler.pending_valid == 0 or in_write_phase(setup, now)


@compiled
def accept(assembler, setup, address, closes, last, index):
    """Put the word for that scratchpad address in the open line; ``closes``: its last."""
    assembler.line = address >> setup.line_bits
    assembler.last = last
    assembler.index = index
    assembler.closed = closes or (address + 1) & (setup.line_words - 1) == 0


@compiled
def tick(cycle, assembler, setup, program, now, nxt):
    """Write the pending line in its phase, and move a closed one there; returns whether a LOAD is
    complete."""
    complete = False
    if assembler.pending_valid != 0 and in_write_phase(setup, now):
        if assembler.pending_line >= setup.scratchpad_lines and now.stop == 0:
            raise_fault(nxt, SCRATCHPAD_RANGE, assembler.pending_index)
        if assembler.pending_last != 0:
            complete = True
            nxt.complete[LOAD] = now.complete[LOAD] + 1
            program.completed[assembler.pending_index] = cycle
        assembler.pending_valid = 0
    if assembler.closed != 0 and assembler.pending_valid == 0:
        assembler.pending_line = assembler.line
        assembler.pending_last = assembler.last
        assembler.pending_index = assembler.index
        assembler.pending_valid = 1
        assembler.closed = 0
    return complete
