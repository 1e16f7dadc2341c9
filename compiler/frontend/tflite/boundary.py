"""Float inputs and outputs of a model whose inside is quantised.

A converter puts QUANTIZE after a float32 input and DEQUANTIZE before a float32 output. Both are
left out: the integer tensor, under its own name, becomes the graph's input or output and is
declared float32. Its real values are quantised and dequantised as the two operators would.

An input of 8-bit numbers may go through CAST before QUANTIZE: both are then one table. CAST of
places (ARG_MAX) before an output is left out too, and the output declared as what it makes.
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
    """The operators that are left out, and the integer tensors that stand for other ones.

    ``numbers`` has, for each input that is cast, the quantised tensor. Operators and tensors go by
    their index in the subgraph.
    """

    dropped: set[int] = field(default_factory=set)
    stands_for: dict[int, int] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)


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
        elif builtin == "CAST":
            _find_cast(found, index, builtins, ends, readers, subgraph, tensors)
    return found


def _find_cast(
    found: Boundary,
    index: int,
    builtins: Sequence[str],
    ends: list[list[list[int]]],
    readers: Counter[int],
    subgraph: Table,
    tensors: TensorReader,
) -> None:
    (x,), (y,) = ends[index]
    if y in set(map(int, subgraph.vector(SubgraphSlot.OUTPUTS, "i4"))) and not readers[y]:
        makers = [builtins[i] for i, (_, makes) in enumerate(ends) if makes == [x]]
        if makers and makers[0] in ("ARG_MAX", "ARG_MIN") and tensors.kind(y) in _PLACES:
            found.stands_for[y] = x
            found.dropped.add(index)
        return
    given = set(map(int, subgraph.vector(SubgraphSlot.INPUTS, "i4")))
    after = [i for i, (reads, _) in enumerate(ends) if y in reads]
    single = readers[x] == readers[y] == len(after) == 1 and x in given and tensors.is_float(y)
    if single and tensors.kind(x) in _NUMBERS and builtins[after[0]] == "QUANTIZE":
        found.numbers[x] = ends[after[0]][1][0]
        found.dropped.update((index, after[0]))


_NUMBERS, _PLACES = ("UINT8", "INT8"), ("INT32", "INT64")


_ENDS = (OperatorSlot.INPUTS, OperatorSlot.OUTPUTS)


def _operators(subgraph: Table) -> list[Table]:
    count = subgraph.count(SubgraphSlot.OPERATORS)
    return [subgraph.entry(SubgraphSlot.OPERATORS, index) for index in range(count)]


def _real(subgraph: Table, slot: SubgraphSlot, tensors: TensorReader) -> set[int]:
    """The float32 ones of the subgraph's inputs or outputs."""
    return {int(t) for t in subgraph.vector(slot, "i4") if tensors.is_float(int(t))}
