"""The whole machine, one cycle at a time, from the start write to the interrupt."""

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
    EXECUTE_PUSHED,
    FAULT,
    FAULT_CODE,
    FAULT_INDEX,
    LOAD_DONE,
    PHASE,
    R_BEAT,
    STORE_DONE,
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
    """Times of a run. ``starts``, ``ends`` and ``busy`` are by command index; -1 where a command did not run."""

    cycles: int
    counters: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    busy: np.ndarray
    fault: Fault
    fault_index: int


def run(commands: Commands, parameters: np.ndarray, config: AccelConfig) -> Run:
    """Run decoded ``commands`` (sim.timing.program.decode) with the parameters of sim.timing.shared.

    After a fault, ``cycles`` is the cycle in which it was found.
    """
    columns = commands.fields[commands.executes]
    unit = execute.state(config, columns)
    memory = memory_side.state(parameters, commands)
    counters = np.zeros(len(Counter), np.int64)
    counters[WAIT_COMMAND] = FIRST_CYCLE
    now, nxt = registers(), registers()
    cycles = _loop(memory, unit, now, nxt, counters,
                   config.rows, config.cols, config.requant_words, config.table_words)
    busy = np.zeros(len(commands.opcodes), np.int64)
    taken = len(commands.executes)
    memory.starts[commands.executes] = unit.start[:taken]
    memory.ends[commands.executes] = unit.done[:taken]
    busy[commands.executes] = unit.busy[:taken]
    return Run(int(cycles), counters, memory.starts, memory.ends, busy,
               Fault(int(now[FAULT_CODE])), int(now[FAULT_INDEX]))


@njit(cache=True, nogil=True, _nrt=False)
def _loop(memory, unit, now, nxt, counters, rows, cols, words, table_words):
    cycle = FIRST_CYCLE
    quiet = 0
    while now[DONE] == 0 and now[FAULT] == 0:
        events = memory_side.step(cycle, memory, now, nxt, counters)
        busy = counters[BUSY_NETWORK] + counters[BUSY_OTHER]
        execute.step(cycle, unit, now, nxt, counters, events & STORE_READ != 0,
                     rows, cols, words, table_words)
        nxt[PHASE] = (now[PHASE] + 1) & (PHASES - 1)
        quiet += 1
        if events & MOVES or counters[BUSY_NETWORK] + counters[BUSY_OTHER] != busy:
            quiet = 0
        elif quiet == WATCHDOG:
            raise_fault(nxt, TIMEOUT, max(counters[COMMANDS] - 1, 0))
        for i in range(len(now)):
            now[i] = nxt[i]
        cycle += 1
    return cycle
