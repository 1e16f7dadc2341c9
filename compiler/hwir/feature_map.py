"""Feature maps of the second graph, in the machine's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from compiler.ir.graph import Tensor


class Words(NamedTuple):
    """The machine's words: ``cols`` channels in each, ``line`` of them in a line of the
    scratchpad."""

    cols: int
    line: int


@dataclass(frozen=True)
class FeatureMap:
    """A map of ``height`` x ``width`` pixels of int8 channels, on the chip or in memory.

    ``external`` marks a network input that lies in memory as NHWC bytes, of at most one word a
    pixel; ``flip`` then says that they are uint8 and become int8 with the top bit inverted. A
    deeper input lies there in planes of int8, like any other map. ``stored`` maps are written to
    memory whatever else happens to them.

    A map with a ``parent`` aliases the planes of that map from ``plane`` on: the pixel count is
    equal, the width may differ. Or it sees the planes of a map of one pixel as its own pixels. A
    ``view`` is made with its parent, as a slice is; other parts are made by operations of their
    own.
    """

    name: str
    height: int
    width: int
    channels: int
    external: bool = False
    flip: bool = False
    stored: bool = False
    parent: str = ""
    plane: int = 0
    view: bool = False

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height * self.width

    def planes(self, cols: int) -> int:
        """Channel blocks of ``cols`` channels."""
        return math.ceil(self.channels / cols)

    def words(self, cols: int) -> int:
        """Scratchpad words of the whole map."""
        return self.planes(cols) * self.pixels

    @property
    def extent(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, self.channels


def map_shape(tensor: Tensor) -> tuple[int, int, int]:
    """Height, width and channels of a tensor with batch 1; missing dimensions are 1, and what
    stands before the width is rows."""
    shape = (1, 1, *tensor.shape[1:]) if len(tensor.shape) > 1 else (1, 1, tensor.shape[0])
    return math.prod(shape[:-2]), shape[-2], shape[-1]


def origin(maps: dict[str, FeatureMap], name: str) -> tuple[str, int]:
    """The map that the map ``name`` is part of, itself if of none, and its first plane there."""
    plane = 0
    while maps[name].parent:
        plane += maps[name].plane
        name = maps[name].parent
    return name, plane


@dataclass(frozen=True)
class View:
    """Place of the values of a graph tensor: ``map`` in NHWC order, reshaped to the tensor."""

    map: str
