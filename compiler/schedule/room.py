"""Refusals before any layer is placed: a layer too large for the scratchpad, or too many tile
operations."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.errors import AllocationError, show
from compiler.hwir.network import (
    Layer,
    Network,
)
from compiler.schedule.channel_blocks import block_ranges
from compiler.schedule.layer_plan import LayerPlan, Site, Streams
from compiler.schedule.planner import Planner
from hw.spec.config import MAX_SCRATCHPAD_LINES, PARAM_WORDS, AccelConfig
from hw.spec.isa import MOST_COMMANDS


def check_room(network: Network, config: AccelConfig, planner: Planner) -> None:
    """Raise AllocationError for a layer of which not even the smallest tile fits the scratchpad
    alone.

    Sums leave the array as int8, so that no sum goes on in another EXECUTE: the weights of a block
    of output channels, and the pixels that a tile reads, are there at once.
    """
    for layer in network.layers:
        site = _site(network, layer, config)
        if _surely_fits(site):
            continue
        need = planner.smallest_need(site)
        if need > config.scratchpad_words:
            raise AllocationError(_text(site, need))


def check_tile_ops(plans: Iterable[LayerPlan], name: str) -> None:
    """Raise AllocationError for more tile operations than EXECUTEs that a program may have."""
    tile_ops = sum(len(plan.tiles) * len(plan.chunks) for plan in plans)
    if tile_ops > MOST_COMMANDS:
        raise AllocationError(too_many(name, f"{tile_ops} or more", "EXECUTE"))


def too_many(name: str, count: str, kind: str) -> str:
    """The message for more commands of a kind than a wait counts."""
    return (
        f"network {show(name)}: {count} {kind} commands in one run of the machine; at most "
        f"{MOST_COMMANDS} are accepted, and a larger scratchpad or a network in parts needs fewer"
    )


def _site(network: Network, layer: Layer, config: AccelConfig) -> Site:
    """The layer with all of its maps in memory."""
    maps = network.maps
    other = maps[layer.residual.other] if layer.residual else None
    streams = Streams(True, True, other is not None)
    return Site(layer, maps[layer.source], maps[layer.output], other, streams, config)


def _surely_fits(site: Site) -> bool:
    """Whether a generous bound is below half of the scratchpad: most layers need no closer look."""
    layer, source, config = site.layer, site.source, site.config
    (kh, kw), (dh, dw) = layer.kernel, layer.dilation
    window = min((kh - 1) * dh + 1, source.height) * min((kw - 1) * dw + 1, source.width)
    planes = source.planes(config.cols) + max(region.plane for region in layer.regions)
    params = len(layer.regions) * 4 * PARAM_WORDS
    weights = layer.taps * (source.channels + config.cols)
    others = 2 * planes if site.other is not None else 0
    words = weights + params + window * planes + others + config.table_words
    return 2 * words < config.scratchpad_words


def _text(site: Site, need: int) -> str:
    layer, config = site.layer, site.config
    runs = block_ranges(layer, site.source, site.output, 0, config)
    weights = max(run.weight_lines * config.line_words for run in runs) if layer.weighted else 0
    lines = -(-need // config.line_words)
    remedy = "fewer input channels or kernel taps"
    if lines <= MAX_SCRATCHPAD_LINES:
        remedy += f", or scratchpad_lines of {lines} at least"
    kernel = f"{layer.kernel[0]}x{layer.kernel[1]}"
    return (
        f"layer {show(layer.name)} ({layer.kind}), kernel {kernel} over {site.source.channels} "
        f"input channels: the smallest tile takes {need * config.word_bytes} bytes of the "
        f"scratchpad at "
        f"once, {weights * config.word_bytes} of them the weights of {config.cols} output channels;"
        f" {config.scratchpad_bytes} are accepted (configuration "
        f"scratchpad_lines={config.scratchpad_lines}); "
        f"{remedy} are needed"
    )
