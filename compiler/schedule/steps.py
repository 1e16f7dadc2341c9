"""Layer plans as a sequence of steps: one tile with one chunk of weights, and its buffers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compiler.passes.layer import FeatureMap, Layer, Network, origin
from compiler.schedule.blocks import Chunk
from compiler.schedule.cost import execute_cycles
from compiler.schedule.layer_plan import LayerPlan, Site, input_planes, other_planes
from compiler.schedule.tiles import Tile, apart, input_tile, windows

Role = Literal["weights", "table", "source", "other", "output"]


@dataclass(eq=False)
class Buffer:
    """Pool words that hold one thing from step ``first`` to step ``last``.

    ``tile`` and ``planes`` (first, count) say which part of ``map`` it holds; constants have none.
    ``issue`` is the step before whose EXECUTE the LOAD is emitted.
    """

    role: Role
    layer: int
    words: int
    first: int
    last: int
    map: str = ""
    tile: Tile = Tile(0, 0, 0, 0)
    planes: tuple[int, int] = (0, 0)
    chunk: int = 0
    after: int = 0
    address: int = -1
    issue: int = 0


@dataclass(eq=False)
class Step:
    """One tile computed with one chunk. A map without a buffer lies whole in the pool."""

    index: int
    layer: int
    plan: LayerPlan
    tile: Tile
    chunk: Chunk
    cycles: int
    weights: Buffer
    table: Buffer | None = None
    source: Buffer | None = None
    other: Buffer | None = None
    output: Buffer | None = None

    @property
    def site(self) -> Site:
        return self.plan.site

    @property
    def spec(self) -> Layer:
        return self.plan.site.layer

    @property
    def stores(self) -> bool:
        return self.output is not None or self.site.output.stored

    @property
    def buffers(self) -> list[Buffer]:
        """Buffers that a LOAD fills, in the order in which they are wanted."""
        wanted = (self.weights, self.table, self.other, self.source)
        return [b for b in wanted if b is not None]


class _Writers:
    """The steps that have made the pixels of each map, in planes of the map that it is part of."""

    def __init__(self, maps: dict[str, FeatureMap]) -> None:
        self._maps = maps
        self._steps: dict[str, list[tuple[int, Step]]] = {}

    def add(self, name: str, steps: list[Step]) -> None:
        """Note the steps of the layer that makes the map ``name``."""
        root, plane = origin(self._maps, name)
        found = self._steps.setdefault(root, [])
        found += [(plane + step.chunk.first_plane, step) for step in steps]

    def end(self, name: str, tile: Tile, planes: tuple[int, int]) -> int:
        """The first step after all that make pixels of ``tile`` in ``planes`` of the map.

        After all of the map's if it has rows where they have planes.
        """
        root, plane = origin(self._maps, name)
        first, end = plane + planes[0], plane + sum(planes)
        found = self._maps[name]
        after = 0
        for low, step in self._steps.get(root, []):
            output = step.site.output
            same = found.pixels == output.pixels == self._maps[root].pixels
            elsewhere = low >= end or low + step.chunk.planes <= first
            elsewhere = elsewhere or apart(step.tile, output.width, tile, found.width)
            if not (same and elsewhere):
                after = max(after, step.index + 1)
        return after


def build_steps(network: Network, plans: list[LayerPlan]) -> list[Step]:
    """The steps of all layers in program order."""
    steps: list[Step] = []
    writers = _Writers(network.maps)
    for index, plan in enumerate(plans):
        _append_layer(steps, index, plan, writers)
    return steps


def _append_layer(
    steps: list[Step], index: int, plan: LayerPlan, writers: _Writers
) -> None:
    site = plan.site
    known: dict[tuple, Buffer] = {}

    def shared(key: tuple, make: Buffer) -> Buffer:
        found = known.setdefault(key, make)
        found.last = make.last
        return found

    for tile_index, chunk_index in plan.steps():
        now = len(steps)
        tile, chunk = plan.tiles[tile_index], plan.chunks[chunk_index]
        weights = shared(
            ("weights", chunk_index, tile_index if plan.order == "reload" else 0),
            Buffer("weights", index, chunk.words, now, now, chunk=chunk_index),
        )
        round_ = chunk_index if plan.order == "outer" else 0
        step = Step(now, index, plan, tile, chunk, _cycles(plan, tile, chunk), weights)
        if site.layer.table is not None:
            words = site.config.table_words
            step.table = shared(("table",), Buffer("table", index, words, now, now))
        if site.streams.source:
            planes, part = input_planes(site, chunk), input_tile(site.layer, site.source, tile)
            step.source = shared(
                ("source", tile_index, planes, round_),
                _window("source", index, now, site.layer.source, part, planes, writers),
            )
        if site.streams.other:
            assert site.other is not None
            planes = other_planes(site, chunk)
            step.other = shared(
                ("other", now if planes[1] == chunk.planes else tile_index, round_),
                _window("other", index, now, site.other.name, tile, planes, writers),
            )
        planes = (chunk.first_plane, chunk.planes)
        if site.streams.output:
            words = chunk.planes * tile.pixels
            step.output = Buffer(
                "output", index, words, now, now, site.layer.output, tile, planes
            )
        steps.append(step)
    writers.add(site.layer.output, steps[-len(plan.tiles) * len(plan.chunks):])


def _window(
    role: Role, layer: int, now: int, name: str, tile: Tile, planes: tuple[int, int],
    writers: _Writers,
) -> Buffer:
    """A window of a map in memory; it can be loaded after the steps that store its pixels."""
    words, after = planes[1] * tile.pixels, writers.end(name, tile, planes)
    return Buffer(role, layer, words, now, now, name, tile, planes, after=after)


def _cycles(plan: LayerPlan, tile: Tile, chunk: Chunk) -> int:
    site = plan.site
    row = tile.width if site.streams.output else site.output.width
    return sum(
        execute_cycles(site.layer, run, window, site.config)
        for run in chunk.runs for window in windows(site.layer, tile, row)
    )
