"""Sums of parallel layers as one layer: the same values in float, and which sums stay."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from compiler.quantize.parallel import with_one_kernel
from compiler.quantize.runtime import Runner

CHANNELS, SIDE = 6, 9
SOURCE = np.random.default_rng(5)


def values(*shape: int) -> np.ndarray:
    return SOURCE.normal(size=shape).astype(np.float32)


class Model:
    """Nodes on ``x`` with constants of their own."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def op(self, kind: str, *inputs: str, **attrs: object) -> str:
        y = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [y], name=y, **attrs))
        return y

    def conv(self, x: str, size: int, groups: int = 1, stride: int = 1, shift: int = 0) -> str:
        weights = self.constant(values(CHANNELS, CHANNELS // groups, size, size))
        inputs = [x, weights, *([self.constant(values(CHANNELS))] if size > 1 else [])]
        pads = [size // 2 + shift, size // 2, size // 2 - shift, size // 2]
        return self.op("Conv", *inputs, group=groups, strides=[stride] * 2, pads=pads)

    def norm(self, x: str) -> str:
        constants = [self.constant(values(CHANNELS)) for _ in range(3)]
        constants.append(self.constant(np.abs(values(CHANNELS)) + 0.5))
        return self.op("BatchNormalization", x, *constants, epsilon=1e-3)

    def finish(self, *outputs: str) -> onnx.ModelProto:
        shape = [1, CHANNELS, SIDE, SIDE]
        x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
        made = [helper.make_tensor_value_info(y, onnx.TensorProto.FLOAT, None) for y in outputs]
        graph = helper.make_graph(self.nodes, "parallel", [x], made, self.constants)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8)


def compare(model: onnx.ModelProto) -> list[str]:
    """Operators of the model with one kernel a sum, whose values are checked."""
    found = with_one_kernel(model)
    x = {"x": values(1, CHANNELS, SIDE, SIDE)}
    names = [v.name for v in model.graph.output]
    before, after = (Runner(m, names).run(x) for m in (model, found))
    for name in names:
        np.testing.assert_allclose(after[name], before[name], rtol=1e-4, atol=1e-4)
    return [node.op_type for node in found.graph.node]


@pytest.mark.parametrize("stride", (1, 2))
def test_convolutions_of_several_sizes_are_one(stride):
    net = Model()
    a, b, c = (net.conv("x", size, CHANNELS, stride) for size in (3, 1, 5))
    assert compare(net.finish(net.op("Relu", net.op("Add", net.op("Add", a, b), c)))) == [
        "Conv",
        "Relu",
    ]


def test_batch_normalisation_beside_a_convolution_joins_it():
    net = Model()
    made = net.op("Add", net.norm("x"), net.conv("x", 3, CHANNELS))
    assert compare(net.finish(made)) == ["Conv"]


def test_other_sums_stay():
    def kinds(make) -> list[str]:
        net = Model()
        return compare(net.finish(*make(net)))

    def wide(net: Model, x: str = "x", size: int = 3, **more: int) -> str:
        return net.conv(x, size, CHANNELS, **more)

    add = ["Conv", "Conv", "Add"]
    assert kinds(lambda n: [n.op("Add", n.conv("x", 3), n.conv("x", 1))]) == add
    assert kinds(lambda n: [n.op("Add", wide(n), n.conv("x", 3, 2))]) == add
    assert kinds(lambda n: [n.op("Add", wide(n), wide(n, size=1)), "y0"]) == add
    assert kinds(lambda n: [n.op("Add", wide(n), wide(n, "y0", 1))]) == add
    assert kinds(lambda n: [n.op("Add", n.norm("x"), n.norm("x"))])[-1] == "Add"
    assert kinds(lambda n: [n.op("Add", wide(n), "x")]) == ["Conv", "Add"]
    assert kinds(lambda n: [n.op("Add", wide(n, shift=1), wide(n, size=1))]) == ["Conv"]
