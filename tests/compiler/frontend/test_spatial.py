"""Resizes and transposed convolutions from TFLite, and their random weights."""

import numpy as np
import pytest
import tflite

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite import read_tflite
from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.randomize import randomize
from compiler.ir.shapes import infer_shape
from golden.network import run
from tests.compiler.frontend import raw_tflite
from tests.compiler.frontend.graphs import assert_same, spatial_graph
from tests.compiler.frontend.raw_tflite import Scalar
from tests.compiler.frontend.test_tflite_errors import (
    BUILTIN,
    KIND,
    B,
    W,
    X,
    both,
    operand,
    set_operator,
    set_shape,
    set_type,
)
from tests.support.tflite_builder import build_model

SIZE = 4
"""Index of the added operand."""


def test_round_trip():
    graph = spatial_graph()
    graph.random_weights = False
    assert_same(read_tflite(build_model(graph.to_dict()), graph.name), graph)


def resize(shape, values):
    change = set_operator(
        BUILTIN.RESIZE_BILINEAR, (X, SIZE), KIND.ResizeBilinearOptions, {2: Scalar("?", True)}
    )
    return both(change, operand(shape, values))


def transposed(shape, values, padding=tflite.Padding.SAME):
    options = {0: Scalar("b", padding), 1: Scalar("i", 1), 2: Scalar("i", 1)}
    change = set_operator(
        BUILTIN.TRANSPOSE_CONV, (SIZE, W, X, B), KIND.TransposeConvOptions, options
    )
    return both(change, operand(shape, values))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (resize((2,), [0, 3]), InputError, r"size is \[0, 3\]; 1 to 65536 is accepted"),
        (resize((1,), [3]), InputError, r"size of shape \[1\]; \[2\] is accepted"),
        (resize((2,), []), UnsupportedError, "computed size; a constant is accepted"),
        (resize((2,), [6, 6]), InputError, r"output 'y' has shape \[1, 6, 6, 8\]; its inputs give"),
        (transposed((4,), []), UnsupportedError, "computed output_shape; a constant is accepted"),
        (transposed((2,), [6, 6]), InputError, r"output_shape of shape \[2\]; \[4\] is accepted"),
        (
            transposed((4,), [1, 7, 6, 8]),
            InputError,
            r"output_shape is \[1, 7, 6, 8\]; the output's \[1, 6, 6, 8\] is accepted",
        ),
        (
            transposed((4,), [1, 6, 6, 8], 2),
            InputError,
            "padding has unknown code 2; SAME or VALID is accepted",
        ),
        (
            both(transposed((4,), [1, 6, 6, 8]), set_shape(X, 1, 6, 24)),
            InputError,
            r"tensor 'x' has shape \[1, 6, 24\]; 4 dimensions are accepted",
        ),
        (
            both(transposed((4,), [1, 6, 6, 8]), set_shape(X, 1, 2, 6, 4)),
            InputError,
            "output_padding 3 of the height; less than the stride 1 is accepted",
        ),
        (
            both(transposed((4,), [1, 6, 6, 8]), set_type(SIZE, "INT8")),
            UnsupportedError,
            "type INT8; INT32 or INT64 is accepted",
        ),
    ],
)
def test_errors(change, error, message):
    model = raw_tflite.conv_model()
    change(model)
    with pytest.raises(error, match=message):
        read_tflite(raw_tflite.write(model), "model")


@pytest.mark.parametrize(("kernel", "padding"), [(2, 0), (4, 1), (9, 4)])
def test_random_weights_neither_saturate_nor_die(kernel, padding):
    """A stride of 2 leaves a quarter of the taps; without that the outputs would be half as
    wide."""
    tensors = {
        "x": Tensor("x", (1, 12, 12, 8), "int8"),
        "w": Tensor("w", (16, kernel, kernel, 8), "int8"),
    }
    attrs = {
        "stride": (2, 2),
        "padding": (padding,) * 4,
        "output_padding": (0, 0),
        "groups": 1,
        "activation": "none",
    }
    node = Node("y", "transpose_conv2d", ("x", "w", ""), ("y",), attrs)
    tensors["y"] = Tensor("y", infer_shape(node, tensors), "int8")
    graph = randomize(Graph("net", tensors, [node], ("x",), ("y",)))
    x = np.random.default_rng(0).integers(-128, 128, (1, 12, 12, 8)).astype(np.int8)
    quant = graph.tensors["y"].quant
    assert quant is not None
    y = (run(graph.to_dict(), {"x": x})["y"].astype(float) - quant.zero_point[0]) * quant.scale[0]
    assert 0.8 < y.std() < 1.25
