"""A quantised ONNX model as a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.onnx.folding import FOLDED, fold
from compiler.frontend.onnx.host import as_hosted, hosted, output_constant, output_hosted
from compiler.frontend.onnx.importer import Importer, RefusedInputError
from compiler.frontend.onnx.input_views import read_view
from compiler.frontend.onnx.labels import label
from compiler.frontend.onnx.model_graph import ModelGraph, host_reason, is_onnx, shape_of
from compiler.frontend.onnx.operator import Operator, constant_array
from compiler.frontend.onnx.operators import CONVERTERS
from compiler.frontend.onnx.requantise_outputs import store_output
from compiler.frontend.onnx.values import (
    Constant,
    Function,
    Hosted,
    Input,
    Pending,
    QuantConstant,
    Real,
    Refused,
    Stored,
    Value,
)
from compiler.frontend.onnx.views import stored_shape
from compiler.ir.graph import Declared, Graph, Tensor
from compiler.ir.host_body import HOST_OPERATORS
from compiler.ir.verify import verify

_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")

#: Obstacles that a message names, at most.
MAX_REFUSED = 20

#: Operators of ONNX's own that are read.
KNOWN = frozenset((*CONVERTERS, *FOLDED, *HOST_OPERATORS, "Constant", "Shape"))

_CUT = "the model up to there is accepted (onnx.utils.extract_model cuts it)"

#: Reasons against operators that many models have, and what would help.
_REMEDIES = {
    **dict.fromkeys(
        ("GRU", "LSTM", "RNN", "Scan"),
        f"it has a state from step to step; {_CUT}, or convolutions over time in its place",
    ),
    **dict.fromkeys(
        ("If", "Loop"),
        "what runs depends on values; a model exported for fixed sizes, or simplified (onnxsim), "
        "is accepted",
    ),
    "NonMaxSuppression": f"the number of results depends on values; {_CUT}",
}

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
    UnsupportedError for what is not handled: the message names every node that is refused, with
    the value found.
    """
    imp = import_nodes(model)
    outputs = tuple(_output(imp, value.name) for value in model.graph.output)
    used = _used(imp, outputs)
    names = tuple(v.name for v in inputs_of(model))
    for unread in (n for n in names if n not in used):
        raise InputError(f"input {show(unread)}: no QuantizeLinear or DequantizeLinear reads it")
    graph = Graph(name, used, [n for n in imp.nodes if n.outputs[0] in used], names, outputs)
    verify(graph, "quantised")
    return graph


def import_nodes(model: onnx.ModelProto) -> Importer:
    """Read the nodes; the importer has what each name stands for. Raises as ``read_onnx`` does."""
    graph = ModelGraph(model)
    imp = Importer(_names(model.graph), graph)
    for tensor in model.graph.initializer:
        imp.values[tensor.name] = Constant(tensor.name, constant_array(tensor))
    for value in inputs_of(model):
        _add_input(imp, value)
    refused: list[UnsupportedError] = []
    for index, proto in enumerate(graph.nodes):
        try:
            with located(f"node {show(label(proto, index))} ({proto.op_type})"):
                _convert(imp, proto, label(proto, index))
        except RefusedInputError:
            imp.values.update(dict.fromkeys(proto.output, Refused()))
        except UnsupportedError as fault:
            imp.values.update(dict.fromkeys(proto.output, Refused()))
            refused.append(fault)
    if refused:
        raise together(refused)
    return imp


def hosted_by_output(model: onnx.ModelProto) -> tuple[Importer, dict[str, str]]:
    """The graph's parts, and reasons of what the host computes, by the names of the nodes' outputs.

    Raises as ``read_onnx`` does.
    """
    imp = import_nodes(model)
    for value in model.graph.output:
        _output(imp, value.name)
    return imp, {name: v.reason for name, v in imp.values.items() if isinstance(v, Hosted)}


def together(faults: list[UnsupportedError]) -> UnsupportedError:
    """All obstacles of a model in one message."""
    texts = list(dict.fromkeys(map(str, faults)))
    if len(texts) == 1:
        return UnsupportedError(texts[0])
    left_out = f"; and {len(texts) - MAX_REFUSED} more" if len(texts) > MAX_REFUSED else ""
    return UnsupportedError(f"{len(texts)} obstacles: {'; '.join(texts[:MAX_REFUSED])}{left_out}")


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs that are no constants."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def _names(graph: onnx.GraphProto) -> dict[str, str]:
    """The network's outputs for the QuantizeLinear before them: the name that a user knows."""
    makers = {node.output[0]: node for node in graph.node if node.output}
    names = {}
    for value in graph.output:
        node = makers.get(value.name)
        if node is not None and node.op_type == "DequantizeLinear":
            names[node.input[0]] = value.name
    return names


