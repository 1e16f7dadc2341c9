"""The options tables of TFLite operators, written from the nodes of a graph's dict form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flatbuffers
import tflite

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


def _padding(node: Mapping[str, Any], tensors: Mapping[str, Any], kernel: tuple[int, int]) -> int:
    declared = tuple(node["attrs"]["padding"])
    shape = tensors[node["inputs"][0]]["shape"]
    dilation = node["attrs"].get("dilation", (1, 1))
    if declared == (0, 0, 0, 0):
        return tflite.Padding.VALID
    same = same_padding(shape, kernel, node["attrs"]["stride"], dilation)
    if declared != same:
        raise ValueError(f"padding must be (0, 0, 0, 0) or {same}, not {declared}")
    return tflite.Padding.SAME


def kind(node: Mapping[str, Any]) -> str:
    """The entry of the tables: the operator, or the mode of a resize, which is one in TFLite."""
    return node["attrs"]["mode"] if node["op"] == "resize" else node["op"]


def _kernel(node: Mapping[str, Any], tensors: Mapping[str, Any]) -> tuple[int, int]:
    return tuple(tensors[node["inputs"][1]]["shape"][1:3])


def _activation(node: Mapping[str, Any]) -> int:
    return _ACTIVATIONS[node["attrs"].get("activation", "none")]


def _conv2d(b: flatbuffers.Builder, node: Mapping[str, Any], tensors: Mapping[str, Any]) -> int:
    attrs = node["attrs"]
    tflite.Conv2DOptionsStart(b)
    tflite.Conv2DOptionsAddPadding(b, _padding(node, tensors, _kernel(node, tensors)))
    tflite.Conv2DOptionsAddStrideH(b, attrs["stride"][0])
    tflite.Conv2DOptionsAddStrideW(b, attrs["stride"][1])
    tflite.Conv2DOptionsAddDilationHFactor(b, attrs["dilation"][0])
    tflite.Conv2DOptionsAddDilationWFactor(b, attrs["dilation"][1])
    tflite.Conv2DOptionsAddFusedActivationFunction(b, _activation(node))
    return tflite.Conv2DOptionsEnd(b)


def _depthwise(b: flatbuffers.Builder, node: Mapping[str, Any], tensors: Mapping[str, Any]) -> int:
    attrs = node["attrs"]
    tflite.DepthwiseConv2DOptionsStart(b)
    tflite.DepthwiseConv2DOptionsAddPadding(b, _padding(node, tensors, _kernel(node, tensors)))
    tflite.DepthwiseConv2DOptionsAddStrideH(b, attrs["stride"][0])
    tflite.DepthwiseConv2DOptionsAddStrideW(b, attrs["stride"][1])
    tflite.DepthwiseConv2DOptionsAddDilationHFactor(b, attrs["dilation"][0])
    tflite.DepthwiseConv2DOptionsAddDilationWFactor(b, attrs["dilation"][1])
    tflite.DepthwiseConv2DOptionsAddDepthMultiplier(b, attrs["depth_multiplier"])
    tflite.DepthwiseConv2DOptionsAddFusedActivationFunction(b, _activation(node))
    return tflite.DepthwiseConv2DOptionsEnd(b)


def _pool(b: flatbuffers.Builder, node: Mapping[str, Any], tensors: Mapping[str, Any]) -> int:
    attrs = node["attrs"]
    tflite.Pool2DOptionsStart(b)
    tflite.Pool2DOptionsAddPadding(b, _padding(node, tensors, attrs["kernel"]))
    tflite.Pool2DOptionsAddStrideH(b, attrs["stride"][0])
    tflite.Pool2DOptionsAddStrideW(b, attrs["stride"][1])
    tflite.Pool2DOptionsAddFilterHeight(b, attrs["kernel"][0])
    tflite.Pool2DOptionsAddFilterWidth(b, attrs["kernel"][1])
    tflite.Pool2DOptionsAddFusedActivationFunction(b, _activation(node))
    return tflite.Pool2DOptionsEnd(b)


def _fully_connected(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.FullyConnectedOptionsStart(b)
    tflite.FullyConnectedOptionsAddFusedActivationFunction(b, _activation(node))
    return tflite.FullyConnectedOptionsEnd(b)


def _add(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.AddOptionsStart(b)
    tflite.AddOptionsAddFusedActivationFunction(b, _activation(node))
    return tflite.AddOptionsEnd(b)


def _mul(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.MulOptionsStart(b)
    tflite.MulOptionsAddFusedActivationFunction(b, _activation(node))
    return tflite.MulOptionsEnd(b)


def _mean(b: flatbuffers.Builder, _node: object, _tensors: object) -> int:
    tflite.ReducerOptionsStart(b)
    tflite.ReducerOptionsAddKeepDims(b, True)
    return tflite.ReducerOptionsEnd(b)


def _concatenation(b: flatbuffers.Builder, node: Mapping[str, Any], tensors: Any) -> int:
    tflite.ConcatenationOptionsStart(b)
    tflite.ConcatenationOptionsAddAxis(b, len(tensors[node["outputs"][0]]["shape"]) - 1)
    return tflite.ConcatenationOptionsEnd(b)


def _transpose_conv2d(b: flatbuffers.Builder, node: Mapping[str, Any], tensors: Any) -> int:
    """VALID cuts nothing off, SAME what it would add to a convolution of the output."""
    attrs, output = node["attrs"], tensors[node["outputs"][0]]["shape"]
    begin = attrs["padding"][::2]
    same = same_padding(output, _kernel(node, tensors), attrs["stride"])[::2]
    padding = tflite.Padding.SAME if any(attrs["padding"]) else tflite.Padding.VALID
    if any(attrs["padding"]) and begin != same:
        raise ValueError(f"padding must be 0 or begin with {same}, not {begin}")
    tflite.TransposeConvOptionsStart(b)
    tflite.TransposeConvOptionsAddPadding(b, padding)
    tflite.TransposeConvOptionsAddStrideH(b, attrs["stride"][0])
    tflite.TransposeConvOptionsAddStrideW(b, attrs["stride"][1])
    tflite.TransposeConvOptionsAddFusedActivationFunction(b, _activation(node))
    return tflite.TransposeConvOptionsEnd(b)


def _resize_nearest(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.ResizeNearestNeighborOptionsStart(b)
    tflite.ResizeNearestNeighborOptionsAddAlignCorners(b, node["attrs"]["align_corners"])
    tflite.ResizeNearestNeighborOptionsAddHalfPixelCenters(b, node["attrs"]["half_pixel_centers"])
    return tflite.ResizeNearestNeighborOptionsEnd(b)


def _resize_bilinear(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.ResizeBilinearOptionsStart(b)
    tflite.ResizeBilinearOptionsAddAlignCorners(b, node["attrs"]["align_corners"])
    tflite.ResizeBilinearOptionsAddHalfPixelCenters(b, node["attrs"]["half_pixel_centers"])
    return tflite.ResizeBilinearOptionsEnd(b)


def _softmax(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.SoftmaxOptionsStart(b)
    tflite.SoftmaxOptionsAddBeta(b, node["attrs"]["beta"])
    return tflite.SoftmaxOptionsEnd(b)


def _split(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.SplitOptionsStart(b)
    tflite.SplitOptionsAddNumSplits(b, len(node["outputs"]))
    return tflite.SplitOptionsEnd(b)


def _split_v(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.SplitVOptionsStart(b)
    tflite.SplitVOptionsAddNumSplits(b, len(node["outputs"]))
    return tflite.SplitVOptionsEnd(b)


def _strided_slice(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.StridedSliceOptionsStart(b)
    tflite.StridedSliceOptionsAddBeginMask(b, node["attrs"].get("begin_mask", 0))
    tflite.StridedSliceOptionsAddEndMask(b, node["attrs"].get("end_mask", 0))
    return tflite.StridedSliceOptionsEnd(b)


def _empty(
    start: Callable[[flatbuffers.Builder], None], end: Callable[[flatbuffers.Builder], int]
) -> Callable[[flatbuffers.Builder, object, object], int]:
    def write(b: flatbuffers.Builder, _node: object, _tensors: object) -> int:
        start(b)
        return end(b)

    return write


def _leaky_relu(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.LeakyReluOptionsStart(b)
    tflite.LeakyReluOptionsAddAlpha(b, node["attrs"]["alpha"])
    return tflite.LeakyReluOptionsEnd(b)


def _gelu(b: flatbuffers.Builder, node: Mapping[str, Any], _: object) -> int:
    tflite.GeluOptionsStart(b)
    tflite.GeluOptionsAddApproximate(b, node["attrs"]["approximate"])
    return tflite.GeluOptionsEnd(b)


def _no_options(_b: flatbuffers.Builder, _node: object, _tensors: object) -> int:
    """The offset of a table that is left out."""
    return 0


_BUILTIN, _KIND = tflite.BuiltinOperator, tflite.BuiltinOptions

#: Operator code, kind of options table and its writer, by operator.
OPERATORS: dict[str, tuple[int, int, Callable[..., int]]] = {
    "conv2d": (_BUILTIN.CONV_2D, _KIND.Conv2DOptions, _conv2d),
    "depthwise_conv2d": (_BUILTIN.DEPTHWISE_CONV_2D, _KIND.DepthwiseConv2DOptions, _depthwise),
    "fully_connected": (_BUILTIN.FULLY_CONNECTED, _KIND.FullyConnectedOptions, _fully_connected),
    "add": (_BUILTIN.ADD, _KIND.AddOptions, _add),
    "mul": (_BUILTIN.MUL, _KIND.MulOptions, _mul),
    "concatenation": (_BUILTIN.CONCATENATION, _KIND.ConcatenationOptions, _concatenation),
    "avg_pool2d": (_BUILTIN.AVERAGE_POOL_2D, _KIND.Pool2DOptions, _pool),
    "max_pool2d": (_BUILTIN.MAX_POOL_2D, _KIND.Pool2DOptions, _pool),
    "mean": (_BUILTIN.MEAN, _KIND.ReducerOptions, _mean),
    "pad": (
        _BUILTIN.PAD,
        _KIND.PadOptions,
        _empty(tflite.PadOptionsStart, tflite.PadOptionsEnd),
    ),
    "reshape": (
        _BUILTIN.RESHAPE,
        _KIND.ReshapeOptions,
        _empty(tflite.ReshapeOptionsStart, tflite.ReshapeOptionsEnd),
    ),
    "quantize": (
        _BUILTIN.QUANTIZE,
        _KIND.QuantizeOptions,
        _empty(tflite.QuantizeOptionsStart, tflite.QuantizeOptionsEnd),
    ),
    "slice": (
        _BUILTIN.SLICE,
        _KIND.SliceOptions,
        _empty(tflite.SliceOptionsStart, tflite.SliceOptionsEnd),
    ),
    "split": (_BUILTIN.SPLIT, _KIND.SplitOptions, _split),
    "split_v": (_BUILTIN.SPLIT_V, _KIND.SplitVOptions, _split_v),
    "strided_slice": (_BUILTIN.STRIDED_SLICE, _KIND.StridedSliceOptions, _strided_slice),
    "transpose": (
        _BUILTIN.TRANSPOSE,
        _KIND.TransposeOptions,
        _empty(tflite.TransposeOptionsStart, tflite.TransposeOptionsEnd),
    ),
    "transpose_conv2d": (
        _BUILTIN.TRANSPOSE_CONV,
        _KIND.TransposeConvOptions,
        _transpose_conv2d,
    ),
    "nearest": (
        _BUILTIN.RESIZE_NEAREST_NEIGHBOR,
        _KIND.ResizeNearestNeighborOptions,
        _resize_nearest,
    ),
    "bilinear": (_BUILTIN.RESIZE_BILINEAR, _KIND.ResizeBilinearOptions, _resize_bilinear),
    "dequantize": (
        _BUILTIN.DEQUANTIZE,
        _KIND.DequantizeOptions,
        _empty(tflite.DequantizeOptionsStart, tflite.DequantizeOptionsEnd),
    ),
    "softmax": (_BUILTIN.SOFTMAX, _KIND.SoftmaxOptions, _softmax),
    "relu": (_BUILTIN.RELU, _KIND.NONE, _no_options),
    "relu6": (_BUILTIN.RELU6, _KIND.NONE, _no_options),
    "relu_n1_to_1": (_BUILTIN.RELU_N1_TO_1, _KIND.NONE, _no_options),
    "leaky_relu": (_BUILTIN.LEAKY_RELU, _KIND.LeakyReluOptions, _leaky_relu),
    "prelu": (_BUILTIN.PRELU, _KIND.NONE, _no_options),
    "hard_swish": (
        _BUILTIN.HARD_SWISH,
        _KIND.HardSwishOptions,
        _empty(tflite.HardSwishOptionsStart, tflite.HardSwishOptionsEnd),
    ),
    "sigmoid": (_BUILTIN.LOGISTIC, _KIND.NONE, _no_options),
    "tanh": (_BUILTIN.TANH, _KIND.NONE, _no_options),
    "gelu": (_BUILTIN.GELU, _KIND.GeluOptions, _gelu),
}
