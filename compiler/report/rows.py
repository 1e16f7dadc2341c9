"""The figures of each layer."""

from __future__ import annotations

from dataclasses import dataclass

from hw.spec.isa import Opcode
from sim.machine import Timing
from sim.program import Layer, Program
from sim.report import bus_bytes


@dataclass(frozen=True)
class LayerRow:
    """One layer.

    ``cycles`` run from the end of the EXECUTE before its first one to the end of its last, so that
    they add up over the layers. ``useful``, ``lost`` and ``idle`` are shares of its
    multiply-accumulate cycles: the network's own, those of a busy array beside them, those of an
    idle array.
    """

    name: str
    kind: str
    macs: int
    cycles: int
    read_bytes: int
    write_bytes: int
    useful: float
    lost: float
    idle: float
    residency: str
    notes: tuple[str, ...]


def layer_rows(program: Program, timing: Timing) -> list[LayerRow]:
    """A row for each layer, in order."""
    own = _own_cycles(program, timing)
    return [_row(program, timing, number, own[number]) for number in range(len(program.layers))]


def _row(program: Program, timing: Timing, number: int, cycles: int) -> LayerRow:
    layer, times = program.layers[number], timing.layers[number]
    units = program.config.mac_units
    busy = min(times.busy_cycles, cycles)
    whole = max(cycles, 1)
    useful = min(layer.macs / units, busy) / whole
    return LayerRow(
        name=layer.name,
        kind=layer.kind,
        macs=layer.macs,
        cycles=cycles,
        read_bytes=_moved(program, layer, Opcode.LOAD),
        write_bytes=_moved(program, layer, Opcode.STORE),
        useful=useful,
        lost=busy / whole - useful,
        idle=1 - busy / whole,
        residency=layer.residency,
        notes=layer.notes,
    )


def _own_cycles(program: Program, timing: Timing) -> list[int]:
    """Cycles of each layer: each EXECUTE has those since the end of the one before."""
    layer_of = {index: n for n, layer in enumerate(program.layers) for index in layer.commands}
    cycles = [0] * len(program.layers)
    before = 0
    for command in program.commands:
        if command.opcode == Opcode.EXECUTE:
            end = timing.spans[command.index][1]
            cycles[layer_of[command.index]] += end - before
            before = end
    return cycles


def _moved(program: Program, layer: Layer, opcode: Opcode) -> int:
    own = (program.commands[index] for index in layer.commands)
    word = program.config.bus_bytes
    return sum(bus_bytes(command, word) for command in own if command.opcode == opcode)
