"""The hardware's view of a network: layers over feature maps, each one pass of the array."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from compiler.ir.graph import Graph, Node

Pair = tuple[int, int]


@dataclass(frozen=True)
class FeatureMap:
    """A map of ``height`` x ``width`` pixels of int8 channels, on the chip or in memory.

    ``external`` marks a network input, which lies in memory as NHWC bytes; ``flip`` then says that
    they are uint8 and become int8 with the top bit inverted. ``stored`` maps are written to memory
    whatever else happens to them.
    """

    name: str
    height: int
    width: int
    channels: int
    external: bool = False
    flip: bool = False
    stored: bool = False

    @property
    def pixels(self) -> int:
        return self.height * self.width

    def planes(self, cols: int) -> int:
        """Channel blocks of ``cols`` channels."""
        return math.ceil(self.channels / cols)

    def words(self, cols: int) -> int:
        """Pool words of the whole map."""
        return self.planes(cols) * self.pixels


@dataclass(frozen=True)
class Requant:
    """Channel parameters, int64 arrays of one value per output channel (see EXECUTE).

    ``multiplier`` is Q31, ``left`` and ``right`` are shifts from 0 to 31.
    """

    bias: np.ndarray
    multiplier: np.ndarray
    left: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Region:
    """Output pixels ``[top, bottom) x [left, right)`` that share channel parameters."""

    top: int
    bottom: int
    left: int
    right: int
    requant: Requant


@dataclass(frozen=True)
class Residual:
    """The second operand of an addition and the EXECUTE fields that describe the addition."""

    other: str
    fields: dict[str, int]


@dataclass(frozen=True)
class Layer:
    """One pass of the array over ``source``, making ``output``.

    ``kind`` is the operator's name, with ``+add`` for a fused addition. ``weights`` is int8
    ``[C_out, K_h, K_w, C_in / groups]``, with ``depthwise`` ``[C, K_h, K_w, 1]``, or None where
    every weight is 1. ``padding`` is (top, bottom, left, right) pixels of ``pad_value``. With
    ``round_once`` sums are requantised with a single rounding.
    """

    name: str
    kind: str
    macs: int
    source: str
    output: str
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: tuple[int, int, int, int]
    pad_value: int
    regions: tuple[Region, ...]
    out_zero: int
    out_min: int
    out_max: int
    weights: np.ndarray | None = None
    groups: int = 1
    depthwise: bool = False
    maximum: bool = False
    residual: Residual | None = None
    round_once: bool = False
    notes: tuple[str, ...] = ()

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @property
    def reads(self) -> tuple[str, ...]:
        """The maps that the layer reads, each once."""
        other = self.residual.other if self.residual else self.source
        return (self.source,) if other == self.source else (self.source, other)


@dataclass(frozen=True)
class View:
    """Where the values of a graph tensor lie: ``map`` in NHWC order, reshaped to the tensor."""

    map: str


@dataclass
class Network:
    """A graph after legalisation.

    ``views`` has an entry for each tensor that the hardware makes or reads; ``host`` nodes run on
    the host after the hardware, in order, for the ``reasons`` given by node; ``fused`` lists
    tensors that exist nowhere.
    """

    graph: Graph
    layers: list[Layer]
    maps: dict[str, FeatureMap]
    views: dict[str, View]
    host: list[Node]
    fused: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def last_use(self, name: str) -> int:
        """Index of the last layer that reads or makes the map, -1 if none does."""
        uses = [i for i, x in enumerate(self.layers) if name == x.output or name in x.reads]
        return uses[-1] if uses else -1
