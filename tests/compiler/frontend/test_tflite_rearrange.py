"""Operators that move values along any axes, and what becomes of their shapes."""

import numpy as np
import pytest

from compiler.passes.host import host_reason
from tests.compiler.frontend.raw_tflite import Scalar
from tests.compiler.frontend.small_tflite import Model, agreed

INT8 = np.int8


def moved(builtin, shapes, y, kind=0, options=None, constants=(), front=False):
    """A model of one operator that keeps the scale, on inputs of these shapes."""
    model = Model()
    xs = [model.tensor(f"x{i}", shape) for i, shape in enumerate(shapes)]
    extra = [model.integers(f"c{i}", values) for i, values in enumerate(constants)]
    result = model.tensor("y", y)
    model.op(builtin, (*extra, *xs) if front else (*xs, *extra), (result,), kind, options)
    return model.write(xs, (result,))


def integers(**slots):
    return {int(slot[1:]): Scalar("i", value) for slot, value in slots.items()}


CONCATENATION = [
    (((1, 4, 3, 2), (1, 2, 3, 2)), 1, (1, 6, 3, 2)),
    (((1, 4, 3, 2), (1, 4, 5, 2)), 2, (1, 4, 8, 2)),
    (((1, 4, 3), (1, 6, 3), (1, 1, 3)), -2, (1, 11, 3)),
    (((1, 4), (1, 4)), 0, (2, 4)),
    (((3, 4), (3, 5)), 1, (3, 9)),
]


@pytest.mark.parametrize(("shapes", "axis", "y"), CONCATENATION)
def test_concatenation_over_any_axis(shapes, axis, y, seed):
    options = integers(s0=axis)
    agreed(moved("CONCATENATION", shapes, y, "ConcatenationOptions", options), seed)


def test_concatenation_with_a_constant(seed):
    model = Model()
    x = model.tensor("x", (1, 4, 3, 2))
    values = np.random.default_rng(seed).integers(-128, 128, (1, 4, 1, 2)).astype(INT8)
    c, y = model.tensor("c", (), data=values), model.tensor("y", (1, 4, 4, 2))
    model.op("CONCATENATION", (c, x), (y,), "ConcatenationOptions", integers(s0=2))
    agreed(model.write((x,), (y,)), seed)


@pytest.mark.parametrize(("axis", "y"), [(1, (1, 2, 4, 3)), (-1, (1, 4, 3, 2)), (0, (2, 1, 4, 3))])
def test_packs(axis, y, seed):
    options = integers(s0=2, s1=axis)
    agreed(moved("PACK", ((1, 4, 3), (1, 4, 3)), y, "PackOptions", options), seed)


@pytest.mark.parametrize("axis", (1, 2, 3))
def test_unpacks(axis, seed):
    model = Model()
    shape = (1, 3, 3, 3)
    x = model.tensor("x", shape)
    ys = [model.tensor(f"y{i}", (1, 3, 3)) for i in range(3)]
    model.op("UNPACK", (x,), ys, "UnpackOptions", integers(s0=3, s1=axis))
    agreed(model.write((x,), ys), seed)


@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((1, 4, 3, 2), (0, 2, 1, 3)),
        ((1, 4, 3, 2), (0, 3, 1, 2)),
        ((1, 4, 1, 2), (0, 2, 1, 3)),
        ((1, 4, 3), (0, 2, 1)),
        ((4, 3), (1, 0)),
        ((1, 2, 3, 2, 2), (0, 3, 1, 4, 2)),
        ((2, 3, 1, 4, 2), (0, 3, 1, 4, 2)),
    ],
)
def test_transposes(shape, order, seed):
    y = tuple(shape[axis] for axis in order)
    constants = (order,)
    agreed(moved("TRANSPOSE", (shape,), y, "TransposeOptions", {}, constants), seed)


@pytest.mark.parametrize("block", (2, 3))
def test_blocks_between_space_and_depth(block, seed):
    deep, wide = (1, 2, 3, 5 * block**2), (1, 2 * block, 3 * block, 5)
    options = integers(s0=block)
    agreed(moved("DEPTH_TO_SPACE", (deep,), wide, "DepthToSpaceOptions", options), seed)
    agreed(moved("SPACE_TO_DEPTH", (wide,), deep, "SpaceToDepthOptions", options), seed)


PADDINGS = [
    ((1, 6, 4), ((0, 0), (2, 1), (0, 0))),
    ((1, 6, 4), ((0, 0), (0, 1), (1, 2))),
    ((1, 6), ((0, 0), (3, 0))),
    ((5, 4), ((0, 0), (1, 2))),
    ((1, 2, 3, 4, 2), ((0, 0), (0, 0), (0, 0), (1, 2), (0, 1))),
]


@pytest.mark.parametrize(("shape", "amounts"), PADDINGS)
def test_padding_of_any_rank(shape, amounts, seed):
    y = tuple(n + sum(pair) for n, pair in zip(shape, amounts, strict=True))
    agreed(moved("PAD", (shape,), y, "PadOptions", {}, (amounts,)), seed)


@pytest.mark.parametrize("value", (-128, 3, 70))
@pytest.mark.parametrize(("shape", "amounts"), PADDINGS)
def test_padding_with_any_value(shape, amounts, value, seed):
    """The least value is minus infinity before a maximum."""
    model = Model()
    x = model.tensor("x", shape)
    y = model.tensor("y", tuple(n + sum(pair) for n, pair in zip(shape, amounts, strict=True)))
    constant = model.tensor("value", (), data=np.array(value, np.int8))
    model.op("PADV2", (x, model.integers("paddings", amounts), constant), (y,), "PadV2Options", {})
    graph = agreed(model.write((x,), (y,)), seed)
    assert all(host_reason(graph, node) is None for node in graph.nodes)


