"""Operators on stored integers (onnxruntime's QOperator format) as real ones between quantisers.

``QLinearConv(x)`` is ``QuantizeLinear(Conv(DequantizeLinear(x)))``: the real operator's kernel sums
in float32 what this one sums in integers.
"""

from __future__ import annotations

import numpy as np
import onnx

from compiler.errors import UnsupportedError
from compiler.frontend.onnx.normalise.opsets import DOMAINS, PER_CHANNEL, converted, opset
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter, replace

MICROSOFT = "com.microsoft"

#: Microsoft's own forms of these two mean the same.
_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")

#: Types that ONNX's own two have in later operator sets alone, and that the reader refuses by name.
_SIXTEEN_BITS = (onnx.TensorProto.INT16, onnx.TensorProto.UINT16)

WINDOW = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
_POOL = ("auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads")
_REMEDY = "static quantisation (onnxruntime.quantization.quantize_static, or --calibrate) is"


def from_qoperator(model: onnx.ModelProto) -> onnx.ModelProto:
    """Operators on stored integers (QOperator) become real ones between quantisers."""
    wide = {t.name for t in model.graph.initializer if t.data_type in _SIXTEEN_BITS}
    contributed = [n for n in model.graph.node if _is_contributed(n) and not wide & {*n.input}]
    if not contributed and not any(_is_expanded(node) for node in model.graph.node):
        return model
    if opset(model) < PER_CHANNEL:
        return from_qoperator(converted(model, PER_CHANNEL))
    for node in contributed:
        node.domain = ""
    return replace(model, EXPANSIONS, *DOMAINS, MICROSOFT)


def _is_contributed(node: onnx.NodeProto) -> bool:
    return node.domain == MICROSOFT and node.op_type in _QUANTISERS


def _is_expanded(node: onnx.NodeProto) -> bool:
    return node.op_type in EXPANSIONS and node.domain in (*DOMAINS, MICROSOFT)


def _real(to: Rewriter, old: Old, position: int, axis: int = 0) -> str:
    """The real values of the stored input at ``position``; scale and zero point follow it.

    Parameters of several values go along ``axis``.
    """
    stored, (scale, zero_point) = old.inputs[position], _parameters(old, position + 1)
    scales = to.array(scale)
    if scales.ndim > 1:
        scale = to.constant(f"{scale}/flat", scales.reshape(-1))
        zero_point = to.constant(f"{zero_point}/flat", to.array(zero_point).reshape(-1))
    attrs = {"axis": axis} if scales.size > 1 else {}
    return to.emit("DequantizeLinear", [stored, scale, zero_point], **attrs)


def _store(to: Rewriter, old: Old, real: str, position: int) -> None:
    """Round the result with the parameters at ``position``; it gets the old node's name."""
    to.emit("QuantizeLinear", [real, *_parameters(old, position)], old.output)


def _parameters(old: Old, position: int) -> list[str]:
    """A scale and a zero point."""
    absent = next((i for i in (position, position + 1) if not old.given(i)), None)
    if absent is not None:
        raise UnsupportedError(f"input {absent} is absent; a scale and a zero point are accepted")
    return old.inputs[position : position + 2]


def _bias(to: Rewriter, old: Old, position: int, x: int, weights: int, factor: float = 1.0) -> str:
    """The int32 bias in steps of ``factor`` times input scale times weight scale."""
    product = to.array(old.inputs[x]) * to.array(old.inputs[weights]).reshape(-1) * factor
    scale = product.astype(np.float32)
    name = old.inputs[position]
    attrs = {"axis": 0} if scale.size > 1 else {}
    scale = scale.reshape(-1 if scale.size > 1 else ())
    return to.emit("DequantizeLinear", [name, to.constant(f"{name}/scale", scale)], **attrs)


def _conv(to: Rewriter, old: Old) -> None:
    real = [_channels_first(to, old, _real(to, old, 0)), _real(to, old, 3)]
    if old.given(8):
        real.append(_bias(to, old, 8, 1, 4))
    _store(to, old, _channels_last(to, old, to.emit("Conv", real, **old.keep(*WINDOW))), 6)


def _matmul(to: Rewriter, old: Old) -> None:
    axis = to.array(old.inputs[3]).ndim - 1 if to.is_constant(old.inputs[3]) else 1
    _store(to, old, to.emit("MatMul", [_real(to, old, 0), _real(to, old, 3, axis)]), 6)


