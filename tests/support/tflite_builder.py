"""Small int8 ``.tflite`` models made in memory, to run on LiteRT's reference kernels.

``build_model`` takes the dict form of a graph (``golden/network.py``, ``docs/ir.md``), so that one
description drives golden and the reference. TFLite has no explicit padding: what a node declares
must be nothing (VALID) or what SAME makes of its shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flatbuffers
import numpy as np
import tflite

_TYPES = {
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int32": tflite.TensorType.INT32,
    "float16": tflite.TensorType.FLOAT16,
    "float32": tflite.TensorType.FLOAT32,
}
_ACTIVATIONS = {
    "none": tflite.ActivationFunctionType.NONE,
    "relu": tflite.ActivationFunctionType.RELU,
    "relu6": tflite.ActivationFunctionType.RELU6,
    "relu_n1_to_1": tflite.ActivationFunctionType.RELU_N1_TO_1,
}

#: Operator version that a converter writes for int8 tensors.
_VERSIONS = {
    "conv2d": 3,
    "depthwise_conv2d": 3,
    "transpose_conv2d": 3,
    "fully_connected": 4,
    "add": 2,
    "mul": 2,
    "concatenation": 2,
    "avg_pool2d": 2,
    "max_pool2d": 2,
    "mean": 2,
    "pad": 2,
    "slice": 3,
    "split": 2,
    "split_v": 2,
    "strided_slice": 2,
    "transpose": 2,
    "reshape": 1,
    "quantize": 2,
    "nearest": 3,
    "bilinear": 3,
    "dequantize": 2,
    "softmax": 2,
    "relu": 2,
    "relu6": 2,
    "relu_n1_to_1": 1,
    "leaky_relu": 2,
    "prelu": 1,
    "hard_swish": 1,
    "sigmoid": 2,
    "tanh": 2,
    "gelu": 2,
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


def build_model(graph: Mapping[str, Any]) -> bytes:
    """The bytes of a ``.tflite`` file with the graph's tensors, constants and operators.

    Raises ValueError for padding that is neither VALID nor SAME, KeyError for an operator that the
    builder does not know.
    """
    return _ModelBuilder(graph).build()


class _ModelBuilder:
    """Writes one model; children are finished before the tables that refer to them."""

    def __init__(self, graph: Mapping[str, Any]) -> None:
        self._graph = graph
        self._b = flatbuffers.Builder(1 << 16)
        self._tensors = dict(graph["tensors"])
        nodes = [part for node in graph["nodes"] for part in self._primitive(node)]
        self._nodes = [self._with_operand_tensors(node) for node in nodes]
        self._indices = {name: i for i, name in enumerate(self._tensors)}

    def build(self) -> bytes:
        b = self._b
        buffers = [self._buffer(None)]
        tensors = []
        for name, tensor in self._tensors.items():
            buffers.append(self._buffer(tensor["data"]))
            tensors.append(self._tensor(name, tensor, len(buffers) - 1))
        operators = [self._operator(i, node) for i, node in enumerate(self._nodes)]
        codes = [self._code(_kind(node)) for node in self._nodes]
        subgraph = self._subgraph(self._offsets(tensors), self._offsets(operators))
        subgraphs = self._offsets([subgraph])
        code_vector, buffer_vector = self._offsets(codes), self._offsets(buffers)
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, code_vector)
        tflite.ModelAddSubgraphs(b, subgraphs)
        tflite.ModelAddBuffers(b, buffer_vector)
        b.Finish(tflite.ModelEnd(b), b"TFL3")
        return bytes(b.Output())

    def _primitive(self, node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """TFLite's operators for the node; it has none that shuffles channels."""
        if node["op"] != "channel_shuffle":
            return [node]
        (x,), (y,), groups = node["inputs"], node["outputs"], node["attrs"]["groups"]
        tensor = self._tensors[x]
        *leading, channels = tensor["shape"]
        order = (*range(len(leading)), len(leading) + 1, len(leading))
        parts = (*leading, groups, channels // groups)
        steps, names = [], [x, f"{y}/split", f"{y}/swapped", y]
        for op, attrs, source, made in (
            ("reshape", {"shape": parts}, *names[0:2]),
            ("transpose", {"order": order}, *names[1:3]),
            ("reshape", {"shape": tensor["shape"]}, *names[2:4]),
        ):
            steps.append({"name": made, "op": op, "inputs": [source], "outputs": [made],
                          "attrs": attrs})
        self._tensors[names[1]] = {**tensor, "shape": parts}
        self._tensors[names[2]] = {**tensor, "shape": tuple(parts[i] for i in order)}
        return steps

    def _with_operand_tensors(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """The node, its attributes made constant inputs where TFLite wants them so."""
        operands = _operands(node, self._tensors)
        names = [f"{node['name']}/operand{i or ''}" for i in range(len(operands))]
        for name, data in zip(names, operands, strict=True):
            self._tensors[name] = _index_tensor(data)
        if node["op"] == "transpose_conv2d":
            x, weights, bias = node["inputs"]
            return {**node, "inputs": [*names, weights, x, *([bias] if bias else [])]}
        inputs = [*names, *node["inputs"]] if node["op"] == "split" else [*node["inputs"], *names]
        return {**node, "inputs": inputs}

    def _offsets(self, offsets: list[int]) -> int:
        self._b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._b.PrependUOffsetTRelative(offset)
        return self._b.EndVector()

    def _vector(self, values: Any, dtype: str) -> int:
        return self._b.CreateNumpyVector(np.asarray(values, dtype).reshape(-1))

    def _buffer(self, data: np.ndarray | None) -> int:
        content = None if data is None else self._vector(np.frombuffer(data.tobytes(), "u1"), "u1")
        tflite.BufferStart(self._b)
        if content is not None:
            tflite.BufferAddData(self._b, content)
        return tflite.BufferEnd(self._b)

    def _tensor(self, name: str, tensor: Mapping[str, Any], buffer: int) -> int:
        b = self._b
        label = b.CreateString(name)
        shape = self._vector(tensor["shape"], "i4")
        quantization = None if tensor["scale"] is None else self._quantization(tensor)
        tflite.TensorStart(b)
        tflite.TensorAddName(b, label)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddType(b, _TYPES[tensor["dtype"]])
        tflite.TensorAddBuffer(b, buffer)
        if quantization is not None:
            tflite.TensorAddQuantization(b, quantization)
        return tflite.TensorEnd(b)

    def _quantization(self, tensor: Mapping[str, Any]) -> int:
        b = self._b
        scale = self._vector(tensor["scale"], "f4")
        zero_point = self._vector(tensor["zero_point"], "i8")
        tflite.QuantizationParametersStart(b)
        tflite.QuantizationParametersAddScale(b, scale)
        tflite.QuantizationParametersAddZeroPoint(b, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(b, tensor["axis"] or 0)
        return tflite.QuantizationParametersEnd(b)

    def _code(self, op: str) -> int:
        b = self._b
        builtin = _OPERATORS[op][0]
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(builtin, 127))
        tflite.OperatorCodeAddBuiltinCode(b, builtin)
        tflite.OperatorCodeAddVersion(b, _VERSIONS[op])
        return tflite.OperatorCodeEnd(b)

    def _operator(self, index: int, node: Mapping[str, Any]) -> int:
        b = self._b
        _, kind, write = _OPERATORS[_kind(node)]
        options = write(b, node, self._tensors)
        inputs = self._vector([self._indices[n] if n else -1 for n in node["inputs"]], "i4")
        outputs = self._vector([self._indices[n] for n in node["outputs"]], "i4")
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, index)
        tflite.OperatorAddInputs(b, inputs)
        tflite.OperatorAddOutputs(b, outputs)
        tflite.OperatorAddBuiltinOptionsType(b, kind)
        tflite.OperatorAddBuiltinOptions(b, options)
        return tflite.OperatorEnd(b)

    def _subgraph(self, tensors: int, operators: int) -> int:
        b = self._b
        inputs = self._vector([self._indices[n] for n in self._graph["inputs"]], "i4")
        outputs = self._vector([self._indices[n] for n in self._graph["outputs"]], "i4")
        tflite.SubGraphStart(b)
        tflite.SubGraphAddTensors(b, tensors)
        tflite.SubGraphAddInputs(b, inputs)
        tflite.SubGraphAddOutputs(b, outputs)
        tflite.SubGraphAddOperators(b, operators)
        return tflite.SubGraphEnd(b)


def _index_tensor(data: np.ndarray) -> dict[str, Any]:
    return {
        "shape": data.shape,
        "dtype": "int32",
        "scale": None,
        "zero_point": None,
        "axis": None,
        "data": data,
    }


def _operands(node: Mapping[str, Any], tensors: Mapping[str, Any]) -> list[np.ndarray]:
    """The int32 inputs that stand for the node's attributes."""
    attrs, op = node["attrs"], node["op"]
    if op == "pad":
        top, bottom, left, right = attrs["padding"]
        rows = [[0, 0], [top, bottom], [left, right], attrs.get("channel_padding", (0, 0))]
        return [np.array(rows, np.int32)]
    if op == "mean":
        return [np.array([1, 2], np.int32)]
    if op == "resize":
        return [np.array(attrs["size"], np.int32)]
    if op == "transpose_conv2d":
        return [np.array(tensors[node["outputs"][0]]["shape"], np.int32)]
    if op in ("reshape", "transpose"):
        return [np.array(attrs["shape" if op == "reshape" else "order"], np.int32)]
    if op == "slice":
        shape = tensors[node["inputs"][0]]["shape"]
        begin = [*[0] * (len(shape) - 1), attrs["begin"]]
        return [np.array(v, np.int32) for v in (begin, [*shape[:-1], attrs["size"]])]
    if op == "strided_slice":
        return [np.array(attrs[k], np.int32) for k in ("begin", "end", "strides")]
    if op == "split":
        return [np.array(attrs["axis"], np.int32)]
    if op == "split_v":
        return [np.array(v, np.int32) for v in (attrs["sizes"], attrs["axis"])]
    return []


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


def _kind(node: Mapping[str, Any]) -> str:
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
_OPERATORS: dict[str, tuple[int, int, Callable[..., int]]] = {
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
