"""Graphs written as .tflite and read again, and a real model."""

import dataclasses
import random
import time

import numpy as np
import pytest
import tflite

from compiler.errors import CompilerError, InputError, UnsupportedError
from compiler.frontend import write_model
from compiler.frontend.tflite import read_tflite
from compiler.frontend.tflite.flatbuf import FlatbufferError, Table
from compiler.frontend.tflite.operators import CONVERTERS
from compiler.frontend.tflite.schema import enum_name
from compiler.ir.counts import macs, parameters
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.shapes import infer_shape
from compiler.load import load_model
from compiler.zoo import build
from tests.compiler.frontend.graphs import (
    assert_same,
    concatenated_graph,
    excited_graph,
    residual_graph,
    spatial_graph,
)
from tests.compiler.frontend.small_tflite import Model
from tests.support.assets import lite0_path
from tests.support.tflite_builder import build_model


def chain(*layers: tuple[str, dict]) -> Graph:
    """Operators without constants one after another, on a uint8 picture."""
    quants = {"uint8": Quant((0.5,), (131,)), "int8": Quant((0.5,), (3,))}
    tensors = {"x": Tensor("x", (1, 8, 6, 4), "uint8", quants["uint8"])}
    nodes = []
    name = "x"
    for i, (op, attrs) in enumerate(layers):
        node = Node(f"y{i}", op, (name,), (f"y{i}",), attrs)
        quant = Quant((1 / 256,), (-128,)) if op == "softmax" else quants["int8"]
        name = node.name
        nodes.append(node)
        tensors[name] = Tensor(name, infer_shape(node, tensors), "int8", quant)
    return Graph("chain", tensors, nodes, ("x",), (name,))


CHAIN = chain(
    ("quantize", {}),
    ("pad", {"padding": (0, 1, 2, 0), "channel_padding": (1, 1)}),
    ("channel_shuffle", {"groups": 3}),
    ("slice", {"begin": 1, "size": 4}),
    (
        "max_pool2d",
        {
            "kernel": (3, 2),
            "stride": (2, 1),
            "dilation": (1, 1),
            "padding": (1, 1, 0, 1),
            "activation": "relu",
        },
    ),
    (
        "avg_pool2d",
        {
            "kernel": (2, 2),
            "stride": (1, 2),
            "padding": (0, 0, 0, 0),
            "count_include_pad": False,
            "activation": "none",
        },
    ),
    ("reshape", {"shape": (1, 64)}),
    ("softmax", {"beta": 0.5}),
)


def functions() -> Graph:
    """Functions of one value one after another; scales and alpha are exact in float32."""
    x = Quant((0.0625,), (-4,))
    layers = {
        "hard_swish": ({}, x),
        "leaky_relu": ({"alpha": 0.125}, x),
        "gelu": ({"approximate": True}, x),
        "relu": ({}, x),
        "relu6": ({}, x),
        "relu_n1_to_1": ({}, x),
        "tanh": ({}, Quant((1 / 128,), (0,))),
        "sigmoid": ({}, Quant((1 / 256,), (-128,))),
    }
    tensors, nodes, name = {"x": Tensor("x", (1, 3, 2, 4), "int8", x)}, [], "x"
    for op, (attrs, quant) in layers.items():
        nodes.append(Node(op, op, (name,), (op,), attrs))
        tensors[op] = Tensor(op, (1, 3, 2, 4), "int8", quant)
        name = op
    return Graph("functions", tensors, nodes, ("x",), (name,))


#: Graphs that hold every operator of a TFLite model.
EVERY_OPERATOR = (
    *(
        dataclasses.replace(g, random_weights=False)
        for g in (residual_graph(), concatenated_graph(), excited_graph(), spatial_graph())
    ),
    CHAIN,
    functions(),
)


@pytest.mark.parametrize("graph", EVERY_OPERATOR, ids=lambda g: g.name)
def test_a_graph_survives_the_round_trip(graph):
    assert_same(read_tflite(build_model(graph.to_dict()), graph.name), graph)


def test_every_operator_is_among_the_round_trips():
    written = set()
    for graph in EVERY_OPERATOR:
        model = tflite.Model.GetRootAs(build_model(graph.to_dict()))
        codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
        written |= {enum_name(tflite.BuiltinOperator, code.BuiltinCode()) for code in codes}
    assert written < set(CONVERTERS)


def test_a_sigmoid_has_the_scale_that_litert_accepts():
    graph = functions()
    other = dataclasses.replace(graph.tensors["sigmoid"], quant=Quant((1 / 128,), (-128,)))
    graph.tensors["sigmoid"] = other
    with pytest.raises(UnsupportedError, match="'sigmoid': scale 1/256 and zero point -128 are"):
        read_tflite(build_model(graph.to_dict()), "model")


