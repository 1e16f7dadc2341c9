"""The figures of each layer."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.codegen.program import ORDER_TEXT, grouped_text
from compiler.driver import Compiled
from compiler.schedule.layer_plan import LayerPlan
from hw.spec.isa import Opcode
from sim.machine import Timing
from sim.program import Layer, Program
from sim.report import bus_bytes


@dataclass(frozen=True)
class LayerRow:
    """One layer.

    ``input_shape`` and ``output_shape`` are height, width and channels; ``array`` is the pixels and
    channels that the array works on at a time, ``tiles`` and ``weights`` say how the layer is cut.
    ``cycles`` run from the end of the EXECUTE before its first one to the end of its last, so that
    they add up over the layers. ``useful``, ``lost`` and ``idle`` are shares of its
    multiply-accumulate cycles: the network's own, those of a busy array beside them, those of an
    idle array. ``read_bytes`` and ``write_bytes`` are those of its LOADs and STOREs.
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
    input_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    array: tuple[int, int]
    tiles: str
    weights: str
    depthwise: bool
    residency: str
    notes: tuple[str, ...]

    @property
    def moved_bytes(self) -> int:
        return self.read_bytes + self.write_bytes

    @property
    def intensity(self) -> float | None:
        """Multiply-accumulates per byte of memory; None where nothing is moved."""
        return self.macs / self.moved_bytes if self.moved_bytes else None

    @property
    def streamed(self) -> str:
        """The maps that pass through memory, out of the words for where all of them lie."""
        words = " streamed"
        parts = [p.strip() for p in self.residency.split(",") if p.endswith(words)]
        return ", ".join(p.removesuffix(words).removeprefix("network ") for p in parts)


def layer_rows(compiled: Compiled, program: Program, timing: Timing) -> list[LayerRow]:
    """A row for each layer, in order."""
    own = _own_cycles(program, timing)
    return [
        _row(plan, program, timing, number, own[number])
        for number, plan in enumerate(compiled.plans)
    ]


def _row(
    plan: LayerPlan, program: Program, timing: Timing, number: int, cycles: int
) -> LayerRow:
    layer, times = program.layers[number], timing.layers[number]
    units, site = program.config.mac_units, plan.site
    busy = min(times.busy_cycles, cycles)
    whole = max(cycles, 1)
    useful = min(layer.macs / units, busy) / whole
    grouped = site.layer.groups > 1 and not site.layer.depthwise
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
        input_shape=(site.source.height, site.source.width, site.source.channels),
        output_shape=(site.output.height, site.output.width, site.output.channels),
        array=(program.config.rows >> plan.shape, program.config.cols << plan.shape),
        tiles=_tiles(plan),
        weights=_weights(plan),
        depthwise=site.layer.depthwise,
        residency=layer.residency,
        notes=(*([grouped_text(plan)] if grouped else []), *site.layer.notes),
    )


def _tiles(plan: LayerPlan) -> str:
    first, count = plan.tiles[0], len(plan.tiles)
    size = f"{first.height}x{first.width}"
    return size if count == 1 else f"{count} of {size}"


def _weights(plan: LayerPlan) -> str:
    """How many parts the weights are cut into, and what becomes of a part where that matters."""
    count = len(plan.chunks)
    if count == 1:
        return "whole"
    return f"{count} parts" + (ORDER_TEXT[plan.order] if len(plan.tiles) > 1 else "")


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
    commands, word = program.commands, program.config.bus_bytes
    own = (commands[index] for index in layer.commands)
    return sum(bus_bytes(command, word) for command in own if command.opcode == opcode)
