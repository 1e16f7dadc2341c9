"""Transposed convolution as ordinary convolutions, one for each phase of the output.

Output pixels whose rows and columns agree modulo the stride have the same taps of the kernel: every
``stride``-th one, in reverse order, over neighbouring pixels of the input.
"""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.hwir import constraints
from compiler.hwir.feature_map import FeatureMap, View, Words
from compiler.hwir.network import ArrayOp
from compiler.ir.graph import Graph, Node
from compiler.passes.arithmetic import conv_requant
from compiler.passes.needed import PhaseWork
from compiler.passes.upsample_builder import MAX_ROW, Area, Phase, UpsampleBuilder
from golden.quant import conv_multipliers


def transpose_conv2d(
    graph: Graph,
    node: Node,
    maps: dict[str, FeatureMap],
    views: dict[str, View],
    words: Words,
    work: PhaseWork,
) -> list[ArrayOp]:
    """The array operations of the node, with the ``work`` of each phase; its maps and its view join
    ``maps`` and ``views``.

    Raises UnsupportedError for sizes that the hardware's fields do not hold.
    """
    return _TransposeConv(UpsampleBuilder(graph, node, maps, views, words.cols), work).run()


class _TransposeConv:
    """One transposed convolution: phases, and the output cut from them where they reach beyond."""

    def __init__(self, spread: UpsampleBuilder, work: PhaseWork) -> None:
        self.spread, self.work = spread, work
        self.attrs = spread.node.attrs
        self.context = c = spread.context(spread.source, spread.output)
        data = c.data(1)
        assert data is not None
        self.weights, self.bias = data, c.data(2)
        scales = np.asarray(c.quant(spread.node.inputs[1]).scale)
        self.scaling = conv_multipliers(c.x.scale, scales, c.y.scale)
        constraints.check(
            spread.node,
            constraints.Geometry(
                spread.source,
                spread.output,
                data.shape[1:3],
                self.attrs["stride"],
                (1, 1),
                (0, 0, 0, 0),
                spread.cols,
            ),
        )

    def run(self) -> list[ArrayOp]:
        s, (down, across) = self.spread, self.attrs["stride"]
        size = -(-s.output.height // down), -(-s.output.width // across)
        if down * size[1] > MAX_ROW:
            raise UnsupportedError(
                f"{self.context.where}: stride {down} times {size[1]} columns of a phase; "
                f"{MAX_ROW} is accepted"
            )
        target = s.output
        fits = across > 1 or target.height == size[0] * down
        if not fits or target.width != size[1] * across:
            whole = size[0] * down, size[1] * across
            target = s.staging("whole", *whole, s.output.channels)
        s.phases(
            s.source,
            target,
            size,
            (down, across),
            self._phase,
            groups=self.attrs["groups"],
            depthwise=1 < self.attrs["groups"] == s.source.channels == s.output.channels,
            pad_value=self.context.x.zero_point,
            **self.context.clamp(),
        )
        if target is not s.output:
            area = Area((0, s.output.height), (0, s.output.width))
            s.copy(target, s.output, (area,), "without the rows and columns beyond the output")
        return s.finished()

    def _phase(self, py: int, px: int) -> Phase:
        (top, _, left, _), (down, across) = self.attrs["padding"], self.attrs["stride"]
        y, row = divmod(py + top, down)
        x, column = divmod(px + left, across)
        taps = self.weights[:, row::down, column::across][:, ::-1, ::-1]
        if not taps.size:
            taps = np.zeros((len(taps), 1, 1, self.weights.shape[3]), np.int8)
        requant = conv_requant(
            taps, self.bias, self.context.x.zero_point, *self.scaling, self.context.where
        )
        start = y - taps.shape[1] + 1, x - taps.shape[2] + 1
        return Phase(np.ascontiguousarray(taps), start, requant, self.work[py, px])