@pytest.mark.parametrize("mode", (0, 1))
@pytest.mark.parametrize(
    ("shape", "amounts"),
    [((1, 5, 4, 3), ((0, 0), (2, 1), (3, 3), (0, 0))), ((1, 6, 3), ((0, 0), (1, 5), (2, 0)))],
)
def test_mirrored_padding(mode, shape, amounts, seed):
    y = tuple(n + sum(pair) for n, pair in zip(shape, amounts, strict=True))
    options = {0: Scalar("b", mode)}
    agreed(moved("MIRROR_PAD", (shape,), y, "MirrorPadOptions", options, (amounts,)), seed)


def test_tiles_and_reversals_and_places(seed):
    x = (1, 4, 3, 2)
    agreed(moved("TILE", (x,), (1, 8, 3, 6), "TileOptions", {}, ((1, 2, 1, 3),)), seed)
    agreed(moved("REVERSE_V2", (x,), x, "ReverseV2Options", {}, ([2],)), seed)
    agreed(
        moved("GATHER", (x,), (1, 4, 5, 2), "GatherOptions", integers(s0=2), ([2, 0, 1, 1, 2],)),
        seed,
    )
    agreed(moved("GATHER", (x,), (1, 4, 3), "GatherOptions", integers(s0=3), (1,)), seed)
    agreed(
        moved(
            "GATHER", (x,), (1, 2, 2, 3, 2), "GatherOptions", integers(s0=1), ([[3, 0], [1, 1]],)
        ),
        seed,
    )


def test_new_and_dropped_axes_move_nothing(seed):
    agreed(moved("EXPAND_DIMS", ((1, 4, 3),), (1, 1, 4, 3), "ExpandDimsOptions", {}, (1,)), seed)
    agreed(moved("SQUEEZE", ((1, 4, 1, 3),), (4, 3), "SqueezeOptions"), seed)
    options = {0: np.array([2], np.int32)}
    agreed(moved("SQUEEZE", ((1, 4, 1, 3),), (1, 4, 3), "SqueezeOptions", options), seed)
    agreed(moved("RESHAPE", ((1, 4, 6),), (4, 6), 0, {}, ((4, 6),)), seed)


SLICES = [
    ((0, 1, 0, 0), (1, 7, 6, 5), (1, 1, 1, 1), {}, (1, 6, 6, 5)),
    ((0, 1, -5, 4), (1, 9, 9, 0), (1, 2, 3, -1), {}, (1, 4, 2, 4)),
    ((0, 0, 0, 0), (0, -2, -3, 0), (1, 1, 1, 1), {"s0": 9, "s1": 9}, (1, 7, 6, 5)),
    ((0, 2, 0, 0), (1, 3, 9, 5), (1, 1, 1, 1), {"s4": 2}, (1, 9, 5)),
    ((0, 0, 1), (0, 0, 4), (1, 1, 1), {"s2": 2, "s0": 1, "s1": 1}, (1, 9, 9, 3)),
    ((0, 0, 3), (0, 0, 9), (1, 1, 2), {"s3": 2, "s0": 1, "s1": 1}, (1, 1, 3, 9, 5)),
    ((0, 8), (1, 0), (1, -3), {"s1": 2}, (1, 3, 9, 5)),
]


@pytest.mark.parametrize(("begin", "end", "step", "masks", "y"), SLICES)
def test_strided_slices(begin, end, step, masks, y, seed):
    x, options = ((1, 9, 9, 5),), integers(**masks)
    constants = (begin, end, step)
    agreed(moved("STRIDED_SLICE", x, y, "StridedSliceOptions", options, constants), seed)


@pytest.mark.parametrize("axis", (1, 2, 3))
def test_splits_of_any_axis(axis, seed):
    model = Model()
    shape = (1, 6, 6, 6)
    where, x = model.integers("axis", axis), model.tensor("x", shape)
    part = tuple(2 if i == axis else n for i, n in enumerate(shape))
    ys = [model.tensor(f"y{i}", part) for i in range(3)]
    model.op("SPLIT", (where, x), ys, "SplitOptions", integers(s0=3))
    agreed(model.write((x,), ys), seed)


def test_a_slice_of_every_axis(seed):
    constants = ((0, 2, 1, 3), (1, 4, -1, 2))
    data = moved("SLICE", ((1, 9, 7, 6),), (1, 4, 6, 2), "SliceOptions", {}, constants)
    agreed(data, seed)


def test_a_shape_that_is_computed_from_shapes_is_a_constant(seed):
    """The batch of a tensor and numbers, packed, as Keras writes a reshape."""
    model = Model()
    x = model.tensor("x", (1, 4, 3, 2))
    shape = model.tensor("shape", (4,), None, dtype="int32")
    limits = [model.integers(f"l{i}", [value]) for i, value in enumerate((0, 1, 1))]
    batch = model.tensor("batch", (), None, dtype="int32")
    numbers = [model.integers(f"n{i}", value) for i, value in enumerate((12, 2))]
    wanted = model.tensor("wanted", (3,), None, dtype="int32")
    y = model.tensor("y", (1, 12, 2))
    model.op("SHAPE", (x,), (shape,), "ShapeOptions", {0: Scalar("b", 2)})
    model.op("STRIDED_SLICE", (shape, *limits), (batch,), "StridedSliceOptions", integers(s4=1))
    model.op("PACK", (batch, *numbers), (wanted,), "PackOptions", integers(s0=3, s1=0))
    model.op("RESHAPE", (x, wanted), (y,))
    graph = agreed(model.write((x,), (y,)), seed)
    assert [node.op for node in graph.nodes] == ["reshape"]
