"""Bodies of ONNX operators in float32 between integers, which the array cannot do.

Inputs are dequantised, the body is computed by ONNX's own reference implementation in NumPy, and
the result is rounded half to even, as DequantizeLinear and QuantizeLinear around it say.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from golden.quant import RANGES, QParams, as_float32, dequantize


class Layout(TypedDict):
    """Places of a stored tensor's elements in a model's array.

    The array is ``tensor.reshape(split).transpose(order).reshape(shape)``.
    """

    split: Sequence[int]
    order: Sequence[int]
    shape: Sequence[int]


def to_model(values: np.ndarray, layout: Layout) -> np.ndarray:
    """The model's array of a stored tensor."""
    return values.reshape(layout["split"]).transpose(layout["order"]).reshape(layout["shape"])


def from_model(array: np.ndarray, layout: Layout, shape: Sequence[int]) -> np.ndarray:
    """The stored tensor, of ``shape``, of a model's array."""
    split, order = layout["split"], layout["order"]
    moved = array.reshape([split[axis] for axis in order]).transpose(np.argsort(order))
    return np.ascontiguousarray(moved).reshape(shape)


def rearrange(x: np.ndarray, layout: Layout, shape: Sequence[int]) -> np.ndarray:
    """The elements of ``x`` in the order of the layout's array, as ``shape``."""
    return np.ascontiguousarray(to_model(x, layout)).reshape(shape)


def round_half_even(real: np.ndarray, qparams: QParams) -> np.ndarray:
    """Real values as ONNX's QuantizeLinear stores them; not-a-number becomes the zero point.

    The quotient by the scale is one of float32, rounded to the nearest integer, ties to even.
    """
    low, high = RANGES[qparams.dtype]
    with np.errstate(all="ignore"):
        steps = np.rint(real.astype(np.float32) / np.float32(as_float32(qparams.scale)))
    steps = np.nan_to_num(steps, nan=0.0, posinf=2.0**40, neginf=-(2.0**40)).astype(np.float64)
    stored: np.ndarray = np.clip(steps + qparams.zero_point, low, high)
    return stored.astype(qparams.dtype)


def host(
    arrays: Sequence[np.ndarray],
    quants: Sequence[QParams | None],
    y_quant: QParams | None,
    body: Sequence[Mapping[str, Any]],
    opset: int,
    layouts: Sequence[Layout],
    shape: Sequence[int],
) -> np.ndarray:
    """The result of ``body`` as a stored tensor of ``shape``.

    ``arrays`` are activations, with their parameters in ``quants``, and constants, with None.
    ``layouts`` has one for each of them and the result's. Without ``y_quant`` the result is stored
    as it is. Raises ValueError for a body that does not fit its operands.
    """
    operands = {
        f"x{i}": to_model(array if quant is None else dequantize(array, quant), layout)
        for i, (array, quant, layout) in enumerate(zip(arrays, quants, layouts, strict=False))
    }
    result = _evaluate(body, opset, operands)
    wanted = tuple(layouts[-1]["shape"])
    if result.shape != wanted:
        raise ValueError(f"the body makes shape {list(result.shape)}; {list(wanted)} is accepted")
    stored = from_model(result, layouts[-1], shape)
    return stored if y_quant is None else round_half_even(stored, y_quant)


def _evaluate(
    body: Sequence[Mapping[str, Any]], opset: int, operands: Mapping[str, np.ndarray]
) -> np.ndarray:
    # Imported when needed: most networks have no such node.
    import onnx
    from onnx.reference import ReferenceEvaluator

    from golden.host_kernels import kernels

    nodes = [
        onnx.helper.make_node(n["op_type"], n["inputs"], n["outputs"], **n["attributes"])
        for n in body
    ]
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in operands.items()
    ]
    graph = onnx.helper.make_graph(nodes, "body", inputs, [onnx.ValueInfoProto(name="y")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (result,) = ReferenceEvaluator(model, new_ops=kernels(opset)).run(None, dict(operands))
    # What the operators raise on attributes that do not fit has no base class of its own.
    except Exception as fault:
        raise ValueError(f"the body does not fit its operands: {fault}") from fault
    return np.asarray(result)
