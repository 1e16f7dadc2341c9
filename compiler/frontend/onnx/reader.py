"""A quantised ONNX model as a graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.onnx.folding import FOLDED, fold
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.normalise.opsets import DOMAINS, opset
from compiler.frontend.onnx.operator import Operator, constant_array
from compiler.frontend.onnx.operators import CONVERTERS
from compiler.frontend.onnx.requantise_outputs import store_output
from compiler.frontend.onnx.values import (
    Constant,
    Input,
    QuantConstant,
    Real,
    Stored,
    Value,
)
from compiler.frontend.onnx.views import View, arranged, channels_last
from compiler.ir.graph import Declared, Graph, Tensor
from compiler.ir.verify import verify

_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")

#: Microsoft's own forms of these two mean the same.
_MICROSOFT = "com.microsoft"

_INPUT_TYPES: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT8: "uint8",
}


def is_quantised(model: onnx.ModelProto) -> bool:
    """Whether the model says how its values are stored."""
    return any(node.op_type in _QUANTISERS for node in model.graph.node)


def read_onnx(model: onnx.ModelProto, name: str) -> Graph:
    """The graph of a model with QuantizeLinear and DequantizeLinear, verified.

    ``model`` is as ``parse_onnx`` gives it. Raises InputError where it contradicts itself and
    UnsupportedError for what is not handled; the message names the node and the value found.
    """
    imp = Importer(_names(model.graph))
    for tensor in model.graph.initializer:
        imp.values[tensor.name] = Constant(tensor.name, constant_array(tensor))
    inputs = [v for v in model.graph.input if v.name not in imp.values]
    for value in inputs:
        _add_input(imp, model.graph, value)
    shapes = {v.name: _shape(v) for v in model.graph.value_info}
    for index, proto in enumerate(model.graph.node):
        label = proto.name or (proto.output[0] if proto.output else f"number {index}")
        with located(f"node {show(label)} ({proto.op_type})"):
            _convert(imp, proto, label, opset(model), shapes)
    outputs = tuple(_output(imp, value.name) for value in model.graph.output)
    used = _used(imp, outputs)
    names = tuple(v.name for v in inputs)
    for unread in (n for n in names if n not in used):
        raise InputError(f"input {show(unread)}: no QuantizeLinear or DequantizeLinear reads it")
    graph = Graph(name, used, [n for n in imp.nodes if n.outputs[0] in used], names, outputs)
    verify(graph, "quantised")
    return graph


def _names(graph: onnx.GraphProto) -> dict[str, str]:
    """The network's outputs for the QuantizeLinear before them: the name that a user knows."""
    makers = {node.output[0]: node for node in graph.node if node.output}
    names = {}
    for value in graph.output:
        node = makers.get(value.name)
        if node is not None and node.op_type == "DequantizeLinear":
            names[node.input[0]] = value.name
    return names


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def _add_input(imp: Importer, graph: onnx.GraphProto, value: onnx.ValueInfoProto) -> None:
    kind = value.type.tensor_type.elem_type
    if kind not in _INPUT_TYPES:
        raise UnsupportedError(
            f"input {show(value.name)}: type {onnx.TensorProto.DataType.Name(kind)}; FLOAT, INT8 "
            "or UINT8 is accepted"
        )
    model_shape = _shape(value)
    if not model_shape:
        raise UnsupportedError(f"input {show(value.name)}: a scalar; an array is accepted")
    view = _input_view(graph, value.name, model_shape)
    assert view.order is not None, "an input's axes stay whole"
    shape = tuple(model_shape[axis] for axis in view.order)
    if len(shape) == 3:
        shape = (shape[0], 1, *shape[1:])
    dtype = _INPUT_TYPES[kind]
    if dtype == "float32":
        imp.inputs[value.name] = shape, view
        imp.values[value.name] = Input(value.name, view)
        return
    declared = Declared(dtype, model_shape, view.order)
    imp.tensors[value.name] = Tensor(value.name, shape, dtype, declared=declared)
    imp.values[value.name] = Stored(value.name, view, dtype)


def _input_view(graph: onnx.GraphProto, name: str, shape: tuple[int, ...]) -> View:
    """View of an input in memory, from the first operator that tells its channels.

    A Transpose to channels first is a model with channels last, and a layer over the last axis
    reads rows. All other inputs have their channels first.
    """
    passing = {*_QUANTISERS, "Identity", "Dropout"} | ({"Reshape"} if len(shape) == 3 else set())
    reached = {name}
    for node in graph.node:
        if not node.input or node.input[0] not in reached:
            continue
        if node.op_type in ("MatMul", "Gemm", "LayerNormalization"):
            return arranged(shape, tuple(range(len(shape))))
        if node.op_type == "Transpose" and _to_channels_first(graph, node, len(shape)):
            return arranged(shape, tuple(range(len(shape))))
        if node.op_type in passing:
            reached.add(node.output[0])
    return channels_last(shape)


