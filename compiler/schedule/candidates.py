"""All ways to run one layer, estimated: array shapes, tiles, chunks of weights and their order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from compiler.lru_cache import LruCache
from compiler.schedule.channel_blocks import (
    CHUNK_WORDS,
    BlockRange,
    Chunk,
    aligned,
    balanced_chunks,
    block_ranges,
    chunk_limit,
    param_sets,
    shapes_of,
)
from compiler.schedule.cost import COMMAND_CYCLES
from compiler.schedule.op_plan import OpPlan, Order, Site, Tiling, Work, other_planes
from compiler.schedule.tiles import TALLEST, Tile, extent, tiles_of
from hw.spec.isa import MOST_COMMANDS

MANY_ROWS = 1024
SMALL_STRIP = 64
"""Of maps with more than MANY_ROWS rows, strips of fewer pixels than SMALL_STRIP are not tried."""

SMALL_PIECE = 16
"""Pixels of the smallest piece of a single row with more than MANY_ROWS pixels."""

MANY_TILES = 1 << 12
"""Tiles of rectangles beyond which only those sizes are tried that are needed to fit."""

EXPOSED = 0.3
"""Share of the shorter one of computing and moving that the other does not hide."""

LONG = 3 * CHUNK_WORDS
"""Words of a chunk beyond which EXPOSED of the rest is waited for (docs/compiler.md has the
evidence)."""

ROOMS = 32
"""Numbers of free words for which the plan chosen is kept."""


@dataclass(frozen=True)
class Candidate:
    """A way to run a layer.

    ``single`` and ``double`` are the scratchpad words that it takes without and with loading ahead,
    ``words`` those moved from and to memory, ``bus`` the cycles of that, ``rest`` what a plan costs
    besides computing and moving.
    """

    work: Work
    order: Order
    single: int
    double: int
    words: int
    bus: int
    rest: float

    def plan(self, site: Site, free: int) -> OpPlan | None:
        """The plan for ``site``, like the one it was made for, or None if it takes more than
        ``free`` words."""
        if self.single > free:
            return None
        compute, bus, overlapped = self.work.cycles, self.bus, self.double <= free
        cycles = max(compute, bus) + EXPOSED * min(compute, bus) if overlapped else compute + bus
        return OpPlan(
            site,
            self.work,
            self.order,
            compute,
            self.words,
            cycles + self.rest,
            self.double if overlapped else self.single,
        )


class Candidates:
    """The ways to run the layer of a site: in row strips, and where none of these fits in
    rectangles; or in given tiles with the weights of all of them in the scratchpad.

    ``plans`` has those chosen so far, by what strips fit or, if none does, the free words of the
    scratchpad."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.plans: LruCache[OpPlan | None] = LruCache(ROOMS)
        self._tilings: dict[tuple[Tile, ...], Tiling] = {}
        self._kept: dict[tuple[Tile, ...], list[Candidate]] = {}
        self._rectangles: dict[tuple[int, int], list[Candidate]] = {}

    def tiling(self, tiles: tuple[Tile, ...]) -> Tiling:
        """The tiles and what the layer reads for them."""
        found = self._tilings.get(tiles)
        if found is None:
            found = self._tilings[tiles] = Tiling(self.site, tiles)
        return found

    def kept(self, tiles: tuple[Tile, ...]) -> list[Candidate]:
        """The ways to run the layer in ``tiles``, of which there are several."""
        if tiles not in self._kept:
            tiling = self.tiling(tiles)
            self._kept[tiles] = [
                _candidate(Work(self.site, shape, tiling, chunks), "keep")
                for shape, chunks in self._cuts[True]
            ]
        return self._kept[tiles]

    @cached_property
    def strips(self) -> list[Candidate]:
        """The candidates whose tiles have the full width of the output."""
        return list(self._of(_strips(self.site)))

    def strips_that_fit(self, free: int) -> int:
        """Number of sizes of strips, without and with loading ahead, up to the ``free`` words. The
        best strips follow from it; with 0, none fit."""
        return bisect_right(self._words, free)

    @cached_property
    def _words(self) -> list[int]:
        return sorted({words for c in self.strips for words in (c.single, max(c.single, c.double))})

    def rectangles(self, free: int) -> Iterator[Candidate]:
        """Large ones first, none if the smallest plan does not fit. Of sizes that give more than
        MANY_TILES tiles only the first is tried that takes at most ``free`` words, and that only if
        no larger one does."""
        if self.smallest_need > free:
            return
        fits = False
        for size, many in _rectangles(self.site):
            if many > MANY_TILES and (fits or many > MOST_COMMANDS or self._need(*size) > free):
                continue
            if size not in self._rectangles:
                self._rectangles[size] = list(self._of([size]))
            fits = fits or any(c.single <= free for c in self._rectangles[size])
            yield from self._rectangles[size]

    @cached_property
    def smallest_need(self) -> int:
        """Scratchpad words of the smallest plan: of tiles of one pixel, or of the shortest strips
        of a tall column."""
        area = extent(self.site.op)
        return self._need(SMALL_STRIP if area.width == 1 and area.height > MANY_ROWS else 1, 1)

    def _need(self, height: int, width: int) -> int:
        """Scratchpad words of the smallest plan with tiles of that size, from one in the middle."""
        area = extent(self.site.op)
        top, left = area.top + (area.height - height) // 2, area.left + (area.width - width) // 2
        tiling = Tiling(self.site, (Tile(top, top + height, left, left + width),))
        return min(
            _candidate(Work(self.site, shape, tiling, chunks), "outer").single
            for shape, chunks in self._cuts[True]
        )

    @cached_property
    def _cuts(self) -> dict[bool, list[Cut]]:
        """By whether there are several tiles."""
        return _cuts(self.site)

    def _of(self, sizes: Iterable[tuple[int, int]]) -> Iterator[Candidate]:
        site = self.site
        for size in sizes:
            tiling = self.tiling(tuple(tiles_of(extent(site.op), *size)))
            many = len(tiling.tiles) > 1
            for shape, chunks in self._cuts[many]:
                work = Work(site, shape, tiling, chunks)
                several = many and len(chunks) > 1
                for order in _ORDERS if several else _ORDERS[:1]:
                    yield _candidate(work, order)


