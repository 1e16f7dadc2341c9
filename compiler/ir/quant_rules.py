"""Types and quantisation parameters that each operator accepts.

The rules of the TFLite int8 specification:
https://www.tensorflow.org/lite/performance/quantization_spec
"""

from __future__ import annotations

import math

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.kernel_rules import check_kernel
from compiler.ir.ops import CONSTANTS, OPERAND_TYPES, OPS, RESULT_TYPES, WEIGHT_AXIS

#: Scales that float32 holds as normal numbers.
MIN_SCALE = float(np.finfo(np.float32).tiny)
MAX_SCALE = float(np.finfo(np.float32).max)

#: Largest difference of two scales that count as equal (TFLite kernels, pooling.cc).
SCALE_TOLERANCE = 1e-6

#: Largest |input scale * weight scale - bias scale| / output scale (TFLite, kernel_util.cc).
BIAS_TOLERANCE = 0.02

#: Relative difference of a product of scales, rounded to float32, from the product.
ROUNDED = float(np.finfo(np.float32).eps)

#: The int8 output of softmax: (scale, zero point).
SOFTMAX_QUANT = (1 / 256, -128)

#: beta * input scale that softmax takes as 0 (TFLite kernels, Q5.26 differences).
MIN_SOFTMAX_STEP = 2.0**-26

#: Functions whose result is one of the stored values.
CHOOSING = ("minimum", "maximum", "max", "min")

_RANGE = {"int8": (-128, 127), "uint8": (0, 255), "int32": (0, 0)}


def check_node_quant(graph: Graph, node: Node) -> None:
    """Check types, quantisation and constants of the node's tensors.

    Raises UnsupportedError for types, InputError for parameters out of range or in contradiction.
    """
    where = f"node {show(node.name)} ({node.op})"
    output = graph.tensors[node.outputs[0]]
    _check_result(graph, node, output, where)
    x = graph.tensors[node.inputs[0]]
    for role, name in zip(OPS[node.op].roles(len(node.inputs)), node.inputs, strict=True):
        if role == "weights":
            _check_weights(graph.tensors[name], where, WEIGHT_AXIS[node.op])
        elif role == "bias":
            if name:
                _check_bias(graph.tensors[name], where)
                _check_bias_scale(graph, node, where)
        elif role == "operand" and graph.tensors[name].is_constant:
            _need_dtype(graph.tensors[name], where, role, OPERAND_TYPES)
            _check_constant(graph.tensors[name], where, role)
        elif OPS[node.op].mixed and graph.tensors[name].is_constant:
            _check_constant(graph.tensors[name], where, role)
            _check_activation(graph.tensors[name], where, node.op)
        elif role in CONSTANTS:
            _need_dtype(graph.tensors[name], where, role, (CONSTANTS[role],))
            _check_constant(graph.tensors[name], where, role)
        else:
            _check_activation(graph.tensors[name], where, node.op)
    if OPS[node.op].same_quant:
        _check_same(x, output, where)
    if node.attrs.get("function") in CHOOSING:
        for name in node.inputs:
            _check_same(graph.tensors[name], output, where)
    if node.op in ("elementwise", "matmul", "mul", "reduce"):
        check_kernel(graph, node)
    if node.op == "take":
        _check_indices(graph.tensors[node.inputs[1]], x.shape[node.attrs["axis"]], where)
    if node.op == "softmax":
        _check_softmax(x, node.attrs["beta"], output, where)


def check_quant(tensor: Tensor, quant: Quant) -> None:
    """Raise InputError unless scales, zero points and axis fit the tensor's type and shape."""
    where = f"tensor {show(tensor.name)}"
    if tensor.dtype == "float32":
        raise InputError(
            f"{where}: type 'float32' is quantised; int8, uint8 or int32 is accepted, and float32 "
            "without quantisation for constants"
        )
    for scale in quant.scale:
        if not (math.isfinite(scale) and MIN_SCALE <= scale <= MAX_SCALE):
            raise InputError(
                f"{where}: scale is {scale!r}; {MIN_SCALE:.3g} to {MAX_SCALE:.3g} is accepted"
            )
    low, high = _RANGE[tensor.dtype]
    for zero_point in quant.zero_point:
        if not low <= zero_point <= high:
            raise InputError(
                f"{where}: zero_point is {zero_point}; {low} to {high} is accepted for "
                f"{tensor.dtype}"
            )
    count = 1
    if quant.axis is not None:
        if not 0 <= quant.axis < len(tensor.shape):
            raise InputError(
                f"{where}: axis is {quant.axis}; 0 to {len(tensor.shape) - 1} is accepted"
            )
        count = tensor.shape[quant.axis]
    if len(quant.scale) != count or len(quant.zero_point) != count:
        raise InputError(
            f"{where}: {len(quant.scale)} scales and {len(quant.zero_point)} zero points; "
            f"{count} of each accepted"
        )


def _need_dtype(tensor: Tensor, where: str, role: str, accepted: tuple[str, ...]) -> None:
    if tensor.dtype not in accepted:
        raise UnsupportedError(
            f"{where}: {role} {show(tensor.name)} has type {tensor.dtype}; "
            f"{' or '.join(accepted)} is accepted"
        )


def _need_quant(tensor: Tensor, where: str, role: str) -> Quant:
    if tensor.quant is None:
        raise InputError(f"{where}: {role} {show(tensor.name)} has no quantisation parameters")
    check_quant(tensor, tensor.quant)
    return tensor.quant


