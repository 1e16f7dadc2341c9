"""Operators without a form on the array, as bodies of the graph's ``host`` operator."""

from __future__ import annotations

import numpy as np
import onnx

from compiler.errors import UnsupportedError, show
from compiler.frontend.onnx.hosted_body import HostedBody, flat_layout, host_array
from compiler.frontend.onnx.importer import Importer, RefusedInputError
from compiler.frontend.onnx.input_views import read_view
from compiler.frontend.onnx.model_graph import host_reason, is_onnx
from compiler.frontend.onnx.values import (
    Constant,
    Hosted,
    QuantConstant,
    Real,
    Refused,
    Stored,
    Value,
)
from compiler.frontend.onnx.views import arranged, stored_shape
from compiler.ir.graph import Quant, Tensor
from compiler.ir.host_body import HOST_OPERATORS, RESULT, operand_name
from compiler.ir.ops import RESULT_TYPES

#: Operators whose results are among the values of their data inputs.
MOVES = frozenset(
    "Concat DepthToSpace Expand Flatten Gather GatherElements GatherND Identity Reshape Slice "
    "SpaceToDepth Split Squeeze Tile Transpose Unsqueeze".split()
)


def hosted(imp: Importer, proto: onnx.NodeProto, reason: str) -> dict[str, Value]:
    """The outputs of a node that the host computes, by name.

    Raises UnsupportedError, with ``reason``, for an operator that the host has not.
    """
    if any(isinstance(imp.values[name], Refused) for name in proto.input if name):
        raise RefusedInputError
    if not is_onnx(proto) or proto.op_type not in HOST_OPERATORS:
        raise UnsupportedError(reason)
    _check_attributes(proto, imp.graph.opset)
    if proto.op_type == "Resize":
        _check_scales(imp, proto, reason)
    results: dict[str, Value] = {n: _hosted(imp, n, reason) for n in proto.output if n}
    quant = None if host_reason(proto) else _moved_quant(imp, proto)
    if quant is not None:
        imp.values.update(results)
        results = {name: _moved(imp, name, quant) for name in results}
    return results


def _moved_quant(imp: Importer, proto: onnx.NodeProto) -> Quant | None:
    """The parameters that the outputs keep: of a move of stored values that layers may read."""
    values = [imp.values[name] for name in proto.input if name]
    real = [value for value in values if isinstance(value, Real)]
    others = [v for v in values if not isinstance(v, Real | Constant)]
    quants = {imp.quant(value.tensor) for value in real}
    readers = (reader for name in proto.output for reader in imp.graph.readers[name])
    rounded = all(reader.op_type == "QuantizeLinear" for reader in readers)
    if proto.op_type not in MOVES or others or rounded or len(quants) != 1:
        return None
    return quants.pop()


def _moved(imp: Importer, name: str, quant: Quant) -> Real:
    x = as_hosted(imp, name)
    view = read_view(imp.graph, name, x.shape)
    return Real(HostedBody(imp, name).emit(x, name, view, quant), view)


def _check_attributes(proto: onnx.NodeProto, opset: int) -> None:
    """Raise UnsupportedError for an attribute that the operator does not have."""
    known = onnx.defs.get_schema(proto.op_type, opset).attributes
    for attribute in proto.attribute:
        if attribute.name not in known:
            value = onnx.helper.get_attribute_value(attribute)
            raise UnsupportedError(
                f"attribute {attribute.name} is {show(value)}; {', '.join(known)} are accepted"
            )


