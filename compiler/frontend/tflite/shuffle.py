"""A channel shuffle as converters write it: RESHAPE, TRANSPOSE, RESHAPE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.schema import OperatorSlot, SubgraphSlot
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Node


@dataclass(frozen=True)
class Shuffle:
    """Tensor indices and groups of a shuffle whose operators are ``first``, ``second`` and the one
    that makes ``y``."""

    first: int
    second: int
    x: int
    y: int
    groups: int

    def node(self, tensors: TensorReader) -> Node:
        """The shuffle, named after the tensor that it makes."""
        name = tensors.tensor(self.y).name
        inputs = (tensors.tensor(self.x).name,)
        return Node(name, "channel_shuffle", inputs, (name,), {"groups": self.groups})


def find_shuffles(
    subgraph: Table, builtins: Sequence[str], tensors: TensorReader
) -> dict[int, Shuffle]:
    """The shuffles of a subgraph by the number of their last operator.

    ``x`` of C channels is reshaped to ``[..., groups, C / groups]``, its last two axes change
    places, and the result is reshaped to x's shape. Nothing else reads what lies between.
    """
    operators = [subgraph.entry(SubgraphSlot.OPERATORS, i) for i in range(len(builtins))]
    inputs = [list(map(int, o.vector(OperatorSlot.INPUTS, "i4"))) for o in operators]
    outputs = [list(map(int, o.vector(OperatorSlot.OUTPUTS, "i4"))) for o in operators]
    read = [i for i, one in enumerate(inputs) for _ in one]
    named = [t for one in inputs for t in one]
    kept = set(map(int, subgraph.vector(SubgraphSlot.OUTPUTS, "i4")))
    makers = {t: i for i, one in enumerate(outputs) for t in one}
    readers: dict[int, list[int]] = {}
    for operator, tensor in zip(read, named, strict=True):
        readers.setdefault(tensor, []).append(operator)
    found = {}
    for second in (i for i, name in enumerate(builtins) if name == "TRANSPOSE"):
        if len(inputs[second]) != 2 or len(outputs[second]) != 1:
            continue
        between = inputs[second][0], outputs[second][0]
        first, last = makers.get(between[0], -1), readers.get(between[1], [-1])[0]
        private = all(len(readers.get(t, [])) == 1 and t not in kept for t in between)
        reshapes = first >= 0 and last >= 0 and builtins[first] == builtins[last] == "RESHAPE"
        if not (private and reshapes and first < second < last):
            continue
        if not (inputs[first] and len(outputs[last]) == 1):
            continue
        x, y = inputs[first][0], outputs[last][0]
        groups = _groups(tensors, x, between[0], inputs[second][1], y)
        if groups:
            found[last] = Shuffle(first, second, x, y, groups)
    return found


def _groups(tensors: TensorReader, x: int, split: int, order: int, y: int) -> int:
    """Groups of the shuffle, 0 if it is none."""
    axes = tensors.index_values(order)
    shapes = [tensors.shape(t) for t in (x, split, y)]
    count = len(shapes[1])
    swapped = [*range(count - 2), count - 1, count - 2]
    if axes is None or axes.tolist() != swapped or shapes[0] != shapes[2]:
        return 0
    if count < 2 or not shapes[0]:
        return 0
    leading, groups = shapes[1][:-2], shapes[1][-2]
    same = math.prod(leading) == math.prod(shapes[0][:-1])
    return groups if same and math.prod(shapes[1][-2:]) == shapes[0][-1] else 0
