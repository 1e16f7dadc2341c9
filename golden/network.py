"""Runs a quantised graph, given as plain dicts and arrays, one operator after another.

The dict form::

    {"name": str, "inputs": [tensor names], "outputs": [tensor names],
     "tensors": {name: {"shape": tuple, "dtype": str, "scale": array or None,
                        "zero_point": array or None, "axis": int or None, "data": array or None,
                        "declared": as in golden.declared, may be left out}},
     "nodes": [{"name": str, "op": str, "inputs": [...], "outputs": [...], "attrs": dict}]}

Nodes are in execution order, operators and attributes those of ``docs/ir.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from golden import ops
from golden.declared import tensor_qparams
from golden.functions import FUNCTIONS
from golden.host import Layout, host, rearrange
from golden.quant import QParams


def run(
    graph: Mapping[str, Any], inputs: Mapping[str, np.ndarray], keep: bool = True
) -> dict[str, np.ndarray]:
    """The graph's activation tensors by name, as stored; only its outputs if not ``keep``.

    ``inputs`` has one array per graph input, in the tensor's shape and type. Raises ValueError
    where an input or an operator does not fit the graph.
    """
    values = {name: _checked(graph, name, inputs) for name in graph["inputs"]}
    for node in graph["nodes"]:
        values.update(run_node(graph, node, values))
    if keep:
        return values
    return {name: _value(graph, name, values) for name in graph["outputs"]}


def run_node(
    graph: Mapping[str, Any], node: Mapping[str, Any], values: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The outputs of one node by name; ``values`` holds its inputs that are not constants.

    Raises ValueError, with the node's name, for an operator that is not known and for a result
    whose shape or type is not the one that the graph declares.
    """
    where = f"node {node['name']!r} ({node['op']})"
    if node["op"] not in _RUNNERS:
        raise ValueError(f"{where}: operator must be one of {', '.join(_RUNNERS)}")
    (name,) = node["outputs"]
    arrays = [_value(graph, n, values) if n else None for n in node["inputs"]]
    try:
        result = _RUNNERS[node["op"]](_Call(graph, node, arrays))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    shape, dtype = tuple(graph["tensors"][name]["shape"]), graph["tensors"][name]["dtype"]
    if result.shape != shape or result.dtype != dtype:
        raise ValueError(
            f"{where}: output {name!r} must be {dtype} {shape}, not {result.dtype} {result.shape}"
        )
    return {name: result}


class _Call:
    """One node with its input arrays at hand."""

    def __init__(
        self, graph: Mapping[str, Any], node: Mapping[str, Any], arrays: list[Any]
    ) -> None:
        self._tensors = graph["tensors"]
        self._node = node
        self.arrays = arrays

    @property
    def y_quant(self) -> QParams:
        return tensor_qparams(self._tensors[self._node["outputs"][0]])

    def x_quant(self, index: int = 0) -> QParams:
        return tensor_qparams(self._tensors[self._node["inputs"][index]])

    def attrs(self, *names: str) -> dict[str, Any]:
        """The named attributes that the node has; the operator's defaults stand for the others."""
        return {n: self._node["attrs"][n] for n in names if n in self._node["attrs"]}

    @property
    def x(self) -> np.ndarray:
        """The only input."""
        x: np.ndarray
        (x,) = self.arrays
        return x

    @property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Both inputs."""
        first, second = self.arrays
        return first, second

    @property
    def weighted(
        self,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, QParams, np.ndarray, QParams]:
        """The leading arguments of the operators with weights."""
        x, weights, bias = self.arrays
        scales = self._tensors[self._node["inputs"][1]]["scale"]
        return x, weights, bias, self.x_quant(), scales, self.y_quant

    @property
    def normalised(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The input of a layer normalisation, and its factors and summands by channel."""
        x, gamma, beta = self.arrays
        return x, gamma, beta

    def host(self) -> np.ndarray:
        """The result of a body of ONNX operators; a constant has no parameters."""
        node, tensors = self._node, self._tensors
        quants = [
            None if tensors[name]["data"] is not None else tensor_qparams(tensors[name])
            for name in node["inputs"]
        ]
        output = tensors[node["outputs"][0]]
        y_quant = None if output["scale"] is None else tensor_qparams(output)
        attrs = node["attrs"]
        return host(
            self.arrays,
            quants,
            y_quant,
            attrs["body"],
            attrs["opset"],
            attrs["layouts"],
            attrs["shape"],
        )

    def rearranged(self) -> np.ndarray:
        """The elements of the only input in another order."""
        layout: Layout = self._node["attrs"]["layout"]
        return rearrange(self.x, layout, self._node["attrs"]["shape"])

    def function(self) -> np.ndarray:
        """The result of a function of one value; ``lookup`` has its table as second input."""
        x, *table = self.arrays
        call = FUNCTIONS[self._node["op"]]
        return call(x, self.x_quant(), self.y_quant, *table, **self._node["attrs"])


