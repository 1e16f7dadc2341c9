"""The graph's shapes, invariants and random weights."""

import dataclasses
import hashlib

import numpy as np
import pytest

from compiler import zoo
from compiler.errors import InputError, UnsupportedError
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.randomize import randomize
from compiler.ir.verify import verify, verify_pass
from compiler.ir.window_shapes import same_padding
from compiler.zoo.builder import GraphBuilder
from golden.network import run
from tests.compiler.frontend.graphs import (
    assert_same,
    concatenated_graph,
    residual_graph,
    weightless,
)
from tests.compiler.graphs import Net


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "padding"),
    [
        ((224, 224), (3, 3), (2, 2), (1, 1), (0, 1, 0, 1)),
        ((7, 9), (3, 5), (1, 1), (1, 1), (1, 1, 2, 2)),
        ((14, 14), (5, 5), (2, 2), (1, 1), (1, 2, 1, 2)),
        ((9, 9), (3, 3), (1, 1), (4, 2), (4, 4, 2, 2)),
        ((8, 8), (1, 1), (2, 3), (1, 1), (0, 0, 0, 0)),
        ((5, 6), (2, 2), (1, 1), (1, 1), (0, 1, 0, 1)),
    ],
)
def test_same_padding(size, kernel, stride, dilation, padding):
    assert same_padding(size, kernel, stride, dilation) == padding


def test_verify_after_a_pass_blames_the_pass():
    graph = residual_graph()
    graph.nodes.reverse()
    with pytest.raises(AssertionError, match=r"after shuffle: node 'logits' .* is used before"):
        verify_pass(graph, "quantised", "shuffle")


def test_weightless_graph_is_not_quantised():
    graph = weightless(residual_graph())
    verify(graph, "structure")
    with pytest.raises(InputError, match="has no quantisation parameters"):
        verify(graph, "quantised")


def test_values_of_another_type_are_refused():
    graph = residual_graph()
    weights = graph.tensors["stem/weights"]
    wrong = dataclasses.replace(weights, data=weights.data.astype(np.int32))
    graph.tensors["stem/weights"] = wrong
    with pytest.raises(InputError, match=r"has values of int32 .*; int8 .* is accepted"):
        verify(graph, "quantised")


def test_key_and_name_of_a_tensor_agree():
    graph = residual_graph()
    graph.tensors["input"] = Tensor("other", (1, 9, 7, 3), "int8")
    with pytest.raises(InputError, match="tensor 'input': named 'other'"):
        verify(graph, "structure")


@pytest.mark.parametrize(
    ("op", "shapes", "attrs", "message"),
    [
        ("add", [(1, 2, 2, 3), (1, 2, 2, 1)], {"activation": "none"}, "equal ones are accepted"),
        ("concatenation", [(1, 2, 2, 3), (1, 2, 1, 3)], {}, "differ before the channels; equal"),
        ("reshape", [(1, 2, 2, 3)], {"shape": (1, 13)}, "has 13 elements; x .* has 12"),
        ("fully_connected", [(1, 10), (4, 3), ()], {"activation": "none"}, "a multiple of 3"),
        ("fully_connected", [(1, 6), (4, 3), ()], {"activation": "none"}, "batch 2; batch 1"),
        ("softmax", [(1, 5)], {"beta": float("inf")}, "beta is inf; accepted: a finite number"),
    ],
)
def test_shape_errors(op, shapes, attrs, message):
    tensors = {f"t{i}": Tensor(f"t{i}", s, "int8") for i, s in enumerate(shapes) if s}
    inputs = tuple(f"t{i}" if s else "" for i, s in enumerate(shapes))
    tensors["y"] = Tensor("y", (2, 4), "int8")
    node = Node("y", op, inputs, ("y",), attrs)
    given = ("t0",) if op == "fully_connected" else tuple(tensors)[:-1]
    with pytest.raises((InputError, UnsupportedError), match=message):
        verify(Graph("g", tensors, [node], given, ("y",)), "structure")


def test_float_constants_are_finite():
    net = Net((2, 2, 3))
    graph = net.finish(net.layer_norm("input"))
    gamma = graph.tensors[graph.nodes[0].inputs[1]]
    values = np.array([1, np.nan, 1], np.float32)
    graph.tensors[gamma.name] = dataclasses.replace(gamma, data=values)
    with pytest.raises(InputError, match=r"gamma .* holds nan; finite numbers are accepted"):
        verify(graph, "quantised")


def test_depthwise_weights_must_match():
    graph = residual_graph()
    graph.nodes[1].attrs["depth_multiplier"] = 3
    with pytest.raises(InputError, match=r"\[1, Kh, Kw, 24\] is accepted for 8 channels"):
        verify(graph, "structure")


def test_random_weights_are_the_same_everywhere():
    graph = randomize(zoo.build("mobilenet_v1_025"), seed=1)
    digest = hashlib.sha256()
    for tensor in graph.tensors.values():
        digest.update(repr(tensor.quant).encode())
        if tensor.data is not None:
            digest.update(tensor.data.astype(tensor.data.dtype.newbyteorder("<")).tobytes())
    assert digest.hexdigest()[:16] == "1bf4586d7e16b3dc"


def test_given_parameters_stay():
    graph = residual_graph()
    kept = graph.tensors["add"].quant
    bare = weightless(graph)
    bare.tensors["add"] = dataclasses.replace(bare.tensors["add"], quant=kept)
    assert_same(randomize(bare), graph)


def test_random_parameters_let_concatenations_move_values_only():
    graph = concatenated_graph()
    quants = {graph.tensors[name].quant for name in ("joined", "stem", "linear", "branch", "pool")}
    assert len(quants) == 1
    bare = weightless(graph)
    given = Quant((0.125,), (7,))
    bare.tensors["pool"] = dataclasses.replace(bare.tensors["pool"], quant=given)
    found = randomize(bare)
    assert all(found.tensors[name].quant == given for name in ("joined", "stem", "branch"))


def test_too_many_random_weights():
    net = GraphBuilder("huge", (1, 1, 20000))
    x = net.fully_connected("a", "input", 10000)
    graph = net.finish(net.fully_connected("b", x, 10000))
    with pytest.raises(UnsupportedError, match="300000000 random weights; at most 268435456"):
        randomize(graph)


def test_random_weights_use_the_whole_range():
    graph = randomize(zoo.build("mobilenet_v1_025"))
    weights = graph.tensors["block13/pointwise/weights"].data
    assert (np.abs(weights).reshape(256, -1).max(axis=1) == 127).all()
    assert abs(weights.mean()) < 1


@pytest.mark.parametrize("name", ("mobilenet_v2", "squeezenet_1_1"))
def test_random_activations_neither_saturate_nor_die(name):
    """Every layer of a deep network keeps some spread and clips next to nothing."""
    graph = randomize(zoo.build(name))
    shape = graph.tensors["input"].shape
    picture = np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)
    values = run(graph.to_dict(), {"input": picture})
    for node in graph.nodes:
        y = values[node.outputs[0]]
        assert (y == 127).mean() < 0.05, node.name
        assert (y == -128).mean() < 0.7, node.name
        assert y.std() > 10, node.name
