"""How one layer runs: array shape, tiles, weight chunks and what passes through memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from compiler.passes.layer import FeatureMap, Layer
from compiler.schedule.blocks import (
    Chunk,
    aligned,
    balanced_chunks,
    chunk_limit,
    param_sets,
    runs_of,
    shapes_of,
)
from compiler.schedule.cost import COMMAND_CYCLES, Window, execute_cycles
from compiler.schedule.tiles import TALLEST, Tile, extent, input_tile, tiles_of, windows
from hw.spec.config import AccelConfig

Order = Literal["keep", "reload", "outer"]
"""keep: weights stay for all tiles. reload: for each tile, all weights again. outer: for each chunk
of weights, all tiles again."""


MANY_ROWS = 1024
SMALL_STRIP = 64
"""Of maps with more than MANY_ROWS rows, strips of fewer pixels than SMALL_STRIP are not tried."""


@dataclass(frozen=True)
class Streams:
    """Which operands of a layer pass through memory instead of lying whole in the pool."""

    source: bool
    output: bool
    other: bool

    @property
    def any(self) -> bool:
        return self.source or self.output or self.other


@dataclass(frozen=True)
class Site:
    """A layer with its maps and where these are."""

    layer: Layer
    source: FeatureMap
    output: FeatureMap
    other: FeatureMap | None
    streams: Streams
    config: AccelConfig


@dataclass(frozen=True)
class LayerPlan:
    """The decision for one layer.

    ``compute`` (cycles of the EXECUTEs), ``words`` (moved from and to memory) and ``cycles`` are
    estimates; ``need`` is the pool words that it takes beside the maps that lie there.
    ``together`` names the layers of its chain, if it runs strip by strip with others.
    """

    site: Site
    shape: int
    chunks: tuple[Chunk, ...]
    tiles: tuple[Tile, ...]
    order: Order
    compute: int
    words: int
    cycles: float
    need: int
    together: tuple[str, ...] = ()

    def steps(self) -> Iterator[tuple[int, int]]:
        """Pairs (tile, chunk) in the order of execution."""
        if self.order == "outer":
            yield from ((t, c) for c in range(len(self.chunks)) for t in range(len(self.tiles)))
        else:
            yield from ((t, c) for t in range(len(self.tiles)) for c in range(len(self.chunks)))


def input_planes(site: Site, chunk: Chunk) -> tuple[int, int]:
    """First plane and number of planes of the input that are loaded for the chunk.

    Those that it reads, but all of a network input, whose pixels are loaded whole.
    """
    if site.source.external:
        return 0, site.source.planes(site.config.cols)
    low = min(r.in_plane for r in chunk.runs)
    high = max(r.in_plane + (r.blocks - 1) * r.in_step + r.in_blocks for r in chunk.runs)
    return low, high - low + max(r.plane for r in site.layer.regions)


def other_planes(site: Site, chunk: Chunk) -> tuple[int, int]:
    """First plane and number of planes of the second operand that are loaded for the chunk."""
    if site.other is not None and site.other.external:
        return 0, site.other.planes(site.config.cols)
    return chunk.first_plane, chunk.planes


def plan_layer(site: Site, free: int) -> LayerPlan | None:
    """The fastest plan by estimate that takes at most ``free`` pool words, or None if none does."""
    cuts = {many: list(_cuts(site, many)) for many in (False, True)}
    for tilings in (_strips(site), _rectangles(site)):
        best: LayerPlan | None = None
        for size in tilings:
            for plan in _plans(site, size, free, cuts):
                if best is None or plan.cycles < best.cycles:
                    best = plan
        if best is not None:
            return best
    return None


def fastest(site: Site, tiles: list[Tile], free: int) -> LayerPlan | None:
    """The fastest plan by estimate that keeps the layer's weights in the pool for ``tiles``."""
    inputs = [input_tile(site.layer, site.source, t).pixels for t in tiles]
    plans = (
        _estimate(site, shape, tiles, inputs, chunks, "keep", free, False)
        for shape, chunks in _cuts(site, True)
    )
    return min((p for p in plans if p is not None), key=lambda p: p.cycles, default=None)


def smallest_need(site: Site) -> int:
    """Pool words of the smallest plan, for the message when nothing fits."""
    sizes = [*_strips(site), *_rectangles(site)]
    cuts = {many: list(_cuts(site, many)) for many in (False, True)}
    return min(p.need for size in sizes for p in _plans(site, size, 1 << 40, cuts, smallest=True))


Cut = tuple[int, tuple[Chunk, ...]]
"""An array shape and the layer's weights cut into chunks for it."""


