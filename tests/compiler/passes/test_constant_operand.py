"""Constants of each channel and crops on the array: the bits of LiteRT, and no host."""

import numpy as np
import pytest

from compiler.driver import compile
from hw.spec.config import preset
from tests.compiler.frontend.raw_tflite import Scalar, conv_options
from tests.compiler.frontend.small_tflite import Model, agreed

OPTIONS = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}


def chain(seed):
    """Operators with constants one after another, on the input and behind a convolution."""
    source, model = np.random.default_rng(seed), Model()

    def quant():
        return float(2.0 ** source.uniform(-5, -3)), int(source.integers(-128, 128))

    channels = int(source.integers(1, 19))
    height, width = (int(n) for n in source.integers(1, 12, 2))
    shape = (1, height, width, channels)
    first = x = model.tensor("x", shape, *quant())
    for number in range(6):
        builtin = list(OPTIONS)[int(source.integers(3))]
        values = source.integers(-128, 128, channels).astype(np.int8)
        constant = model.tensor(f"c{number}", (), *quant(), data=values)
        y = model.tensor(f"y{number}", shape, *quant())
        order = (constant, x) if builtin != "SUB" and source.integers(2) else (x, constant)
        activation = {0: Scalar("b", int(source.integers(2)))}
        model.op(builtin, order, (y,), OPTIONS[builtin], activation)
        x = y
        if number == 2:
            w = source.integers(-127, 128, (channels, 1, 1, channels)).astype(np.int8)
            weights = model.tensor("w", (), 0.01, 0, data=w)
            bias = model.tensor("b", (), None, data=np.zeros(channels, np.int32))
            x = model.tensor("conv", shape, *quant())
            model.op("CONV_2D", (y, weights, bias), (x,), "Conv2DOptions", conv_options(padding=1))
    return model.write((first,), (x,))


@pytest.mark.parametrize("number", range(3))
def test_constants_of_each_channel(number, seed):
    graph = agreed(chain(seed + number), seed)
    assert not compile(graph, preset("tiny")).network.host


@pytest.mark.parametrize("number", range(4))
def test_crops_of_rows_and_columns(number, seed):
    source, model = np.random.default_rng(seed + number), Model()
    rank = 3 + number % 2
    shape = [1, *map(int, source.integers(2, 14, rank - 2)), int(source.integers(1, 11))]
    begin = [int(source.integers(n)) for n in shape]
    step = [1, *map(int, source.integers(1, 4, rank - 2)), 1]
    begin[0] = begin[-1] = 0
    end = [int(source.integers(b + 1, n + 1)) for b, n in zip(begin, shape, strict=True)]
    end[-1] = shape[-1]
    made = [len(range(b, e, s)) for b, e, s in zip(begin, end, step, strict=True)]
    x, y = model.tensor("x", tuple(shape)), model.tensor("y", tuple(made))
    limits = [model.integers(f"l{i}", v) for i, v in enumerate((begin, end, step))]
    model.op("STRIDED_SLICE", (x, *limits), (y,), "StridedSliceOptions", {})
    graph = agreed(model.write((x,), (y,)), seed)
    assert not compile(graph, preset("tiny")).network.host
