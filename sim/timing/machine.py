"""The whole machine, one cycle at a time, from the start write to the interrupt.

The memory side steps only in cycles in which it may do anything; most of a network's cycles are not
among them. Of these, the ones in which the execute unit goes on as before are counted at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.kernels import kernel
from hw.spec.config import AccelConfig
from hw.spec.regs import CYCLE_COUNTERS, Counter, Fault
from sim.timing.core import execute_unit
from sim.timing.ctrl import command_queue
from sim.timing.ctrl.decode_check import Commands
from sim.timing.fast import (
    skip_execute,
    skip_load,
)
from sim.timing.mem import memory_side
from sim.timing.records import record_type
from sim.timing.state import (
    B_BEAT,
    EXECUTE,
    NEVER,
    R_BEAT,
    R_LOAD,
    R_WORD,
    STORE_READ,
    W_BEAT,
    compiled,
    registers,
    sizes,
    stop_for_fault,
)

FIRST_CYCLE = 2
"""The units run from this cycle on; the ones before count as waiting for a command."""
MOVES = R_BEAT | W_BEAT | B_BEAT
TIMEOUT = int(Fault.TIMEOUT)
WAIT_COMMAND, COMMANDS = int(Counter.WAIT_COMMAND), int(Counter.COMMANDS)
BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)

CLOCK = record_type("cycle", "wakes", "moved", "streamed")
"""The next cycle, the one in which the memory side next steps, the last one in which something
moved, and the one up to which the words of a stream are moved (NEVER while there is none)."""


class RunResult(NamedTuple):
    """Times of a run. ``starts``, ``ends`` and ``busy`` are by command index; -1 where a command
    did not run. ``causes`` [n, cycle counters] are the cycles from the array's last one for the
    EXECUTE before to its last one for the command."""

    cycles: int
    counters: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    busy: np.ndarray
    causes: np.ndarray
    fault: Fault
    fault_index: int


class Machine(NamedTuple):
    """The state of a run with its program."""

    memory: memory_side.MemorySide
    unit: execute_unit.Execute
    registers: np.ndarray
    """``now`` and ``nxt`` (``sim.timing.state``)."""
    counters: np.ndarray
    """int64."""
    clock: np.ndarray


def run(
    commands: Commands, parameters: np.ndarray, config: AccelConfig, *, sleeps: bool = True
) -> RunResult:
    """Run decoded ``commands`` (sim.timing.ctrl.decode_check.decode), parameters as in
    sim.timing.state.

    ``cycles`` is the one in which the interrupt rises. Without ``sleeps``, everything advances in
    every cycle, whether it has anything to do or not: the same, slower.
    """
    machine = started(commands, parameters, config)
    advance(machine, config, sleeps=sleeps)
    return result(machine, commands)


def started(commands: Commands, parameters: np.ndarray, config: AccelConfig) -> Machine:
    """The machine at the start of a run."""
    unit = execute_unit.state(config, commands.fields[commands.executes])
    memory = memory_side.state(parameters, commands)
    counters = np.zeros(len(Counter), np.int64)
    counters[WAIT_COMMAND] = FIRST_CYCLE
    clock = np.array([(FIRST_CYCLE, FIRST_CYCLE, FIRST_CYCLE - 1, NEVER)], CLOCK)
    return Machine(memory, unit, registers(), counters, clock)


def advance(
    machine: Machine, config: AccelConfig, until: int = NEVER, *, sleeps: bool = True
) -> None:
    """Run on to the end, or to the end of the cycle in which ``until`` commands are dispatched."""
    words = machine.registers.view(np.int64).reshape(2, -1)
    _loop(machine, words, until, sleeps, sizes(config))


def result(machine: Machine, commands: Commands) -> RunResult:
    """The times of a run that has ended."""
    program, unit, now = machine.memory.program, machine.unit, machine.registers[0]
    busy = np.zeros(len(commands.opcodes), np.int64)
    taken = len(commands.executes)
    program.started[commands.executes] = unit.start[:taken]
    program.completed[commands.executes] = unit.done[:taken]
    busy[commands.executes] = unit.busy[:taken]
    causes = np.zeros((len(commands.opcodes), len(CYCLE_COUNTERS)), np.int64)
    marks = np.maximum.accumulate(unit.marks[:taken])
    causes[commands.executes] = np.diff(marks, axis=0, prepend=0)
    return RunResult(
        int(machine.clock["cycle"][0]),
        machine.counters,
        program.started,
        program.completed,
        busy,
        causes,
        Fault(int(now["fault_code"])),
        int(now["fault_index"]),
    )


@kernel
def _loop(machine, words, until, sleeps, sizes):
    """``words`` are the registers again, as integers [2, n]."""
    memory, unit, counters, clock = machine.memory, machine.unit, machine.counters, machine.clock[0]
    now, nxt = machine.registers[0], machine.registers[1]
    watched = memory.setup[0].watched
    cycle, wakes, moved, streamed = clock.cycle, clock.wakes, clock.moved, clock.streamed
    if cycle == FIRST_CYCLE:
        memory_side.begin(memory)
    while now.done == 0 and counters[COMMANDS] < until:
        if sleeps and cycle < wakes:
            skipped = skip_execute.skip(
                cycle,
                unit,
                now,
                counters,
                _phase(cycle, sizes),
                sizes,
                min(wakes, moved + watched) - cycle,
            )
            cycle += abs(skipped)
            if skipped < 0:
                moved = cycle - 1
        now.phase = _phase(cycle, sizes)
        changed = cycle >= wakes
        if changed and streamed != NEVER:
            if streamed < cycle:
                skip_load.move(cycle - streamed, cycle, now.phase, memory, counters)
                moved = cycle - 1
            streamed = NEVER
        events = memory_side.tick(cycle, memory, now, nxt, counters) if changed else 0
        cause = execute_unit.tick(cycle, unit, now, nxt, counters, events & STORE_READ != 0, sizes)
        works = now.stop == 0 and (cause == BUSY_NETWORK or cause == BUSY_OTHER)
        if events & MOVES or works:
            moved = cycle
        elif cycle - moved == watched:
            stop_for_fault(nxt, TIMEOUT, max(counters[COMMANDS] - 1, 0))
            nxt.standstill = 1
            changed = True
        changed |= (
            nxt.popped[EXECUTE] != now.popped[EXECUTE]
            or nxt.complete[EXECUTE] != now.complete[EXECUTE]
        )
        cycle += 1
        if changed:
            command_queue.tick(now, nxt, memory.setup[0].queue_depth)
            for i in range(words.shape[1]):
                words[0, i] = words[1, i]
            wakes = cycle
            if sleeps and streamed == NEVER:
                if events == 0:
                    wakes = memory_side.wakes(cycle, memory, now)
                elif events == R_BEAT | R_WORD | R_LOAD:
                    count = skip_load.beats(cycle, _phase(cycle, sizes), memory, now)
                    if count > 0:
                        wakes, streamed = cycle + count, cycle
    clock.cycle, clock.wakes, clock.moved, clock.streamed = cycle, wakes, moved, streamed


@compiled
def _phase(cycle, sizes):
    """Place of a cycle among those in which the units and residual beats have their turns."""
    return (cycle - FIRST_CYCLE) & (sizes.phases - 1)
