"""Bounds by memory and array: rooflines of layers and blocks, and the efficiency gap.

latency = operations / (efficiency x peak): A. Lavin, "On the Efficiency of Convolutional Neural
Networks", arXiv 2404.03617. One operation is a multiply-accumulate here, and time counts in
cycles. At most min(1, intensity / ridge) of the peak can be attained by what runs by itself: the
roofline of S. Williams, A. Waterman and D. Patterson, Communications of the ACM 52(4), 2009,
doi:10.1145/1498765.1498785.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.codegen.compiled import Compiled
from compiler.hwir.feature_map import FeatureMap
from compiler.report.rows import LayerRow
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.tiles import extent
from hw.spec.config import AccelConfig


@dataclass(frozen=True)
class Roof:
    """Multiply-accumulates (``peak``) and bytes of memory (``bandwidth``) per cycle, at most."""

    peak: int
    bandwidth: float

    @property
    def ridge(self) -> float:
        """Multiply-accumulates per byte from which on memory is no limit."""
        return self.peak / self.bandwidth

    def cycles(self, macs: int, moved: int) -> float:
        """The least cycles for ``macs`` multiply-accumulates with ``moved`` bytes next to them."""
        return max(macs / self.peak, moved / self.bandwidth)


@dataclass(frozen=True)
class Block:
    """Layers of a block by number, with their multiply-accumulates.

    ``alone`` has the bytes that each layer would move by itself, every operand once;
    ``moved`` is what the mapping moves for all of them, in ``cycles``.
    """

    layers: range
    macs: tuple[int, ...]
    alone: tuple[int, ...]
    moved: int
    cycles: int

    def alone_cycles(self, roof: Roof) -> float:
        """The least cycles of the layers by themselves, one after another."""
        return sum(roof.cycles(*pair) for pair in zip(self.macs, self.alone, strict=True))

    def efficiencies(self, roof: Roof) -> tuple[float, float, float]:
        """Shares of the peak: at most by themselves, at most as mapped, and simulated."""
        macs = sum(self.macs)
        cycles = self.alone_cycles(roof), roof.cycles(macs, self.moved), self.cycles
        alone, mapped, simulated = (macs / roof.peak / max(value, 1) for value in cycles)
        return alone, mapped, simulated


@dataclass(frozen=True)
class Latency:
    """Cycles in which the network's multiply-accumulates are done, under some assumption."""

    name: str
    cycles: float
    efficiency: float


def roof_of(config: AccelConfig) -> Roof:
    """The roof of a machine; the memory moves one beat at a time, to or fro."""
    return Roof(config.mac_units, config.bytes_per_cycle)


def block_figures(
    compiled: Compiled, rows: Sequence[LayerRow], blocks: Sequence[range]
) -> list[Block]:
    """The figures of each block."""
    alone = [_alone_bytes(compiled, plan) for plan in compiled.plans]
    return [
        Block(
            block,
            tuple(rows[i].macs for i in block),
            tuple(alone[i] for i in block),
            sum(rows[i].moved_bytes for i in block),
            sum(rows[i].cycles for i in block),
        )
        for block in blocks
    ]


def latencies(
    roof: Roof, blocks: Sequence[Block], cycles: int, unfused: int | None = None
) -> list[Latency]:
    """From the ideal to what was simulated; ``unfused`` is the cycles with every tensor stored.

    Between them: the layers one by one, then the blocks, each at the roof. Loading ahead of time
    may beat these two, as it hides one block's memory under another's array.
    """
    macs = sum(sum(block.macs) for block in blocks)
    ideal = macs / roof.peak
    single = sum(block.alone_cycles(roof) for block in blocks)
    joined = sum(roof.cycles(sum(block.macs), block.moved) for block in blocks)
    found = {
        "ideal: peak all the time": ideal,
        "bound: each layer by itself": single,
        "bound: blocks as mapped": joined,
        "simulated": float(cycles),
    }
    if unfused is not None:
        found["simulated, every tensor stored"] = float(unfused)
    return [Latency(name, value, ideal / max(value, 1)) for name, value in found.items()]


def _alone_bytes(compiled: Compiled, plan: OpPlan) -> int:
    """Bytes of all operands of a layer, each once: maps, weights with parameters, table."""
    site, layer, config = plan.site, plan.site.op, compiled.config
    words = sum(chunk.words for chunk in plan.chunks)
    words += extent(layer).pixels * site.output.planes(config.cols)
    if layer.table is not None:
        words += config.table_words
    names = [name for name in (layer.source, layer.factor) if name]
    read = [compiled.network.maps[name] for name in names]
    read += [site.other] if site.other is not None else []
    return words * config.word_bytes + sum(_map_bytes(m, config) for m in read)


def _map_bytes(m: FeatureMap, config: AccelConfig) -> int:
    return m.pixels * m.channels if m.external else m.words(config.cols) * config.word_bytes
