"""The second graph: array operations over feature maps, in the machine's words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from compiler.hwir.feature_map import FeatureMap, View, origin
from compiler.ir.graph import Graph, Node
from compiler.lru_cache import HashedKey
from hw.spec.records import CHANNEL_PARAMETERS

Pair = tuple[int, int]


@dataclass(frozen=True)
class Requant:
    """Channel parameters (``hw.spec.records``), int64 arrays of one value per output channel."""

    bias: np.ndarray
    multiplier: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @cached_property
    def unfit(self) -> tuple[str, ...]:
        """Names of the parameters with a value that its bits cannot hold."""
        return tuple(
            p.name
            for p in CHANNEL_PARAMETERS
            if getattr(self, p.name).min() < p.low or getattr(self, p.name).max() > p.high
        )


@dataclass(frozen=True)
class Region:
    """Output pixels ``[top, bottom) x [left, right)`` that share channel parameters.

    ``start`` is the row and column of the input under the first tap of the region's first pixel;
    None leaves it to the operation's stride and padding. A depthwise one reads the region's input
    channels from ``plane`` planes further on.
    """

    top: int
    bottom: int
    left: int
    right: int
    requant: Requant
    start: Pair | None = None
    plane: int = 0


@dataclass(frozen=True)
class Residual:
    """The second operand of an addition and the EXECUTE fields that describe the addition."""

    other: str
    fields: dict[str, int]


@dataclass(frozen=True)
class ArrayOp:
    """An array operation: it reads ``source`` and makes ``output``.

    It makes the pixels of its ``regions``, a rectangle that other operations may complete. A
    stride of 0 stays on a row, or in regions of one column on a column.
    ``done`` are the multiply-accumulates of the model that it does, ``macs`` those of them that
    the network's outputs need. ``kind`` is the operator's name, followed by ``+`` and the name of
    each one that is fused.
    ``weights`` is int8 ``[C_out, K_h, K_w, C_in / groups]``, with ``depthwise``
    ``[C, K_h, K_w, 1]``, or None where every weight is 1. Of ``sparse`` weights an output block
    multiplies only the input blocks from the first to the last that are not all 0. ``padding`` is
    (top, bottom, left, right) pixels of ``pad_value``. With ``round_once`` sums are requantised
    with a single rounding. ``table``, int8 ``[256]``, is applied last: output q becomes
    ``table[q + 128]``. ``segment`` is the run of the machine that it
    belongs to.

    An operation with a ``factor`` is depthwise, and its weights are that map, which an earlier one
    makes: row p holds the weights of plane p, in the order of the taps. All taps of its kernel
    read the same pixel, but those of row 1 read ``pad_value``.
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
    sparse: bool = False
    depthwise: bool = False
    maximum: bool = False
    residual: Residual | None = None
    round_once: bool = False
    segment: int = 0
    table: np.ndarray | None = None
    factor: str = ""
    notes: tuple[str, ...] = ()
    done: int = 0

    @property
    def taps(self) -> int:
        """Positions of the kernel."""
        return self.kernel[0] * self.kernel[1]

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The maps that the operation reads, each once."""
        other = self.residual.other if self.residual else ""
        return tuple(dict.fromkeys(name for name in (self.source, other, self.factor) if name))

    @cached_property
    def verified(self) -> set[tuple[FeatureMap, FeatureMap]]:
        """Inputs and outputs with which ``compiler.hwir.verify`` found no fault in it."""
        return set()

    @property
    def weighted(self) -> bool:
        """Whether the array multiplies by weights that it fetches."""
        return self.weights is not None or bool(self.factor)

    @cached_property
    def geometry(self) -> HashedKey:
        """Cache key: everything that determines the ways to run the operation. Of the values of its
        weights these are only the zeros of sparse ones."""
        sets: dict[int, int] = {}
        regions = tuple(
            (
                r.top,
                r.bottom,
                r.left,
                r.right,
                r.start,
                r.plane,
                sets.setdefault(id(r.requant), len(sets)),
            )
            for r in self.regions
        )
        zeros = None
        if self.sparse:
            assert self.weights is not None
            zeros = (self.weights.shape, np.not_equal(self.weights, 0).tobytes())
        return HashedKey(
            (
                regions,
                self.kernel,
                self.stride,
                self.dilation,
                self.padding,
                self.groups,
                self.depthwise,
                self.residual is None,
                self.table is None,
                self.weights is None,
                bool(self.factor),
                zeros,
            )
        )

    @cached_property
    def execution(self) -> HashedKey:
        """Cache key: everything that determines the EXECUTE fields, addresses excepted."""
        return HashedKey(
            (
                self.name,
                self.kind,
                self.output,
                self.done > 0,
                self.geometry,
                self.maximum,
                self.round_once,
                self.pad_value,
                self.out_zero,
                self.out_min,
                self.out_max,
                self.residual and tuple(self.residual.fields.items()),
            )
        )


@dataclass(frozen=True)
class HostNode:
    """A node that runs on the host after a segment, and why."""

    node: Node
    segment: int
    reason: str


@dataclass
class Network:
    """A graph after legalisation.

    ``ops`` and the nodes of ``host`` are sorted by their segments. ``views`` has an entry for
    each tensor that the hardware makes or reads; ``fused`` lists tensors that exist nowhere.
    ``notes`` are for the user.
    """

    graph: Graph
    ops: list[ArrayOp]
    maps: dict[str, FeatureMap]
    views: dict[str, View]
    host: list[HostNode]
    fused: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def segments(self) -> int:
        """Runs of the machine."""
        segments = [
            *(op.segment for op in self.ops),
            *(node.segment for node in self.host),
        ]
        return 1 + max(segments, default=0)

    @property
    def host_maps(self) -> list[str]:
        """The maps that the host writes for operations to read."""
        return [name for h in self.host for name in h.node.outputs if name in self.maps]

    def part(self, segment: int) -> Network:
        """The network with the operations of one segment only, over the same maps."""
        ops = [op for op in self.ops if op.segment == segment]
        return replace(self, ops=ops)

    def root(self, name: str) -> str:
        """The map that the map ``name`` is part of, itself if of none."""
        return origin(self.maps, name)[0]

    def readers(self) -> dict[str, int]:
        """Number of operations that read each map, themselves or a map that is part of it."""
        counts: dict[str, int] = {}
        for op in self.ops:
            for name in op.reads:
                while name:
                    counts[name] = counts.get(name, 0) + 1
                    name = self.maps[name].parent
        return counts
