"""Small nets as converters write them: dilation by blocks, one spatial axis."""

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from compiler.frontend.tflite import read_tflite
from compiler.frontend.tflite.schema import TensorSlot
from golden.declared import to_declared
from golden.network import run
from tests.compiler.frontend.raw_tflite import Scalar, conv_options
from tests.compiler.frontend.small_tflite import TYPES, Model, agreed, sparse
from tests.golden.oracle import run_litert

INT8 = np.int8


def weighted(model, source, shape, axis, x_scale):
    """Random weights and bias of a layer with one scale per output channel."""
    channels = shape[axis]
    scales = source.uniform(0.001, 0.02, channels).astype(np.float32)
    values = source.integers(-127, 128, shape).astype(INT8)
    w = model.tensor(f"w{len(model.tensors)}", (), scales, 0, data=values, axis=axis)
    bias = source.integers(-500, 500, channels).astype(np.int32)
    b = model.tensor(f"b{len(model.tensors)}", (), scales * np.float32(x_scale), 0, data=bias)
    return w, b


def dilated(block, paddings, crops, size, padding, depthwise, seed):
    """SPACE_TO_BATCH_ND, a 3x3 convolution, BATCH_TO_SPACE_ND."""
    source, model = np.random.default_rng(seed), Model()
    height, width = ((n + sum(pair)) // b for n, pair, b in zip(size, paddings, block, strict=True))
    batch, loss = block[0] * block[1], 2 * (padding == 1)
    out = [
        (n - loss) * b - sum(crop) for n, b, crop in zip((height, width), block, crops, strict=True)
    ]
    x = model.tensor("x", (1, *size, 4), 0.05, 9)
    blocks = [model.integers(f"block{i}", block) for i in (0, 1)]
    pads, cuts = model.integers("paddings", paddings), model.integers("crops", crops)
    parts = model.tensor("parts", (batch, height, width, 4), 0.05, 9)
    made = model.tensor("made", (batch, height - loss, width - loss, 4), 0.2, -7)
    y = model.tensor("y", (1, *out, 4), 0.2, -7)
    shape = (1, 3, 3, 4) if depthwise else (4, 3, 3, 4)
    w, b = weighted(model, source, shape, 3 if depthwise else 0, 0.05)
    options = conv_options(padding=padding)
    if depthwise:
        options = {0: options[0], 1: options[1], 2: options[2], 3: Scalar("i", 1)}
    model.op("SPACE_TO_BATCH_ND", (x, blocks[0], pads), (parts,), "SpaceToBatchNDOptions")
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    kind = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
    model.op(name, (parts, w, b), (made,), kind, options)
    model.op("BATCH_TO_SPACE_ND", (made, blocks[1], cuts), (y,), "BatchToSpaceNDOptions")
    return model.write((x,), (y,))


DILATIONS = [
    ((2, 2), ((2, 2), (2, 2)), ((0, 0), (0, 0)), (8, 6), 1),
    ((2, 2), ((2, 3), (2, 2)), ((0, 1), (0, 0)), (7, 6), 1),
    ((3, 2), ((0, 1), (0, 0)), ((0, 1), (0, 0)), (11, 8), 1),
    ((2, 2), ((0, 1), (0, 1)), ((0, 1), (0, 1)), (7, 9), 0),
]


@pytest.mark.parametrize("depthwise", (False, True))
@pytest.mark.parametrize(("block", "paddings", "crops", "size", "padding"), DILATIONS)
def test_a_convolution_between_blocks_is_dilated(
    block, paddings, crops, size, padding, depthwise, seed
):
    graph = agreed(dilated(block, paddings, crops, size, padding, depthwise, seed), seed)
    (node,) = graph.nodes
    assert node.attrs["dilation"] == block


def test_a_crop_beyond_the_padding_is_refused(seed):
    data = dilated((2, 2), ((0, 0), (0, 0)), ((1, 1), (0, 0)), (8, 8), 1, False, seed)
    with pytest.raises(UnsupportedError, match=r"BATCH_TO_SPACE_ND\) 'y': crops \[\[1, 1\]"):
        read_tflite(data, "model")


@pytest.mark.parametrize("place", (1, 2))
def test_causal_convolutions_of_one_axis(place, seed):
    """Padding before, the convolution of a map of height or width 1, a sum, a mean."""
    source, model = np.random.default_rng(seed), Model()
    x = first = model.tensor("x", (1, 20, 8), 0.05, 9)
    for number, step in enumerate((1, 2, 4)):
        name = f"{number}"
        long = 20 + 2 * step
        as_map = (1, 1, long, 8) if place == 1 else (1, long, 1, 8)
        out = (1, 1, 20, 8) if place == 1 else (1, 20, 1, 8)
        kernel = (1, 3) if place == 1 else (3, 1)
        amounts = model.integers("p" + name, ((0, 0), (2 * step, 0), (0, 0)))
        padded = model.tensor("padded" + name, (1, long, 8), 0.05, 9)
        mapped = model.tensor("map" + name, as_map, 0.05, 9)
        made = model.tensor("made" + name, out, 0.2, -128)
        flat = model.tensor("flat" + name, (1, 20, 8), 0.2, -128)
        total = model.tensor("sum" + name, (1, 20, 8), 0.05, 9)
        w, b = weighted(model, source, (8, *kernel, 8), 0, 0.05)
        model.op("PAD", (x, amounts), (padded,), "PadOptions")
        axis = model.integers("axis" + name, place)
        model.op("EXPAND_DIMS", (padded, axis), (mapped,), "ExpandDimsOptions")
        options = conv_options(padding=1, activation=1)
        options[4 if place == 1 else 5] = Scalar("i", step)
        model.op("CONV_2D", (mapped, w, b), (made,), "Conv2DOptions", options)
        dropped = {0: np.array([place], np.int32)}
        model.op("SQUEEZE", (made,), (flat,), "SqueezeOptions", dropped)
        model.op("ADD", (x, flat), (total,), "AddOptions", {})
        x = total
    mean, where = model.tensor("mean", (1, 8), 0.05, 9), model.integers("where", [1])
    model.op("MEAN", (x, where), (mean,), "ReducerOptions", {0: Scalar("?", False)})
    agreed(model.write((first,), (mean, x)), seed)


@pytest.mark.parametrize("kind", ("uint8", "int8"))
def test_numbers_that_are_cast_before_they_are_quantised(kind, seed):
    model = Model()
    x = model.tensor("x", (1, 16, 16, 1), None, dtype=kind)
    real = model.tensor("real", (1, 16, 16, 1), None, dtype="float32")
    q = model.tensor("q", (1, 16, 16, 1), 0.7, -100)
    y = model.tensor("y", (1, 16, 16, 1), 0.9, -128)
    types = {0: Scalar("b", TYPES[np.dtype(kind)]), 1: Scalar("b", TYPES[np.dtype("float32")])}
    model.op("CAST", (x,), (real,), "CastOptions", types)
    model.op("QUANTIZE", (real,), (q,), "QuantizeOptions")
    model.op("RELU", (q,), (y,))
    graph = agreed(model.write((x,), (y,)), seed)
    assert [node.op for node in graph.nodes][-2:] == ["lookup", "relu"]


def test_places_that_are_cast_before_they_are_given_out(seed):
    model = Model()
    x, axis = model.tensor("x", (1, 5, 4, 3)), model.integers("axis", 3)
    place = model.tensor("place", (1, 5, 4), None, dtype="int64")
    y = model.tensor("y", (1, 5, 4), None, dtype="int32")
    wide, narrow = (TYPES[np.dtype(name)] for name in ("int64", "int32"))
    model.op("ARG_MAX", (x, axis), (place,), "ArgMaxOptions", {0: Scalar("b", wide)})
    types = {0: Scalar("b", wide), 1: Scalar("b", narrow)}
    model.op("CAST", (place,), (y,), "CastOptions", types)
    data = model.write((x,), (y,))
    graph = read_tflite(data, "model")
    values = np.random.default_rng(seed).integers(-128, 128, (1, 5, 4, 3)).astype(INT8)
    plain = graph.to_dict()
    found = to_declared(run(plain, {"x": values})["place"], plain["tensors"]["place"])
    expected = run_litert(data, {"x": values})["y"]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_attention_over_positions(seed):
    """Dense layers on each position, two heads, a softmax, a sum and a layer normalisation."""
    source, model = np.random.default_rng(seed), Model()
    rows, heads = (1, 6, 8), (1, 2, 6, 4)
    x = model.tensor("x", rows, 0.05, 9)

    def made(builtin, inputs, shape, quant, kind=0, options=None):
        y = model.tensor(f"t{len(model.tensors)}", shape, *quant)
        model.op(builtin, inputs, (y,), kind, options)
        return y

    def dense(a, quant):
        w, b = weighted(model, source, (8, 8), 0, 0.05)
        options = {0: Scalar("b", 0), 2: Scalar("?", True)}
        return made("FULLY_CONNECTED", (a, w, b), rows, quant, "FullyConnectedOptions", options)

    def head(a, quant):
        split = made("RESHAPE", (a, model.integers(f"s{a}", (1, 6, 2, 4))), (1, 6, 2, 4), quant)
        order = model.integers(f"o{a}", (0, 2, 1, 3))
        return made("TRANSPOSE", (split, order), heads, quant, "TransposeOptions")

    quants = [(0.1, -3), (0.09, 7), (0.12, 20)]
    q, k, v = (head(dense(x, quant), quant) for quant in quants)
    turned, plain = ({0: Scalar("?", False), 1: Scalar("?", flag)} for flag in (True, False))
    table = "BatchMatMulOptions"
    scores = made("BATCH_MATMUL", (q, k), (1, 2, 6, 6), (0.3, 5), table, turned)
    beta = {0: Scalar("f", 1.0)}
    quant = (1 / 256, -128)
    share = made("SOFTMAX", (scores,), (1, 2, 6, 6), quant, "SoftmaxOptions", beta)
    mixed = made("BATCH_MATMUL", (share, v), heads, (0.1, 11), table, plain)
    order = model.integers("back", (0, 2, 1, 3))
    back = made("TRANSPOSE", (mixed, order), (1, 6, 2, 4), (0.1, 11), "TransposeOptions")
    flat = made("RESHAPE", (back, model.integers("rows", rows)), rows, (0.1, 11))
    total = made("ADD", (x, flat), rows, (0.12, 2), "AddOptions", {})
    keep = {0: Scalar("?", True)}
    last = model.integers("last", [2])
    mean = made("MEAN", (total, last), (1, 6, 1), (0.05, 3), "ReducerOptions", keep)
    apart = (total, mean)
    squares = made("SQUARED_DIFFERENCE", apart, rows, (0.2, -128), "SquaredDifferenceOptions")
    spread = made("MEAN", (squares, last), (1, 6, 1), (0.1, -128), "ReducerOptions", keep)
    root = made("RSQRT", (spread,), (1, 6, 1), (0.03, -128))
    centred = made("SUB", (total, mean), rows, (0.12, 2), "SubOptions", {})
    y = made("MUL", (centred, root), rows, (0.03, 1), "MulOptions", {})
    agreed(model.write((x,), (y,)), seed)


def test_sparse_weights_of_8_bits(seed):
    source, model = np.random.default_rng(seed), Model()
    values = source.integers(-127, 128, (5, 8)).astype(INT8)
    values[source.random((5, 8)) < 0.6] = 0
    tables, there = sparse(values)
    x, y = model.tensor("x", (1, 8), 0.05, 9), model.tensor("y", (1, 5), 0.1, -3)
    w = model.tensor("w", (), 0.01, 0, data=there)
    shape = {TensorSlot.SHAPE: np.array([5, 8], "i4"), TensorSlot.SPARSITY: tables}
    model.tensors[w].update(shape)
    dense = model.tensor("dense", (5, 8), 0.01, 0)
    model.op("DENSIFY", (w,), (dense,), "DensifyOptions")
    options = {0: Scalar("b", 0)}
    model.op("FULLY_CONNECTED", (x, dense, -1), (y,), "FullyConnectedOptions", options)
    graph = agreed(model.write((x,), (y,)), seed)
    np.testing.assert_array_equal(graph.tensors["dense"].data, values)
