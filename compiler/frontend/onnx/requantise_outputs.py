"""Real results become stored tensors: the node of an operator is made with its output's scale."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError, show
from compiler.frontend.onnx.averages import as_layer
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.saturate import saturated
from compiler.frontend.onnx.slopes import SLOPED, store_sloped
from compiler.frontend.onnx.tables import rounded_table
from compiler.frontend.onnx.values import Function, Input, Pending, Real, Stored
from compiler.frontend.onnx.views import arranged, channels_last_order, stored_shape
from compiler.ir.graph import Declared, Quant, Tensor
from compiler.ir.ops import OPS
from compiler.ir.quant_rules import SOFTMAX_QUANT
from golden.functions import function_table
from golden.quant import QParams

#: Real bounds of the graph's activations.
BOUNDS = {
    "none": (-math.inf, math.inf),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}

#: Steps of a result in one of what it is made of: as many could shift it out of 32 bits.
_FINEST = 1 << 20

#: Functions whose product of value and slope TFLite rounds twice.
_SLOPES = ("relu", "relu6", "relu_n1_to_1", "leaky_relu")

_Step = tuple[str, tuple[str | Tensor, ...], dict[str, Any], Quant]
"""Operator, inputs beside the one before, attributes, parameters of the output."""

_SOFTMAX = Quant((SOFTMAX_QUANT[0],), (SOFTMAX_QUANT[1],))


def store(imp: Importer, x: Input | Real | Function | Pending, quant: Quant, name: str) -> Stored:
    """The tensor ``name`` of the values ``x`` with the parameters ``quant``.

    Raises UnsupportedError where the graph has no operator for them.
    """
    name = imp.names.get(name, name)
    if isinstance(x, Input):
        return _store_input(imp, x, quant)
    if isinstance(x, Real):
        if quant == imp.quant(x.tensor):
            return Stored(x.tensor, x.view)
        _check_finer(imp.quant(x.tensor), quant)
        return Stored(imp.emit("quantize", (x.tensor,), {}, name, quant, x.view), x.view)
    if isinstance(x, Function):
        return Stored(_store_function(imp, x, quant, name), x.view)
    return _store_pending(imp, x, quant, name)


def _store_input(imp: Importer, x: Input, quant: Quant) -> Stored:
    """The network's input itself, whose file holds float32."""
    if x.name not in imp.tensors:
        shape, view = imp.inputs[x.name]
        imp.add_tensor(x.name, shape, quant, view, "float32")
    elif imp.quant(x.name) != quant:
        raise UnsupportedError(
            f"a second scale for the input {show(x.name)}, which is stored once; one "
            "QuantizeLinear's is accepted, and others of what its DequantizeLinear gives"
        )
    return Stored(x.name, x.view)


def _store_function(imp: Importer, x: Function, quant: Quant, name: str) -> str:
    """The operator of its name where that rounds as ONNX does, else a table."""
    own = imp.quant(x.tensor)
    data = rounded_table(x.apply, own, quant)
    if x.op != "lookup" and own.scale[0] / quant.scale[0] < _FINEST:
        x_quant, y_quant = (QParams(q.scale[0], q.zero_point[0]) for q in (own, quant))
        named = x.op not in _SLOPES or np.array_equal(
            function_table(x.op, x_quant, y_quant, **x.attrs), data
        )
        if named:
            return imp.emit(x.op, (x.tensor,), x.attrs, name, quant, x.view, label=x.label)
    table = Tensor(f"{name}/table", (256,), "int8", data=data)
    return imp.emit("lookup", (x.tensor, table), {}, name, quant, x.view, label=x.label)


def _store_pending(imp: Importer, x: Pending, quant: Quant, name: str) -> Stored:
    """The tensor ``name``, or the one that others read with the same steps and bounds."""
    key = (x.origin, quant, x.low, x.high)
    if key not in imp.stored:
        store_it = store_sloped if x.op == SLOPED else _as_nodes
        imp.stored[key] = store_it(imp, x, quant, name)
    return Stored(imp.stored[key], x.view)


def _as_nodes(imp: Importer, x: Pending, quant: Quant, name: str) -> str:
    """The tensor ``name`` that the operator makes, with what its bounds and parameters need."""
    x = _rounded_once(imp, x, quant, name)
    own = _own_quant(imp, x, quant)
    if x.op in ("mean", "mul"):
        # Products have 8 bits more than values.
        scales = [imp.quant(str(n)).scale[0] for n in x.inputs[1:]]
        _check_finer(imp.quant(str(x.inputs[0])), quant, math.prod(s * 256 for s in scales))
    _check_steps(x, own, quant)
    inputs = saturated(x.op, x.inputs, imp, own)
    activation = _activation(x, own)
    inside = "activation" in OPS[x.op].attrs
    attrs = {**x.attrs, "activation": activation or "none"} if inside else x.attrs
    steps: list[_Step] = [(x.op, inputs, attrs, own)]
    if activation not in ("none", None) and not inside:
        steps.append((activation, (), {}, own))
    if own != quant:
        _check_finer(own, quant)
        steps.append(("quantize", (), {}, quant))
    if activation is None:
        steps.append(("lookup", (_clamp(x, quant, f"{name}/table"),), {}, quant))
    tensor = ""
    for i, (op, inputs, attrs, parameters) in enumerate(steps):
        last = i == len(steps) - 1
        output = name if last else f"{name}/{op}"
        label = f"{x.label}/{op}" if i and x.label else x.label
        if i:
            inputs = (tensor, *inputs)
        tensor = imp.emit(op, inputs, attrs, output, parameters, x.view, label=label)
    return tensor


