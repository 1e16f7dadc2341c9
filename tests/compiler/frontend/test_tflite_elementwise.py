"""Operators of two operands in every broadcast, and functions that become tables."""

import numpy as np
import pytest

from compiler.passes.host import host_reason
from tests.compiler.frontend.raw_tflite import Scalar
from tests.compiler.frontend.small_tflite import Model, agreed

ACTIVATED = {0: Scalar("b", 1)}

#: Options of the operators of two operands, and whether they keep one scale.
OPERATORS = {
    "ADD": ("AddOptions", ACTIVATED, False),
    "SUB": ("SubOptions", ACTIVATED, False),
    "MUL": ("MulOptions", ACTIVATED, False),
    "SQUARED_DIFFERENCE": ("SquaredDifferenceOptions", {}, False),
    "MINIMUM": ("MaximumMinimumOptions", {}, True),
    "MAXIMUM": ("MaximumMinimumOptions", {}, True),
}
SHAPES = [
    ((1, 5, 4, 3), (1, 5, 4, 3)),
    ((1, 5, 4, 3), (3,)),
    ((1, 5, 4, 3), (1, 1, 4, 1)),
    ((1, 5, 1, 3), (1, 5, 4, 3)),
    ((1, 6, 5), (5,)),
    ((4, 5), (4, 1)),
]


def two_operands(builtin, shapes, seed, constant=None):
    """A model of one operator; ``constant`` is the operand that is one, if any."""
    kind, options, same = OPERATORS[builtin]
    source = np.random.default_rng(seed)
    quants = [
        (float(2.0 ** source.uniform(-6, -2)), int(source.integers(-128, 128))) for _ in range(3)
    ]
    model = Model()
    names = []
    for place, shape in enumerate(shapes):
        data = None
        if place == constant:
            data = source.integers(-128, 128, shape).astype(np.int8)
        names.append(model.tensor("ab"[place], shape, *quants[0 if same else place], data=data))
    y = model.tensor("y", np.broadcast_shapes(*shapes), *quants[0 if same else 2])
    model.op(builtin, names, (y,), kind, options)
    return model.write([n for i, n in enumerate(names) if i != constant], (y,))


@pytest.mark.parametrize("builtin", OPERATORS)
@pytest.mark.parametrize("shapes", SHAPES)
def test_two_operands_broadcast(builtin, shapes, seed):
    agreed(two_operands(builtin, shapes, seed), seed, machine=shapes == SHAPES[0])


@pytest.mark.parametrize("builtin", OPERATORS)
@pytest.mark.parametrize("shapes", SHAPES[:3])
@pytest.mark.parametrize("constant", (0, 1))
def test_one_operand_is_a_constant(builtin, shapes, constant, seed):
    agreed(two_operands(builtin, shapes, seed, constant), seed, machine=shapes == SHAPES[1])


@pytest.mark.parametrize("builtin", OPERATORS)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1, 1)])
def test_a_constant_of_one_value_makes_a_table(builtin, shape, seed):
    shapes = ((1, 16, 16, 1), shape)
    graph = agreed(two_operands(builtin, shapes, seed, 1), seed)
    assert [node.op for node in graph.nodes] == ["lookup"]


@pytest.mark.parametrize("shape", [(1, 1, 3), (3,), (5, 4, 3)])
def test_slopes_of_every_shape(shape, seed):
    source = np.random.default_rng(seed)
    model = Model()
    x = model.tensor("x", (1, 5, 4, 3), 0.1, 5)
    slopes = source.integers(-128, 128, shape).astype(np.int8)
    alpha = model.tensor("alpha", shape, 0.007, -9, data=slopes)
    y = model.tensor("y", (1, 5, 4, 3), 0.06, -40)
    model.op("PRELU", (x, alpha), (y,))
    graph = agreed(model.write((x,), (y,)), seed)
    array = ["lookup", "lookup", "elementwise", "add"] if shape[:-1] in ((1, 1), ()) else []
    assert [node.op for node in graph.nodes] == (array or ["elementwise"])
    assert all(host_reason(graph, node) is None for node in graph.nodes) == bool(array)


