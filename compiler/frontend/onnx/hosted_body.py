"""The bodies of the graph's ``host`` operator: the nodes between what the graph stores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from compiler.errors import UnsupportedError, show
from compiler.frontend.onnx.host_macs import node_macs
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.labels import label
from compiler.frontend.onnx.model_graph import host_reason, is_onnx
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Constant, Hosted, QuantConstant, Real, Stored
from compiler.frontend.onnx.views import View, hosted_shape
from compiler.ir.graph import Quant, Tensor
from compiler.ir.host_body import HOST_OPERATORS, RESULT, is_body, operand_name
from compiler.ir.ops import OPERAND_TYPES
from golden.host import Layout, host
from golden.quant import QParams

#: Operators that compute each element from the elements at its place.
ELEMENTWISE = frozenset(
    "Abs Acos Acosh Add And Asin Asinh Atan Atanh Cast Ceil Celu Clip Cos Cosh Div Elu Equal Erf "
    "Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity LeakyRelu Less "
    "LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu "
    "Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu "
    "Where Xor".split()
)

#: Most multiply-accumulates, and most elements, of a body that is tried when it is read.
_TRIED = 1 << 26


class HostedBody:
    """The nodes between stored tensors and constants and the result ``name``."""

    def __init__(self, imp: Importer, name: str) -> None:
        self._imp = imp
        self._name = name
        self._leaves: dict[str, Real | Constant | QuantConstant] = {}
        self._places: set[int] = set()
        self._collect(name)
        self._nodes = [imp.graph.nodes[place] for place in sorted(self._places)]

    def _collect(self, name: str) -> None:
        waiting = [name]
        while waiting:
            name = waiting.pop()
            value = self._imp.values[name]
            if isinstance(value, Real | Constant | QuantConstant):
                self._leaves[name] = value
                continue
            place = self._imp.graph.makers.get(name)
            node = None if place is None else self._imp.graph.nodes[place]
            if node is None or place is None or isinstance(value, Stored):
                raise UnsupportedError(
                    f"input {show(name)} is read as it is; the output of a DequantizeLinear is "
                    "accepted"
                )
            if not is_onnx(node) or node.op_type not in (*HOST_OPERATORS, "Dropout"):
                raise UnsupportedError(f"operator {node.op_type} of the host; it is not handled")
            if place not in self._places:
                self._places.add(place)
                waiting += filter(None, node.input)

    @property
    def label(self) -> str:
        """The name of the node with most products, or of the one that makes the result."""
        makes = self._imp.graph.makers[self._name]
        largest = max(self._nodes, key=lambda node: node_macs(self._imp, node))
        found = largest if node_macs(self._imp, largest) else self._imp.graph.nodes[makes]
        return label(found, makes)

    def argument(self) -> Real | None:
        """The tensor of which all is a function, element by element; None if there is none."""
        real = [leaf for leaf in self._leaves.values() if isinstance(leaf, Real)]
        numbers = (host_array(leaf) for leaf in self._leaves.values() if not isinstance(leaf, Real))
        single = len({(leaf.tensor, leaf.view.runs, leaf.view.shape) for leaf in real}) == 1
        pointwise = all(node.op_type in ELEMENTWISE for node in self._nodes)
        return real[0] if single and pointwise and all(n.size == 1 for n in numbers) else None

    def table(self, leaf: Real, quant: Quant) -> np.ndarray:
        """The result at -128 to 127 of ``leaf``, as ``quant`` stores it."""
        imp, shape = self._imp, [1] * (len(leaf.view.shape) - 1) + [256]
        layout: Layout = {"split": [256], "order": [0], "shape": shape}
        operands = self._operands()
        every = np.arange(-128, 128).astype(np.int8)
        arrays, quants = [], []
        layouts: list[Layout] = []
        for _, value in operands:
            is_real = isinstance(value, Real)
            array = every if isinstance(value, Real) else host_array(value)
            arrays.append(array.reshape(-1))
            layouts.append(layout if is_real else flat_layout(array))
            quants.append(_qparams(imp.quant(leaf.tensor)) if is_real else None)
        body, opset = self._data(operands), imp.graph.opset
        result = host(arrays, quants, _qparams(quant), body, opset, [*layouts, layout], [256])
        result.setflags(write=False)
        return result

    def emit(self, x: Hosted, name: str, view: View, quant: Quant | None) -> str:
        """A node of the graph; without ``quant`` its result is stored as it is."""
        operands = self._operands()
        inputs = tuple(
            value.tensor if isinstance(value, Real) else self._constant(key, value)
            for key, value in operands
        )
        layouts = tuple(
            value.view.layout if isinstance(value, Real) else flat_layout(host_array(value))
            for _, value in operands
        )
        attrs = {
            "body": self._data(operands),
            "opset": self._imp.graph.opset,
            "layouts": (*layouts, view.layout),
            "shape": hosted_shape(view),
            "macs": sum(node_macs(self._imp, node) for node in self._nodes),
            "reason": self._reason(x),
        }
        assert is_body(attrs["body"]), attrs["body"]
        self._try(operands, attrs)
        dtype = x.dtype if quant is None else "int8"
        return self._imp.emit("host", inputs, attrs, name, quant, view, dtype, self.label)

    def _try(self, operands: list[tuple[str, Any]], attrs: dict[str, Any]) -> None:
        """Raise UnsupportedError for a body that does not compute zeros, unless that takes long."""
        read = [value.view.shape for _, value in operands if isinstance(value, Real)]
        if attrs["macs"] > _TRIED or sum(map(math.prod, read)) > _TRIED:
            return
        arrays = [
            np.zeros(value.view.shape, np.int8) if isinstance(value, Real) else host_array(value)
            for _, value in operands
        ]
        quants = [QParams(1.0, 0) if isinstance(value, Real) else None for _, value in operands]
        layouts = [flat_layout(array) for array in arrays]
        result = attrs["layouts"][-1]
        shapes = [(array.shape, str(array.dtype)) for array in arrays]
        key = repr((attrs["body"], shapes, result["shape"], attrs["shape"]))
        if key in self._imp.tried:
            return
        self._imp.tried.add(key)
        flat = [array.reshape(-1) for array in arrays]
        layouts.append(
            {"split": [math.prod(result["shape"])], "order": [0], "shape": result["shape"]}
        )
        try:
            host(flat, quants, None, attrs["body"], attrs["opset"], layouts, attrs["shape"])
        except ValueError as fault:
            raise UnsupportedError(f"the host cannot compute it: {fault}") from None

    def _reason(self, x: Hosted) -> str:
        """The operators, and the reason of the one with most products, or of the first."""
        largest = max(self._nodes, key=lambda node: node_macs(self._imp, node))
        value = self._imp.values[largest.output[0]]
        causes = [self._cause(node) for node in self._nodes]
        if isinstance(value, Hosted) and node_macs(self._imp, largest) and host_reason(largest):
            causes.insert(0, value.reason)
        cause = next(filter(None, causes), x.reason)
        kinds = ", ".join(dict.fromkeys(node.op_type for node in self._nodes))
        return f"{kinds}: {cause}"

    def _cause(self, node: onnx.NodeProto) -> str:
        value = self._imp.values[next(filter(None, node.output))]
        follows = any(isinstance(self._imp.values[n], Hosted) for n in node.input if n)
        return value.reason if isinstance(value, Hosted) and not follows else ""

    def _operands(self) -> list[tuple[str, Real | Constant | QuantConstant]]:
        """Activations, then constants; empty constants are absent inputs."""
        found = [
            (k, v) for k, v in self._leaves.items() if isinstance(v, Real) or host_array(v).size
        ]
        found.sort(key=lambda item: not isinstance(item[1], Real))
        if not found or not isinstance(found[0][1], Real):
            raise UnsupportedError("a constant; an activation is accepted")
        return found

    def _constant(self, name: str, value: Constant | QuantConstant) -> Tensor:
        array = host_array(value).reshape(-1)
        if str(array.dtype) not in OPERAND_TYPES:
            raise UnsupportedError(
                f"constant {show(name)} of type {array.dtype}; {', '.join(OPERAND_TYPES)} are "
                "accepted"
            )
        array.setflags(write=False)
        return Tensor(value.name, array.shape, str(array.dtype), data=array)

    def _data(self, operands: list[tuple[str, Any]]) -> tuple[dict[str, Any], ...]:
        """The body as plain data, its inner names short ones."""
        names = {"": ""} | {key: operand_name(i) for i, (key, _) in enumerate(operands)}
        for node in self._nodes:
            for name in filter(None, node.output):
                names[name] = RESULT if name == self._name else f"t{len(names)}"
        return tuple(
            {
                "op_type": "Identity" if node.op_type == "Dropout" else node.op_type,
                "inputs": [names.get(n, "") for n in _inputs(node)],
                "outputs": [names[n] for n in _outputs(node)],
                "attributes": _attributes(node),
            }
            for node in self._nodes
        )


def _inputs(node: onnx.NodeProto) -> list[str]:
    return list(node.input)[: 1 if node.op_type == "Dropout" else None]


def _outputs(node: onnx.NodeProto) -> list[str]:
    return list(node.output)[: 1 if node.op_type == "Dropout" else None]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    if node.op_type == "Dropout":
        return {}
    operator = Operator(node, "", 0)
    return {a.name: _plain(operator.attribute(a.name)) for a in node.attribute}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        raise UnsupportedError("an attribute that is a tensor; numbers and texts are accepted")
    if isinstance(value, str | int | float):
        return value
    return [v.decode() if isinstance(v, bytes) else v for v in value]


def host_array(value: Constant | QuantConstant) -> np.ndarray:
    """A constant as the host reads it, in its shape; a quantised one in float32."""
    if isinstance(value, QuantConstant):
        return value.real.astype(np.float32)
    return value.array


def flat_layout(array: np.ndarray) -> Layout:
    """The layout of a constant that is stored in its own order."""
    return {"split": [array.size], "order": [0], "shape": list(array.shape)}


def _qparams(quant: Quant) -> QParams:
    return QParams(quant.scale[0], quant.zero_point[0])