def _check_scales(imp: Importer, proto: onnx.NodeProto, reason: str) -> None:
    """Raise UnsupportedError where float32 gives another size than ONNX's inference has."""
    position = 1 if imp.graph.opset == 10 else 2
    scales = imp.values.get(proto.input[position]) if len(proto.input) > position else None
    x, y = (imp.graph.shaped.get(n) for n in (proto.input[0], proto.output[0]))
    if not isinstance(scales, Constant) or not scales.array.size or x is None or y is None:
        return
    axes = next((list(a.ints) for a in proto.attribute if a.name == "axes"), range(len(x.shape)))
    for axis, scale in zip(axes, scales.array.astype(np.float32), strict=False):
        size = np.floor(np.float32(x.shape[axis]) * scale)
        if size != y.shape[axis]:
            raise UnsupportedError(reason)


def as_hosted(imp: Importer, name: str, reason: str = "its result is not rounded") -> Hosted:
    """The real values ``name`` as the host computes them."""
    value = imp.values[name]
    return value if isinstance(value, Hosted) else _hosted(imp, name, reason)


def _hosted(imp: Importer, name: str, reason: str) -> Hosted:
    found = imp.graph.shaped.get(name)
    if found is None or not all(found.shape):
        raise UnsupportedError(f"{reason}; the host would need the shape of {show(name)}")
    dtype = str(onnx.helper.tensor_dtype_to_np_dtype(found.dtype))
    return Hosted(name, found.shape, dtype, reason)


def store_hosted(imp: Importer, x: Hosted, quant: Quant, output: str) -> Stored:
    """The host's result as the model's tensor ``output``: a table of the array if it can be one.

    Raises UnsupportedError for values that are not float32.
    """
    name = imp.names.get(output, output)
    body = HostedBody(imp, x.name)
    if x.dtype != "float32":
        raise UnsupportedError(f"values of type {x.dtype}; float32 is accepted")
    leaf = body.argument()
    if leaf is not None and leaf.view.shape == x.shape:
        table = Tensor(f"{name}/table", (256,), "int8", data=body.table(leaf, quant))
        return Stored(
            imp.emit("lookup", (leaf.tensor, table), {}, name, quant, leaf.view, label=body.label),
            leaf.view,
        )
    view = read_view(imp.graph, output, x.shape)
    return Stored(body.emit(x, name, view, quant), view)


def output_hosted(imp: Importer, x: Hosted, name: str) -> str:
    """The host's result as an output of the network, real or whole numbers as the model has it.

    Raises UnsupportedError for a type that is not in ``RESULT_TYPES``.
    """
    if x.dtype not in RESULT_TYPES:
        raise UnsupportedError(f"type {x.dtype}; {', '.join(RESULT_TYPES)} are accepted")
    view = read_view(imp.graph, name, x.shape)
    return HostedBody(imp, x.name).emit(x, name, view, None)


def output_constant(imp: Importer, value: Constant | QuantConstant, name: str) -> str:
    """A constant as an output of the network: the host gives it when the input is there.

    Raises UnsupportedError for another type, an empty constant and one without layers beside it.
    """
    array = np.asarray(host_array(value))
    if str(array.dtype) not in RESULT_TYPES:
        raise UnsupportedError(
            f"a constant of type {array.dtype}; {', '.join(RESULT_TYPES)} are accepted"
        )
    leaf = next((v for v in imp.values.values() if isinstance(v, Real)), None)
    if leaf is None or not array.size:
        raise UnsupportedError("a constant that is empty, or alone; one beside layers is accepted")
    view = arranged(array.shape, tuple(range(array.ndim)))
    flat = array.reshape(-1)
    flat.setflags(write=False)
    given = {"op_type": "Identity", "inputs": [operand_name(1)], "outputs": [RESULT]}
    attrs = {
        "body": ({**given, "attributes": {}},),
        "opset": imp.graph.opset,
        "layouts": (leaf.view.layout, flat_layout(array), view.layout),
        "shape": stored_shape(view),
        "macs": 0,
        "reason": "a constant",
    }
    constant = Tensor(f"{name}/constant", flat.shape, str(flat.dtype), data=flat)
    inputs = (leaf.tensor, constant)
    return imp.emit("host", inputs, attrs, name, None, view, str(flat.dtype))
