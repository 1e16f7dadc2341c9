"""Products and means of .tflite models."""

import numpy as np
import pytest
import tflite

from compiler.errors import CompilerError
from compiler.frontend.tflite import read_tflite
from compiler.frontend.tflite.schema import BufferSlot, ModelSlot, SubgraphSlot
from golden.network import run
from tests.compiler.frontend.raw_tflite import (
    INT8,
    INT32,
    Scalar,
    code,
    operator,
    tensor,
    write,
)
from tests.golden.oracle import run_litert

BUILTIN, KIND = tflite.BuiltinOperator, tflite.BuiltinOptions


def model(
    builtin: int,
    kind: int,
    options: dict,
    x: tuple,
    other: tuple,
    y: tuple,
    constant: np.ndarray | None = None,
) -> bytes:
    """A model of one operator on ``x`` and a second input or int32 or int8 constant."""
    wide = constant is not None and constant.dtype == np.int32
    kinds = {True: (INT32, ()), False: (INT8, (0.25,))}
    tensors = [
        tensor("x", x, INT8, (0.5,), (3,)),
        tensor("other", other, *kinds[wide], buffer=int(constant is not None)),
        tensor("y", y, INT8, (0.3,), (-5,)),
    ]
    data = np.zeros(0, np.uint8) if constant is None else constant.reshape(-1).view(np.uint8)
    inputs = (0, 1) if constant is None else (0,)
    return write(
        {
            ModelSlot.VERSION: Scalar("I", 3),
            ModelSlot.OPERATOR_CODES: [code(builtin)],
            ModelSlot.SUBGRAPHS: [
                {
                    SubgraphSlot.TENSORS: tensors,
                    SubgraphSlot.INPUTS: np.array(inputs, np.int32),
                    SubgraphSlot.OUTPUTS: np.array([2], np.int32),
                    SubgraphSlot.OPERATORS: [operator(0, (0, 1), (2,), kind, options)],
                }
            ],
            ModelSlot.BUFFERS: [{}, {BufferSlot.DATA: data}],
        }
    )


def mean_model(x: tuple, y: tuple, axes: list[int], keep: bool) -> bytes:
    options, constant = {0: Scalar("?", keep)}, np.array(axes, np.int32)
    return model(BUILTIN.MEAN, KIND.ReducerOptions, options, x, (len(axes),), y, constant)


def mul_model(x: tuple, other: tuple, y: tuple, constant: np.ndarray | None = None) -> bytes:
    return model(BUILTIN.MUL, KIND.MulOptions, {0: Scalar("b", 1)}, x, other, y, constant)


@pytest.mark.parametrize("axes", ([1, 2], [2, 1], [-3, -2], [1, -2]))
@pytest.mark.parametrize("keep", (True, False))
def test_means_that_keep_or_drop_dimensions(axes, keep, seed):
    y = (1, 1, 1, 4) if keep else (1, 4)
    data = mean_model((1, 6, 5, 4), y, axes, keep)
    graph = read_tflite(data, "model")
    assert [n.op for n in graph.nodes] == (["mean"] if keep else ["mean", "reshape"])
    assert graph.outputs == ("y",)
    values = np.random.default_rng(seed).integers(-128, 128, (1, 6, 5, 4)).astype(np.int8)
    found = run(graph.to_dict(), {"x": values})["y"]
    np.testing.assert_array_equal(found, run_litert(data, {"x": values})["y"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (mean_model((1, 6, 5, 4), (1, 1, 1, 4), [5, 2], True), "axis 5; -4 to 3 is accepted"),
        (
            mean_model((1, 6, 5, 4), (1, 5), [1, 2], False),
            r"has shape \[1, 5\]; \[1, 1, 1, 4\] has",
        ),
        (mul_model((1, 6, 5, 4), (1, 6, 3, 4), (1, 6, 5, 4)), "axes of equal size, or of size 1"),
    ],
)
def test_what_is_refused(data, message):
    with pytest.raises(CompilerError, match=message):
        read_tflite(data, "model")
