"""The options tables of TFLite operators, written from the nodes of a graph's dict form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flatbuffers
import tflite

Node = Mapping[str, Any]
Tensors = Mapping[str, Any]
Fields = dict[str, int | float]

_ACTIVATIONS = {
    "none": tflite.ActivationFunctionType.NONE,
    "relu": tflite.ActivationFunctionType.RELU,
    "relu6": tflite.ActivationFunctionType.RELU6,
    "relu_n1_to_1": tflite.ActivationFunctionType.RELU_N1_TO_1,
}


def same_padding(
    shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of TFLite's SAME padding of an NHWC input of ``shape``."""
    sides: list[int] = []
    for size, k, s, d in zip(shape[1:3], kernel, stride, dilation, strict=True):
        windows = -(-size // s)
        total = max((windows - 1) * s + (k - 1) * d + 1 - size, 0)
        sides += [total // 2, total - total // 2]
    return tuple(sides)


def _padding(node: Node, tensors: Tensors, kernel: tuple[int, int]) -> int:
    declared = tuple(node["attrs"]["padding"])
    shape = tensors[node["inputs"][0]]["shape"]
    dilation = node["attrs"].get("dilation", (1, 1))
    if declared == (0, 0, 0, 0):
        return tflite.Padding.VALID
    same = same_padding(shape, kernel, node["attrs"]["stride"], dilation)
    if declared != same:
        raise ValueError(f"padding must be (0, 0, 0, 0) or {same}, not {declared}")
    return tflite.Padding.SAME


def kind(node: Node) -> str:
    """The entry of the tables: the operator, or the mode of a resize, which is one in TFLite."""
    return node["attrs"]["mode"] if node["op"] == "resize" else node["op"]


def _kernel(node: Node, tensors: Tensors) -> tuple[int, int]:
    return tuple(tensors[node["inputs"][1]]["shape"][1:3])


def _activation(node: Node, _: object = None) -> Fields:
    return {"FusedActivationFunction": _ACTIVATIONS[node["attrs"].get("activation", "none")]}


def _strides(node: Node) -> Fields:
    height, width = node["attrs"]["stride"]
    return {"StrideH": height, "StrideW": width}


def _conv2d(node: Node, tensors: Tensors) -> Fields:
    height, width = node["attrs"]["dilation"]
    return {
        "Padding": _padding(node, tensors, _kernel(node, tensors)),
        **_strides(node),
        "DilationHFactor": height,
        "DilationWFactor": width,
        **_activation(node),
    }


def _depthwise(node: Node, tensors: Tensors) -> Fields:
    return {**_conv2d(node, tensors), "DepthMultiplier": node["attrs"]["depth_multiplier"]}


def _pool(node: Node, tensors: Tensors) -> Fields:
    height, width = kernel = node["attrs"]["kernel"]
    return {
        "Padding": _padding(node, tensors, kernel),
        **_strides(node),
        "FilterHeight": height,
        "FilterWidth": width,
        **_activation(node),
    }


def _transpose_conv2d(node: Node, tensors: Tensors) -> Fields:
    """VALID cuts nothing off, SAME what it would add to a convolution of the output."""
    attrs, output = node["attrs"], tensors[node["outputs"][0]]["shape"]
    begin = attrs["padding"][::2]
    same = same_padding(output, _kernel(node, tensors), attrs["stride"])[::2]
    padding = tflite.Padding.SAME if any(attrs["padding"]) else tflite.Padding.VALID
    if any(attrs["padding"]) and begin != same:
        raise ValueError(f"padding must be 0 or begin with {same}, not {begin}")
    return {"Padding": padding, **_strides(node), **_activation(node)}


def _concatenation(node: Node, tensors: Tensors) -> Fields:
    return {"Axis": len(tensors[node["outputs"][0]]["shape"]) - 1}


def _mean(_node: object, _tensors: object) -> Fields:
    return {"KeepDims": True}


def _resize(node: Node, _: object) -> Fields:
    attrs = node["attrs"]
    return {
        "AlignCorners": attrs["align_corners"],
        "HalfPixelCenters": attrs["half_pixel_centers"],
    }


def _parts(node: Node, _: object) -> Fields:
    return {"NumSplits": len(node["outputs"])}


def _strided_slice(node: Node, _: object) -> Fields:
    attrs = node["attrs"]
    return {"BeginMask": attrs.get("begin_mask", 0), "EndMask": attrs.get("end_mask", 0)}


def _none(_node: object, _tensors: object) -> Fields:
    return {}


#: Of each operator its name in the schema, that of its options table, if it has one, and what
#: computes the table's fields.
_OPERATORS: dict[str, tuple[str, str, Callable[[Node, Tensors], Fields]]] = {
    "conv2d": ("CONV_2D", "Conv2D", _conv2d),
    "depthwise_conv2d": ("DEPTHWISE_CONV_2D", "DepthwiseConv2D", _depthwise),
    "transpose_conv2d": ("TRANSPOSE_CONV", "TransposeConv", _transpose_conv2d),
    "fully_connected": ("FULLY_CONNECTED", "FullyConnected", _activation),
    "add": ("ADD", "Add", _activation),
    "mul": ("MUL", "Mul", _activation),
    "concatenation": ("CONCATENATION", "Concatenation", _concatenation),
    "avg_pool2d": ("AVERAGE_POOL_2D", "Pool2D", _pool),
    "max_pool2d": ("MAX_POOL_2D", "Pool2D", _pool),
    "mean": ("MEAN", "Reducer", _mean),
    "pad": ("PAD", "Pad", _none),
    "reshape": ("RESHAPE", "Reshape", _none),
    "transpose": ("TRANSPOSE", "Transpose", _none),
    "slice": ("SLICE", "Slice", _none),
    "strided_slice": ("STRIDED_SLICE", "StridedSlice", _strided_slice),
    "split": ("SPLIT", "Split", _parts),
    "split_v": ("SPLIT_V", "SplitV", _parts),
    "nearest": ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor", _resize),
    "bilinear": ("RESIZE_BILINEAR", "ResizeBilinear", _resize),
    "quantize": ("QUANTIZE", "Quantize", _none),
    "dequantize": ("DEQUANTIZE", "Dequantize", _none),
    "softmax": ("SOFTMAX", "Softmax", lambda node, _: {"Beta": node["attrs"]["beta"]}),
    "relu": ("RELU", "", _none),
    "relu6": ("RELU6", "", _none),
    "relu_n1_to_1": ("RELU_N1_TO_1", "", _none),
    "leaky_relu": ("LEAKY_RELU", "LeakyRelu", lambda node, _: {"Alpha": node["attrs"]["alpha"]}),
    "prelu": ("PRELU", "", _none),
    "hard_swish": ("HARD_SWISH", "HardSwish", _none),
    "sigmoid": ("LOGISTIC", "", _none),
    "tanh": ("TANH", "", _none),
    "gelu": ("GELU", "Gelu", lambda node, _: {"Approximate": node["attrs"]["approximate"]}),
}


def builtin_code(op: str) -> int:
    """The operator's code; ``op`` as from ``kind``."""
    return getattr(tflite.BuiltinOperator, _OPERATORS[op][0])


def write_options(b: flatbuffers.Builder, node: Node, tensors: Tensors) -> tuple[int, int]:
    """Write the node's options table; returns its kind and offset, 0 and 0 where it has none."""
    _, name, fields = _OPERATORS[kind(node)]
    if not name:
        return tflite.BuiltinOptions.NONE, 0
    getattr(tflite, f"{name}OptionsStart")(b)
    for field, value in fields(node, tensors).items():
        getattr(tflite, f"{name}OptionsAdd{field}")(b, value)
    return getattr(tflite.BuiltinOptions, f"{name}Options"), getattr(tflite, f"{name}OptionsEnd")(b)