_CONV = ("stride", "dilation", "padding", "activation")
_POOL = ("kernel", "stride", "padding", "activation")

_RUNNERS: dict[str, Callable[[_Call], np.ndarray]] = {
    "conv2d": lambda c: ops.conv2d(*c.weighted, **c.attrs(*_CONV, "groups")),
    "depthwise_conv2d": lambda c: ops.depthwise_conv2d(
        *c.weighted, **c.attrs(*_CONV, "depth_multiplier")
    ),
    "transpose_conv2d": lambda c: ops.transpose_conv2d(
        *c.weighted, **c.attrs("stride", "padding", "output_padding", "groups", "activation")
    ),
    "fully_connected": lambda c: ops.fully_connected(*c.weighted, **c.attrs("activation")),
    "add": lambda c: ops.add(
        *c.pair, c.x_quant(0), c.x_quant(1), c.y_quant, **c.attrs("activation")
    ),
    "mul": lambda c: ops.mul(
        *c.pair, c.x_quant(0), c.x_quant(1), c.y_quant, **c.attrs("activation")
    ),
    "concatenation": lambda c: ops.concatenation(
        c.arrays, [c.x_quant(i) for i in range(len(c.arrays))], c.y_quant
    ),
    "avg_pool2d": lambda c: ops.avg_pool2d(c.x, c.y_quant, **c.attrs(*_POOL, "count_include_pad")),
    "max_pool2d": lambda c: ops.max_pool2d(c.x, c.y_quant, **c.attrs(*_POOL, "dilation")),
    "mean": lambda c: ops.mean(c.x, c.x_quant(), c.y_quant),
    "pad": lambda c: ops.pad(c.x, c.y_quant, **c.attrs("padding", "channel_padding")),
    "slice": lambda c: ops.channel_slice(c.x, **c.attrs("begin", "size")),
    "channel_shuffle": lambda c: ops.channel_shuffle(c.x, **c.attrs("groups")),
    "resize": lambda c: ops.resize(
        c.x, **c.attrs("mode", "size", "align_corners", "half_pixel_centers")
    ),
    "reshape": lambda c: ops.reshape(c.x, **c.attrs("shape")),
    "quantize": lambda c: ops.quantize(c.x, c.x_quant(), c.y_quant),
    "softmax": lambda c: ops.softmax(c.x, c.x_quant().scale, **c.attrs("beta")),
    "layer_norm": lambda c: ops.layer_norm(
        *c.normalised, c.x_quant(), c.y_quant, **c.attrs("epsilon")
    ),
    "rearrange": _Call.rearranged,
    "host": _Call.host,
    "elementwise": lambda c: ops.elementwise(
        *c.pair, c.x_quant(0), c.x_quant(1), c.y_quant, **c.attrs("function", "activation")
    ),
    "matmul": lambda c: ops.matmul(
        *c.pair, c.x_quant(0), c.x_quant(1), c.y_quant, **c.attrs("transpose_a", "transpose_b")
    ),
    "reduce": lambda c: ops.reduce(c.x, c.x_quant(), c.y_quant, **c.attrs("function", "axes")),
    "arg_max": lambda c: ops.arg_max(c.x, **c.attrs("axis", "smallest")),
    "join": lambda c: ops.join(
        c.arrays, [c.x_quant(i) for i in range(len(c.arrays))], c.y_quant, **c.attrs("axis")
    ),
    "strided_slice": lambda c: ops.strided_slice(c.x, **c.attrs("begin", "size", "step")),
    "take": lambda c: ops.take(*c.pair, **c.attrs("axis")),
    **dict.fromkeys(FUNCTIONS, _Call.function),
}


def _value(graph: Mapping[str, Any], name: str, values: Mapping[str, np.ndarray]) -> np.ndarray:
    return values[name] if name in values else graph["tensors"][name]["data"]


def _checked(graph: Mapping[str, Any], name: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    if name not in inputs:
        raise ValueError(f"input {name!r} is missing")
    tensor, array = graph["tensors"][name], inputs[name]
    if array.shape != tuple(tensor["shape"]) or array.dtype != tensor["dtype"]:
        raise ValueError(
            f"input {name!r} must be {tensor['dtype']} {tuple(tensor['shape'])}, "
            f"not {array.dtype} {array.shape}"
        )
    return array
