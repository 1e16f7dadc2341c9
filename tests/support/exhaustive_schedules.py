"""Every way to run a small network that the code generator can express, each timed exactly.

A way is: which layers run as a cascade; which of the maps between layers and of the output lie
whole in the scratchpad; and for each layer an array shape, a cut of its weights into chunks, a size
of its tiles and an order. Chunks are any cut into consecutive output blocks, tiles a grid of
rectangles of any size (in a network of several layers: of any number of whole rows). LOADs stand
where the schedule's own placement puts them. Layers have no residual and no groups but those of a
depthwise one, and their maps are no parts of others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from compiler.codegen.timed import exact_cycles
from compiler.hwir.network import Network
from compiler.schedule.cascade import (
    Cascade,
    CascadePlan,
    Slot,
)
from compiler.schedule.channel_blocks import (
    BlockRange,
    Chunk,
    block_ranges,
    param_sets,
    shapes_of,
)
from compiler.schedule.given import Decisions, place_given
from compiler.schedule.op_plan import (
    OpPlan,
    Order,
    Site,
    Streams,
    Tiling,
    Work,
    input_planes,
)
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.schedule import Schedule
from compiler.schedule.tiles import Tile, extent, input_tile, tiles_of
from hw.spec.config import AccelConfig
from hw.spec.isa import COMMAND_WORDS, Opcode

ORDERS: tuple[Order, ...] = ("keep", "reload", "outer")


@dataclass(frozen=True)
class TileOpSequence:
    """Plans of one layer or of a cascade's.

    ``array`` and ``bus`` are cycles that the array multiplies and the bus moves at least. ``head``
    are words that must arrive before the array begins, ``tail`` those that leave after its end.
    """

    plans: tuple[OpPlan, ...]
    slots: dict[str, Slot]
    array: int
    bus: int
    head: int
    tail: int


Groups = Callable[[list[Site], bool], Iterator[TileOpSequence]]
"""The plans of one layer, in strips only or not, or of a cascade."""


def best_schedule(
    network: Network, config: AccelConfig, start: Schedule, groups_of: Groups | None = None
) -> tuple[Schedule, int, int]:
    """The fastest schedule of all, its cycles, and how many ways there are.

    ``start`` is the best so far at first. A way that takes at least as many cycles as that,
    whatever else happens, is not timed. ``groups_of`` are other plans than all.
    """
    best, least = start, exact_cycles(start)
    ways = [
        (_least(groups, config), cascades, resident, groups)
        for cascades, resident, choices in _outlines(network, config, groups_of or _groups)
        for groups in itertools.product(*choices)
    ]
    for bound, *way in sorted(ways, key=lambda w: w[0]):
        if bound >= least:
            break
        found = _placed(start, *way)
        if found is None:
            continue
        cycles = exact_cycles(found)
        assert cycles >= bound
        if cycles < least:
            best, least = found, cycles
    return best, least, len(ways)


def _least(groups: Sequence[TileOpSequence], config: AccelConfig) -> int:
    """Cycles that the plans take at least: the first command and the first operand each take the
    memory's latency, and the array works after these and before the last result leaves."""
    latency, beat = config.memory.latency, config.beat_interval
    array = sum(g.array for g in groups) + beat * (groups[0].head + groups[-1].tail)
    return latency + max(latency + array, beat * sum(g.bus for g in groups))


def most_ways(network: Network, config: AccelConfig) -> int:
    """How many ways there are, cascades that cannot be cut into some strips counted too."""
    sites = [_site(network, i, set(), config) for i in range(len(network.ops))]
    cuts = [list(_cuts(site)) for site in sites]
    ways = [1]
    for end in range(1, len(sites) + 1):
        area = extent(sites[end - 1].op)
        sizes = area.height * (area.width if len(sites) == 1 else 1)
        alone = sum(1 + (sizes - 1) * (3 if len(chunks) > 1 else 2) for _, chunks in cuts[end - 1])
        cascades = sum(
            ways[first] * (area.height - 1) * math.prod(map(len, cuts[first:end]))
            for first in range(end - 1)
        )
        ways.append(2 * (ways[-1] * alone + cascades))
    return ways[-1]


