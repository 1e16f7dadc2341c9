"""Simulates a program: what it computes, and in which cycles.

Program order is an order in which the waits are met, and commands that touch the same data wait for
one another; so values are computed in program order, and timing apart from them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hw.spec.isa import Opcode
from hw.spec.regs import Counter, Fault
from sim.host import Compute, Host
from sim.program import Command, Layer, Program, Segment
from sim.program_reader import read_program
from sim.shares import CAUSES, Causes, Span, layer_causes
from sim.values.load_store import (
    load,
    store,
)
from sim.values.memories import (
    AccessError,
    CommandFault,
    State,
)

if TYPE_CHECKING:
    from sim.timing.machine import RunResult

Progress = Callable[[int, int], None]
"""Called with the commands done and the commands in all."""

_COUNTERS = tuple(counter.name.lower() for counter in Counter)
_TRANSFERS = {Opcode.LOAD: load, Opcode.STORE: store}


@dataclass(frozen=True)
class LayerTimes:
    """First and last cycle in which any unit works for a layer, cycles of the array, and the
    ``cycles`` that are the layer's and no other's (``sim.shares``), by cause: ``causes`` has the
    counters of cycles (lower-case names)."""

    name: str
    kind: str
    macs: int
    start_cycle: int
    end_cycle: int
    busy_cycles: int
    cycles: int
    causes: dict[str, int]


@dataclass(frozen=True)
class Times:
    """Cycles of one run: in all, by counter (lower-case name) and by command.

    ``spans`` has first cycle, last cycle and cycles of the array for each command.
    """

    cycles: int
    counters: dict[str, int]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class SegmentTimes(Times):
    """The times of one segment. ``causes`` shares out the cycles by command (``sim.shares``)."""

    causes: tuple[Causes, ...]


@dataclass(frozen=True)
class Timing(Times):
    """Cycles of all segments, one after another without what the host does between them.

    ``cycles`` and ``counters`` are sums. The cycles of ``layers`` and ``spans`` count from the
    start of the first segment; ``segments`` has the cycles of each.
    """

    layers: tuple[LayerTimes, ...]
    segments: tuple[int, ...] = ()


@dataclass(frozen=True)
class Result:
    """A simulated run.

    ``tensors`` are those in memory afterwards and those of the host, by name, in the tensors'
    shapes, as stored; empty without values. ``fault`` is what stopped the run, or None; ``timing``
    is then None.
    """

    timing: Timing | None
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    fault: CommandFault | None = None


def simulate(
    program: Program | Path | str,
    inputs: Mapping[str, np.ndarray] | None = None,
    values: bool = True,
    progress: Progress | None = None,
    compute: Compute | None = None,
) -> Result:
    """Run ``program``, or the one in a folder, on ``inputs``: stored integers by tensor name,
    in the shapes of ``program.graph``.

    Inputs that are left out keep what the image holds. ``compute`` runs the host's nodes; without
    it they are left out, and only the last segment may have any (ValueError). Raises ProgramError
    for a folder that does not hold a mapped network.
    """
    if not isinstance(program, Program):
        program = read_program(program)
    if values:
        return simulate_batch(program, [inputs or {}], progress, compute)[0]
    try:
        return Result(run_timing(program))
    except CommandFault as fault:
        return Result(None, {}, fault)


def simulate_batch(
    program: Program,
    batch: Sequence[Mapping[str, np.ndarray]],
    progress: Progress | None = None,
    compute: Compute | None = None,
) -> list[Result]:
    """Runs of ``program`` on several inputs, each as ``simulate`` gives it."""
    hosts = [Host(program, inputs, compute) for inputs in batch] if compute else None
    try:
        timing = run_timing(program)
        memories = run_batch(program, batch, progress, hosts)
    except CommandFault as fault:
        return [Result(None, {}, fault)] * len(batch)
    if hosts is None:
        return [Result(timing, program.tensors(memory)) for memory in memories]
    return [
        Result(timing, host.tensors(memory)) for host, memory in zip(hosts, memories, strict=True)
    ]


def run_values(
    program: Program,
    inputs: Mapping[str, np.ndarray],
    progress: Progress | None = None,
    host: Host | None = None,
) -> np.ndarray:
    """The memory, uint8 ``[bytes]``, after all segments; a ``host`` computes after each.

    Raises CommandFault, ValueError for host nodes before the last segment without a host.
    """
    return run_batch(program, [inputs], progress, None if host is None else [host])[0]


def run_batch(
    program: Program,
    batch: Sequence[Mapping[str, np.ndarray]],
    progress: Progress | None = None,
    hosts: Sequence[Host] | None = None,
) -> list[np.ndarray]:
    """The memories after runs on several inputs, in less time than one after another.

    There is a host for each; otherwise as ``run_values``.
    """
    if hosts is None and any(segment.host for segment in program.segments[:-1]):
        raise ValueError("the network needs the host between two segments; give one")
    memories = [program.memory(inputs) for inputs in batch]
    for segment in program.segments:
        memories = run_segment(program, segment, memories, progress)
        if hosts is not None:
            for host, memory in zip(hosts, memories, strict=True):
                host.run(segment, memory)
    return memories


def run_segment(
    program: Program,
    segment: Segment,
    memories: Sequence[np.ndarray],
    progress: Progress | None = None,
) -> list[np.ndarray]:
    """The memories, each uint8 ``[bytes]``, after a segment that begins with ``memories``.

    Raises CommandFault.
    """
    states = [State(program.config, memory, program.address_ranges) for memory in memories]
    total = len(program.commands)
    for command in segment.commands:
        if progress is not None:
            progress(command.index, total)
        run_command(states, command)
    if segment.fault is not None:
        raise segment.fault
    return [state.memory for state in states]


def run_command(states: Sequence[State], command: Command) -> None:
    """Execute one command on states of one machine. Raises CommandFault."""
    if command.opcode == Opcode.END:
        return
    try:
        if command.opcode == Opcode.EXECUTE:
            # Imported when needed: numba takes longer than the cycles of most networks.
            from sim.values.execute import execute

            execute(states, command.fields)
            return
        for state in states:
            _TRANSFERS[command.opcode](state, command.fields)
    except AccessError as error:
        raise CommandFault(error.fault, command.index) from None


def run_timing(program: Program) -> Timing:
    """Cycles of a run, whatever the values. Raises CommandFault when the machine stops with one."""
    times = [segment_times(program, segment) for segment in program.segments]
    return joined(program.layers, times)


def segment_times(program: Program, segment: Segment) -> SegmentTimes:
    """Cycles of one segment, from its own start. Raises CommandFault."""
    from sim.timing.ctrl.decode_check import (
        decode,
        other_machine,
    )
    from sim.timing.machine import run
    from sim.timing.state import parameters

    commands = decode(program.image, segment.address, segment.size, program.config)
    address_ranges = dataclasses.astuple(program.address_ranges)
    setup = parameters(
        program.config, segment.address, segment.size, address_ranges, base=program.base
    )
    result = run(commands, setup, program.config)
    if result.fault != Fault.NONE:
        detail = ""
        if result.fault == Fault.WRONG_MACHINE:
            detail = other_machine(commands, result.fault_index, program.config)
        raise CommandFault(result.fault, segment.first + result.fault_index, detail)
    return times_of(result)


def times_of(result: RunResult) -> SegmentTimes:
    """The times of a run that ended without a fault."""
    counters = dict(zip(_COUNTERS, result.counters.tolist(), strict=True))
    columns = (result.starts, result.ends, result.busy)
    spans = tuple(zip(*(column.tolist() for column in columns), strict=True))
    causes = tuple(map(tuple, result.causes.tolist()))
    return SegmentTimes(result.cycles, counters, spans, causes)


def joined(layers: Sequence[Layer], segments: Sequence[SegmentTimes]) -> Timing:
    """The times of all segments, each from its own start, as those of one run."""
    before = 0
    spans: list[Span] = []
    counters: dict[str, int] = {}
    for times in segments:
        spans += [(before + start, before + end, busy) for start, end, busy in times.spans]
        before += times.cycles
        for name, value in times.counters.items():
            counters[name] = counters.get(name, 0) + value
    shares = layer_causes([layer.commands for layer in layers], segments)
    own = tuple(times.cycles for times in segments)
    return Timing(before, counters, tuple(spans), _layer_times(layers, shares, spans), own)


def _layer_times(
    layers: Sequence[Layer], shares: Sequence[Causes], spans: Sequence[Span]
) -> tuple[LayerTimes, ...]:
    """Layers' times from their cycles by cause and the spans of their commands."""
    times = []
    for layer, share in zip(layers, shares, strict=True):
        own = [spans[index] for index in layer.commands]
        start = min((start for start, _, _ in own), default=0)
        end = max((end for _, end, _ in own), default=0)
        busy = sum(busy for _, _, busy in own)
        causes = dict(zip(CAUSES, share, strict=True))
        times.append(
            LayerTimes(layer.name, layer.kind, layer.macs, start, end, busy, sum(share), causes)
        )
    return tuple(times)
