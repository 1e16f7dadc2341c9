"""Seeded random weights and quantisation parameters for a graph that carries none.

Activations are taken to be of unit variance before their activation function: a layer's real
weights have variance ``target / (fan_in * mean square of its input)``. So no layer saturates and
none dies, at any depth. Only stable generators and exactly rounded arithmetic are used, so that the
same network and seed give the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Hashable
from dataclasses import replace

import numpy as np

from compiler.errors import UnsupportedError, show
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.ops import FUNCTIONS, OPERAND_TYPES, RESULT_TYPES, WEIGHT_AXIS
from compiler.ir.quant_rules import SOFTMAX_QUANT
from compiler.ir.random_values import nearly_normal, uniform_bytes, uniform_pair
from compiler.ir.ranges import VARIANCE, Ranges, tied_tensors
from compiler.ir.shapes import Shape
from compiler.ir.verify import verify
from compiler.lru_cache import LruCache

#: Most weights of a network that are made at random.
MAX_WEIGHTS = 1 << 28

#: Standard deviation of the real biases, and of gamma and beta.
_BIAS_DEVIATION = 0.1


def randomize(graph: Graph, seed: int = 0) -> Graph:
    """A copy of the graph with int8 weights, int32 biases and all missing parameters filled in.

    The values are a function of the graph's name, its tensors' names and the seed. Parameters that
    the graph already has stay. Raises InputError or UnsupportedError for a graph that ``verify``
    refuses, or with more than ``MAX_WEIGHTS`` weights.
    """
    verify(graph, "structure")
    check_size(graph)
    maker = _Maker(graph, seed)
    for node in graph.nodes:
        maker.visit(node)
    result = replace(graph, tensors=maker.tensors, random_weights=True)
    verify(result, "quantised")
    return result


Drawn = tuple[Quant, np.ndarray]
"""Random values of a constant, with its parameters."""

Weights = LruCache[Drawn]
"""Random weights and biases by all that they follow from."""


def is_complete(graph: Graph) -> bool:
    """Whether all constants have values, and all other tensors quantisation parameters."""
    made = {*graph.inputs, *(name for node in graph.nodes for name in node.outputs)}
    return all(
        t.quant is not None or t.dtype in RESULT_TYPES if name in made else t.is_constant
        for name, t in graph.tensors.items()
    )


def completed(graph: Graph, seed: int = 0) -> Graph:
    """The graph itself when it is complete, or else as ``randomize`` fills it in."""
    return graph if is_complete(graph) else randomize(graph, seed)


def randomize_partly(graph: Graph, seed: int, weighted: Container[str], known: Weights) -> Graph:
    """Variant of ``randomize``: of nodes with weights, only those of the operators ``weighted`` get
    weights and biases. The graph is taken to be right.

    ``known`` has weights of earlier calls, which are not made again; nobody can write to them.
    """
    maker = _Maker(graph, seed, weighted, known)
    for node in graph.nodes:
        maker.visit(node)
    return replace(graph, tensors=maker.tensors, random_weights=True)


def check_size(graph: Graph) -> None:
    """Raise UnsupportedError for a graph of more than ``MAX_WEIGHTS`` weights."""
    names = {n.inputs[1] for n in graph.nodes if n.op in WEIGHT_AXIS}
    total = sum(math.prod(graph.tensors[name].shape) for name in names)
    if total > MAX_WEIGHTS:
        raise UnsupportedError(f"{total} random weights; at most {MAX_WEIGHTS} are accepted")


def _spread(node: Node, x: Shape, weights: Shape, y: Shape) -> float:
    """Share of a transposed convolution's taps that an output pixel has on average."""
    share = 1.0
    for i in (0, 1):
        size, taps, outputs = x[1 + i], weights[1 + i], y[1 + i]
        first = np.arange(size) * node.attrs["stride"][i] - node.attrs["padding"][2 * i]
        place = first[:, None] + np.arange(taps)
        share *= float(((place >= 0) & (place < outputs)).sum()) / (taps * outputs)
    return max(share, 1 / math.prod(weights[1:3]))