def _outlines(
    network: Network, config: AccelConfig, groups_of: Groups
) -> Iterator[tuple[tuple[Cascade, ...], set[str], list[list[TileOpSequence]]]]:
    """Cascades and resident maps, with the plans of each cascade and each other layer."""
    count = len(network.ops)
    for cuts in itertools.product((False, True), repeat=count - 1):
        starts = [0, *(i + 1 for i, cut in enumerate(cuts) if cut)]
        parts = [range(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]
        cascades = tuple(Cascade(p.start, p.stop - 1) for p in parts if len(p) > 1)
        inner = {network.ops[i].output for c in cascades for i in c.layers[:-1]}
        ends = [network.ops[part[-1]].output for part in parts]
        for kept in itertools.product((False, True), repeat=len(ends)):
            resident = inner | {name for name, keep in zip(ends, kept, strict=True) if keep}
            sites = [_site(network, i, resident, config) for i in range(count)]
            yield (
                cascades,
                resident,
                [list(groups_of([sites[i] for i in part], count > 1)) for part in parts],
            )


def _site(network: Network, index: int, resident: set[str], config: AccelConfig) -> Site:
    op, maps = network.ops[index], network.maps
    assert op.residual is None
    streams = Streams(op.source not in resident, op.output not in resident, False)
    return Site(op, maps[op.source], maps[op.output], None, streams, config)


def _placed(
    start: Schedule,
    cascades: tuple[Cascade, ...],
    resident: set[str],
    groups: Sequence[TileOpSequence],
) -> Schedule | None:
    alone, together, index = dict[int, OpPlan](), dict[Cascade, CascadePlan](), 0
    for group in groups:
        layers = range(index, index + len(group.plans))
        index = layers.stop
        if len(layers) == 1:
            alone[layers.start] = group.plans[0]
        else:
            cascade = next(c for c in cascades if c.layers == layers)
            slots = tuple(group.slots[plan.site.op.output] for plan in group.plans[:-1])
            together[cascade] = CascadePlan(group.plans, slots, 0, 0)
    given = Decisions(cascades, frozenset(resident), alone, together)
    return place_given(given, start, Known(Planner()))


def _groups(sites: list[Site], strips: bool) -> Iterator[TileOpSequence]:
    """The plans of one layer, in ``strips`` only or not, or of a cascade."""
    if len(sites) > 1:
        yield from _cascade_groups(sites)
        return
    (site,) = sites
    area = extent(site.op)
    widths = [area.width] if strips else range(1, area.width + 1)
    for height, width in itertools.product(range(1, area.height + 1), widths):
        tiles = tuple(tiles_of(area, height, width))
        for shape, chunks in _cuts(site):
            for order in ORDERS if len(tiles) > 1 else ORDERS[:1]:
                if order != "outer" or len(chunks) > 1:
                    yield sequence_of([_plan(site, shape, chunks, tiles, order)], {})


def _cascade_groups(sites: list[Site]) -> Iterator[TileOpSequence]:
    """All heights of strips in which every layer makes rows for each strip; the weights stay."""
    names = tuple(site.op.name for site in sites)
    heights = range(1, sites[-1].output.height)
    for rows, window in itertools.product(heights, (False, True)):
        cut, slots = _strips(sites, rows, window)
        if len(cut) < len(sites):
            continue
        for cuts in itertools.product(*(list(_cuts(site)) for site in sites)):
            yield sequence_of(
                [
                    _plan(site, *shaped, tuple(tiles), "keep", names)
                    for site, shaped, tiles in zip(sites, cuts, cut, strict=True)
                ],
                slots,
            )


def _strips(sites: list[Site], rows: int, window: bool) -> tuple[list[list[Tile]], dict[str, Slot]]:
    """What the layers of a cascade make in each strip of ``rows`` rows of its output, and where the
    maps between them lie, which slide or are windows; of fewer layers if one made nothing for some
    strip."""
    last = sites[-1].output
    tiles = [
        Tile(y, min(y + rows, last.height), 0, last.width) for y in range(0, last.height, rows)
    ]
    cut, slots = [tiles], {}
    for site in reversed(sites[1:]):
        needed = [input_tile(site.op, site.source, t) for t in tiles]
        m, planes = site.source, site.source.planes(site.config.cols)
        if window:
            tiles = [Tile(n.top, n.bottom, 0, m.width) for n in needed]
            pitch = max(t.pixels for t in tiles)
            slots[m.name] = Slot(planes * pitch, pitch, True)
            cut.insert(0, tiles)
            continue
        ends = [*(n.bottom for n in needed[:-1]), site.source.height]
        tiles = [Tile(a, b, 0, site.source.width) for a, b in itertools.pairwise([0, *ends])]
        if any(t.height < 1 for t in tiles):
            break
        kept = (own.bottom - min(own.top, n.top) for own, n in zip(tiles, needed, strict=True))
        pitch = max(kept) * m.width
        slots[m.name] = Slot((planes - 1) * pitch + m.pixels, pitch)
        cut.insert(0, tiles)
    return cut, slots


def _cuts(site: Site) -> Iterator[tuple[int, tuple[Chunk, ...]]]:
    """Array shapes, each with all cuts of the weights between output blocks."""
    geometry = site.op, site.source, site.output
    sets = param_sets(site.op)
    for shape in shapes_of(*geometry, site.config.cols):
        (block_range,) = block_ranges(*geometry, shape, site.config)
        for breaks in itertools.product((False, True), repeat=block_range.blocks - 1):
            starts = [0, *(i + 1 for i, broken in enumerate(breaks) if broken)]
            sizes = [b - a for a, b in itertools.pairwise([*starts, block_range.blocks])]
            yield (
                shape,
                tuple(
                    _chunk(block_range.part(first, size), sets)
                    for first, size in zip(starts, sizes, strict=True)
                ),
            )


def _chunk(block_range: BlockRange, sets: int) -> Chunk:
    return Chunk(
        (block_range,), block_range.words(sets), block_range.first_plane, block_range.planes
    )


def _plan(
    site: Site,
    shape: int,
    chunks: tuple[Chunk, ...],
    tiles: tuple[Tile, ...],
    order: Order,
    together: tuple[str, ...] = (),
) -> OpPlan:
    """The plan, without estimates."""
    work = Work(site, shape, Tiling(site, tiles), chunks)
    return OpPlan(site, work, order, 0, 0, 0, 0, together)


def sequence_of(plans: list[OpPlan], slots: dict[str, Slot]) -> TileOpSequence:
    """The plans, with bounds of their cycles."""
    first, last = plans[0], plans[-1]
    head = first.chunks[0].words + _loaded(first.site, first.tiles[:1], first.chunks[:1])
    tail = 0
    if last.site.streams.output or last.site.output.stored:
        tail = last.chunks[-1].planes * last.tiles[-1].pixels
    return TileOpSequence(
        tuple(plans), slots, sum(map(_array, plans)), sum(map(_bus, plans)), head, tail
    )


def _array(plan: OpPlan) -> int:
    """Cycles in which the array multiplies."""
    lanes = plan.site.config.shape_pixels(plan.shape)
    passes = sum(-(-t.pixels // lanes) for t in plan.tiles)
    taps = plan.site.op.taps
    return passes * sum(r.blocks * r.channels * taps for c in plan.chunks for r in c.ranges)


def _bus(plan: OpPlan) -> int:
    """Beats of EXECUTEs, weights, and what passes through memory at least."""
    site, config = plan.site, plan.site.config
    tile_ops = len(plan.tiles) * len(plan.chunks)
    beats = tile_ops * COMMAND_WORDS[Opcode.EXECUTE] * 4 // config.bus_bytes
    loads = len(plan.tiles) if plan.order == "reload" else 1
    beats += loads * sum(c.words for c in plan.chunks)
    if site.streams.output or site.output.stored:
        beats += site.output.words(config.cols)
    return beats + _loaded(site, plan.tiles, plan.chunks)


def _loaded(site: Site, tiles: Sequence[Tile], chunks: Sequence[Chunk]) -> int:
    """Beats of the tiles' input, if it comes from memory."""
    if not site.streams.source:
        return 0
    pixels = sum(_input_pixels(site, tile) for tile in tiles)
    if site.source.external:
        return pixels * site.source.channels // site.config.bus_bytes
    return pixels * min(input_planes(site, c)[1] for c in chunks)


def _input_pixels(site: Site, tile: Tile) -> int:
    return input_tile(site.op, site.source, tile).pixels
