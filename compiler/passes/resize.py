"""Resizes as copies and, of bilinear ones, as depthwise convolutions with constant weights.

LiteRT weighs pixels in units of 2**-20 and rounds once, halves away from zero. Where every output
pixel of a phase has the same weights, small multiples of a power of two, a sum of int8 products and
one rounding shift are the same.
"""

from __future__ import annotations

import math

import numpy as np

from compiler.hwir import constraints
from compiler.hwir.feature_map import FeatureMap, View, Words, map_shape
from compiler.hwir.network import ArrayOp, Pair
from compiler.ir.graph import Graph, Node
from compiler.passes.arithmetic import constant_requant
from compiler.passes.operators import INT8_MAX, INT8_MIN
from compiler.passes.upsample_builder import MAX_ROW, Area, Phase, UpsampleBuilder
from golden.resize import ONE, bilinear_taps, nearest_indices

#: A pixel below or right of the one before it by ``Taps[0]``, and its weights in units of 1/ONE.
Taps = tuple[int, tuple[int, ...]]

_ONE_PIXEL: Taps = (0, (ONE,))


def hardware_resize(graph: Graph, node: Node) -> str | None:
    """Reason why the hardware cannot run a resize to the bit; None if it can."""
    x, y = (map_shape(graph.tensors[n]) for n in (node.inputs[0], node.outputs[0]))
    for before, after in zip(x[:2], y[:2], strict=True):
        if after % before:
            return (
                f"{x[0]}x{x[1]} pixels become {y[0]}x{y[1]}; whole multiples of both sides are "
                "accepted"
            )
    phases = [_axis(node, before, after) for before, after in zip(x[:2], y[:2], strict=True)]
    if None in phases:
        return (
            f"{_mode(node)} from {x[0]}x{x[1]} to {y[0]}x{y[1]} pixels does not give every pixel "
            "of a phase the same weights; nearest by whole factors and bilinear by powers of two, "
            "both without align_corners, are accepted"
        )
    kinds = [{weights for _, weights in axis or ()} for axis in phases]
    largest = max(int(_weights(a, b).max()) for a in kinds[0] for b in kinds[1])
    if largest > INT8_MAX:
        return (
            f"{_mode(node)} from {x[0]}x{x[1]} to {y[0]}x{y[1]} pixels has weights up to {largest};"
            f" up to {INT8_MAX} are accepted"
        )
    if _interpolates(phases[0] or []) and y[0] // x[0] * x[1] > MAX_ROW:
        return f"{y[0] // x[0]} phases of {x[1]} columns; {MAX_ROW} pixels are accepted"
    return None


def resize(
    graph: Graph,
    node: Node,
    maps: dict[str, FeatureMap],
    views: dict[str, View],
    words: Words,
) -> list[ArrayOp]:
    """The array operations of a node that ``hardware_resize`` gives no reason against.

    Its maps and its view join ``maps`` and ``views``.
    """
    assert hardware_resize(graph, node) is None, node.name
    s = UpsampleBuilder(graph, node, maps, views, words.cols)
    one_tap = ((1, 1), (1, 1), (1, 1), (0, 0, 0, 0))
    constraints.check(node, constraints.Geometry(s.source, s.output, *one_tap, words.cols))
    _Resize(s).run()
    return s.finished()


