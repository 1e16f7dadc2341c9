"""Real ranges and mean squares of the activations that seeded random weights give.

Activations are taken to be of unit variance before their activation function.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from compiler.ir.function_ranges import function_mean_square, function_range
from compiler.ir.graph import Graph, Node
from compiler.ir.ops import CONSTANTS, FUNCTIONS, OPS, WEIGHT_AXIS

#: Variance before the activation function: after relu half of it is left as the mean square.
VARIANCE = {"none": 1.0, "relu": 2.0, "relu6": 2.0, "relu_n1_to_1": 1.0}

#: Real limits of the activation functions; None leaves the side to the statistics.
_LIMITS = {
    "none": (None, None),
    "relu": (0.0, None),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}

#: An input without parameters holds real values from -1 to 1, uniform when random.
_INPUT_RANGE = (-1.0, 1.0)
_INPUT_MEAN_SQUARE = 1 / 3

#: Gain in mean square of a maximum over values that are alike, as they are once there was another.
_ALIKE = 1.5

Range = tuple[float, float]


class Ranges:
    """``mean_square`` of every activation, and ``real`` ranges of those that choose their own.

    ``jitter`` gives two numbers from 0 to 1 for a tensor's name, which widen its range.
    """

    def __init__(self, graph: Graph, jitter: Callable[[str], Range]) -> None:
        self.mean_square = dict.fromkeys(graph.inputs, _INPUT_MEAN_SQUARE)
        self.real = dict.fromkeys(graph.inputs, _INPUT_RANGE)
        self._graph = graph
        self._jitter = jitter
        self._rectified: set[str] = set()
        self._alike = False
        for node in graph.nodes:
            self._visit(node)

    def _visit(self, node: Node) -> None:
        squares = [self.mean_square[n] for n in node.inputs if n in self.mean_square]
        output = node.outputs[0]
        if node.op in WEIGHT_AXIS:
            self._activation(node, VARIANCE[node.attrs["activation"]])
        elif node.op == "add":
            self._activation(node, sum(squares))
        elif node.op in FUNCTIONS:
            self._function(node, math.sqrt(squares[0]))
        elif node.op == "mul":
            self._activation(node, math.prod(squares))
        elif node.op == "softmax":
            self.mean_square[output] = 1.0
        elif node.op in ("layer_norm", "host"):
            self._activation(node, 1.0)
        elif node.op == "concatenation":
            counts = [self._graph.tensors[name].shape[-1] for name in node.inputs]
            total = sum(c * s for c, s in zip(counts, squares, strict=True))
            self.mean_square[output] = total / sum(counts)
        elif node.op == "max_pool2d":
            self._maximum(node)
        else:
            self.mean_square[output] = squares[0]

    def _function(self, node: Node, deviation: float) -> None:
        """Apply a function to a range of 3.5 to 4.5 deviations per side of its input."""
        output = node.outputs[0]
        low, high = ((3.5 + jitter) * deviation for jitter in self._jitter(output))
        self.real[output] = function_range(node.op, node.attrs, -low, high)
        self.mean_square[output] = function_mean_square(node.op, node.attrs, deviation)
        if node.op in ("relu", "relu6"):
            self._rectified.add(output)

    def _maximum(self, node: Node) -> None:
        """Of n normal values the largest has a mean square of about 0.85 times the root of n."""
        x = node.inputs[0]
        gain = _ALIKE
        if not self._alike:
            gain = max(0.85 * math.sqrt(math.prod(node.attrs["kernel"])), 1.0)
            gain *= 2 if x in self._rectified else 1
        self.mean_square[node.outputs[0]] = gain * self.mean_square[x]
        self._alike = True

    def _activation(self, node: Node, variance: float) -> None:
        """Apply the activation function to a range of 3.5 to 4.5 deviations per side."""
        output = node.outputs[0]
        activation = node.attrs.get("activation", "none")
        low, high = _LIMITS[activation]
        jitter = self._jitter(output)
        deviation = math.sqrt(variance)
        low = -deviation * (3.5 + jitter[0]) if low is None else low
        high = deviation * (3.5 + jitter[1]) if high is None else high
        self.real[output] = float(low), float(high)
        self.mean_square[output] = variance
        if activation in ("relu", "relu6"):
            self._rectified.add(output)
            self.mean_square[output] = variance / 2


def tied_tensors(graph: Graph) -> dict[str, list[str]]:
    """The groups of tensors that share their parameters so that concatenations move values only.

    Each tensor of a group has it as its entry. Operators that keep the parameters of their input
    carry a group on.
    """
    groups: dict[str, list[str]] = {}
    tied: set[str] = set()
    for node in graph.nodes:
        if node.op == "concatenation":
            tied.update(node.outputs)
        elif not OPS[node.op].same_quant:
            continue
        for role, name in zip(OPS[node.op].roles(len(node.inputs)), node.inputs, strict=True):
            if role not in CONSTANTS:
                _join(groups, name, node.outputs[0])
    return {name: group for name, group in groups.items() if not tied.isdisjoint(group)}


def _join(groups: dict[str, list[str]], a: str, b: str) -> None:
    first, second = groups.setdefault(a, [a]), groups.setdefault(b, [b])
    if first is not second:
        first.extend(second)
        groups.update((name, first) for name in second)
