"""Float inputs and outputs of a model whose inside is quantised.

A converter puts QUANTIZE after a float32 input and DEQUANTIZE before a float32 output. Both are
left out: the integer tensor, under its own name, becomes the graph's input or output and is
declared float32. Its real values are quantised and dequantised as the two operators would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.schema import OperatorSlot, SubgraphSlot
from compiler.frontend.tflite.tensors import TensorReader


@dataclass
class Boundary:
    """The operators that are left out, and the integer tensors that stand for float ones.

    Operators and tensors go by their index in the subgraph.
    """

    dropped: set[int] = field(default_factory=set)
    stands_for: dict[int, int] = field(default_factory=dict)


def find_boundary(subgraph: Table, builtins: Sequence[str], tensors: TensorReader) -> Boundary:
    """Float inputs that one QUANTIZE and nothing else reads, float outputs that DEQUANTIZE makes.

    ``builtins`` names the operators in order. Float tensors of another kind stay where they are;
    they are refused when they are read.
    """
    ends = [
        [list(map(int, operator.vector(slot, "i4"))) for slot in _ENDS]
        for operator in _operators(subgraph)
    ]
    readers = Counter(tensor for reads, _ in ends for tensor in reads)
    inputs = _real(subgraph, SubgraphSlot.INPUTS, tensors)
    outputs = _real(subgraph, SubgraphSlot.OUTPUTS, tensors)
    found = Boundary()
    for index, (builtin, (reads, makes)) in enumerate(zip(builtins, ends, strict=True)):
        if len(reads) != 1 or len(makes) != 1:
            continue
        x, y = reads[0], makes[0]
        if builtin == "QUANTIZE" and x in inputs and readers[x] == 1:
            found.stands_for[x] = y
            found.dropped.add(index)
        elif builtin == "DEQUANTIZE" and y in outputs and not readers[y]:
            found.stands_for[y] = x
            found.dropped.add(index)
    return found


_ENDS = (OperatorSlot.INPUTS, OperatorSlot.OUTPUTS)


def _operators(subgraph: Table) -> list[Table]:
    count = subgraph.count(SubgraphSlot.OPERATORS)
    return [subgraph.entry(SubgraphSlot.OPERATORS, index) for index in range(count)]


def _real(subgraph: Table, slot: SubgraphSlot, tensors: TensorReader) -> set[int]:
    """The float32 ones of the subgraph's inputs or outputs."""
    return {int(t) for t in subgraph.vector(slot, "i4") if tensors.is_float(int(t))}
