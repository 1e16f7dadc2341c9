"""The whole machine, one cycle at a time, from the start write to the interrupt.

The memory side steps only in cycles in which it may do anything; most of a network's cycles are not
among them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from hw.spec.config import AccelConfig
from hw.spec.regs import Counter, Fault
from hw.spec.timing import PHASES, WATCHDOG
from sim.timing import execute, memory_side
from sim.timing.program import Commands
from sim.timing.shared import (
    B_BEAT,
    DONE,
    EXECUTE_DONE,
    EXECUTE_POPPED,
    FAULT,
    FAULT_CODE,
    FAULT_INDEX,
    PHASE,
    R_BEAT,
    STORE_READ,
    W_BEAT,
    raise_fault,
    registers,
)

FIRST_CYCLE = 2
"""The units run from this cycle on; the ones before count as waiting for a command."""
MOVES = R_BEAT | W_BEAT | B_BEAT
TIMEOUT = int(Fault.TIMEOUT)
WAIT_COMMAND, COMMANDS = int(Counter.WAIT_COMMAND), int(Counter.COMMANDS)
BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)


class Run(NamedTuple):
    """Times of a run. ``starts``, ``ends`` and ``busy`` are by command index; -1 where a command
    did not run."""

    cycles: int
    counters: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    busy: np.ndarray
    fault: Fault
    fault_index: int


def run(
    commands: Commands, parameters: np.ndarray, config: AccelConfig, *, sleeps: bool = True
) -> Run:
    """Run decoded ``commands`` (sim.timing.program.decode), parameters as in sim.timing.shared.

    After a fault, ``cycles`` is the cycle in which it was found. Without ``sleeps``, the memory
    side advances in every cycle, whether it has anything to do or not: the same, slower.
    """
    columns = commands.fields[commands.executes]
    unit = execute.state(config, columns)
    memory = memory_side.state(parameters, commands)
    counters = np.zeros(len(Counter), np.int64)
    counters[WAIT_COMMAND] = FIRST_CYCLE
    now, nxt = registers(), registers()
    cycles = _loop(memory, unit, now, nxt, counters, sleeps,
                   config.rows, config.cols, config.requant_words, config.table_words)
    busy = np.zeros(len(commands.opcodes), np.int64)
    taken = len(commands.executes)
    memory.starts[commands.executes] = unit.start[:taken]
    memory.ends[commands.executes] = unit.done[:taken]
    busy[commands.executes] = unit.busy[:taken]
    return Run(int(cycles), counters, memory.starts, memory.ends, busy,
               Fault(int(now[FAULT_CODE])), int(now[FAULT_INDEX]))


@njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
def _loop(memory, unit, now, nxt, counters, sleeps, rows, cols, words, table_words):
    memory_side.begin(memory)
    cycle = wakes = FIRST_CYCLE
    moved = cycle - 1
    while now[DONE] == 0 and now[FAULT] == 0:
        now[PHASE] = (cycle - FIRST_CYCLE) & (PHASES - 1)
        changed = cycle >= wakes
        events = memory_side.step(cycle, memory, now, nxt, counters) if changed else 0
        cause = execute.step(cycle, unit, now, nxt, counters, events & STORE_READ != 0,
                             rows, cols, words, table_words)
        if events & MOVES or cause == BUSY_NETWORK or cause == BUSY_OTHER:
            moved = cycle
        elif cycle - moved == WATCHDOG:
            raise_fault(nxt, TIMEOUT, max(counters[COMMANDS] - 1, 0))
            changed = True
        changed |= (nxt[EXECUTE_POPPED] != now[EXECUTE_POPPED]
                    or nxt[EXECUTE_DONE] != now[EXECUTE_DONE])
        cycle += 1
        if changed:
            for i in range(len(now)):
                now[i] = nxt[i]
            wakes = cycle
            if sleeps and events == 0:
                wakes = memory_side.wakes(cycle, memory, now)
    return cycle