class _Resize:
    """One resize: interpolation first, then repeated columns, then repeated rows."""

    def __init__(self, spread: UpsampleBuilder) -> None:
        self.spread = spread
        source, output = spread.source, spread.output
        axes = [
            _axis(spread.node, a, b)
            for a, b in ((source.height, output.height), (source.width, output.width))
        ]
        self.rows, self.columns = axes[0] or [], axes[1] or []

    def run(self) -> None:
        s = self.spread
        if s.source.pixels == 1:
            s.fill(s.source, s.output)
            return
        between = tuple(_interpolates(axis) for axis in (self.rows, self.columns))
        size, goal = (s.source.height, s.source.width), (s.output.height, s.output.width)
        stages = []
        if any(between):
            size = goal[0] if between[0] else size[0], goal[1] if between[1] else size[1]
            stages.append((self._interpolate, size))
        if size[1] < goal[1]:
            stages.append((s.join_columns, (size[0], goal[1])))
        if size[0] < goal[0]:
            stages.append((s.repeat_rows, goal))
        current = s.source
        for index, (stage, reached) in enumerate(stages or [(self._same, goal)]):
            last = index >= len(stages) - 1
            output = s.output if last else s.staging(f"{index}", *reached, s.output.channels)
            stage(current, output)
            current = output

    def _same(self, source: FeatureMap, output: FeatureMap) -> None:
        area = Area((0, output.height), (0, output.width))
        self.spread.copy(source, output, (area,), "a copy")

    def _interpolate(self, source: FeatureMap, output: FeatureMap) -> None:
        """Phases with constant weights over a map whose border pixels are there twice."""
        size = source.height, source.width
        factor = output.height // size[0], output.width // size[1]
        rows = self.rows if factor[0] > 1 else [_ONE_PIXEL]
        columns = self.columns if factor[1] > 1 else [_ONE_PIXEL]
        margin = int(factor[0] > 1), int(factor[1] > 1)
        padded = self._bordered(source, margin)

        def phase(py: int, px: int) -> Phase:
            (y, down), (x, across) = rows[py], columns[px]
            weights = _weights(down, across)
            shift = int(weights.sum()).bit_length() - 1
            spread = np.broadcast_to(
                weights[None, :, :, None], (output.channels, *weights.shape, 1)
            )
            requant = constant_requant(output.channels, right=shift)
            return Phase(spread.astype(np.int8), (y + margin[0], x + margin[1]), requant)

        self.spread.phases(
            padded,
            output,
            size,
            factor,
            phase,
            depthwise=True,
            out_zero=0,
            out_min=INT8_MIN,
            out_max=INT8_MAX,
        )

    def _bordered(self, source: FeatureMap, margin: Pair) -> FeatureMap:
        """The map with its first and last rows and columns again around it."""
        height, width = source.height + 2 * margin[0], source.width + 2 * margin[1]
        padded = self.spread.staging("bordered", height, width, source.channels)
        areas = [
            Area((top, bottom), (left, right), (y, x))
            for top, bottom, y in _border(source.height, margin[0])
            for left, right, x in _border(source.width, margin[1])
        ]
        self.spread.copy(source, padded, areas, "its border pixels again around it")
        return padded


def _border(size: int, margin: int) -> list[tuple[int, int, int]]:
    """Ranges ``(first, end)`` of a bordered axis and the pixel at which each begins to read."""
    if not margin:
        return [(0, size, 0)]
    return [(0, 1, 0), (1, size + 1, 0), (size + 1, size + 2, size - 1)]


def _axis(node: Node, size: int, outputs: int) -> list[Taps] | None:
    """The taps of each phase along an axis, None if pixels of a phase differ in theirs."""
    options = node.attrs["align_corners"], node.attrs["half_pixel_centers"]
    factor = outputs // size
    if node.attrs["mode"] == "nearest":
        pixels = nearest_indices(size, outputs, *options)
        repeats = np.array_equal(pixels, np.repeat(np.arange(size), factor))
        return [_ONE_PIXEL] * factor if repeats else None
    if size == 1:
        return [_ONE_PIXEL] * factor
    first, _, weight = bilinear_taps(size, outputs, *options)
    positions = (first * ONE + weight).reshape(size, factor)
    if (positions != positions[0] + ONE * np.arange(size)[:, None]).any():
        return None
    return [_taps(int(p)) for p in positions[0]]


def _taps(position: int) -> Taps:
    whole, rest = divmod(position, ONE)
    return whole, ((ONE - rest, rest) if rest else (ONE,))


def _interpolates(axis: list[Taps]) -> bool:
    return any(taps != _ONE_PIXEL for taps in axis)


def _weights(rows: tuple[int, ...], columns: tuple[int, ...]) -> np.ndarray:
    """The weights of a window, products of those of its axes without what all have in common.

    They add up to a power of two.
    """
    products = np.outer(rows, columns)
    return products // math.gcd(*map(int, products.ravel()))


def _mode(node: Node) -> str:
    options = [k for k in ("align_corners", "half_pixel_centers") if node.attrs[k]]
    return " with ".join((node.attrs["mode"], *options))