def _add_input(imp: Importer, value: onnx.ValueInfoProto) -> None:
    kind = value.type.tensor_type.elem_type
    if kind not in _INPUT_TYPES:
        raise UnsupportedError(
            f"input {show(value.name)}: type {onnx.TensorProto.DataType.Name(kind)}; FLOAT, INT8 "
            "or UINT8 is accepted"
        )
    model_shape = shape_of(value)
    if not model_shape:
        raise UnsupportedError(f"input {show(value.name)}: a scalar; an array is accepted")
    view = read_view(imp.graph, value.name, model_shape)
    assert view.order is not None, "an input's axes stay whole"
    shape = tuple(model_shape[axis] for axis in view.order)
    if len(shape) == 3:
        shape = (shape[0], 1, *shape[1:])
    if len(shape) > 4:
        shape = stored_shape(view)
    dtype = _INPUT_TYPES[kind]
    if dtype == "float32":
        imp.inputs[value.name] = shape, view
        imp.values[value.name] = Input(value.name, view)
        return
    declared = Declared(dtype, model_shape, view.order, "even")
    imp.tensors[value.name] = Tensor(value.name, shape, dtype, declared=declared)
    imp.values[value.name] = Stored(value.name, view, dtype)


def _convert(imp: Importer, proto: onnx.NodeProto, name: str) -> None:
    """Give the node's outputs their values: constants, a form on the array, or the host's."""
    kind, version = proto.op_type, imp.graph.opset
    own = is_onnx(proto) or (proto.domain == _MICROSOFT and kind in _QUANTISERS)
    if own and kind == "Constant":
        imp.values[proto.output[0]] = Constant(proto.output[0], _constant(proto))
    elif own and kind in FOLDED and proto.input and _all_constant(imp, proto):
        arrays = {name: imp.array(name) for name in proto.input if name}
        for name, array in fold(proto, arrays, version):
            imp.values[name] = Constant(name, array)
    elif own and kind == "Shape":
        op = Operator(proto, name, version)
        imp.values[op.output] = Constant(op.output, _shape_of(imp, op))
        op.check_all_asked()
    elif host_reason(proto):
        imp.values.update(hosted(imp, proto, host_reason(proto)))
    elif own and kind in CONVERTERS:
        try:
            results = _converted(imp, Operator(proto, name, version))
        except UnsupportedError as fault:
            results = hosted(imp, proto, str(fault))
        _check_shapes(imp, results)
        imp.values.update(results)
    else:
        imp.values.update(hosted(imp, proto, _unknown(imp, proto)))


def _converted(imp: Importer, op: Operator) -> Mapping[str, Value]:
    result = CONVERTERS[op.op](imp, op)
    op.check_all_asked()
    results = result if isinstance(result, Mapping) else {op.output: result}
    return {name: _labelled(value, op.name) for name, value in results.items()}


def _labelled(value: Value, label: str) -> Value:
    """A result that is no tensor yet, called by the first of the operators that make it."""
    if isinstance(value, Function | Pending) and not value.label:
        return replace(value, label=label)
    return value


def is_handled(proto: onnx.NodeProto) -> bool:
    """Whether the array or the host has a form of the node's operator."""
    return is_onnx(proto) and proto.op_type in KNOWN


def not_handled(proto: onnx.NodeProto) -> str:
    """Refusal of an operator that neither has, with what would help."""
    domain = "" if is_onnx(proto) else f" of domain {show(proto.domain)}"
    if not domain and proto.op_type in _REMEDIES:
        return f"operator {proto.op_type} is not handled: {_REMEDIES[proto.op_type]}"
    return f"operator {proto.op_type}{domain} is not handled; docs/supported_ops.md lists what is"


def _unknown(imp: Importer, proto: onnx.NodeProto) -> str:
    """Reason why the array has no form of the node."""
    if is_onnx(proto) and proto.op_type in HOST_OPERATORS:
        return "the array does not have the operator"
    return not_handled(proto)


def _all_constant(imp: Importer, proto: onnx.NodeProto) -> bool:
    return all(isinstance(imp.values[name], Constant) for name in proto.input if name)


def _check_shapes(imp: Importer, results: Mapping[str, Value]) -> None:
    """Raise UnsupportedError unless our shapes are those of ONNX's own inference, if it has any."""
    for name, value in results.items():
        known = imp.graph.shaped.get(name)
        if isinstance(value, Constant | QuantConstant | Hosted | Refused):
            continue
        if known is not None and all(known.shape) and value.view.shape != known.shape:
            raise UnsupportedError(
                f"output {show(name)} has shape {list(known.shape)} by ONNX's inference; "
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
    elif isinstance(value, Hosted):
        shape = value.shape
    else:
        assert not isinstance(value, Refused), "value() raises"
        shape = value.view.shape
    return np.asarray(shape[op.attribute("start", 0) : op.attribute("end")], np.int64)


def _output(imp: Importer, name: str) -> str:
    """The tensor of a network's output, in the form that the model gives it."""
    with located(f"output {show(name)}"):
        value = imp.values[name]
        if isinstance(value, Function | Hosted | Pending):
            return output_hosted(imp, as_hosted(imp, name), name)
        if isinstance(value, Constant | QuantConstant):
            return output_constant(imp, value, name)
        if not isinstance(value, Real | Stored):
            raise UnsupportedError("an input of the network; what a layer makes is accepted")
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
