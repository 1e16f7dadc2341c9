"""Simulates a program: what it computes, and in which cycles.

Program order is an order in which the waits are met, and commands that touch the same data wait for
one another; so values are computed in program order, and timing apart from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hw.spec.isa import Opcode
from hw.spec.regs import Counter
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
    tensors: dict[str, np.ndarray] = {}
    fault = program.fault
    if values:
        try:
            state = run_values(program, inputs or {}, progress)
        except CommandFault as raised:
            fault = raised
        else:
            cols = program.config.cols
            tensors = {n: place.read(state.memory, cols) for n, place in program.places.items()}
    if fault is not None:
        return Result(None, {}, fault)
    return Result(run_timing(program), tensors)


def run_values(
    program: Program, inputs: Mapping[str, np.ndarray], progress: Progress | None = None
) -> State:
    """The state after every command, one after another. Raises CommandFault."""
    state = State(program.config, program.image, program.windows)
    for name, array in inputs.items():
        program.places[name].write(state.memory, array, program.config.cols)
    for command in program.commands:
        run_command(state, command)
        if progress is not None:
            progress(command.index + 1, len(program.commands))
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
    """Cycles of a program without faults."""
    from sim.timing.machine import run

    result = run(program.commands, program.config)
    counters = {c.name.lower(): int(result.counters[c]) for c in Counter}
    spans = tuple(zip(result.starts, result.ends, result.busy, strict=True))
    return Timing(int(result.cycles), counters, layer_times(program.layers, spans), spans)


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