def _check_result(graph: Graph, node: Node, output: Tensor, where: str) -> None:
    """An activation; of the host also one without scale, which only the network's user reads, as
    places are."""
    if node.op == "host" and graph.tensors[node.inputs[0]].is_constant:
        raise InputError(
            f"{where}: operand {show(node.inputs[0])} is a constant; an activation "
            "is accepted as the first"
        )
    if node.op == "arg_max":
        _need_dtype(output, where, "result", ("int32",))
    elif node.op != "host" or output.quant is not None:
        _check_activation(output, where, node.op)
        return
    _need_dtype(output, where, "result", RESULT_TYPES)
    if output.name not in graph.outputs or graph.consumers(output.name):
        raise UnsupportedError(
            f"{where}: result {show(output.name)} has no scale; it is accepted for an output of "
            "the network that no node reads"
        )


def _check_activation(tensor: Tensor, where: str, op: str) -> None:
    _need_dtype(tensor, where, "tensor", ("int8", "uint8") if op == "quantize" else ("int8",))
    if _need_quant(tensor, where, "tensor").axis is not None:
        raise UnsupportedError(
            f"{where}: tensor {show(tensor.name)} is quantised per channel; "
            "one scale per activation is accepted"
        )


def _check_constant(tensor: Tensor, where: str, role: str) -> None:
    data = tensor.data
    if data is None:
        raise InputError(f"{where}: {role} {show(tensor.name)} has no values")
    if data.shape != tensor.shape or data.dtype != np.dtype(tensor.dtype):
        raise InputError(
            f"{where}: {role} {show(tensor.name)} has values of {data.dtype} {list(data.shape)}; "
            f"{tensor.dtype} {list(tensor.shape)} is accepted"
        )
    if data.dtype.kind != "f":
        return
    # Masks of attention, which the host computes, have minus infinity.
    faulty = ~np.isfinite(data) & ~((role == "operand") & np.isinf(data))
    if faulty.any():
        value = data[faulty][0]
        raise InputError(
            f"{where}: {role} {show(tensor.name)} holds {value}; finite numbers are accepted"
        )


def _check_weights(tensor: Tensor, where: str, axis: int) -> None:
    _need_dtype(tensor, where, "weights", ("int8",))
    _check_constant(tensor, where, "weights")
    quant = _need_quant(tensor, where, "weights")
    if quant.axis not in (None, axis):
        raise UnsupportedError(
            f"{where}: weights {show(tensor.name)} are quantised along axis {quant.axis}; "
            f"axis {axis} or one scale is accepted"
        )
    if any(quant.zero_point):
        raise UnsupportedError(
            f"{where}: weights {show(tensor.name)} have a zero point other than 0; 0 is accepted"
        )


def _check_bias(tensor: Tensor, where: str) -> None:
    _need_dtype(tensor, where, "bias", ("int32",))
    _check_constant(tensor, where, "bias")
    if tensor.quant is not None:
        check_quant(tensor, tensor.quant)


def _check_bias_scale(graph: Graph, node: Node, where: str) -> None:
    """The bias is added to the accumulator, so that its scale is input scale * weight scale."""
    x, weights, bias = (graph.tensors[name].quant for name in node.inputs)
    output = graph.tensors[node.outputs[0]].quant
    if bias is None:
        return
    assert x is not None and weights is not None and output is not None, "checked before"
    found = np.asarray(bias.scale)
    product = x.scale[0] * np.asarray(weights.scale)
    if found.size not in (1, product.size) and product.size != 1:
        raise InputError(f"{where}: {found.size} bias scales; {product.size} are accepted")
    difference = np.maximum(np.abs(product - found) - ROUNDED * product, 0)
    worst = int(np.argmax(difference))
    if difference[worst] / output.scale[0] > BIAS_TOLERANCE:
        raise InputError(
            f"{where}: bias {show(node.inputs[2])} has scale {found[worst % found.size]:.6g}; "
            f"input scale * weight scale {product[worst % product.size]:.6g} is accepted"
        )


def _check_same(x: Tensor, output: Tensor, where: str) -> None:
    assert x.quant is not None and output.quant is not None, "checked before"
    same_scale = abs(x.quant.scale[0] - output.quant.scale[0]) <= SCALE_TOLERANCE
    if not same_scale or x.quant.zero_point != output.quant.zero_point:
        raise UnsupportedError(
            f"{where}: output has scale {output.quant.scale[0]:.9g} and zero point "
            f"{output.quant.zero_point[0]}; the input's {x.quant.scale[0]:.9g} and "
            f"{x.quant.zero_point[0]} are accepted"
        )


def _check_indices(indices: Tensor, size: int, where: str) -> None:
    assert indices.data is not None, "checked before"
    low, high = int(indices.data.min()), int(indices.data.max())
    if low < 0 or high >= size:
        raise InputError(
            f"{where}: indices {show(indices.name)} go from {low} to {high}; 0 to {size - 1} is "
            "accepted"
        )


def _check_softmax(x: Tensor, beta: float, output: Tensor, where: str) -> None:
    assert x.quant is not None and output.quant is not None, "checked before"
    step = float(np.float32(beta)) * float(np.float32(x.quant.scale[0]))
    if step <= MIN_SOFTMAX_STEP:
        raise UnsupportedError(
            f"{where}: beta * input scale is {step:.3g}; above {MIN_SOFTMAX_STEP:.3g} is accepted"
        )
    found = (output.quant.scale[0], output.quant.zero_point[0])
    if found != SOFTMAX_QUANT:
        raise UnsupportedError(
            f"{where}: output has scale {found[0]:.9g} and zero point {found[1]}; "
            f"scale {SOFTMAX_QUANT[0]} and zero point {SOFTMAX_QUANT[1]} are accepted"
        )
