"""Layer plans as a sequence of steps: one tile with one chunk of weights, and its buffers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from compiler.passes.layer import FeatureMap, Layer, origin
from compiler.schedule.blocks import Chunk
from compiler.schedule.chain import Chain
from compiler.schedule.layer_plan import LayerPlan, Site, other_planes
from compiler.schedule.tiles import Tile, apart

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


class Writers:
    """The steps that have made the pixels of each map, in planes of the map that it is part of."""

    def __init__(self, maps: dict[str, FeatureMap]) -> None:
        self._maps = maps
        self._steps: dict[str, list[tuple[int, Step]]] = {}

    def continued(self, maps: dict[str, FeatureMap]) -> Writers:
        """A copy for a network with these maps."""
        other = Writers(maps)
        other._steps = {root: steps[:] for root, steps in self._steps.items()}
        return other

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


def groups(layers: int, chains: Sequence[Chain]) -> Iterator[range]:
    """Numbers of the layers that run together, in order."""
    ends = {chain.first: chain.last for chain in chains}
    index = 0
    while index < layers:
        together = range(index, ends.get(index, index) + 1)
        yield together
        index = together.stop


def step_spans(plans: list[LayerPlan], chains: Sequence[Chain]) -> list[tuple[int, int]]:
    """First and last step of each layer."""
    found: list[tuple[int, int]] = []
    first = 0
    for together in groups(len(plans), chains):
        counts = [len(plans[i].chunks) for i in together]
        strips, each = len(plans[together.start].tiles), sum(counts)
        for i, count in enumerate(counts):
            begin = first + sum(counts[:i])
            found.append((begin, begin + (strips - 1) * each + count - 1))
        first += strips * each
    return found


def layer_steps(
    steps: list[Step], together: range, plans: list[LayerPlan], writers: Writers
) -> None:
    """Add the steps of one layer, or of a chain's layers strip by strip."""
    layers = [_LayerSteps(i, plans[i], writers) for i in together]
    if len(layers) == 1:
        for tile, chunk in plans[together.start].steps():
            steps.append(layers[0].step(len(steps), tile, chunk))
    else:
        for strip in range(len(plans[together.start].tiles)):
            for layer in layers:
                for chunk in range(len(layer.plan.chunks)):
                    steps.append(layer.step(len(steps), strip, chunk))
    for layer in layers:
        writers.add(layer.plan.site.layer.output, layer.made)


class _LayerSteps:
    """Makes the steps of one layer; those that use the same data share a buffer."""

    def __init__(self, index: int, plan: LayerPlan, writers: Writers) -> None:
        self.plan = plan
        self.made: list[Step] = []
        self._index = index
        self._writers = writers
        self._known: dict[tuple, Buffer] = {}

    def step(self, now: int, tile_index: int, chunk_index: int) -> Step:
        """The step with number ``now``: a tile with a chunk."""
        plan, site = self.plan, self.plan.site
        tile, chunk = plan.tiles[tile_index], plan.chunks[chunk_index]
        weights = self._shared(
            now, ("weights", chunk_index, tile_index if plan.order == "reload" else 0),
            lambda: Buffer("weights", self._index, chunk.words, now, now, chunk=chunk_index),
        )
        cycles = plan.work.step_cycles(tile_index, chunk_index)
        step = Step(now, self._index, plan, tile, chunk, cycles, weights)
        if site.layer.table is not None:
            words = site.config.table_words
            step.table = self._shared(
                now, ("table",), lambda: Buffer("table", self._index, words, now, now)
            )
        self._add_windows(step, tile_index, chunk_index)
        if site.streams.output:
            step.output = Buffer(
                "output", self._index, chunk.planes * tile.pixels, now, now, site.layer.output,
                tile, (chunk.first_plane, chunk.planes),
            )
        self.made.append(step)
        return step

    def _add_windows(self, step: Step, tile_index: int, chunk_index: int) -> None:
        """The step's operands that come from memory."""
        site, tile, chunk, work = step.site, step.tile, step.chunk, self.plan.work
        round_ = chunk_index if self.plan.order == "outer" else 0
        if site.streams.source:
            planes, part = work.input_planes[chunk_index], work.tiling.inputs[tile_index]
            step.source = self._shared(
                step.index, ("source", tile_index, planes, round_),
                lambda: self._window("source", step, site.layer.source, part, planes),
            )
        if site.streams.other:
            assert site.other is not None
            wanted, name = other_planes(site, chunk), site.other.name
            step.other = self._shared(
                step.index,
                ("other", step.index if wanted[1] == chunk.planes else tile_index, round_),
                lambda: self._window("other", step, name, tile, wanted),
            )

    def _shared(self, now: int, key: tuple, make: Callable[[], Buffer]) -> Buffer:
        """The buffer of the key, which step ``now`` uses too."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
        found.last = now
        return found

    def _window(
        self, role: Role, step: Step, name: str, tile: Tile, planes: tuple[int, int]
    ) -> Buffer:
        """A window of a map in memory; it can be loaded after the steps that store its pixels."""
        words, after = planes[1] * tile.pixels, self._writers.end(name, tile, planes)
        return Buffer(
            role, self._index, words, step.index, step.index, name, tile, planes, after=after
        )
