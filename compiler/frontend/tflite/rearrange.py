"""Conversion of the TFLite operators that move values: reshapes, transposes, pads, joins."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.tflite.operator import Operator
from compiler.ir.graph import Node, Quant, Tensor
from compiler.ir.ops import MAX_ATTR
from compiler.ir.shapes import Shape


def reshape(op: Operator) -> Node:
    """The output tensor's own shape rules; a constant second input must agree with it."""
    output = op.output()
    shape = model_shape(output)
    if op.given(1):
        wanted = op.integers(1, "shape")
        agrees = wanted.shape == (len(shape),) and np.all((wanted == -1) | (wanted == shape))
        if not agrees:
            raise InputError(f"shape {wanted.tolist()}; the output's {list(shape)} is accepted")
    return op.reshaped(op.input(0))


def expand_dims(op: Operator) -> Node:
    """EXPAND_DIMS: a new axis of size 1."""
    x, axis = model_shape(op.input(0)), op.integers(1, "axis").reshape(-1).tolist()
    rank = len(x) + 1
    if len(axis) != 1 or not -rank <= axis[0] < rank:
        raise InputError(f"axis {axis}; a number from {-rank} to {rank - 1} is accepted")
    place = axis[0] % rank
    return _in_same_order(op, (*x[:place], 1, *x[place:]))


def squeeze(op: Operator) -> Node:
    """SQUEEZE: some axes of size 1 go, or all."""
    x, given = model_shape(op.input(0)), op.options["axes"]
    axes = {axis % len(x) for axis in given} or {i for i, size in enumerate(x) if size == 1}
    if any(x[axis] != 1 for axis in axes):
        raise InputError(f"squeeze_dims {list(given)} of x {list(x)}; axes of size 1 are accepted")
    return _in_same_order(op, tuple(size for i, size in enumerate(x) if i not in axes))


def _in_same_order(op: Operator, shape: Shape) -> Node:
    found = model_shape(op.output())
    if found != shape:
        raise InputError(f"output has shape {list(found)}; {list(shape)} is accepted")
    return op.reshaped(op.input(0))


def model_shape(tensor: Tensor) -> Shape:
    """The shape of an activation in the model."""
    return tensor.shape if tensor.declared is None else tensor.declared.shape


def transpose(op: Operator) -> Node:
    """TRANSPOSE: nothing moves where only axes of size 1 change places."""
    x, order = op.input(0), op.integers(1, "order").tolist()
    lead = op.lead(x)
    axes = [*range(lead), *(op.axis(x, axis) for axis in order)]
    if sorted(axes) != list(range(len(x.shape))):
        raise InputError(f"order {order}; each axis of x {list(x.shape)[lead:]} once is accepted")
    moved = [axis for axis in axes if x.shape[axis] > 1]
    if moved == sorted(moved):
        return op.reshaped(x)
    return _turned(op, x, x.shape, tuple(axes))