def _gemm(to: Rewriter, old: Old) -> None:
    """Microsoft's QGemm, whose result is real without an output scale."""
    alpha, transposed = old.attributes.get("alpha", 1.0), old.attributes.get("transB", 0)
    if alpha != 1.0:
        old.inputs[4] = to.constant(
            f"{old.inputs[4]}/alpha", (to.array(old.inputs[4]) * alpha).astype(np.float32)
        )
    real = [_real(to, old, 0), _real(to, old, 3, 0 if transposed else 1)]
    if old.given(6):
        real.append(_bias(to, old, 6, 1, 4))
    attrs = old.keep("transA", "transB")
    if old.given(7):
        _store(to, old, to.emit("Gemm", real, **attrs), 7)
    else:
        to.emit("Gemm", real, old.output, **attrs)


def _of_two(op: str) -> Expand:
    def expand(to: Rewriter, old: Old) -> None:
        _store(to, old, to.emit(op, [_real(to, old, 0), _real(to, old, 3)]), 6)

    return expand


def _of_one(op: str, *kept: str) -> Expand:
    def expand(to: Rewriter, old: Old) -> None:
        real = _channels_first(to, old, _real(to, old, 0))
        _store(to, old, _channels_last(to, old, to.emit(op, [real], **old.keep(*kept))), 3)

    return expand


def _concat(to: Rewriter, old: Old) -> None:
    """Microsoft's: the output's parameters come first, then three inputs for each part."""
    parts = [_real(to, old, i) for i in range(2, len(old.inputs), 3)]
    _store(to, old, to.emit("Concat", parts, **old.keep("axis")), 0)


def _where(to: Rewriter, old: Old) -> None:
    real = to.emit("Where", [old.inputs[0], _real(to, old, 1), _real(to, old, 4)])
    _store(to, old, real, 7)


def _softmax(to: Rewriter, old: Old) -> None:
    """Before operator set 13 a softmax takes all axes from the given one on as one."""
    real, axis = _real(to, old, 0), old.attributes.get("axis", -1)
    if old.attributes.get("opset", PER_CHANNEL) >= PER_CHANNEL or axis == -1:
        _store(to, old, to.emit("Softmax", [real], axis=axis), 3)
        return
    rows = to.emit("Softmax", [to.emit("Flatten", [real], axis=axis)], axis=-1)
    _store(to, old, to.emit("Reshape", [rows, to.emit("Shape", [real])]), 3)


def _channels_first(to: Rewriter, old: Old, x: str) -> str:
    return to.emit("Transpose", [x], perm=[0, 3, 1, 2]) if _is_last(old) else x


def _channels_last(to: Rewriter, old: Old, x: str) -> str:
    return to.emit("Transpose", [x], perm=[0, 2, 3, 1]) if _is_last(old) else x


def _is_last(old: Old) -> bool:
    """Whether an operator of Microsoft's takes maps with their channels last."""
    return bool(old.attributes.get("channels_last", 0))


def _dynamic(to: Rewriter, old: Old) -> None:
    """Scales that depend on the input are not known when the network is compiled."""
    raise UnsupportedError(
        f"operator {old.proto.op_type} belongs to dynamic quantisation, whose scales follow from "
        f"each input; {_REMEDY} accepted"
    )


EXPANSIONS: dict[str, Expand] = {
    "QLinearConv": _conv,
    "QLinearMatMul": _matmul,
    "QGemm": _gemm,
    "QLinearAdd": _of_two("Add"),
    "QLinearMul": _of_two("Mul"),
    "QLinearAveragePool": _of_one("AveragePool", *_POOL, "strides"),
    "QLinearGlobalAveragePool": _of_one("GlobalAveragePool"),
    "QLinearLeakyRelu": _of_one("LeakyRelu", "alpha"),
    "QLinearSigmoid": _of_one("Sigmoid"),
    "QLinearConcat": _concat,
    "QLinearSoftmax": _softmax,
    "QLinearWhere": _where,
    "ConvInteger": _dynamic,
    "MatMulInteger": _dynamic,
    "DynamicQuantizeLinear": _dynamic,
    "DynamicQuantizeMatMul": _dynamic,
    "DynamicQuantizeLSTM": _dynamic,
    "MatMulIntegerToFloat": _dynamic,
}
"""Functions that write each operator on stored integers with real ones."""
