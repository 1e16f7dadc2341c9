"""Products of a feature map and a value per channel, as depthwise convolutions.

``(x - zx) * (s - zs)`` is the sum of ``x * s``, ``x * -zs`` and ``-zx * s``, and of ``zx * zs``,
which joins the bias. Every tap of the kernel reads the same pixel. The taps of row 0 multiply it by
s and by constants that sum to -zs (-128 has no int8 opposite, so that 128 takes two). Row 1 lies
outside the map and reads the padding, -zx or half of it, which s multiplies once or twice.

The weights are therefore a feature map: the words of a plane's lines of weights are pixels, one a
tap. An array operation makes it from s, whose planes of one pixel it reads as the rows of one
plane: ones as weights and padding of zeros spread each s over its taps, and a bias makes the
constants.
"""

from __future__ import annotations

import dataclasses
import itertools

from compiler.errors import UnsupportedError, show
from compiler.hwir import constraints
from compiler.hwir.feature_map import FeatureMap, View, Words, map_shape
from compiler.hwir.network import ArrayOp, Region
from compiler.ir.graph import Graph, Node
from compiler.ir.window_shapes import MAX_STEP
from compiler.passes.arithmetic import constant_requant, product_requant
from compiler.passes.context import Context
from compiler.passes.operators import INT8_MAX, INT8_MIN

#: Rows of a part of the map: row 1 of the kernel lies a dilation of that many rows further down.
MAX_ROWS = MAX_STEP


@dataclasses.dataclass(frozen=True)
class Taps:
    """The kernel of a product: ``rows`` of ``columns`` taps in the order of the weights.

    The first weights are ``constants``, the next ``copies`` are s, any others 0. Operands of row 1
    are ``pad_value``.
    """

    rows: int
    columns: int
    constants: tuple[int, ...]
    copies: int
    pad_value: int


def taps(x_zero_point: int, s_zero_point: int) -> Taps:
    """The smallest kernel that multiplies values of these zero points."""
    constants = _addends(-s_zero_point)
    if x_zero_point == 0:
        return Taps(1, len(constants) + 1, constants, 1, 0)
    padding = _addends(-x_zero_point)
    columns = max(len(constants) + 1, len(padding))
    front = (0,) * (columns - 1 - len(constants))
    return Taps(2, columns, front + constants, 1 + len(padding), padding[0])


