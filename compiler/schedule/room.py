"""Refusals before any layer is placed: a layer too large for the scratchpad, or too many tile
operations."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.errors import AllocationError, show
from compiler.hwir.network import (
    ArrayOp,
    Network,
)
from compiler.schedule.channel_blocks import block_ranges
from compiler.schedule.op_plan import OpPlan, Site, Streams
from compiler.schedule.planner import Planner
from hw.spec.config import MAX_SCRATCHPAD_LINES, AccelConfig
from hw.spec.isa import MOST_COMMANDS
from hw.spec.records import PARAM_WORDS


def check_room(network: Network, config: AccelConfig, planner: Planner) -> None:
    """Raise AllocationError for a layer of which not even the smallest tile fits the scratchpad
    alone.

    Sums leave the array as int8, so that no sum goes on in another EXECUTE: the weights of a block
    of output channels, and the pixels that a tile reads, are there at once.
    """
    for op in network.ops:
        site = _site(network, op, config)
        if _surely_fits(site):
            continue
        need = planner.smallest_need(site)
        if need > config.scratchpad_words:
            raise AllocationError(_text(site, need))


def check_tile_ops(plans: Iterable[OpPlan], name: str) -> None:
    """Raise AllocationError for more tile operations than EXECUTEs that a program may have."""
    tile_ops = sum(plan.work.tile_ops for plan in plans)
    if tile_ops > MOST_COMMANDS:
        raise AllocationError(too_many(name, f"{tile_ops} or more", "EXECUTE"))


def too_many(name: str, count: str, kind: str) -> str:
    """The message for more commands of a kind than a wait counts."""
    return (
        f"network {show(name)}: {count} {kind} commands in one run of the machine; at most "
        f"{MOST_COMMANDS} are accepted, and a larger scratchpad or a network in parts needs fewer"
    )


def _site(network: Network, op: ArrayOp, config: AccelConfig) -> Site:
    """The layer with all of its maps in memory."""
    maps = network.maps
    other = maps[op.residual.other] if op.residual else None
    streams = Streams(True, True, other is not None)
    return Site(op, maps[op.source], maps[op.output], other, streams, config)


def _surely_fits(site: Site) -> bool:
    """Whether a generous bound is below half of the scratchpad: most layers need no closer look."""
    op, source, config = site.op, site.source, site.config
    (kh, kw), (dh, dw) = op.kernel, op.dilation
    window = min((kh - 1) * dh + 1, source.height) * min((kw - 1) * dw + 1, source.width)
    planes = source.planes(config.cols) + max(region.plane for region in op.regions)
    params = len(op.regions) * 4 * PARAM_WORDS
    weights = op.taps * (source.channels + config.cols)
    others = 2 * planes if site.other is not None else 0
    words = weights + params + window * planes + others + config.table_words
    return 2 * words < config.scratchpad_words


def _text(site: Site, need: int) -> str:
    op, config = site.op, site.config
    runs = block_ranges(op, site.source, site.output, 0, config)
    weights = max(run.weight_lines * config.line_words for run in runs) if op.weighted else 0
    lines = -(-need // config.line_words)
    remedy = "fewer input channels or kernel taps"
    if lines <= MAX_SCRATCHPAD_LINES:
        remedy += f", or scratchpad_bytes of {lines * config.line_bytes} at least"
    kernel = f"{op.kernel[0]}x{op.kernel[1]}"
    return (
        f"layer {show(op.name)} ({op.kind}), kernel {kernel} over {site.source.channels} "
        f"input channels: the smallest tile takes {need * config.word_bytes} bytes of the "
        f"scratchpad at "
        f"once, {weights * config.word_bytes} of them the weights of {config.cols} output channels;"
        f" {config.scratchpad_bytes} are accepted (the configuration's scratchpad_bytes); "
        f"{remedy} are needed"
    )
