"""Cycles of an EXECUTE, estimated from its geometry in closed form (no search here).

Per tile the array, the scratchpad's read port and the drain work at the same time, so the longest
counts.
"""

from __future__ import annotations

from typing import NamedTuple

from compiler.hwir.network import ArrayOp
from compiler.schedule.channel_blocks import BlockRange
from hw.spec.config import AccelConfig
from hw.spec.isa import COMMAND_WORDS, Opcode
from hw.spec.timing import (
    MAC_LATENCY,
    OPERAND_SETUP,
    WEIGHT_RING,
)

EXECUTE_OVERHEAD = 24
"""Cycles around an EXECUTE that waits for the one before it, besides ``rows`` to set up lanes."""

COMMAND_CYCLES = 12
"""Cycles of the bus that a LOAD or STORE takes besides its words."""


COMMAND_WORD_BYTES = 4


class Window(NamedTuple):
    """A rectangle of output pixels and whether its rows lie without gaps in the scratchpad."""

    height: int
    width: int
    dense: bool

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height * self.width


def command_cycles(opcode: Opcode, config: AccelConfig) -> int:
    """Cycles of the bus in which a command is fetched."""
    return -(-COMMAND_WORDS[opcode] * COMMAND_WORD_BYTES // config.bus_bytes)


def group_taps(op: ArrayOp, config: AccelConfig) -> int:
    """Taps of a kernel row that one step of the operand stores holds: those in two lines."""
    dilation = op.dilation[1]
    return min(op.kernel[1], config.line_words // dilation + 1) if dilation else op.kernel[1]


def groups(op: ArrayOp, config: AccelConfig) -> int:
    """Steps of a kernel row."""
    return -(-op.kernel[1] // group_taps(op, config))


class Cycles(NamedTuple):
    """Cycles of an EXECUTE: in which the array issues, at the pace of the slowest of the three;
    in which the read port serves its set-up and operands; in which the drain writes its results.
    """

    array: float
    port: float
    drain: float


def execute_cycles(
    op: ArrayOp, block_range: BlockRange, window: Window, config: AccelConfig
) -> int:
    """Cycles from the end of an EXECUTE to that of the next one over ``window``, its operands and
    weights in the scratchpad and its set-up beside the one before it."""
    found = _cycles(op, block_range, window, config)
    return int(max(found)) + _table_cycles(op, config)


def waiting_cycles(
    op: ArrayOp, block_range: BlockRange, window: Window, config: AccelConfig
) -> int:
    """The same if the EXECUTE waits for the one before it."""
    array = int(_cycles(op, block_range, window, config).array)
    return array + _table_cycles(op, config) + config.rows + EXECUTE_OVERHEAD


def _table_cycles(op: ArrayOp, config: AccelConfig) -> int:
    return 0 if op.table is None else config.plain_flush + config.table_words


def _cycles(op: ArrayOp, block_range: BlockRange, window: Window, config: AccelConfig) -> Cycles:
    pixels = config.shape_pixels(block_range.shape)
    tiles = -(-window.pixels // pixels)
    compute = op.taps * block_range.channels
    tile_ops = block_range.in_blocks * op.kernel[0] * groups(op, config)
    streamed = block_range.weight_lines if block_range.weight_lines > WEIGHT_RING else 0
    lines = max(config.address_cycles, _lines_per_tile_op(op, window, pixels, config))
    port = tile_ops * lines + streamed
    per_beat = config.requant_words if window.dense else 1
    plain = config.phases / sum(config.may_issue(p, residual=False) for p in range(config.phases))
    interval = config.residual_interval if op.residual else plain
    near = 1 if op.residual else MAC_LATENCY / plain
    beats = -(-min(pixels, window.pixels) // per_beat)
    total = drained = 0.0
    for planes, blocks in (
        (1 << block_range.shape, block_range.blocks - 1),
        (block_range.last_planes, 1),
    ):
        # the next pixel group ends when all beats but these of the last plane have issued
        first = planes * beats - min(beats, near)
        hold = MAC_LATENCY + max(0, 1 + (first - 1) * interval)
        drain = max(planes * beats * interval, hold)
        total += blocks * tiles * max(compute, port, drain)
        drained += blocks * tiles * drain
    setup = config.rows + OPERAND_SETUP + config.address_cycles - 1
    fetched = block_range.blocks * tiles * port + setup
    flush = config.residual_flush if op.residual else config.plain_flush
    return Cycles(total, fetched, drained + flush)


def _lines_per_tile_op(op: ArrayOp, window: Window, pixels: int, config: AccelConfig) -> float:
    """Lines of the scratchpad that a tile's lanes need for one kernel row and tap group, on
    average."""
    stride = op.stride[1]
    span = (group_taps(op, config) - 1) * op.dilation[1] + 1
    pixels = min(pixels, window.pixels)
    rows = 1 + (pixels - 1) / window.width
    joined = ((pixels - rows) * stride + rows * (span - 1)) / config.line_words + rows
    alone = pixels * (1 + (span - 1) / config.line_words)
    return min(joined, alone)