def _addends(value: int) -> tuple[int, ...]:
    """Equal int8 numbers, as few as possible, that sum to ``value`` from -127 to 128."""
    if value == 0:
        return ()
    return (value,) if value <= INT8_MAX else (value // 2, value // 2)


def multiply(
    graph: Graph,
    node: Node,
    maps: dict[str, FeatureMap],
    views: dict[str, View],
    words: Words,
) -> list[ArrayOp]:
    """The array operations of the node; its maps and its view join ``maps`` and ``views``.

    Raises UnsupportedError where neither operand has one value per channel.
    """
    return _Product(graph, node, maps, views, words).run()


class _Product:
    """State of one node's mapping. ``x`` and ``s`` are the names of its tensors."""

    def __init__(
        self,
        graph: Graph,
        node: Node,
        maps: dict[str, FeatureMap],
        views: dict[str, View],
        words: Words,
    ) -> None:
        self.graph, self.node, self.maps, self.views = graph, node, maps, views
        self.cols, self.line = words.cols, words.line
        self.x, self.s = sorted(
            node.inputs, key=lambda name: maps[views[name].map].pixels, reverse=True
        )
        self.ops: list[ArrayOp] = []

    def run(self) -> list[ArrayOp]:
        y = self.graph.tensors[self.node.outputs[0]]
        output = FeatureMap(y.name, *map_shape(y))
        source, scale = (self.maps[self.views[name].map] for name in (self.x, self.s))
        if scale.pixels > 1:
            raise UnsupportedError(
                f"node {show(self.node.name)} (mul): both operands have {scale.height}x"
                f"{scale.width} pixels; one of them with one value per channel is accepted"
            )
        context = Context(self.graph, self.node, source, output, self.cols)
        x, s = context.qparams(self.x), context.qparams(self.s)
        kernel = taps(x.zero_point, s.zero_point)
        weights = self._weights(self._own(scale), kernel)
        requant = product_requant(output.channels, x, s, context.y, context.where)
        parts = range(0, output.height, MAX_ROWS if kernel.rows > 1 else output.height)
        regions = tuple(
            Region(top, min(top + parts.step, output.height), 0, output.width, requant)
            for top in parts
        )
        note = (
            f"depthwise convolution of {kernel.rows}x{kernel.columns} taps whose weights are "
            f"{scale.name}"
        )
        op = context.op(
            kernel=(kernel.rows, kernel.columns),
            dilation=(0, 0),
            pad_value=kernel.pad_value,
            regions=regions,
            factor=weights.name,
            depthwise=True,
            notes=(note,),
            **context.clamp(),
        )
        constraints.check(
            self.node,
            constraints.Geometry(
                source,
                output,
                op.kernel,
                op.stride,
                op.dilation,
                op.padding,
                self.cols,
            ),
        )
        self.maps[output.name] = output
        self.views[output.name] = View(output.name)
        return [*self.ops, op]

    def _own(self, scale: FeatureMap) -> FeatureMap:
        """The operand in a map whose planes are words in a row, copied if need be."""
        if not (scale.external or scale.parent):
            return scale
        reason = (
            "the network's input"
            if scale.external
            else ("a slice" if scale.view else "part of a concatenation")
        )
        copy = FeatureMap(self._unused(f"{self.node.name}/copy"), 1, 1, scale.channels)
        self.maps[copy.name] = copy
        op = Context(self.graph, self.node, scale, copy, self.cols).op(
            depthwise=True,
            out_zero=0,
            out_min=INT8_MIN,
            out_max=INT8_MAX,
            regions=(Region(0, 1, 0, 1, constant_requant(scale.channels)),),
            name=copy.name,
            notes=(f"{scale.name}, {reason}, is copied",),
        )
        self.ops.append(op)
        return copy

    def _weights(self, scale: FeatureMap, kernel: Taps) -> FeatureMap:
        """The map of weights; the operation that makes it joins ``ops``."""
        planes = scale.planes(self.cols)
        rows = FeatureMap(
            self._unused(f"{scale.name}/rows"), planes, 1, self.cols, parent=scale.name, view=True
        )
        first, end = len(kernel.constants), kernel.rows * kernel.columns
        width = -(-end // self.line) * self.line
        weights = FeatureMap(self._unused(f"{self.node.name}/weights"), planes, width, self.cols)
        self.maps.update({m.name: m for m in (rows, weights)})
        regions, left = [], 0
        for value, run in itertools.groupby(kernel.constants):
            right = left + len(list(run))
            requant = constant_requant(self.cols, bias=value)
            regions.append(Region(0, planes, left, right, requant))
            left = right
        regions.append(Region(0, planes, first, end, constant_requant(self.cols)))
        before = first + kernel.copies - 1
        op = Context(self.graph, self.node, rows, weights, self.cols).op(
            kernel=(1, kernel.copies),
            depthwise=True,
            padding=(0, 0, before, width + kernel.copies - 2 - before),
            regions=tuple(regions),
            out_zero=0,
            out_min=INT8_MIN,
            out_max=INT8_MAX,
            name=weights.name,
            notes=("weights of the multiplication",),
        )
        constraints.check(
            self.node,
            constraints.Geometry(
                rows,
                weights,
                op.kernel,
                op.stride,
                op.dilation,
                op.padding,
                self.cols,
            ),
        )
        self.ops.append(op)
        return weights

    def _unused(self, name: str) -> str:
        """The name of a map that no tensor has."""
        while name in self.graph.tensors or name in self.maps:
            name += "'"
        return name