class _Maker:
    """Walks the nodes in order, with the range and the mean square of every activation."""

    def __init__(
        self,
        graph: Graph,
        seed: int,
        weighted: Container[str] = WEIGHT_AXIS.keys(),
        known: Weights | None = None,
    ) -> None:
        self._weighted = weighted
        self._known = known
        self.tensors = dict(graph.tensors)
        self._name = graph.name
        self._seed = seed
        self._ranges = Ranges(graph, self._jitter)
        self._tied = tied_tensors(graph)
        for name in graph.inputs:
            self._set_quant(name)

    def visit(self, node: Node) -> None:
        """Give the node's constants values and its output parameters."""
        x, output = node.inputs[0], node.outputs[0]
        if node.op in WEIGHT_AXIS:
            if node.op in self._weighted:
                self._weights(node)
            self._set_quant(output)
            if node.op in self._weighted:
                self._bias(node)
        elif node.op in ("add", "mul", "concatenation"):
            self._set_quant(output)
        elif node.op in FUNCTIONS:
            self._tables(node)
            self._set_quant(output)
        elif node.op == "layer_norm":
            self._float_constant(node.inputs[1], 1.0)
            self._float_constant(node.inputs[2], 0.0)
            self._set_quant(output)
        elif node.op == "host":
            self._check_operands(node)
            if self.tensors[output].dtype not in RESULT_TYPES:
                self._set_quant(output)
        elif node.op == "take":
            self._indices(node)
            self._move(x, output)
        elif node.op == "arg_max":
            return
        elif node.op == "softmax":
            self._default(output, Quant((SOFTMAX_QUANT[0],), (SOFTMAX_QUANT[1],)))
        else:
            self._move(x, output)

    def _check_operands(self, node: Node) -> None:
        for tensor in (self.tensors[name] for name in node.inputs):
            if tensor.dtype in OPERAND_TYPES and not tensor.is_constant:
                raise UnsupportedError(
                    f"node {show(node.name)} (host): operand {show(tensor.name)} has no values, "
                    "and random ones would mean nothing; a model with its weights is accepted"
                )

    def _weights(self, node: Node) -> None:
        tensor = self.tensors[node.inputs[1]]
        if tensor.is_constant:
            return
        axis = WEIGHT_AXIS[node.op]
        fan_in = math.prod(tensor.shape) / tensor.shape[axis] * self._coverage(node)
        target = VARIANCE[node.attrs["activation"]]
        deviation = math.sqrt(target / (fan_in * self._ranges.mean_square[node.inputs[0]]))
        per_channel = node.op != "fully_connected"
        key = (self._name, tensor.name, self._seed, tensor.shape, axis, deviation, per_channel)
        self._fill(tensor, key, lambda: self._drawn(tensor, axis, deviation, per_channel))

    def _fill(self, tensor: Tensor, key: Hashable, make: Callable[[], Drawn]) -> None:
        """Give the tensor values, and parameters if it has none; known ones are not made again."""
        quant, data = make() if self._known is None else self._known.get(key, make)
        if self._known is not None:
            data.setflags(write=False)
        self.tensors[tensor.name] = replace(tensor, quant=tensor.quant or quant, data=data)

    def _drawn(self, tensor: Tensor, axis: int, deviation: float, per_channel: bool) -> Drawn:
        """Weights of a deviation and their parameters."""
        values = deviation * self._normal(tensor.name, tensor.shape)
        others = tuple(a for a in range(values.ndim) if a != axis)
        largest = np.abs(values).max(axis=others if per_channel else None, keepdims=True)
        scale = np.float32(np.maximum(largest, deviation) / 127)
        data = np.rint(values / scale).astype(np.int8)
        scales = tuple(map(float, scale.reshape(-1)))
        return Quant(scales, (0,) * len(scales), axis if len(scales) > 1 else None), data

    def _tables(self, node: Node) -> None:
        """The table of a lookup."""
        for name in node.inputs[1:]:
            tensor = self.tensors[name]
            if not tensor.is_constant:
                data = self._bytes(name, math.prod(tensor.shape)).view(np.int8)
                self.tensors[name] = replace(tensor, data=data)

    def _indices(self, node: Node) -> None:
        """The places that are taken along an axis."""
        tensor = self.tensors[node.inputs[1]]
        if not tensor.is_constant:
            size = self.tensors[node.inputs[0]].shape[node.attrs["axis"]]
            drawn = self._bytes(tensor.name, 4 * math.prod(tensor.shape)).view("<u4") % size
            data = drawn.astype(np.int32).reshape(tensor.shape)
            self.tensors[tensor.name] = replace(tensor, data=data)

    def _coverage(self, node: Node) -> float:
        """Share of a convolution's taps that fall on pixels of its input."""
        if node.op == "fully_connected":
            return 1.0
        shapes = [self.tensors[name].shape for name in (*node.inputs[:2], *node.outputs)]
        if node.op == "transpose_conv2d":
            return _spread(node, *shapes)
        share = 1.0
        for i in (0, 1):
            size, taps, outputs = (shape[1 + i] for shape in shapes)
            stride = node.attrs["stride"][i]
            offset = np.arange(taps) * node.attrs["dilation"][i] - node.attrs["padding"][2 * i]
            first = np.maximum(-(offset // stride), 0)
            last = np.minimum((size - 1 - offset) // stride, outputs - 1)
            share *= float(np.maximum(last - first + 1, 0).sum()) / (taps * outputs)
        return max(share, 1 / math.prod(shapes[1][1:3]))

    def _bias(self, node: Node) -> None:
        name = node.inputs[2]
        if not name or self.tensors[name].is_constant:
            return
        tensor = self.tensors[name]
        x, weights = self.tensors[node.inputs[0]].quant, self.tensors[node.inputs[1]].quant
        assert x is not None and weights is not None, "set before the bias"
        scale = (x.scale[0] * np.asarray(weights.scale)).astype(np.float32)
        key = (self._name, name, self._seed, tensor.shape, scale.tobytes())
        self._fill(tensor, key, lambda: self._drawn_bias(tensor, scale))

    def _drawn_bias(self, tensor: Tensor, scale: np.ndarray) -> Drawn:
        """A bias of these scales and its parameters."""
        real = _BIAS_DEVIATION * self._normal(tensor.name, tensor.shape)
        limit = np.iinfo(np.int32).max // 2
        data = np.clip(np.rint(real / scale), -limit, limit).astype(np.int32)
        scales = tuple(map(float, scale.reshape(-1)))
        return Quant(scales, (0,) * len(scales), 0 if len(scales) > 1 else None), data

    def _float_constant(self, name: str, mean: float) -> None:
        """Values about ``mean``, float32."""
        tensor = self.tensors[name]
        if not tensor.is_constant:
            real = np.float32(mean) + np.float32(_BIAS_DEVIATION) * self._normal(name, tensor.shape)
            self.tensors[name] = replace(tensor, data=real)

    def _move(self, x: str, output: str) -> None:
        """Pools, means, padding and reshapes keep parameters; ``quantize`` keeps the range."""
        quant, found = self.tensors[x].quant, self.tensors[output]
        assert quant is not None, "made before it is read"
        if found.dtype != self.tensors[x].dtype:
            shift = 128 if found.dtype == "uint8" else -128
            quant = Quant(quant.scale, (quant.zero_point[0] + shift,))
        self._default(output, quant)

    def _set_quant(self, name: str) -> None:
        """Parameters for the tensor's real range; for those of all tensors that it is tied to.

        Parameters that one of these has already are those of all.
        """
        group = self._tied.get(name, [name])
        given = [self.tensors[n].quant for n in group if self.tensors[n].quant]
        if given:
            assert given[0] is not None
            self._default(name, given[0])
            return
        ranges = [self._ranges.real[n] for n in group if n in self._ranges.real]
        low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
        scale = np.float32((high - low) / 255)
        first = 0 if self.tensors[name].dtype == "uint8" else -128
        zero_point = first + round(-low / float(scale))
        self._default(name, Quant((float(scale),), (min(max(zero_point, first), first + 255),)))

    def _default(self, name: str, quant: Quant) -> None:
        if self.tensors[name].quant is None:
            self.tensors[name] = replace(self.tensors[name], quant=quant)

    def _normal(self, name: str, shape: Shape) -> np.ndarray:
        return nearly_normal(self._key(name), shape)

    def _jitter(self, name: str) -> tuple[float, float]:
        return uniform_pair(self._key(name))

    def _bytes(self, name: str, count: int) -> np.ndarray:
        return uniform_bytes(self._key(name), count)

    def _key(self, name: str) -> str:
        return f"{self._name}\0{name}\0{self._seed}"
