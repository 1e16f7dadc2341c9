"""Small int8 ``.tflite`` models made in memory, to run on LiteRT's reference kernels.

``build_model`` takes the dict form of a graph (``golden/network.py``, ``docs/ir.md``), so that one
description drives golden and the reference. TFLite has no explicit padding: what a node declares
must be nothing (VALID) or what SAME makes of its shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flatbuffers
import numpy as np
import tflite

from tests.support.tflite_options import builtin_code, kind, write_options

_TYPES = {
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int32": tflite.TensorType.INT32,
    "float16": tflite.TensorType.FLOAT16,
    "float32": tflite.TensorType.FLOAT32,
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
        codes = [self._code(kind(node)) for node in self._nodes]
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
            steps.append(
                {"name": made, "op": op, "inputs": [source], "outputs": [made], "attrs": attrs}
            )
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
        builtin = builtin_code(op)
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(builtin, 127))
        tflite.OperatorCodeAddBuiltinCode(b, builtin)
        tflite.OperatorCodeAddVersion(b, _VERSIONS[op])
        return tflite.OperatorCodeEnd(b)

    def _operator(self, index: int, node: Mapping[str, Any]) -> int:
        b = self._b
        table, options = write_options(b, node, self._tensors)
        inputs = self._vector([self._indices[n] if n else -1 for n in node["inputs"]], "i4")
        outputs = self._vector([self._indices[n] for n in node["outputs"]], "i4")
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, index)
        tflite.OperatorAddInputs(b, inputs)
        tflite.OperatorAddOutputs(b, outputs)
        tflite.OperatorAddBuiltinOptionsType(b, table)
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
