"""Damaged ONNX models: changed bytes, or attributes, operators and shapes that do not fit."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx

from tests.fuzz.mutate import damaged_bytes
from tests.support.onnx_builder import OnnxBuilder

NUMBERS = (-(2**62), -(2**31), -2, -1, 0, 1, 2, 3, 5, 255, 65537, 2**31, 2**62)
OPERATORS = ("Conv", "Relu", "Add", "MaxPool", "Softmax", "Einsum", "Resize", "Transpose", "Gemm")


def damaged_onnx(rng: random.Random, folder: Path) -> Path:
    """An ``.onnx`` file, quantised or now and then float, with some damage."""
    path = folder / "model.onnx"
    model = _quantised(rng) if rng.random() < 0.85 else _float(rng)
    if rng.random() < 0.5:
        data = damaged_bytes(rng, model.SerializeToString())
    else:
        for _ in range(rng.choice((1, 1, 2))):
            _damage(rng, model)
        data = model.SerializeToString()
    path.write_bytes(data)
    return path


def _quantised(rng: random.Random) -> onnx.ModelProto:
    """A residual block and a classifier between QuantizeLinear and DequantizeLinear."""
    net, source = OnnxBuilder(), np.random.default_rng(rng.randrange(1 << 30))
    stored = (0.05, rng.randrange(-20, 20), "int8")

    def conv(x: str, inputs: int, outputs: int, kernel: int, **attrs: object) -> str:
        steps = source.integers(-127, 128, (outputs, inputs, kernel, kernel)).astype(np.int8)
        bias = net.constant(source.normal(size=outputs).astype(np.float32))
        return net.node("Conv", x, net.weights(steps, np.full(outputs, 0.001)), bias, **attrs)

    x = net.stored(net.input(1, 3, 8, 8), *stored)
    x = net.stored(net.node("Relu", conv(x, 3, 6, 3, pads=[1, 1, 1, 1])), *stored)
    y = net.stored(conv(x, 1, 6, 3, group=6, pads=[1, 1, 1, 1], strides=[1, 1]), *stored)
    x = net.stored(net.node("Add", x, y), *stored)
    x = net.stored(net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), *stored)
    x = net.node("Flatten", net.stored(net.node("GlobalAveragePool", x), *stored))
    steps = source.integers(-127, 128, (5, 6)).astype(np.int8)
    x = net.node("Gemm", x, net.weights(steps, 0.01), transB=1)
    net.output(net.stored(x, *stored))
    return net.model()


def _float(rng: random.Random) -> onnx.ModelProto:
    net, source = OnnxBuilder(17), np.random.default_rng(rng.randrange(1 << 30))
    weights = net.constant(source.normal(size=(4, 3, 3, 3)).astype(np.float32))
    x = net.node("Conv", net.input("N", 3, 6, 6), weights, pads=[1, 1, 1, 1])
    net.output(net.node("GlobalAveragePool", net.node("Clip", x, net.constant(np.float32(0)))))
    return net.model()


def _damage(rng: random.Random, model: onnx.ModelProto) -> None:
    """Change one attribute, operator, connection, constant or declared shape."""
    graph = model.graph
    holders = [n for n in graph.node if n.attribute]
    kinds = ("operator", "input", "constant", "shape", "drop")
    kind = rng.choice(("attribute", "attribute", *kinds) if holders else kinds)
    node = rng.choice(graph.node)
    if kind == "attribute":
        attribute = rng.choice(rng.choice(holders).attribute)
        if attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
        else:
            attribute.i = rng.choice(NUMBERS)
    elif kind == "operator":
        node.op_type = rng.choice(OPERATORS)
    elif kind == "input":
        other = rng.choice(graph.node)
        node.input[rng.randrange(len(node.input))] = rng.choice((other.output[0], "", "nothing"))
    elif kind == "constant":
        tensor = rng.choice(graph.initializer)
        if tensor.dims:
            tensor.dims[0] = abs(rng.choice(NUMBERS))
        else:
            tensor.data_type = rng.choice((1, 2, 3, 6, 7, 10, 99))
    elif kind == "shape":
        dims = graph.input[0].type.tensor_type.shape.dim
        dims[rng.randrange(len(dims))].dim_value = rng.choice(NUMBERS)
    else:
        graph.node.remove(node)
