"""Layers that make a larger map of a smaller one, a part of its rows or columns at a time.

EXECUTE walks output pixels row by row, with a gap between rows. A map seen in rows of another
length says more with that: in rows ``n`` times as long, each ``n``-th row of the map is a range of
columns; in rows of ``n`` pixels, so is each ``n``-th pixel.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from compiler.hwir.feature_map import FeatureMap, View, map_shape
from compiler.hwir.network import ArrayOp, Pair, Region, Requant
from compiler.ir.graph import Graph, Node
from compiler.passes.arithmetic import constant_requant
from compiler.passes.context import Context
from compiler.passes.needed import Work
from compiler.passes.operators import INT8_MAX, INT8_MIN
from hw.spec import isa

#: Words of a row in which a map is seen, at most.
MAX_ROW = isa.highest(isa.Opcode.EXECUTE, "out_width", "out_skip")

#: Words of a repeated row that take longer than one more command.
LONG_ROWS = 128


@dataclass(frozen=True)
class Phase:
    """Producer of the pixels of one phase: a window that moves by one pixel of the source.

    ``start`` is the row and column of the source under its first tap for the first pixel. The
    ``weights`` are those of ``Layer``.
    """

    weights: np.ndarray
    start: Pair
    requant: Requant
    work: Work = Work()


@dataclass(frozen=True)
class Area:
    """Output rows and columns ``(first, end)``, copied from the input pixel ``start`` on."""

    rows: Pair
    columns: Pair
    start: Pair = (0, 0)
    plane: int = 0


class UpsampleBuilder:
    """The layers of one node, whose maps and view join ``maps`` and ``views``."""

    def __init__(
        self,
        graph: Graph,
        node: Node,
        maps: dict[str, FeatureMap],
        views: dict[str, View],
        cols: int,
    ) -> None:
        self.graph, self.node, self.maps, self.cols = graph, node, maps, cols
        y = graph.tensors[node.outputs[0]]
        self.source = maps[views[node.inputs[0]].map]
        self.output = FeatureMap(y.name, *map_shape(y))
        self.ops: list[ArrayOp] = []
        maps[y.name] = self.output
        views[y.name] = View(y.name)

    def finished(self) -> list[ArrayOp]:
        """All layers; only one bears the node's own name."""
        if len(self.ops) == 1:
            return [dataclasses.replace(self.ops[0], name=self.node.name)]
        return self.ops

    def context(self, source: FeatureMap, output: FeatureMap) -> Context:
        """The node as if it read ``source`` and made ``output``."""
        return Context(self.graph, self.node, source, output, self.cols)

    def staging(self, text: str, height: int, width: int, channels: int) -> FeatureMap:
        """A map that no tensor is."""
        return self._add(FeatureMap(f"{self.output.name}/{text}", height, width, channels))

    def seen(self, m: FeatureMap, height: int, width: int) -> FeatureMap:
        """The pixels of ``m`` in rows of ``width``."""
        assert height * width == m.pixels, m.name
        if width == m.width:
            return m
        name = f"{m.name}/{height}x{width}"
        return self._add(
            dataclasses.replace(m, name=name, height=height, width=width, parent=m.name, plane=0)
        )

    def copy(
        self,
        source: FeatureMap,
        output: FeatureMap,
        areas: Iterable[Area],
        note: str,
        stride: Pair = (1, 1),
    ) -> None:
        """An array operation of one tap that copies every area."""
        requant = constant_requant(output.channels)
        regions = tuple(Region(*a.rows, *a.columns, requant, a.start, a.plane) for a in areas)
        self._append(
            source,
            output,
            stride=stride,
            regions=regions,
            depthwise=True,
            out_zero=0,
            out_min=INT8_MIN,
            out_max=INT8_MAX,
            notes=(note,),
        )

    def repeat_rows(self, source: FeatureMap, output: FeatureMap) -> None:
        """Every row of ``source`` as often as the heights say.

        Long rows one after another, which are written without gaps; short ones in fewer commands.
        """
        height, width, factor = source.height, source.width, output.height // source.height
        note = f"every row {factor} times"
        if height == 1 or factor * width * output.planes(self.cols) >= LONG_ROWS:
            areas = [
                Area((y * factor, (y + 1) * factor), (0, width), (y, 0)) for y in range(height)
            ]
            self.copy(source, output, areas, note, (0, 1))
            return
        areas = [Area((0, height), (p * width, (p + 1) * width)) for p in range(factor)]
        self.copy(source, self.seen(output, height, factor * width), areas, note)

    def join_columns(self, source: FeatureMap, output: FeatureMap, planes: int = 0) -> None:
        """Pixels of ``source`` side by side, as often as the widths say.

        Each is found ``planes`` planes after the one before: with 0 they are alike. Rows of
        ``source`` beyond the output's are left out.
        """
        factor, rows = output.width // source.width, output.height * source.width
        areas = [Area((0, rows), (p, p + 1), plane=p * planes) for p in range(factor)]
        note = f"every pixel {factor} times"
        if planes:
            note = f"{factor} maps joined, a column of each in turn"
        narrow, wide = self.seen(source, source.pixels, 1), self.seen(output, rows, factor)
        self.copy(narrow, wide, areas, note)

    def fill(self, source: FeatureMap, output: FeatureMap) -> None:
        """The only pixel of ``source`` everywhere."""
        column = self.seen(output, output.pixels, 1)
        area = Area((0, output.pixels), (0, 1))
        self.copy(source, column, (area,), "one pixel, read again and again", (0, 0))

    def phases(
        self,
        source: FeatureMap,
        output: FeatureMap,
        size: Pair,
        factor: Pair,
        make: Callable[[int, int], Phase],
        **values: object,
    ) -> None:
        """Pixel ``(py, px)`` of each ``factor`` pixels of the output by the window of its own.

        ``size`` counts the pixels of a phase. The width of ``output`` is that of all; its height
        may be less where columns are joined. ``values`` are the layers' other fields.
        """
        (height, width), (down, across), planes = size, factor, output.planes(self.cols)
        parts, staged = [output], output
        if across > 1:
            channels = (across - 1) * planes * self.cols + output.channels
            staged = self.staging("phases", height * down, width, channels)
            parts = [self._part(staged, output.channels, p, p * planes) for p in range(across)]
        for px, part in enumerate(parts):
            seen = self.seen(part, height, width * down)
            for py in range(down):
                phase = make(py, px)
                region = Region(0, height, py * width, (py + 1) * width, phase.requant, phase.start)
                self._append(
                    source,
                    seen,
                    kernel=phase.weights.shape[1:3],
                    weights=phase.weights,
                    regions=(region,),
                    macs=phase.work.needed,
                    done=phase.work.done,
                    notes=(f"pixel ({py}, {px}) of each {down}x{across}",),
                    **values,
                )
        if across > 1:
            self.join_columns(staged, output, planes)

    def _part(self, m: FeatureMap, channels: int, index: int, plane: int) -> FeatureMap:
        return self._add(
            dataclasses.replace(
                m, name=f"{m.name}/{index}", channels=channels, parent=m.name, plane=plane
            )
        )

    def _append(self, source: FeatureMap, output: FeatureMap, **values: object) -> None:
        name = f"{self.node.name}/{len(self.ops)}"
        self.ops.append(self.context(source, output).op(name=name, **values))

    def _add(self, m: FeatureMap) -> FeatureMap:
        """The map under a name that no tensor and no other map has."""
        name = m.name
        while name in self.graph.tensors or name in self.maps:
            name += "'"
        self.maps[name] = dataclasses.replace(m, name=name, stored=False)
        return self.maps[name]
