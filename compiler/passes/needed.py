"""Elements of each tensor that the network's outputs need, and so the multiply-accumulates.

Backwards from the outputs: an element is needed if an output is, or if a needed element is computed
from it. An element of a channel that is zero throughout (``zeros``) is not: nothing is computed to
know it. A multiply-accumulate of a convolution is needed if its result is and its operand is in no
such channel. Taps on the padding of a convolution count, as they do in every published figure; of
a transposed convolution those count that lead from a pixel to a needed element. Pixels that a
stride passes over count as read, for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from compiler.ir.counts import node_macs
from compiler.ir.graph import Graph, Node
from compiler.ir.ops import ANY_AXES, FUNCTIONS, WEIGHT_AXIS
from compiler.passes.cells import Cells, Part, every, everything, extent, kept, union
from compiler.passes.windows import Axis, axes, between, met, read, resized
from compiler.passes.zeros import Added, moved, zero_channels


@dataclass(frozen=True)
class Work:
    """Multiply-accumulates of the model: those ``needed``, and all ``done`` by what computes the
    whole output."""

    needed: int = 0
    done: int = 0


#: Work by row and column of the output modulo the stride.
PhaseWork = dict[tuple[int, int], Work]


@dataclass(frozen=True)
class Needs:
    """Needed elements and zero channels of each activation, and the work of each convolution and
    fully connected layer by the node's name; of a transposed convolution by phase of its output.
    """

    cells: dict[str, Cells]
    zeros: dict[str, np.ndarray]
    work: dict[str, Work]
    phases: dict[str, PhaseWork]

    @property
    def macs(self) -> int:
        """Needed multiply-accumulates of all nodes."""
        return sum(work.needed for work in self.work.values())


def needs(graph: Graph, added: Added | None = None, moves: frozenset[str] = frozenset()) -> Needs:
    """Elements and multiply-accumulates that the outputs of the graph need.

    ``added`` has channels of weights that are not the model's, all 0; convolutions that are named
    in ``moves`` only move channels.
    """
    return _Walk(graph, added or {}, moves).run()


class _Walk:
    """State of the walk over the nodes, the last one first."""

    def __init__(self, graph: Graph, added: Added, moves: frozenset[str]) -> None:
        self.graph, self.added, self.moves = graph, added, moves
        self.zeros = zero_channels(graph, added, moves)
        self.parts: dict[str, list[Part]] = {}
        self.needs = Needs({}, self.zeros, {}, {})

    def run(self) -> Needs:
        for name in self.graph.outputs:
            self._read(name, everything(self._size(name)).parts)
        for node in reversed(self.graph.nodes):
            self._node(node)
        for name in self.graph.inputs:
            self.needs.cells[name] = self._cells(name)
        return self.needs

    def _node(self, node: Node) -> None:
        name = node.outputs[0]
        cells = self.needs.cells[name] = self._cells(name)
        if node.op in WEIGHT_AXIS and node.name not in self.moves:
            self._count(node, cells)
        for x, parts in self._reads(node, cells):
            self._read(x, parts)

    def _size(self, name: str) -> tuple[int, int, int]:
        return extent(self.graph.tensors[name].shape)

    def _read(self, name: str, parts: Iterable[Part]) -> None:
        self.parts.setdefault(name, []).extend(parts)

    def _cells(self, name: str) -> Cells:
        parts = self.parts.pop(name, [])
        zeros = self.zeros.get(name)
        if zeros is not None:
            parts = [(pixels, channels & ~zeros) for pixels, channels in parts]
        return union(self._size(name), parts)

    # Multiply-accumulates.

    def _count(self, node: Node, cells: Cells) -> None:
        if cells.whole and self._plain(node) and node.op != "transpose_conv2d":
            macs = node_macs(self.graph, node)
            self.needs.work[node.name] = Work(macs, macs)
            return
        weights = self.graph.tensors[node.inputs[1]].shape
        useful, all_of_them = self._operands(node)
        if node.op != "transpose_conv2d":
            taps = 1 if node.op == "fully_connected" else weights[1] * weights[2]
            pixels = cells.size[0] * cells.size[1]
            self.needs.work[node.name] = Work(
                taps * cells.weighed(useful), taps * pixels * int(all_of_them.sum())
            )
            return
        phases = self.needs.phases[node.name] = self._phases(node, cells, useful, all_of_them)
        self.needs.work[node.name] = Work(
            sum(w.needed for w in phases.values()), sum(w.done for w in phases.values())
        )

    def _plain(self, node: Node) -> bool:
        """Whether every channel of the input may matter, and every weight is the model's."""
        return node.inputs[0] not in self.zeros and node.inputs[1] not in self.added

    def _operands(self, node: Node) -> tuple[np.ndarray, np.ndarray]:
        """Per output channel the operands of a tap: those in no zero channel, and all."""
        x, y = self._size(node.inputs[0]), self._size(node.outputs[0])
        added = self.added.get(node.inputs[1], {})
        zeros = self.zeros.get(node.inputs[0], np.zeros(x[2], bool))
        own = ~added.get(WEIGHT_AXIS[node.op], np.zeros(y[2], bool))
        if node.op == "depthwise_conv2d":
            per_channel = (~zeros).repeat(node.attrs["depth_multiplier"])
            return per_channel * own, own.astype(np.int64)
        if node.op == "fully_connected":
            columns = self.graph.tensors[node.inputs[1]].shape[1]
            whole = columns == x[0] * x[1] * x[2]
            useful = x[0] * x[1] * int((~zeros).sum()) if whole else columns
            return useful * own, columns * own
        groups = node.attrs.get("groups", 1)
        real = np.ones(x[2], bool)
        if groups == 1 and node.op == "conv2d":
            real = ~added.get(3, ~real)
        per_group = [
            mask.reshape(groups, -1).sum(1).repeat(y[2] // groups) for mask in (real & ~zeros, real)
        ]
        return per_group[0] * own, per_group[1] * own

    def _phases(
        self, node: Node, cells: Cells, useful: np.ndarray, all_of_them: np.ndarray
    ) -> PhaseWork:
        """The work of each phase. Phases are equally large: rows
        and columns beyond the output are computed, and needed by nobody."""
        weights, stride = self.graph.tensors[node.inputs[1]].shape, node.attrs["stride"]
        rows, columns = axes(self.graph, node, weights[1:3])
        pairs = np.outer(met(rows), met(columns))
        full = np.outer(*(met(_rounded_up(axis)) for axis in (rows, columns)))
        return {
            (py, px): Work(
                Cells(
                    (0, 0, 0),
                    tuple(
                        (pixels[py :: stride[0], px :: stride[1]], channels)
                        for pixels, channels in cells.parts
                    ),
                ).weighed(useful, pairs[py :: stride[0], px :: stride[1]]),
                int(full[py :: stride[0], px :: stride[1]].sum()) * int(all_of_them.sum()),
            )
            for py in range(stride[0])
            for px in range(stride[1])
        }

    # What a node reads.

    def _reads(self, node: Node, cells: Cells) -> Iterator[tuple[str, list[Part]]]:
        """The elements of its inputs that the needed ones of its output are computed from."""
        x = node.inputs[0]
        if node.op in ANY_AXES:
            yield from self._any_axes(node, cells)
        elif node.op == "concatenation":
            first = 0
            for name in node.inputs:
                last = first + self._size(name)[2]
                yield name, [(p, c[first:last]) for p, c in cells.parts]
                first = last
        elif node.op == "add":
            yield from ((name, list(cells.parts)) for name in node.inputs)
        elif node.op == "mul":
            yield from self._factors(node, cells)
        elif node.op in ("host", "rearrange"):
            names = [n for n in node.inputs if not self.graph.tensors[n].is_constant]
            yield from ((n, list(everything(self._size(n)).parts)) for n in names if cells.parts)
        elif node.name in self.moves:
            taken = moved(self.graph, node)
            yield x, [(p, np.any(taken[c], axis=0)) for p, c in cells.parts]
        elif node.op in WEIGHT_AXIS:
            yield x, self._operands_read(node, cells)
        elif node.op == "reshape":
            yield x, list(cells.reshaped(self._size(x)).parts)
        elif node.op in ("avg_pool2d", "max_pool2d"):
            axis = axes(self.graph, node, node.attrs["kernel"])
            yield x, [(read(axis, p), c) for p, c in cells.parts]
        else:
            yield x, [self._single(node, *part) for part in cells.parts]

    def _any_axes(self, node: Node, cells: Cells) -> Iterator[tuple[str, list[Part]]]:
        """All of the operands, of a slice those values that it keeps and somebody needs."""
        for name in node.inputs:
            if self.graph.tensors[name].is_constant or not cells.parts:
                continue
            size = self._size(name)
            if node.op == "strided_slice":
                yield name, kept(self.graph.tensors[name].shape, node.attrs, cells, size)
            else:
                yield name, list(everything(size).parts)

    def _factors(self, node: Node, cells: Cells) -> Iterator[tuple[str, list[Part]]]:
        """Both factors except pixels of one value per channel; none where the other is 0."""
        for name, other in zip(node.inputs, reversed(node.inputs), strict=True):
            size, parts = self._size(name), list(cells.parts)
            if size[:2] != cells.size[:2]:
                parts = [(every(*size[:2]), c) for _, c in parts]
            zeros = self.zeros.get(other)
            yield name, parts if zeros is None else [(p, c & ~zeros) for p, c in parts]

    def _operands_read(self, node: Node, cells: Cells) -> list[Part]:
        weights, size = self.graph.tensors[node.inputs[1]].shape, self._size(node.inputs[0])
        if node.op == "fully_connected":
            return list(everything(size).parts) if cells.parts else []
        axis = axes(self.graph, node, weights[1:3])
        if cells.whole and self._plain(node):
            return [(read(axis, cells.parts[0][0]), every(size[2]))]
        groups = node.attrs.get("groups", 1)
        if node.op == "depthwise_conv2d":
            groups = size[2]
        real = np.ones(size[2], bool)
        if groups == 1 and node.op == "conv2d":
            real = ~self.added.get(node.inputs[1], {}).get(3, ~real)
        return [
            (read(axis, p), c.reshape(groups, -1).any(1).repeat(size[2] // groups) & real)
            for p, c in cells.parts
        ]

    def _single(self, node: Node, pixels: np.ndarray, channels: np.ndarray) -> Part:
        """The part of the input that a part of the output is computed from."""
        size = self._size(node.inputs[0])
        if node.op in FUNCTIONS or node.op == "quantize":
            return pixels, channels
        if node.op == "slice":
            begin, end = node.attrs["begin"], node.attrs["begin"] + node.attrs["size"]
            return pixels, np.pad(channels, (begin, size[2] - end))
        if node.op == "channel_shuffle":
            return pixels, channels.reshape(-1, node.attrs["groups"]).T.reshape(-1)
        if node.op == "mean":
            return every(*size[:2]), channels
        if node.op == "pad":
            (top, _, left, _), (before, _) = node.attrs["padding"], node.attrs["channel_padding"]
            own = pixels[top : top + size[0], left : left + size[1]]
            return own, channels[before : before + size[2]]
        if node.op == "resize":
            rows, columns = (resized(node, size[i], pixels.shape[i]) for i in (0, 1))
            return between(rows, pixels, columns), channels
        assert node.op in ("softmax", "layer_norm"), node.op
        return pixels, every(size[2])


def _rounded_up(axis: Axis) -> Axis:
    """The axis with as many outputs in every phase."""
    return axis._replace(outputs=-(-axis.outputs // axis.stride) * axis.stride)