def _cuts(site: Site, many_tiles: bool) -> Iterator[Cut]:
    """The array shapes and ways to cut the weights: also uncut where they serve many tiles."""
    sets, usual = param_sets(site.layer), chunk_limit(site.config)
    geometry = site.layer, site.source, site.output
    for shape in shapes_of(*geometry, site.config.cols):
        runs = runs_of(*geometry, shape, site.config.cols)
        counts = set()
        for size in (1 << 40, usual, usual // 4, 1)[0 if many_tiles else 1 :]:
            chunks = tuple(balanced_chunks(runs, sets, size))
            if len(chunks) not in counts:
                counts.add(len(chunks))
                yield shape, chunks


def _strips(site: Site) -> list[tuple[int, int]]:
    """Tile sizes of full width: all that the layer makes, or row strips when something is streamed.
    """
    area = extent(site.layer)
    height, width = area.height, area.width
    if not site.streams.any:
        return [(min(height, TALLEST), width)]
    least = SMALL_STRIP if height > MANY_ROWS else 1
    return [(h, width) for h in strip_heights(height) if h <= TALLEST and h * width >= least]


def strip_heights(height: int) -> list[int]:
    """Heights of strips of a map, the largest first."""
    counts = [n for n in range(1, height + 1) if n <= 16 or (n & (n - 1)) == 0 or n == height]
    return sorted({-(-height // n) for n in counts}, reverse=True)


def _rectangles(site: Site) -> list[tuple[int, int]]:
    """Tile sizes of less than full width, for maps of which not even a row strip fits."""
    layer, streams = site.layer, site.streams
    if not streams.any or (layer.residual and streams.other != streams.output):
        return []
    area = extent(layer)
    width = area.width
    widths = sorted({-(-width // n) for n in (2, 3, 4, 6, 8, 12, 16, 32, 64, width)}, reverse=True)
    heights = [h for h in (16, 8, 4, 2, 1) if h <= area.height]
    return [(h, w) for h in heights for w in widths if w < width]


def _plans(
    site: Site, size: tuple[int, int], free: int, cuts: dict[bool, list[Cut]],
    smallest: bool = False,
) -> Iterator[LayerPlan]:
    tiles = tiles_of(extent(site.layer), *size)
    inputs = [input_tile(site.layer, site.source, t).pixels for t in tiles]
    many = len(tiles) > 1
    for shape, chunks in cuts[many]:
        for order in ("keep", "reload", "outer") if many and len(chunks) > 1 else ("keep",):
            plan = _estimate(site, shape, tiles, inputs, chunks, order, free, smallest)
            if plan is not None:
                yield plan


def _estimate(
    site: Site, shape: int, tiles: list[Tile], inputs: list[int], chunks: tuple[Chunk, ...],
    order: Order, free: int, smallest: bool,
) -> LayerPlan | None:
    """The plan, or None if it takes more than ``free`` words; ``inputs`` are the tiles' pixels."""
    cols, streams = site.config.cols, site.streams
    weights = [c.words for c in chunks]
    largest = max(chunks, key=lambda c: c.planes).planes
    plane_counts = [input_planes(site, c)[1] for c in chunks]
    shared = len({input_planes(site, c) for c in chunks}) == 1
    per_window = max(plane_counts)
    pixels = max(t.pixels for t in tiles)
    other_largest = max(other_planes(site, c)[1] for c in chunks)
    window = aligned(max(inputs) * per_window) if streams.source else 0
    out_buffer = aligned(pixels * largest) if streams.output else 0
    other_buffer = aligned(pixels * other_largest) if streams.other else 0
    buffers = window + out_buffer + other_buffer
    table = 0 if site.layer.table is None else site.config.table_words
    many = len(tiles) * len(chunks) > 1
    held = sum(weights) if order == "keep" and len(tiles) > 1 else 0
    fixed = held + aligned(table)
    single = fixed + (0 if held else max(weights)) + buffers
    double = fixed + (0 if held else min(sum(weights), 2 * max(weights)))
    double += buffers * (2 if many else 1)
    if single > free:
        return None
    loads_per_tile = plane_counts[0] if shared and order != "outer" else sum(plane_counts)
    words = table + sum(weights) * (len(tiles) if order == "reload" else 1)
    words += sum(inputs) * loads_per_tile if streams.source else 0
    moved = int(streams.output or site.output.stored) + int(streams.other)
    words += moved * site.output.planes(cols) * sum(t.pixels for t in tiles)
    compute = 0 if smallest else _compute(site, chunks, tiles)
    overlapped = double <= free and not smallest
    bus = words + COMMAND_CYCLES * _transfers(site, tiles, chunks, order, shared)
    cycles = max(compute, bus) + 0.3 * min(compute, bus) if overlapped else compute + bus
    cycles += 0.5 * (window + out_buffer) + 8 * len(tiles) * len(chunks)
    need = double if overlapped else single
    return LayerPlan(
        site, shape, chunks, tuple(tiles), order, compute, words, cycles, need
    )


def _transfers(
    site: Site, tiles: list[Tile], chunks: tuple[Chunk, ...], order: Order, shared: bool
) -> int:
    """LOADs and STOREs of the plan, about; a window narrower than its map takes several."""
    steps = len(tiles) * len(chunks)
    each = 1
    if tiles[0].width < site.output.width:
        each = min(tiles[0].height * site.layer.stride[0], input_planes(site, chunks[0])[1])
    windows_in = len(tiles) if shared and order != "outer" else steps
    count = len(chunks) * (len(tiles) if order == "reload" else 1)
    count += windows_in * each if site.streams.source else 0
    return count + each * steps * (int(site.streams.output) + int(site.streams.other))


def _compute(site: Site, chunks: tuple[Chunk, ...], tiles: list[Tile]) -> int:
    """Cycles of all EXECUTEs, one after another; equal tiles and runs are looked at once."""
    shapes: Counter[tuple[Window, ...]] = Counter()
    for tile in tiles:
        row = tile.width if site.streams.output else site.output.width
        shapes[tuple(windows(site.layer, tile, row))] += 1
    runs = Counter(replace(r, first_plane=0, in_plane=0, in_step=0)
                   for c in chunks for r in c.runs)
    return sum(
        many * count * execute_cycles(site.layer, run, window, site.config)
        for shape, many in shapes.items() for window in shape for run, count in runs.items()
    )