def _check_finer(own: Quant, quant: Quant, factor: float = 1.0) -> None:
    """Raise UnsupportedError where a left shift would push out of 32 bits what has steps of
    ``factor`` times the scale."""
    if factor * own.scale[0] / quant.scale[0] >= _FINEST:
        raise UnsupportedError(
            f"scale {quant.scale[0]:.6g} of what has steps of {factor * own.scale[0]:.6g}; more "
            f"than a {_FINEST}th of that is accepted"
        )


def _rounded_once(imp: Importer, x: Pending, quant: Quant, name: str) -> Pending:
    """An average in steps of its own as a layer, where it has such a form."""
    if x.op != "avg_pool2d":
        return x
    own = imp.quant(str(x.inputs[0]))
    if own == quant or own.scale[0] / quant.scale[0] >= _FINEST:
        return x
    return as_layer(x, name) or x


def _check_steps(x: Pending, own: Quant, quant: Quant) -> None:
    """Raise UnsupportedError where the operator rounds to coarser steps than are wanted."""
    rounds = x.op in ("avg_pool2d", "softmax") or x.attrs.get("mode") == "bilinear"
    if rounds and own.scale[0] > quant.scale[0]:
        raise UnsupportedError(
            f"scale {quant.scale[0]:.6g} of what {x.op} rounds to steps of {own.scale[0]:.6g}; at "
            "least that is accepted"
        )


def _own_quant(imp: Importer, x: Pending, quant: Quant) -> Quant:
    """The parameters that the operator itself gives its output."""
    if x.op == "softmax":
        return _SOFTMAX
    if OPS[x.op].same_quant:
        assert isinstance(x.inputs[0], str)
        return imp.quant(x.inputs[0])
    return quant


def _activation(x: Pending, quant: Quant) -> str | None:
    """The activation function with the bounds of ``x``, to the step of the output; None if none is.

    One that the output's own range implies is ``none``.
    """
    if x.low > x.high:
        raise UnsupportedError(f"bounds {x.low:g} and {x.high:g}; bounds in order are accepted")
    for name, bounds in BOUNDS.items():
        if bounds == (x.low, x.high):
            return name
    wanted = _stored_bounds((x.low, x.high), quant)
    for name, bounds in BOUNDS.items():
        if _stored_bounds(bounds, quant) == wanted:
            return name
    return None


def _clamp(x: Pending, quant: Quant, name: str) -> Tensor:
    """The table that bounds stored values as ``x`` is bounded; rounding keeps the order."""
    bounds = np.array([x.low, x.high], np.float32) / np.float32(quant.scale[0])
    low, high = np.clip(np.rint(bounds) + quant.zero_point[0], -128, 127)
    table = np.clip(np.arange(-128, 128), low, high).astype(np.int8)
    table.setflags(write=False)
    return Tensor(name, (256,), "int8", data=table)


def _stored_bounds(bounds: tuple[float, float], quant: Quant) -> tuple[int, int]:
    low, high = (b / quant.scale[0] + quant.zero_point[0] for b in bounds)
    return math.floor(max(low, -128) + 0.5), math.floor(min(high, 127) + 0.5)


def unsigned(quant: Quant) -> Quant:
    """The parameters of the same values as uint8."""
    return Quant(quant.scale, (quant.zero_point[0] + 128,))


def store_output(imp: Importer, x: Stored | Real, name: str) -> str:
    """The tensor of the network's output ``name``, in the form that the model gives it."""
    if x.view.order is None:
        x = _in_order(imp, x)
    tensor, quant = x.tensor, imp.quant(x.tensor)
    made = {node.outputs[0] for node in imp.nodes}
    if tensor not in made or tensor in imp.outputs:
        shape = {"shape": imp.tensors[tensor].shape}
        tensor = imp.emit("reshape", (tensor,), shape, name, quant, x.view)
    if isinstance(x, Stored) and x.dtype == "uint8":
        label = f"{name}/uint8"
        tensor = imp.emit("quantize", (tensor,), {}, label, unsigned(quant), x.view, "uint8")
    _declare_output(imp, tensor, x)
    imp.outputs.append(tensor)
    return tensor


def _in_order(imp: Importer, x: Stored | Real) -> Stored | Real:
    """``x`` in a tensor that has its axes whole."""
    order = channels_last_order(len(x.view.shape))
    stored = stored_shape(arranged(x.view.shape, order))
    found = imp.rearranged(Real(x.tensor, x.view), order, stored)
    return replace(x, tensor=found.tensor, view=found.view)


def _declare_output(imp: Importer, tensor: str, x: Stored | Real) -> None:
    """Give a tensor the form of the network's output ``x``."""
    found = imp.tensors[tensor]
    order = x.view.order
    assert order is not None, "outputs are in order"
    dtype = "float32" if isinstance(x, Real) else found.dtype
    declared = Declared(dtype, x.view.shape, order, "even")
    imp.tensors[tensor] = replace(found, declared=declared)
