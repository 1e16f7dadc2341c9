"""A dilated convolution as older converters write it: SPACE_TO_BATCH_ND, convolution, back.

Each sub-image of a batch has every ``block``-th pixel of the padded map. So a convolution of them
is one of the map whose dilation is ``block``, and what BATCH_TO_SPACE_ND crops is less padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.model_file import ModelFile
from compiler.frontend.tflite.operator import Operator
from compiler.frontend.tflite.schema import OperatorSlot, SubgraphSlot
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Node

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_FIRST, _LAST = "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"


@dataclass(frozen=True)
class Dilated:
    """The operators that are one convolution, by number, and the tensors at its ends."""

    first: int
    convolution: int
    x: int
    y: int
    block: tuple[int, int]
    padding: np.ndarray
    crops: np.ndarray

    def node(self, op: Operator) -> Node:
        """The convolution of the map; ``op`` is that of the sub-images.

        Raises UnsupportedError where that has a stride or dilation, or the map other than 4 axes.
        """
        if op.pair("stride") != (1, 1) or op.pair("dilation") != (1, 1):
            raise UnsupportedError(
                f"stride or dilation between {_FIRST} and {_LAST}; 1 is accepted of both"
            )
        x, y = op.tensors.tensor(self.x), op.tensors.tensor(self.y)
        weights = op.map(1)
        if len(x.shape) != 4:
            raise UnsupportedError(f"x of shape {list(x.shape)}; 4 dimensions are accepted")
        attrs: dict[str, object] = {
            "stride": (1, 1),
            "dilation": self.block,
            "padding": self._padding(op, weights.shape[1:3]),
            "activation": op.fused_activation(),
        }
        if op.builtin == "CONV_2D":
            attrs["groups"] = x.shape[3] // weights.shape[3]
            return Node(y.name, "conv2d", (x.name, weights.name, op.bias()), (y.name,), attrs)
        attrs["depth_multiplier"] = op.options["depth_multiplier"]
        return Node(y.name, "depthwise_conv2d", (x.name, weights.name, op.bias()), (y.name,), attrs)

    def _padding(self, op: Operator, kernel: tuple[int, ...]) -> tuple[int, ...]:
        """The blocks' padding and that of the sub-images, less what is cropped."""
        inner = op.window_padding(op.tensors.shape(op.inputs[0])[1:3], kernel)
        sizes = np.array(inner).reshape(2, 2) * np.array(self.block)[:, None]
        left = sizes + self.padding - self.crops
        if left.min() < 0:
            raise UnsupportedError(
                f"crops {self.crops.tolist()} after a convolution between {_FIRST} and {_LAST}; at "
                f"most its padding {(sizes + self.padding).tolist()} is accepted"
            )
        return tuple(map(int, left.reshape(-1)))


def find_dilated(model: ModelFile) -> dict[int, Dilated]:
    """The convolutions between blocks by the number of their last operator.

    Strides and dilations are 1, and nothing else reads what lies between.
    """
    ends = [_ends(table) for table in model.operators]
    kept = set(model.indices(SubgraphSlot.OUTPUTS))
    makers = {t: i for i, (_, outputs) in enumerate(ends) for t in outputs}
    uses: dict[int, int] = {}
    for inputs, _ in ends:
        for tensor in inputs:
            uses[tensor] = uses.get(tensor, 0) + 1
    found = {}
    for last, name in enumerate(model.builtins):
        chain = [last]
        for wanted in (_CONVOLUTIONS, (_FIRST,)):
            inputs = ends[chain[0]][0]
            before = makers.get(inputs[0], -1) if name == _LAST and inputs else -1
            private = inputs and uses[inputs[0]] == 1 and inputs[0] not in kept
            if before >= 0 and private and model.builtins[before] in wanted:
                chain.insert(0, before)
        if len(chain) == 3:
            dilated = _dilated(model.tensors, chain, ends)
            if dilated is not None:
                found[last] = dilated
    return found


Ends = tuple[list[int], list[int]]


def _dilated(tensors: TensorReader, chain: list[int], ends: Sequence[Ends]) -> Dilated | None:
    first, convolution, last = chain
    if len(ends[first][0]) != 3 or len(ends[last][0]) != 3 or len(ends[last][1]) != 1:
        return None
    x, *before = ends[first][0]
    _, *after = ends[last][0]
    block, padding = (tensors.index_values(t) for t in before)
    again, crops = (tensors.index_values(t) for t in after)
    if block is None or padding is None or again is None or crops is None:
        return None
    shapes = (block.shape, again.shape, padding.shape, crops.shape)
    if shapes != ((2,), (2,), (2, 2), (2, 2)) or not np.array_equal(block, again):
        return None
    pair = (int(block[0]), int(block[1]))
    return Dilated(first, convolution, x, ends[last][1][0], pair, padding, crops)


def _ends(table: Table) -> Ends:
    inputs, outputs = (
        list(map(int, table.vector(slot, "i4")))
        for slot in (OperatorSlot.INPUTS, OperatorSlot.OUTPUTS)
    )
    return inputs, outputs