_ORDERS: tuple[Order, ...] = ("keep", "reload", "outer")

Cut = tuple[int, tuple[Chunk, ...]]
"""An array shape and the layer's weights cut into chunks for it."""


def _cuts(site: Site) -> dict[bool, list[Cut]]:
    """The array shapes and ways to cut the weights, by whether they serve many tiles: then also
    uncut."""
    sets, usual = param_sets(site.op), chunk_limit(site.config)
    geometry = site.op, site.source, site.output
    found: dict[bool, list[Cut]] = {False: [], True: []}
    for shape in shapes_of(*geometry, site.config.cols):
        ranges = block_ranges(*geometry, shape, site.config)
        few = _different(ranges, sets, (usual, usual // 4, 1))
        uncut = few[:1] if len(few[0]) == 1 else _different(ranges, sets, (1 << 40,))
        found[False] += [(shape, chunks) for chunks in few]
        found[True] += [(shape, c) for c in (*uncut, *few[len(few[0]) == 1 :])]
    return found


def _different(
    ranges: list[BlockRange], sets: int, limits: tuple[int, ...]
) -> list[tuple[Chunk, ...]]:
    """The runs cut into chunks of at most each limit, once for each number of chunks."""
    found: dict[int, tuple[Chunk, ...]] = {}
    for limit in limits:
        chunks = tuple(balanced_chunks(ranges, sets, limit))
        found.setdefault(len(chunks), chunks)
    return list(found.values())


def _strips(site: Site) -> list[tuple[int, int]]:
    """Tile sizes of full width: all that the layer makes, or row strips when something is
    streamed. A single row is cut into pieces instead."""
    area = extent(site.op)
    height, width = area.height, area.width
    if not (site.streams.any or site.output.stored):
        return [(min(height, TALLEST), width)]
    if height == 1 and _cut_in_columns(site):
        least = SMALL_PIECE if width > MANY_ROWS else 1
        return [(1, w) for w in strip_heights(width) if w >= least]
    least = SMALL_STRIP if height > MANY_ROWS else 1
    return [(h, width) for h in strip_heights(height) if h <= TALLEST and h * width >= least]


def _cut_in_columns(site: Site) -> bool:
    """Whether tiles may be narrower than the map: a second operand then has rows as long as the
    output's, as both are streamed or neither."""
    return not site.op.residual or site.streams.other == site.streams.output


def strip_heights(height: int) -> list[int]:
    """Heights of strips of a map, the largest first."""
    powers = (1 << n for n in range(4, height.bit_length()))
    counts = [*range(1, min(height, 16) + 1), *powers, height]
    return sorted({-(-height // n) for n in counts}, reverse=True)


def _rectangles(site: Site) -> list[tuple[tuple[int, int], int]]:
    """Tile sizes of less than full width, for maps of which not even a row strip fits, with the
    number of tiles that each gives."""
    if not site.streams.any or not _cut_in_columns(site):
        return []
    area = extent(site.op)
    width = area.width
    widths = sorted({-(-width // n) for n in (2, 3, 4, 6, 8, 12, 16, 32, 64, width)}, reverse=True)
    heights = [h for h in (16, 8, 4, 2, 1) if h <= area.height]
    return [
        ((h, w), -(-area.height // h) * -(-width // w))
        for h in heights
        for w in widths
        if w < width
    ]


def _candidate(work: Work, order: Order) -> Candidate:
    site, tiles, chunks = work.site, work.tiles, work.chunks
    cols, streams = site.config.cols, site.streams
    inputs, pixels = work.tiling.input_pixels, work.tiling.pixels
    planes = work.input_planes
    weights = [c.words for c in chunks]
    largest = max(chunks, key=lambda c: c.planes).planes
    plane_counts = [count for _, count in planes]
    shared = len(set(planes)) == 1
    per_window = max(plane_counts)
    other_largest = max(other_planes(site, c)[1] for c in chunks)
    window = aligned(inputs.most * per_window) if streams.source else 0
    out_buffer = aligned(pixels.most * largest) if streams.output else 0
    other_buffer = aligned(pixels.most * other_largest) if streams.other else 0
    buffers = window + out_buffer + other_buffer
    table = 0 if site.op.table is None else site.config.table_words
    many = len(tiles) * len(chunks) > 1
    held = sum(weights) if order == "keep" and len(tiles) > 1 else 0
    fixed = held + aligned(table)
    single = fixed + (0 if held else max(weights)) + buffers
    double = fixed + (0 if held else min(sum(weights), 2 * max(weights)))
    double += buffers * (2 if many else 1)
    loads_per_tile = plane_counts[0] if shared and order != "outer" else sum(plane_counts)
    words = table + sum(weights) * (len(tiles) if order == "reload" else 1)
    read = inputs.total * loads_per_tile if streams.source else 0
    words += read
    moved = int(streams.output or site.output.stored) + int(streams.other)
    words += moved * site.output.planes(cols) * pixels.total
    bus = words * site.config.word_cycles + COMMAND_CYCLES * _transfers(work, order, shared)
    stored = pixels.most * largest if site.output.stored and not streams.output else 0
    rest = 0.5 * (window + out_buffer + stored) + 8 * len(tiles) * len(chunks)
    rest += EXPOSED * max(0, max(weights) - LONG)
    return Candidate(work, order, single, double, words, bus, rest)


def _transfers(work: Work, order: Order, shared: bool) -> int:
    """LOADs and STOREs of the plan, about; a window narrower than its map takes several."""
    site, tiles, chunks = work.site, work.tiles, work.chunks
    tile_ops = len(tiles) * len(chunks)
    each = 1
    if tiles[0].width < site.output.width:
        each = min(tiles[0].height * site.op.stride[0], work.input_planes[0][1])
    windows_in = len(tiles) if shared and order != "outer" else tile_ops
    count = len(chunks) * (len(tiles) if order == "reload" else 1)
    count += windows_in * each if site.streams.source else 0
    return count + each * tile_ops * (int(site.streams.output) + int(site.streams.other))
