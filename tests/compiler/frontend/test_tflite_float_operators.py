"""Float operators and weights of other types: their ONNX form computes what LiteRT does."""

import numpy as np
import pytest
import tflite

from compiler.errors import UnsupportedError
from compiler.frontend.tflite import is_float
from compiler.frontend.tflite.schema import CodeSlot, OperatorSlot, TensorSlot
from compiler.frontend.tflite_float import to_onnx
from compiler.load import load_model
from tests.compiler.frontend.raw_tflite import Scalar, conv_options
from tests.compiler.frontend.small_tflite import Model, sparse
from tests.golden.oracle import run_litert
from tests.support.onnx_builder import run_onnx

MAP = (1, 4, 6, 8)


def integers(**slots):
    return {int(slot[1:]): Scalar("i", value) for slot, value in slots.items()}


def keep(value):
    return {0: Scalar("?", value)}


#: Operators of one activation: options table, its fields, int32 operands, input and output shape.
ONE = {
    "ABS": ("AbsOptions", {}, (), MAP, MAP),
    "NEG": ("NegOptions", {}, (), MAP, MAP),
    "SQUARE": ("SquareOptions", {}, (), MAP, MAP),
    "GELU": ("GeluOptions", keep(True), (), MAP, MAP),
    "EXP": ("ExpOptions", {}, (), MAP, MAP),
    "MEAN": ("ReducerOptions", keep(False), ([2],), MAP, (1, 4, 8)),
    "SUM": ("ReducerOptions", keep(True), ([1, 3],), MAP, (1, 1, 6, 1)),
    "REDUCE_MAX": ("ReducerOptions", keep(False), ([1, 2],), MAP, (1, 8)),
    "REDUCE_MIN": ("ReducerOptions", keep(True), ([-1],), MAP, (1, 4, 6, 1)),
    "TRANSPOSE": ("TransposeOptions", {}, ([0, 2, 3, 1],), MAP, (1, 6, 8, 4)),
    "EXPAND_DIMS": ("ExpandDimsOptions", {}, (1,), (1, 6, 8), (1, 1, 6, 8)),
    "SQUEEZE": ("SqueezeOptions", {}, (), (1, 1, 6, 8), (6, 8)),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", integers(s0=2), (), MAP, (1, 8, 12, 2)),
    "GATHER": ("GatherOptions", integers(s0=3), ([2, 1, 0],), MAP, (1, 4, 6, 3)),
    "TILE": ("TileOptions", {}, ([1, 2, 1, 3],), MAP, (1, 8, 6, 24)),
    "MIRROR_PAD": ("MirrorPadOptions", {}, ([[0, 0], [1, 2], [2, 0], [0, 0]],), MAP, (1, 7, 8, 8)),
    "SLICE": ("SliceOptions", {}, ([0, 1, 2, 3], [1, 2, -1, 4]), MAP, (1, 2, 4, 4)),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        integers(s0=1, s1=1, s4=4),
        ([0, 3, 2, 1], [0, 0, 3, 8], [1, -1, 1, 3]),
        MAP,
        (1, 3, 3),
    ),
}


ONE["GELU exact"] = ("GeluOptions", keep(False), (), MAP, MAP)


def compare(data, inputs, outputs):
    assert is_float(data)
    found = run_onnx(to_onnx(data).SerializeToString(), inputs)
    expected = run_litert(data, inputs)
    for name, array in zip(outputs, found, strict=True):
        assert array.shape == expected[name].shape
        limit = 1e-5 * max(1.0, np.abs(expected[name]).max())
        np.testing.assert_allclose(array, expected[name], rtol=0, atol=limit)


def floats(model, name, shape, generator=None):
    data = None if generator is None else generator.standard_normal(shape).astype(np.float32)
    return model.tensor(name, shape, None, dtype="float32", data=data)


def samples(generator, *shapes):
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize("builtin", ONE)
def test_operators_of_one_activation(builtin, generator):
    kind, options, operands, shape, result = ONE[builtin]
    model = Model()
    x, y = floats(model, "x", shape), floats(model, "y", result)
    constants = [model.integers(f"c{i}", values) for i, values in enumerate(operands)]
    model.op(builtin.split()[0], (x, *constants), (y,), kind, options)
    compare(model.write((x,), (y,)), {"x": samples(generator, shape)[0]}, ["y"])


