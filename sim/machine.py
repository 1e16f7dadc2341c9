"""Simulates a program: what it computes, and in which cycles.

Program order is an order in which the waits are met, and commands that touch the same data wait for
one another; so values are computed in program order, and timing apart from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hw.spec.isa import Opcode
from hw.spec.regs import Counter, Fault
from sim.program import Command, Layer, Program, read_program
from sim.values.dma import load, store
from sim.values.execute import execute
from sim.values.state import AccessError, CommandFault, State

Progress = Callable[[int, int], None]
"""Called with the commands done and the commands in all."""

_UNITS = {Opcode.LOAD: load, Opcode.STORE: store, Opcode.EXECUTE: execute}


Span = tuple[int, int, int]


@dataclass(frozen=True)
class LayerTimes:
    """First and last cycle in which any unit works for a layer, and cycles of the array."""

    name: str
    kind: str
    macs: int
    start_cycle: int
    end_cycle: int
    busy_cycles: int


@dataclass(frozen=True)
class Timing:
    """Cycles of a run: in all, by counter (lower-case name), by layer and by command.

    ``spans`` has first cycle, last cycle and cycles of the array for each command.
    """

    cycles: int
    counters: dict[str, int]
    layers: tuple[LayerTimes, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Result:
    """A simulated run.

    ``tensors`` are those in memory afterwards, by name, in the model's layout, as stored; empty
    without values. ``fault`` is what stopped the run, or None; ``timing`` is then None.
    """

    timing: Timing | None
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    fault: CommandFault | None = None


def simulate(
    program: Program | Path | str,
    inputs: Mapping[str, np.ndarray] | None = None,
    values: bool = True,
    progress: Progress | None = None,
) -> Result:
    """Run ``program``, or the one in a folder, on ``inputs``: stored integers by tensor name.

    Inputs that are left out keep what the image holds. Raises ProgramError for a folder that does
    not hold a mapped network.
    """
    if not isinstance(program, Program):
        program = read_program(program)
    try:
        timing = run_timing(program)
        state = run_values(program, inputs or {}, progress) if values else None
    except CommandFault as fault:
        return Result(None, {}, fault)
    if state is None:
        return Result(timing)
    cols = program.config.cols
    return Result(timing, {n: p.read(state.memory, cols) for n, p in program.places.items()})


def run_values(
    program: Program, inputs: Mapping[str, np.ndarray], progress: Progress | None = None
) -> State:
    """The state after every command, one after another. Raises CommandFault."""
    state = State(program.config, program.image, program.windows)
    for name, array in inputs.items():
        program.places[name].write(state.memory, array, program.config.cols)
    for command in program.commands:
        if progress is not None:
            progress(command.index, len(program.commands))
        run_command(state, command)
    if program.fault is not None:
        raise program.fault
    return state


def run_command(state: State, command: Command) -> None:
    """Execute one command. Raises CommandFault."""
    if command.opcode == Opcode.END:
        return
    try:
        _UNITS[command.opcode](state, command.fields)
    except AccessError as error:
        raise CommandFault(error.fault, command.index) from None


def run_timing(program: Program) -> Timing:
    """Cycles of a run, whatever the values. Raises CommandFault when the machine stops with one."""
    from sim.timing.machine import run
    from sim.timing.program import decode
    from sim.timing.shared import parameters

    commands = decode(program.image, program.address, program.size, program.config)
    windows = dataclasses.astuple(program.windows)
    setup = parameters(program.config, program.address, program.size, windows)
    result = run(commands, setup, program.config)
    if result.fault != Fault.NONE:
        raise CommandFault(result.fault, result.fault_index)
    counters = {c.name.lower(): int(result.counters[c]) for c in Counter}
    columns = (result.starts, result.ends, result.busy)
    spans = tuple(zip(*(column.tolist() for column in columns), strict=True))
    return Timing(result.cycles, counters, layer_times(program.layers, spans), spans)


def layer_times(layers: Iterable[Layer], spans: Sequence[Span]) -> tuple[LayerTimes, ...]:
    """Layers' times from the spans of their commands."""
    times = []
    for layer in layers:
        own = [spans[index] for index in layer.commands]
        start = min((start for start, _, _ in own), default=0)
        end = max((end for _, end, _ in own), default=0)
        busy = sum(busy for _, _, busy in own)
        times.append(LayerTimes(layer.name, layer.kind, layer.macs, start, end, busy))
    return tuple(times)