def swish(times):
    """``times`` layers of x * sigmoid(x), each quantised."""
    model = Model()
    x = first = model.tensor("x", (1, 16, 16, 1), 0.05, 4)
    for place in range(times):
        share = model.tensor(f"share{place}", (1, 16, 16, 1), 1 / 256, -128)
        y = model.tensor(f"y{place}", (1, 16, 16, 1), 0.04, -100 + place)
        model.op("LOGISTIC", (x,), (share,))
        model.op("MUL", (share, x), (y,), "MulOptions", {0: Scalar("b", 0)})
        x = y
    return model.write((first,), (x,))


@pytest.mark.parametrize("times", (1, 3))
def test_the_product_with_a_function_of_itself_is_one_table(times, seed):
    graph = agreed(swish(times), seed)
    assert [node.op for node in graph.nodes] == ["lookup"]
    assert graph.nodes[0].inputs[0] == "x" and len(graph.tensors) == 3


def test_every_value_of_a_composed_function():
    model = Model()
    x = model.tensor("x", (1, 16, 16, 1), 0.05, 4)
    steps = [
        model.tensor(f"t{i}", (1, 16, 16, 1), *q)
        for i, q in enumerate(((1 / 256, -128), (0.04, -100), (0.05, 4), (0.06, 10)))
    ]
    five = model.tensor("five", (), 0.05, 4, data=np.array(50, np.int8))
    model.op("LOGISTIC", (x,), steps[:1])
    model.op("MUL", (x, steps[0]), steps[1:2], "MulOptions", {})
    model.op("MINIMUM", (x, five), steps[2:3], "MaximumMinimumOptions", {})
    model.op("ADD", steps[1:3], steps[3:], "AddOptions", {})
    graph = agreed(model.write((x,), steps[3:]), 0)
    assert [node.op for node in graph.nodes] == ["lookup"]


def test_what_is_read_elsewhere_stays_beside_the_table(seed):
    model = Model()
    x = model.tensor("x", (1, 16, 16, 1), 0.05, 4)
    share = model.tensor("share", (1, 16, 16, 1), 1 / 256, -128)
    y = model.tensor("y", (1, 16, 16, 1), 0.04, -100)
    model.op("LOGISTIC", (x,), (share,))
    model.op("MUL", (x, share), (y,), "MulOptions", {})
    graph = agreed(model.write((x,), (y, share)), seed)
    assert sorted(node.op for node in graph.nodes) == ["lookup", "sigmoid"]


@pytest.mark.parametrize("builtin", ("RELU_0_TO_1", "EXP", "ABS"))
def test_functions_that_are_only_tables(builtin, seed):
    source = np.random.default_rng(seed)
    for _ in range(20):
        model = Model()
        zeros = source.integers(-128, 128, 2).tolist()
        scales = (2.0 ** source.uniform(-7, -3, 2)).tolist()
        x = model.tensor("x", (1, 16, 16, 1), scales[0], zeros[0])
        y = model.tensor("y", (1, 16, 16, 1), scales[1], zeros[1])
        model.op(builtin, (x,), (y,))
        graph = agreed(model.write((x,), (y,)), seed, machine=False)
        assert [node.op for node in graph.nodes] == ["lookup"]


def test_reciprocal_roots_of_every_value(seed):
    """LiteRT computes those of values from 0 on alone."""
    source = np.random.default_rng(seed)
    for _ in range(10):
        scales = (2.0 ** source.uniform(-9, -1, 2)).tolist()
        model = Model()
        x = model.tensor("x", (1, 16, 16, 1), scales[0], -128)
        y = model.tensor("y", (1, 16, 16, 1), scales[1], int(source.integers(-128, 128)))
        model.op("RSQRT", (x,), (y,))
        graph = agreed(model.write((x,), (y,)), seed, machine=False)
        assert [node.op for node in graph.nodes] == ["lookup"]