@pytest.mark.parametrize("builtin", ("SUB", "DIV", "MAXIMUM", "MINIMUM"))
@pytest.mark.parametrize("shapes", [(MAP, MAP), (MAP, (6, 1)), ((1, 6, 8), (8,))])
def test_operators_of_two_activations(builtin, shapes, generator):
    kind = {"SUB": "SubOptions", "DIV": "DivOptions"}.get(builtin, "MaximumMinimumOptions")
    model = Model()
    a, b = (floats(model, name, shape) for name, shape in zip("ab", shapes, strict=True))
    y = floats(model, "y", shapes[0])
    model.op(builtin, (a, b), (y,), kind, {})
    values = samples(generator, *shapes)
    values[1] = np.abs(values[1]) + 1
    compare(model.write((a, b), (y,)), dict(zip("ab", values, strict=True)), ["y"])


def test_slopes_for_each_channel(generator):
    model = Model()
    x, slopes = floats(model, "x", MAP), floats(model, "slopes", (1, 1, 8), generator)
    y = floats(model, "y", MAP)
    model.op("PRELU", (x, slopes), (y,))
    compare(model.write((x,), (y,)), {"x": samples(generator, MAP)[0]}, ["y"])


def test_parts_and_packs(generator):
    model = Model()
    x, axis = floats(model, "x", MAP), model.integers("axis", 2)
    halves = [floats(model, f"h{i}", (1, 4, 3, 8)) for i in range(2)]
    y = floats(model, "y", (1, 2, 4, 3, 8))
    model.op("SPLIT", (axis, x), halves, "SplitOptions", integers(s0=2))
    model.op("PACK", halves, (y,), "PackOptions", integers(s0=2, s1=1))
    compare(model.write((x,), (y,)), {"x": samples(generator, MAP)[0]}, ["y"])


def test_a_dense_layer_on_every_position(generator):
    model = Model()
    x, w = floats(model, "x", (1, 6, 8)), floats(model, "w", (5, 8), generator)
    y = floats(model, "y", (1, 6, 5))
    options = {0: Scalar("b", 1), 2: Scalar("?", True)}
    model.op("FULLY_CONNECTED", (x, w, -1), (y,), "FullyConnectedOptions", options)
    compare(model.write((x,), (y,)), {"x": samples(generator, (1, 6, 8))[0]}, ["y"])