@pytest.fixture(scope="module")
def lite0() -> Graph:
    return load_model(lite0_path())


def test_lite0_counts(lite0):
    assert sum(macs(lite0).values()) == 385_187_552
    assert parameters(lite0) == 4_631_000
    ops = [node.op for node in lite0.nodes]
    assert {op: ops.count(op) for op in set(ops)} == {
        "quantize": 2,
        "conv2d": 33,
        "depthwise_conv2d": 16,
        "add": 9,
        "avg_pool2d": 1,
        "reshape": 1,
        "fully_connected": 1,
        "softmax": 1,
    }


def test_lite0_input_and_output(lite0):
    x, y = lite0.tensors[lite0.inputs[0]], lite0.tensors[lite0.outputs[0]]
    assert (x.dtype, x.shape, x.quant.zero_point) == ("uint8", (1, 224, 224, 3), (131,))
    assert x.quant.scale[0] == pytest.approx(0.012566, abs=1e-6)
    assert (y.dtype, y.shape, y.quant) == ("uint8", (1, 1000), Quant((1 / 256,), (0,)))


def test_lite0_has_the_layers_of_the_built_in_network(lite0):
    def layers(graph):
        return [
            (n.op, n.attrs, graph.tensors[n.outputs[0]].shape)
            for n in graph.nodes
            if n.op not in ("quantize", "reshape", "softmax")
        ]

    assert layers(lite0) == layers(build("efficientnet_lite0"))


def test_lite0_survives_the_projects_own_format(lite0, tmp_path):
    path = write_model(lite0, tmp_path / "lite0.json")
    assert_same(load_model(path), lite0)


def corrupted(data: bytes, seed: int, head: int) -> bytes:
    """A truncation, or some bytes changed, most of them in the first ``head`` bytes."""
    dice = random.Random(seed)
    if seed % 8 == 0:
        return data[: dice.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8))):
        at = dice.randrange(head if dice.random() < 0.8 else len(data))
        changed[at] = dice.choice((0, 1, 127, 128, 255, dice.randrange(256)))
    return bytes(changed)


def check_corruptions(data: bytes, seeds: range, head: int) -> None:
    """Every corruption reads or raises CompilerError within a processor second."""
    for seed in seeds:
        begin = time.process_time()
        try:
            read_tflite(corrupted(data, seed, head), "model")
        except CompilerError as fault:
            assert "\n" not in str(fault) and len(str(fault)) < 8000, seed
        assert time.process_time() - begin < 1, seed


@pytest.mark.parametrize("graph", [residual_graph(), CHAIN], ids=lambda g: g.name)
def test_corruption_of_a_small_model(graph):
    data = build_model(graph.to_dict())
    check_corruptions(data, range(600), len(data))


def test_corruption_of_lite0():
    data = lite0_path().read_bytes()
    check_corruptions(data, range(40), 1000)
    check_corruptions(data, range(40, 60), len(data))


def test_truncation_loses_nothing_unnoticed():
    """Only the unused empty buffer at the very end of the file may be missing."""
    data = build_model(CHAIN.to_dict())
    for length in range(0, len(data) - 16, 7):
        with pytest.raises(InputError):
            read_tflite(data[:length], "model")


def test_table_checks_what_it_reads():
    with pytest.raises(FlatbufferError, match="offset 4294967295 lies outside the file's 4 bytes"):
        Table.root(b"\xff" * 4).has(0)
    with pytest.raises(FlatbufferError, match="index 3 into a vector of 0"):
        Table.root(np.array([4, 0, 0], "<i4").tobytes()).entry(0, 3)


def test_a_layer_is_called_by_the_first_of_the_names_that_the_converter_joins():
    """The others may be those of layers elsewhere; the tensor keeps them all."""
    m = Model()
    x = m.tensor("x", (1, 4, 4, 2))
    names = ["net/conv/Relu;net/bn/FusedBatchNormV3;net/conv/Conv2D", "net/conv/Relu;other"]
    a, b = (m.tensor(name, (1, 4, 4, 2)) for name in names)
    m.op("QUANTIZE", [x], [a])
    m.op("QUANTIZE", [a], [b])
    graph = read_tflite(m.write([x], [b]), "m")
    assert [n.name for n in graph.nodes] == ["net/conv/Relu", "net/conv/Relu_1"]
    assert [n.outputs[0] for n in graph.nodes] == names
    m.op("ADD_N", [b], [m.tensor("net/last;net/other", (1, 4, 4, 2))])
    with pytest.raises(UnsupportedError, match=r"operator 2 \(ADD_N\) 'net/last': "):
        read_tflite(m.write([x], [len(m.tensors) - 1]), "m")
