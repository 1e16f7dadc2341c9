"""Reductions over any axes, products of matrices, and dense layers on every position."""

import numpy as np
import pytest
import tflite

from compiler.ir.counts import macs
from tests.compiler.frontend.raw_tflite import Scalar
from tests.compiler.frontend.small_tflite import Model, agreed

INT8 = np.int8


def reduced(builtin, shape, axes, keep, quants):
    """A model of one reduction from the first scale and zero point to the second."""
    model = Model()
    places = {axis % len(shape) for axis in np.atleast_1d(axes)}
    y = [1 if i in places else n for i, n in enumerate(shape) if keep or i not in places]
    x, where = model.tensor("x", shape, *quants[0]), model.integers("axes", axes)
    result = model.tensor("y", tuple(y), *quants[1])
    model.op(builtin, (x, where), (result,), "ReducerOptions", {0: Scalar("?", keep)})
    return model.write((x,), (result,))


CASES = [
    ((1, 6, 5, 4), [1, 2]),
    ((1, 6, 5, 4), 1),
    ((1, 6, 5, 4), [2]),
    ((1, 6, 5, 4), [3]),
    ((1, 6, 5, 4), [-1, 1]),
    ((1, 12, 4), [1]),
    ((1, 12, 4), [-1]),
    ((7, 4), [0]),
    ((1, 3, 2, 4, 5), [1, 2, 3]),
]
QUANTS = [((0.5, 3), (0.3, -5)), ((0.25, 7), (0.25, 7))]


@pytest.mark.parametrize("keep", (False, True))
@pytest.mark.parametrize("quants", QUANTS)
@pytest.mark.parametrize(("shape", "axes"), CASES)
def test_means_over_any_axes(shape, axes, quants, keep, seed):
    agreed(reduced("MEAN", shape, axes, keep, quants), seed, machine=quants == QUANTS[0])


@pytest.mark.parametrize("builtin", ("REDUCE_MAX", "REDUCE_MIN"))
@pytest.mark.parametrize(("shape", "axes"), CASES)
def test_extremes_over_any_axes(builtin, shape, axes, seed):
    for keep in (False, True):
        agreed(reduced(builtin, shape, axes, keep, QUANTS[1]), seed, machine=keep)


@pytest.mark.parametrize(("shape", "axes"), CASES)
def test_sums_over_any_axes(shape, axes, seed):
    agreed(reduced("SUM", shape, axes, True, ((0.5, 3), (3.0, -5))), seed)


@pytest.mark.parametrize("builtin", ("ARG_MAX", "ARG_MIN"))
@pytest.mark.parametrize("wide", (False, True))
@pytest.mark.parametrize(("shape", "axis"), [((1, 5, 4, 3), 3), ((1, 5, 4, 3), -3), ((1, 9), 1)])
def test_places_of_extremes(builtin, wide, shape, axis, seed):
    model = Model()
    name = "int64" if wide else "int32"
    y = tuple(n for i, n in enumerate(shape) if i != axis % len(shape))
    x, where = model.tensor("x", shape), model.integers("axis", axis)
    result = model.tensor("y", y, None, dtype=name)
    kind = "ArgMaxOptions" if builtin == "ARG_MAX" else "ArgMinOptions"
    code = getattr(tflite.TensorType, name.upper())
    model.op(builtin, (x, where), (result,), kind, {0: Scalar("b", code)})
    agreed(model.write((x,), (result,)), seed)


PRODUCTS = [
    ((1, 4, 6), (1, 6, 5), False, False),
    ((1, 4, 6), (1, 5, 6), False, True),
    ((1, 2, 6, 4), (1, 2, 6, 5), True, False),
    ((1, 3, 4, 6), (1, 1, 5, 6), False, True),
]


@pytest.mark.parametrize("constant", (False, True))
@pytest.mark.parametrize(("a", "b", "adj_x", "adj_y"), PRODUCTS)
def test_products_of_matrices(a, b, adj_x, adj_y, constant, seed):
    model, source = Model(), np.random.default_rng(seed)
    rows, columns = a[-1] if adj_x else a[-2], b[-2] if adj_y else b[-1]
    shape = (*np.broadcast_shapes(a[:-2], b[:-2]), rows, columns)
    values = source.integers(-128, 128, b).astype(INT8) if constant else None
    zero = 0 if constant else -9
    names = [model.tensor("a", a, 0.05, 7), model.tensor("b", b, 0.04, zero, data=values)]
    y = model.tensor("y", shape, 0.1, 11)
    options = {0: Scalar("?", adj_x), 1: Scalar("?", adj_y)}
    model.op("BATCH_MATMUL", names, (y,), "BatchMatMulOptions", options)
    graph = agreed(model.write(names[: 1 if constant else 2], (y,)), seed)
    depth = a[-2] if adj_x else a[-1]
    assert sum(macs(graph).values()) == int(np.prod(shape)) * depth


@pytest.mark.parametrize(
    ("shape", "keep"),
    [
        ((1, 6, 10), True),
        ((6, 10), False),
        ((6, 10), True),
        ((1, 3, 2, 10), True),
        ((1, 1, 10), True),
    ],
)
def test_a_dense_layer_on_every_position(shape, keep, seed):
    model, source = Model(), np.random.default_rng(seed)
    x = model.tensor("x", shape, 0.05, 7)
    weights = source.integers(-127, 128, (7, 10)).astype(INT8)
    scales = source.uniform(0.001, 0.02, 7).astype(np.float32)
    w = model.tensor("w", (), scales, 0, data=weights)
    bias = source.integers(-999, 999, 7).astype(np.int32)
    b = model.tensor("b", (), scales * np.float32(0.05), 0, data=bias)
    y = model.tensor("y", (*shape[:-1], 7), 0.03, 11)
    options = {0: Scalar("b", 1), 2: Scalar("?", keep)}
    model.op("FULLY_CONNECTED", (x, w, b), (y,), "FullyConnectedOptions", options)
    graph = agreed(model.write((x,), (y,)), seed)
    assert graph.nodes[0].op == "fully_connected"
