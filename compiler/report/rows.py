"""The figures of each layer."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.codegen.compiled import Compiled
from compiler.codegen.layer_text import ORDER_TEXT, grouped_text
from compiler.schedule.op_plan import OpPlan
from hw.spec.isa import Opcode
from sim.program import Layer, Program
from sim.simulation import LayerTimes, Timing
from sim.traffic import moved_bytes


@dataclass(frozen=True)
class LayerRow:
    """One layer.

    ``input_shape`` and ``output_shape`` are height, width and channels; ``array`` is the pixels and
    channels that the array works on at a time, ``tiles`` and ``weights`` say how the layer is cut.
    ``cycles`` are the layer's and no other's (``sim.shares``), so that they add up to the run's.
    ``useful``, ``lost`` and ``idle`` are shares of its multiply-accumulate cycles: those that the
    network's outputs need, those of a busy array besides them, those of an idle array.
    ``read_bytes`` and ``write_bytes`` are those of its LOADs and STOREs.
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
        """Bytes read from and written to DRAM."""
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
    return [
        _row(plan, program, layer, times)
        for plan, layer, times in zip(compiled.plans, program.layers, timing.layers, strict=True)
    ]


def _row(plan: OpPlan, program: Program, layer: Layer, times: LayerTimes) -> LayerRow:
    site = plan.site
    useful = layer.macs / (program.config.mac_units * times.cycles)
    busy = times.busy_cycles / times.cycles
    grouped = site.op.groups > 1 and not site.op.depthwise
    return LayerRow(
        name=layer.name,
        kind=layer.kind,
        macs=layer.macs,
        cycles=times.cycles,
        read_bytes=moved_bytes(program, layer, Opcode.LOAD),
        write_bytes=moved_bytes(program, layer, Opcode.STORE),
        useful=useful,
        lost=busy - useful,
        idle=1 - busy,
        input_shape=(site.source.height, site.source.width, site.source.channels),
        output_shape=(site.output.height, site.output.width, site.output.channels),
        array=(program.config.rows >> plan.shape, program.config.cols << plan.shape),
        tiles=_tiles(plan),
        weights=_weights(plan),
        depthwise=site.op.depthwise,
        residency=layer.residency,
        notes=(*([grouped_text(plan)] if grouped else []), *site.op.notes),
    )


def _tiles(plan: OpPlan) -> str:
    first, count = plan.tiles[0], len(plan.tiles)
    size = f"{first.height}x{first.width}"
    return size if count == 1 else f"{count} of {size}"


def _weights(plan: OpPlan) -> str:
    """Text: the number of parts of the weights, and their order where that matters."""
    count = len(plan.chunks)
    if count == 1:
        return "whole"
    return f"{count} parts" + (ORDER_TEXT[plan.order] if len(plan.tiles) > 1 else "")