def depth_to_space(op: Operator) -> Node:
    """DEPTH_TO_SPACE: the channels of a pixel become a block of pixels."""
    x, block = op.map(0), _block(op)
    _, height, width, channels = x.shape
    if channels % block**2:
        raise InputError(
            f"{channels} channels in blocks of {block}; a multiple of {block**2} is accepted"
        )
    parts = (1, height, width, block, block, channels // block**2)
    return _turned(op, x, parts, (0, 1, 3, 2, 4, 5))


def space_to_depth(op: Operator) -> Node:
    """SPACE_TO_DEPTH: the pixels of a block become channels of one."""
    x, block = op.map(0), _block(op)
    _, height, width, channels = x.shape
    if height % block or width % block:
        raise InputError(f"{height}x{width} pixels in blocks of {block}; multiples are accepted")
    parts = (1, height // block, block, width // block, block, channels)
    return _turned(op, x, parts, (0, 1, 3, 2, 4, 5))


def _block(op: Operator) -> int:
    block = int(op.options["block_size"])
    if not 1 <= block <= MAX_ATTR:
        raise InputError(f"block_size is {block}; 1 to {MAX_ATTR} is accepted")
    return block


def _turned(op: Operator, x: Tensor, split: Shape, order: tuple[int, ...]) -> Node:
    """The output as ``x`` reshaped to ``split`` whose axes then change places."""
    turned = [split[axis] for axis in order]
    layout = {"split": list(split), "order": list(order), "shape": turned}
    return op.node("rearrange", (x.name,), layout=layout, shape=op.output().shape)


def concatenation(op: Operator) -> list[Node]:
    """The channels come last; LiteRT's int8 kernel too accepts nothing to clamp or to rescale."""
    output = op.output()
    axis = op.axis(output, op.options["axis"])
    if op.fused_activation() != "none":
        raise UnsupportedError(f"activation {op.fused_activation()}; none is accepted")
    inputs = [op.input(i) for i in range(len(op.inputs))]
    joined = _concatenated(op, inputs, axis)
    return [*op.steps, joined]


def _concatenated(op: Operator, inputs: list[Tensor], axis: int) -> Node:
    output = op.output()
    for tensor in inputs:
        if tensor.quant != output.quant:
            raise UnsupportedError(
                f"input {show(tensor.name)} is not quantised as the output is; equal scales and "
                "zero points are accepted"
            )
    names = tuple(_ranked(op, tensor, len(output.shape)).name for tensor in inputs)
    if axis == len(output.shape) - 1 and not any(tensor.is_constant for tensor in inputs):
        return op.node("concatenation", names)
    return op.node("join", names, axis=axis)


def _ranked(op: Operator, x: Tensor, rank: int) -> Tensor:
    """The tensor with axes of size 1 before its own."""
    shape = (1,) * (rank - len(x.shape)) + x.shape
    if x.data is None or x.shape == shape:
        return op.in_shape(x, shape)
    return op.tensors.constant(f"{x.name}/{rank}d", x.data.reshape(shape), x.quant)


def pack(op: Operator) -> list[Node]:
    """PACK: one after another along a new axis."""
    output = op.output()
    axis = op.axis(output, op.options["axis"])
    shape = (*output.shape[:axis], 1, *output.shape[axis + 1 :])
    parts = []
    for position in range(len(op.inputs)):
        x = op.input(position)
        if math.prod(x.shape) != math.prod(shape):
            raise InputError(
                f"input {show(x.name)} has shape {list(x.shape)}, as part of output "
                f"{list(output.shape)}; {math.prod(shape)} values are accepted"
            )
        parts.append(op.in_shape(x, shape))
    joined = _concatenated(op, parts, axis)
    return [*op.steps, joined]


def pad(op: Operator) -> list[Node]:
    """PAD of any axes but the batch; the axes that are not padded join, so that four are left."""
    x = op.input(0)
    shape, attrs, made = _margins(op, x)
    if shape == x.shape:
        return [op.node("pad", (x.name,), **attrs)]
    padded = op.step("pad", op.in_shape(x, shape), made, **attrs)
    return [*op.steps, op.reshaped(padded)]


def padv2(op: Operator) -> list[Node]:
    """PADV2 with one value: the zero point of tensors that hold the very same stored values."""
    x, value, y = op.input(0), op.tensors.stored_values(op.inputs[2]), op.output()
    if value is None or value.size != 1 or x.quant is None:
        raise UnsupportedError("computed constant_values; one constant is accepted")
    shape, attrs, made = _margins(op, x)
    same = op.tensors.constant(f"{y.name}/table", np.arange(-128, 128).astype(np.int8))
    quant = Quant(x.quant.scale, (int(value.reshape(())),))
    moved = op.tensors.invent(f"{y.name}/x", replace(x, quant=quant), x.shape)
    op.steps.append(Node(moved.name, "lookup", (x.name, same.name), (moved.name,), {}))
    padded = op.step("pad", op.in_shape(moved, shape), made, **attrs)
    padded = op.in_shape(padded, y.shape)
    return [*op.steps, op.node("lookup", (padded.name, same.name))]


def _margins(op: Operator, x: Tensor) -> tuple[Shape, dict[str, object], Shape]:
    """The input's shape as four axes, attributes of ``pad``, and the result's shape so."""
    amounts, lead = op.integers(1, "paddings"), op.lead(x)
    if amounts.shape != (len(x.shape) - lead, 2):
        raise UnsupportedError(
            f"paddings of shape {list(amounts.shape)}; [{len(x.shape) - lead}, 2] is accepted"
        )
    pairs = [(0, 0)] * lead + [(int(before), int(after)) for before, after in amounts]
    if any(pairs[0]) or amounts.min() < 0 or amounts.max() > MAX_ATTR:
        raise UnsupportedError(
            f"paddings {amounts.tolist()}; 0 to {MAX_ATTR} for height, width and channels, "
            "and 0 for batch, are accepted"
        )
    shape, parts = _four_axes(x.shape, pairs)
    (top, bottom), (left, right), (before, after) = parts
    attrs: dict[str, object] = {
        "padding": (top, bottom, left, right),
        "channel_padding": (before, after),
    }
    made = (1, *(n + sum(p) for n, p in zip(shape[1:], parts, strict=True)))
    return shape, attrs, made


def _four_axes(shape: Shape, pairs: list[tuple[int, int]]) -> tuple[Shape, list[tuple[int, int]]]:
    """The shape as batch, height, width and channels, and the padding of the last three."""
    sizes, padded = list(shape[1:]), list(pairs[1:])
    while len(sizes) > 3:
        free = [i for i in range(len(sizes) - 1) if not any((*padded[i], *padded[i + 1]))]
        if not free:
            raise UnsupportedError(
                f"paddings {[list(pair) for pair in pairs]}; at most three axes, or groups of axes "
                "without padding, are accepted"
            )
        first = free[0]
        sizes[first : first + 2] = [sizes[first] * sizes[first + 1]]
        del padded[first]
    missing = 3 - len(sizes)
    return (1, *[1] * missing, *sizes), [(0, 0)] * missing + padded


def mirror_pad(op: Operator) -> list[Node]:
    """MIRROR_PAD: each axis begins and ends with its own values in reverse."""
    x, amounts = op.input(0), op.integers(1, "paddings")
    lead, mode = op.lead(x), op.options["mode"]
    if amounts.shape != (len(x.shape) - lead, 2) or mode not in (0, 1):
        raise InputError(
            f"paddings of shape {list(amounts.shape)} and mode {mode}; "
            f"[{len(x.shape) - lead}, 2] and 0 or 1 are accepted"
        )
    chosen = {}
    for axis, (before, after) in enumerate(amounts.tolist(), lead):
        most = x.shape[axis] - (mode == 0)
        if not (0 <= before <= most and 0 <= after <= most):
            raise InputError(
                f"paddings {amounts.tolist()}; 0 to {most} of axis {axis - lead} are accepted"
            )
        if before or after:
            places = np.arange(-before, x.shape[axis] + after)
            chosen[axis] = _mirrored(places, x.shape[axis], int(mode))
    return _taken(op, x, chosen)


def _mirrored(places: np.ndarray, size: int, repeated: int) -> np.ndarray:
    """Places beyond the ends as those that mirror them; ``repeated`` ends are mirrored as well."""
    places = np.where(places < 0, -places - repeated, places)
    return np.where(places >= size, 2 * (size - 1) - places + repeated, places)


def tile(op: Operator) -> list[Node]:
    """TILE: each axis several times."""
    x, counts = op.input(0), op.integers(1, "multiples").tolist()
    lead = op.lead(x)
    if len(counts) != len(x.shape) - lead or min(counts) < 1:
        raise InputError(
            f"multiples {counts}; {len(x.shape) - lead} numbers of at least 1 are accepted"
        )
    chosen = {
        axis: np.tile(np.arange(x.shape[axis]), count)
        for axis, count in enumerate(counts, lead)
        if count > 1
    }
    return _taken(op, x, chosen)


def reverse(op: Operator) -> list[Node]:
    """REVERSE_V2: axes from their end."""
    x = op.input(0)
    axes = [op.axis(x, axis) for axis in op.integers(1, "axes").reshape(-1).tolist()]
    return _taken(op, x, {axis: np.arange(x.shape[axis])[::-1] for axis in axes})


def gather(op: Operator) -> list[Node]:
    """GATHER of constant places along one axis."""
    x, places = op.input(0), op.integers(1, "indices")
    if op.options["batch_dims"]:
        raise UnsupportedError(f"batch_dims {op.options['batch_dims']}; 0 is accepted")
    axis = op.axis(x, op.options["axis"])
    flat = places.reshape(-1)
    if flat.size == 0 or flat.min() < 0 or flat.max() >= x.shape[axis]:
        raise InputError(f"indices {show(flat.tolist())}; 0 to {x.shape[axis] - 1} are accepted")
    return _taken(op, x, {axis: flat})


def _taken(op: Operator, x: Tensor, chosen: dict[int, np.ndarray]) -> list[Node]:
    """The places chosen of each axis one axis after another, in the output's shape."""
    for axis, places in chosen.items():
        constant = op.tensors.constant(f"{op.output_name()}/places", places.astype(np.int32))
        shape = (*x.shape[:axis], len(places), *x.shape[axis + 1 :])
        made = op.tensors.invent(f"{op.output_name()}/take", x, shape)
        op.steps.append(
            Node(made.name, "take", (x.name, constant.name), (made.name,), {"axis": axis})
        )
        x = made
    return [*op.steps, op.reshaped(x)]