@pytest.mark.parametrize("padding", (1, 2))
def test_mediapipes_transposed_convolution(padding, generator):
    """LiteRT lacks the operator; TRANSPOSE_CONV is the same with its shape as an operand."""
    weights, bias = samples(generator, (5, 2, 2, 8), (5,))
    found = []
    for builtin in ("CUSTOM", "TRANSPOSE_CONV"):
        model = Model()
        x = floats(model, "x", (1, 4, 3, 8))
        w, b = (model.tensor(n, (), None, data=v) for n, v in (("w", weights), ("b", bias)))
        y, shape = floats(model, "y", (1, 8, 6, 5)), model.integers("shape", (1, 8, 6, 5))
        if builtin == "CUSTOM":
            model.op(builtin, (x, w, b), (y,))
            model.codes[-1][CodeSlot.CUSTOM_CODE] = "Convolution2DTransposeBias"
            for slot in (OperatorSlot.OPTIONS, OperatorSlot.OPTIONS_TYPE):
                del model.operators[-1][slot]
            options = np.array([padding, 2, 2], "<i4").view(np.uint8)
            model.operators[-1][OperatorSlot.CUSTOM_OPTIONS] = options
        else:
            options = {0: Scalar("b", padding - 1), 1: Scalar("i", 2), 2: Scalar("i", 2)}
            model.op(builtin, (shape, w, x, b), (y,), "TransposeConvOptions", options)
        found.append(model.write((x,), (y,)))
    sample = {"x": samples(generator, (1, 4, 3, 8))[0]}
    (made,) = run_onnx(to_onnx(found[0]).SerializeToString(), sample)
    expected = run_litert(found[1], sample)["y"]
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_weights_of_dynamic_range_are_real_ones(generator):
    """LiteRT rounds the activations of such a layer as well; the real weights are what counts."""
    model, scales = Model(), np.linspace(0.01, 0.05, 5, dtype=np.float32)
    values = generator.integers(-127, 128, (5, 3, 3, 8)).astype(np.int8)
    x, y = floats(model, "x", MAP), floats(model, "y", (1, 2, 4, 5))
    w = model.tensor("w", (), scales, 0, data=values)
    model.op("CONV_2D", (x, w, -1), (y,), "Conv2DOptions", conv_options(padding=1))
    again, real = Model(), values * scales[:, None, None, None]
    names = [floats(again, "x", MAP), again.tensor("w", (), None, data=real.astype(np.float32))]
    names.append(again.tensor("b", (), None, data=np.zeros(5, np.float32)))
    made = floats(again, "y", (1, 2, 4, 5))
    again.op("CONV_2D", names, (made,), "Conv2DOptions", conv_options(padding=1))
    sample = {"x": samples(generator, MAP)[0]}
    data = model.write((x,), (y,))
    assert is_float(data)
    (found,) = run_onnx(to_onnx(data).SerializeToString(), sample)
    expected = run_litert(again.write(names[:1], (made,)), sample)["y"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("dtype", ("float32", "float16"))
def test_sparse_weights(dtype, generator):
    values = generator.standard_normal((5, 8)).astype(dtype)
    values[generator.random((5, 8)) < 0.6] = 0
    tables, there = sparse(values)
    model = Model()
    x, y = floats(model, "x", (1, 8)), floats(model, "y", (1, 5))
    w = model.tensor("w", (), None, data=there)
    model.tensors[w].update({TensorSlot.SPARSITY: tables, TensorSlot.SHAPE: np.array([5, 8], "i4")})
    dense = model.tensor("dense", (5, 8), None, dtype=dtype)
    model.op("DENSIFY", (w,), (dense,), "DensifyOptions")
    if dtype == "float16":
        real = floats(model, "real", (5, 8))
        model.op("DEQUANTIZE", (dense,), (real,), "DequantizeOptions")
        dense = real
    model.op("FULLY_CONNECTED", (x, dense, -1), (y,), "FullyConnectedOptions", {0: Scalar("b", 0)})
    compare(model.write((x,), (y,)), {"x": samples(generator, (1, 8))[0]}, ["y"])


def test_every_operator_that_is_missing_is_named():
    model = Model()
    x = floats(model, "x", MAP)
    for name in ("a", "b"):
        y = floats(model, name, MAP)
        model.op("ROUND" if name == "a" else "SIGN", (x,), (y,))
        x = y
    message = r"operator 0 \(ROUND\) 'a', operator 1 \(SIGN\) 'b': not handled in a float model"
    with pytest.raises(UnsupportedError, match=message):
        to_onnx(model.write((0,), (x,)))
    assert tflite.BuiltinOperator.SIGN


def test_numbers_that_are_cast_to_real_ones(tmp_path, generator):
    """A picture of bytes, and a rescaling behind it."""
    model = Model()
    x, real = model.tensor("x", MAP, None, dtype="uint8"), floats(model, "real", MAP)
    scale = model.tensor("scale", (), None, data=np.array(1 / 255, np.float32))
    scaled, y = floats(model, "scaled", MAP), floats(model, "y", MAP)
    types = {0: Scalar("b", tflite.TensorType.UINT8), 1: Scalar("b", tflite.TensorType.FLOAT32)}
    model.op("CAST", (x,), (real,), "CastOptions", types)
    model.op("MUL", (real, scale), (scaled,), "MulOptions", {})
    model.op("TANH", (scaled,), (y,))
    data = model.write((x,), (y,))
    compare(data, {"x": generator.integers(0, 256, MAP).astype(np.uint8)}, ["y"])
    path = tmp_path / "cast.tflite"
    path.write_bytes(data)
    load_model(path)