def _to_channels_first(graph: onnx.GraphProto, node: onnx.NodeProto, rank: int) -> bool:
    """Of three axes the order is its own inverse, and a convolution tells that it is this one."""
    order = next((tuple(a.ints) for a in node.attribute), ())
    if rank < 3 or order != (0, rank - 1, *range(1, rank - 1)):
        return False
    readers = {n.op_type for n in graph.node if n.input and n.input[0] == node.output[0]}
    return rank > 3 or "Conv" in readers


def _convert(
    imp: Importer,
    proto: onnx.NodeProto,
    label: str,
    version: int,
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    kind = proto.op_type
    own = proto.domain in DOMAINS or (proto.domain == _MICROSOFT and kind in _QUANTISERS)
    if own and kind == "Constant":
        imp.values[proto.output[0]] = Constant(proto.output[0], _constant(proto))
    elif own and kind in FOLDED and proto.input and _all_constant(imp, proto):
        arrays = {name: imp.array(name) for name in proto.input if name}
        for name, array in fold(proto, arrays, version):
            imp.values[name] = Constant(name, array)
    elif own and kind == "Shape":
        op = Operator(proto, label, version)
        imp.values[op.output] = Constant(op.output, _shape_of(imp, op))
        op.check_all_asked()
    elif own and kind in CONVERTERS:
        op = Operator(proto, label, version)
        result = CONVERTERS[kind](imp, op)
        op.check_all_asked()
        results = result if isinstance(result, Mapping) else {op.output: result}
        _check_shapes(results, shapes)
        imp.values.update(results)
    elif own and kind in FOLDED:
        raise UnsupportedError(f"operator {kind} of an activation; of constants is accepted")
    else:
        accepted = ", ".join(sorted({*CONVERTERS, *FOLDED, "Constant", "Shape"}))
        domain = f" of domain {show(proto.domain)}" if proto.domain not in DOMAINS else ""
        raise UnsupportedError(f"operator {kind}{domain} is not handled; accepted: {accepted}")


def _all_constant(imp: Importer, proto: onnx.NodeProto) -> bool:
    return all(isinstance(imp.values[name], Constant) for name in proto.input if name)


def _check_shapes(results: Mapping[str, Value], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise UnsupportedError unless our shapes are those of ONNX's own inference, if it has any."""
    for name, value in results.items():
        known = shapes.get(name, (0,))
        if isinstance(value, Constant | QuantConstant) or not all(known):
            continue
        if value.view.shape != known:
            raise UnsupportedError(
                f"output {show(name)} has shape {list(known)} by ONNX's inference; "
                f"{list(value.view.shape)} is accepted"
            )


def _constant(proto: onnx.NodeProto) -> np.ndarray:
    (attribute,) = proto.attribute
    accepted = ("value", "value_float", "value_floats", "value_int", "value_ints")
    if attribute.name not in accepted:
        raise UnsupportedError(f"attribute {attribute.name}; {', '.join(accepted)} are accepted")
    if attribute.name == "value":
        return constant_array(attribute.t)
    kind = np.float32 if "float" in attribute.name else np.int64
    return np.asarray(onnx.helper.get_attribute_value(attribute), kind)


def _shape_of(imp: Importer, op: Operator) -> np.ndarray:
    value = imp.value(op, 0)
    if isinstance(value, Constant | QuantConstant):
        shape = imp.constant(op, 0).shape
    else:
        shape = value.view.shape
    return np.asarray(shape[op.attribute("start", 0) : op.attribute("end")], np.int64)


def _output(imp: Importer, name: str) -> str:
    """The tensor of a network's output, in the form that the model gives it."""
    with located(f"output {show(name)}"):
        value = imp.values[name]
        if not isinstance(value, Real | Stored):
            raise UnsupportedError(
                "constant, or real values that no QuantizeLinear rounds; the output of a "
                "QuantizeLinear or DequantizeLinear is accepted"
            )
        if imp.tensors[value.tensor].quant is None:
            raise UnsupportedError(
                f"input {show(value.tensor)} without a scale; one that a DequantizeLinear reads is "
                "accepted"
            )
        return store_output(imp, value, name)


def _used(imp: Importer, outputs: tuple[str, ...]) -> dict[str, Tensor]:
    """The tensors that the outputs need; the model's dead ends are left out."""
    needed = set(outputs)
    for node in reversed(imp.nodes):
        if node.outputs[0] in needed:
            needed.update(name for name in node.inputs if name)
    return {name: tensor for name, tensor in imp.tensors.items() if name in needed}
