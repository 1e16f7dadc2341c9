"""The tile operations that make the pixels of each map, and so when they can be read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from compiler.hwir.feature_map import FeatureMap, origin
from compiler.schedule.tile_ops import TileOp
from compiler.schedule.tiles import Tile, apart


class Made:
    """The tile operations of one layer, in order, that make its output map.

    ``end`` is the number after the last. ``tops`` has for each the first row that it or a later
    one makes.
    """

    def __init__(self, tile_ops: Sequence[TileOp]) -> None:
        output = tile_ops[0].site.output
        self.first, self.end = tile_ops[0].index, tile_ops[-1].index + 1
        self.pixels, self._width = output.pixels, output.width
        self._parts = [(t.index, t.tile, t.chunk.first_plane, t.chunk.planes) for t in tile_ops]
        tops = list(accumulate((t.tile.top for t in reversed(tile_ops)), min))
        self._tops = tops[::-1]
        self._ends: dict[tuple[Tile, int, tuple[int, int]], int] = {}

    def end_of(self, tile: Tile, width: int, planes: tuple[int, int]) -> int:
        """The number after the last tile operation that makes pixels of ``tile`` in the planes from
        the first of ``planes`` up to the second, 0 for none; rows of the tile's map have ``width``
        pixels."""
        key = tile, width, planes
        found = self._ends.get(key)
        if found is None:
            found = self._ends[key] = self._end_of(*key)
        return found

    def _end_of(self, tile: Tile, width: int, planes: tuple[int, int]) -> int:
        first, end = planes
        for k in reversed(range(bisect_left(self._tops, -(-tile.bottom * width // self._width)))):
            index, own, low, count = self._parts[k]
            if low < end and low + count > first and not apart(own, self._width, tile, width):
                return index + 1
        return 0


class Writers:
    """The tile operations that have made the pixels of each map, in planes of the map that it is
    part of."""

    def __init__(self, maps: dict[str, FeatureMap]) -> None:
        self._maps = maps
        self._made: dict[str, list[tuple[int, int, Made]]] = {}

    def add(self, name: str, base: int, made: Made) -> None:
        """Note the tile operations of the layer that makes the map ``name``, whose numbers count
        from ``base``. Layers are noted in the order in which they end."""
        root, plane = origin(self._maps, name)
        self._made.setdefault(root, []).append((plane, base, made))

    def over(self, name: str) -> int:
        """The first tile operation after all that make the map that ``name`` is part of."""
        made = self._made.get(origin(self._maps, name)[0])
        return made[-1][1] + made[-1][2].end if made else 0

    def end(self, name: str, tile: Tile, planes: tuple[int, int]) -> int:
        """The first tile operation after all that make pixels of ``tile`` in ``planes`` of the map.

        After all of the map's if it has rows where they have planes.
        """
        root, plane = origin(self._maps, name)
        first, end = plane + planes[0], plane + sum(planes)
        found = self._maps[name]
        pixels, plain = found.pixels, found.pixels == self._maps[root].pixels
        after = 0
        for other, base, made in reversed(self._made.get(root, [])):
            if base + made.end <= after:
                break
            if plain and made.pixels == pixels:
                last = made.end_of(tile, found.width, (first - other, end - other))
            else:
                last = made.end
            after = max(after, base + last) if last else after
        return after
