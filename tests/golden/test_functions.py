"""Functions of one value on all 256 inputs: LiteRT's kernels bit for bit, and PyTorch's."""

import numpy as np
import pytest
import torch

from golden.functions import FUNCTIONS, function_table
from golden.network import run
from golden.quant import RANGES, QParams
from tests.golden.layers import RandomLayers, activation, constant, one_node, seeds
from tests.golden.oracle import run_litert
from tests.support.tflite_builder import build_model

EVERY = np.arange(-128, 128).astype(np.int8).reshape(1, 256)

#: Models of one operator per test, and how many times coarser than the input its output is.
LITERT = {
    "relu": (-6, 12),
    "relu6": (-6, 12),
    "relu_n1_to_1": (-6, 12),
    "leaky_relu": (-6, 12),
    "hard_swish": (-6.9, 8.9),
    "sigmoid": None,
    "tanh": None,
    "gelu": (-6, 12),
}


def random_attrs(op: str, r: RandomLayers) -> dict:
    if op == "leaky_relu":
        alpha = r.pick(0.01, 0.1, 0.2, 0.3, 1.0, 0.0, 1.7, -0.4, float(r.rng.normal()))
        return {"alpha": float(np.float32(alpha))}
    return {"approximate": bool(r.integer(0, 1))} if op == "gelu" else {}


def random_graph(op: str, r: RandomLayers) -> dict:
    """A function of all 256 values; the input spans from a fraction of 1 to hundreds."""
    x_scale = float(np.float32(2.0 ** r.rng.uniform(-10, 1)))
    if op == "sigmoid":
        y = activation((1, 256), 1 / 256, -128)
    elif op == "tanh":
        y = activation((1, 256), r.pick(1 / 128, float(2.0 ** r.rng.uniform(-9, -4))), 0)
    else:
        y = activation((1, 256), x_scale * 2.0 ** r.rng.uniform(*LITERT[op]), r.zero_point())
    x = activation((1, 256), x_scale, r.zero_point())
    return one_node(op, {"x": x}, {}, y, **random_attrs(op, r))


@pytest.mark.parametrize("seed", seeds(4))
@pytest.mark.parametrize("op", LITERT)
def test_every_value_equals_litert(op, seed):
    r = RandomLayers(seed)
    for _ in range(50):
        graph = random_graph(op, r)
        expected = run_litert(build_model(graph), {"x": EVERY})["y"]
        actual = run(graph, {"x": EVERY})["y"]
        if op == "tanh":
            expected = np.where(ties_of_tanh(graph), actual, expected)
        np.testing.assert_array_equal(actual, expected, err_msg=str(graph))


def ties_of_tanh(graph):
    """Where a result is halfway between two steps up to float32: LiteRT calls the C library's
    function, whose last bit is not the nearest."""
    x, y = (graph["tensors"][name] for name in "xy")
    steps = np.tanh((EVERY - float(x["zero_point"][0])) * x["scale"][0]) / y["scale"][0]
    return np.abs(steps - np.floor(steps) - 0.5) < np.abs(steps) * 2.0**-22


def test_litert_refuses_other_scales_of_a_sigmoid():
    graph = one_node(
        "sigmoid", {"x": activation((1, 256), 0.1, 0)}, {}, activation((1, 256), 1 / 255, -128)
    )
    with pytest.raises(RuntimeError, match=r"output->params.scale == 1. / 256 was not true"):
        run_litert(build_model(graph), {"x": EVERY})


def test_an_output_too_fine_for_hard_swish_is_refused_as_by_litert():
    graph = one_node(
        "hard_swish", {"x": activation((1, 256), 2.0, 0)}, {}, activation((1, 256), 1 / 64, 0)
    )
    with pytest.raises(RuntimeError, match="output_multiplier_exponent <= 0 was not true"):
        run_litert(build_model(graph), {"x": EVERY})
    with pytest.raises(ValueError, match="y_scale must be at least 1/128 of x_scale"):
        run(graph, {"x": EVERY})


TORCH = {
    "silu": lambda x, _: torch.nn.functional.silu(x),
    "hard_sigmoid": lambda x, a: torch.clamp(a["alpha"] * x + a["beta"], 0, 1),
    "sigmoid": lambda x, _: torch.sigmoid(x),
    "tanh": lambda x, _: torch.tanh(x),
    "gelu": lambda x, a: torch.nn.functional.gelu(
        x, approximate="tanh" if a["approximate"] else "none"
    ),
    "leaky_relu": lambda x, a: torch.nn.functional.leaky_relu(x, a["alpha"]),
    "relu": lambda x, _: torch.relu(x),
    "relu6": lambda x, _: torch.nn.functional.relu6(x),
    "relu_n1_to_1": lambda x, _: torch.clamp(x, -1, 1),
    "hard_swish": lambda x, _: torch.nn.functional.hardswish(x),
}

#: Steps by which a result may be away from the real one, if not half a step: the integer kernels
#: round twice, the first time to half steps at the coarsest, and hard_swish has 16-bit factors.
STEPS = {"relu": 0.75, "relu6": 0.75, "relu_n1_to_1": 0.75, "leaky_relu": 0.75, "hard_swish": 1.25}

#: The error of a quotient of up to 256 steps in float32.
FLOAT32 = 256 * 2.0**-23


@pytest.mark.parametrize("op", TORCH)
def test_every_value_is_near_the_real_one(op, seed):
    r = RandomLayers(seed)
    for _ in range(40):
        attrs = random_attrs(op, r)
        if op == "hard_sigmoid":
            attrs = r.pick({"alpha": 1 / 6, "beta": 0.5}, {"alpha": 0.2, "beta": 0.5})
        x = QParams(float(np.float32(2.0 ** r.rng.uniform(-8, -2))), r.zero_point())
        y = QParams(float(np.float32(x.scale * 2.0 ** r.rng.uniform(-1, 5))), r.zero_point())
        real = torch.from_numpy((EVERY.ravel().astype(np.float64) - x.zero_point) * x.scale)
        exact = TORCH[op](real, attrs).numpy() / y.scale + y.zero_point
        wrong = np.abs(function_table(op, x, y, **attrs) - np.clip(exact, *RANGES["int8"]))
        assert wrong.max() <= STEPS.get(op, 0.5) + FLOAT32, (attrs, x, y)


def test_the_usual_hard_sigmoid_is_torchs():
    real = torch.linspace(-5, 5, 101, dtype=torch.float64)
    expected = torch.nn.functional.hardsigmoid(real)
    torch.testing.assert_close(TORCH["hard_sigmoid"](real, {"alpha": 1 / 6, "beta": 0.5}), expected)


def test_lookup_is_indexed_by_the_stored_value():
    table = np.random.default_rng(3).permutation(256).astype(np.uint8).view(np.int8)
    tensors = {"x": activation((1, 256), 0.1, 3)}
    graph = one_node(
        "lookup", tensors, {"table": constant(table, [1.0])}, activation((1, 256), 0.2, 5)
    )
    np.testing.assert_array_equal(run(graph, {"x": EVERY})["y"].ravel(), table)


def test_every_function_is_compared():
    assert set(LITERT) | set(TORCH) | {"lookup"} == set(FUNCTIONS)
