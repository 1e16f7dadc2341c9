"""The tile operations that make the pixels of each map, and so when they can be read."""

from __future__ import annotations

from compiler.hwir.feature_map import FeatureMap, origin
from compiler.schedule.tile_ops import TileOp
from compiler.schedule.tiles import Tile, apart


class Writers:
    """The tile operations that have made the pixels of each map, in planes of the map that it is
    part of."""

    def __init__(self, maps: dict[str, FeatureMap]) -> None:
        self._maps = maps
        self._tile_ops: dict[str, list[tuple[int, int, list[TileOp]]]] = {}

    def continued(self, maps: dict[str, FeatureMap]) -> Writers:
        """A copy for a network with these maps."""
        other = Writers(maps)
        other._tile_ops = {root: tile_ops[:] for root, tile_ops in self._tile_ops.items()}
        return other

    def add(self, name: str, base: int, tile_ops: list[TileOp]) -> None:
        """Note the tile operations of the layer that makes the map ``name``, whose numbers count
        from ``base``."""
        root, plane = origin(self._maps, name)
        self._tile_ops.setdefault(root, []).append((plane, base, tile_ops))

    def end(self, name: str, tile: Tile, planes: tuple[int, int]) -> int:
        """The first tile operation after all that make pixels of ``tile`` in ``planes`` of the map.

        After all of the map's if it has rows where they have planes.
        """
        root, plane = origin(self._maps, name)
        first, end = plane + planes[0], plane + sum(planes)
        found = self._maps[name]
        after = 0
        for other, base, tile_ops in self._tile_ops.get(root, []):
            output = tile_ops[0].site.output
            if not found.pixels == output.pixels == self._maps[root].pixels:
                after = max(after, base + tile_ops[-1].index + 1)
                continue
            for tile_op in reversed(tile_ops):
                if base + tile_op.index < after:
                    break
                low = other + tile_op.chunk.first_plane
                elsewhere = low >= end or low + tile_op.chunk.planes <= first
                if not (elsewhere or apart(tile_op.tile, output.width, tile, found.width)):
                    after = base + tile_op.index + 1
                    break
        return after
