"""Operators that move elements: axes, parts, padding and concatenation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Activation, Pending, QuantConstant, Real, Value
from compiler.frontend.onnx.views import View, arranged, stored_shape
from compiler.ir.ops import MAX_ATTR

#: Most runs of channels that are picked one by one.
_MOST_RUNS = 16


def identity(imp: Importer, op: Operator) -> Value:
    """Identity, and Dropout when it does nothing."""
    op.ignore("seed")
    if op.op == "Dropout" and op.given(2) and imp.constant(op, 2).any():
        raise UnsupportedError("training_mode is true; false is accepted")
    return imp.value(op, 0)


def reshape(imp: Importer, op: Operator) -> Activation:
    """Reshape to a constant shape; 0 keeps a size, -1 takes what is left."""
    x = imp.activation(op)
    allow_zero = op.expect("allowzero", 0, 0, 1)
    shape, old = list(imp.integers(op, 1)), x.view.shape
    for i, size in enumerate(shape):
        if size == 0 and not allow_zero and i < len(old):
            shape[i] = old[i]
    if shape.count(-1) == 1:
        rest = math.prod(s for s in shape if s != -1)
        shape[shape.index(-1)] = math.prod(old) // rest if rest > 0 else 0
    return _reshaped(imp, x, tuple(shape))


def flatten(imp: Importer, op: Operator) -> Activation:
    """Flatten to two axes."""
    x = imp.activation(op)
    shape, axis = x.view.shape, op.attribute("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise InputError(f"axis is {axis}; {-len(shape)} to {len(shape)} is accepted")
    axis += len(shape) if axis < 0 else 0
    return _reshaped(imp, x, (math.prod(shape[:axis]), math.prod(shape[axis:])))


def squeeze(imp: Importer, op: Operator) -> Activation:
    """Axes of size 1 taken out."""
    x = imp.activation(op)
    shape = x.view.shape
    axes = _axes(imp, op, len(shape)) or tuple(i for i, s in enumerate(shape) if s == 1)
    if any(shape[a] != 1 for a in axes):
        raise InputError(f"axes {list(axes)} of shape {list(shape)}; axes of size 1 are accepted")
    return _reshaped(imp, x, tuple(s for i, s in enumerate(shape) if i not in axes))


def unsqueeze(imp: Importer, op: Operator) -> Activation:
    """Axes of size 1 put in."""
    x = imp.activation(op)
    shape = list(x.view.shape)
    for axis in sorted(_axes(imp, op, len(shape) + len(_raw_axes(imp, op)))):
        shape.insert(axis, 1)
    return _reshaped(imp, x, tuple(shape))


def _raw_axes(imp: Importer, op: Operator) -> tuple[int, ...]:
    return imp.integers(op, 1) if op.given(1) else tuple(op.attribute("axes", ()))


def _axes(imp: Importer, op: Operator, rank: int) -> tuple[int, ...]:
    axes = _raw_axes(imp, op)
    if not all(-rank <= a < rank for a in axes):
        raise InputError(f"axes {list(axes)}; {-rank} to {rank - 1} are accepted")
    return tuple(a % rank for a in axes)


def _reshaped(imp: Importer, x: Activation, shape: tuple[int, ...]) -> Activation:
    if math.prod(shape) != math.prod(x.view.shape) or any(s < 1 for s in shape):
        raise InputError(
            f"shape {list(shape)} for an input of {list(x.view.shape)}; as many elements are "
            "accepted"
        )
    view = x.view.reshaped(shape)
    if view is None and isinstance(x, Real):
        order = tuple(range(len(x.view.shape)))
        own = imp.rearranged(x, order, stored_shape(arranged(x.view.shape, order)))
        return Real(own.tensor, arranged(shape, tuple(range(len(shape)))))
    if view is None:
        raise UnsupportedError(
            f"shape {list(shape)} for an input of {list(x.view.shape)}; axes that are split or "
            "merged whole are accepted"
        )
    return replace(x, view=view)


def transpose(imp: Importer, op: Operator) -> Value:
    """The axes in another order."""
    x = imp.value(op, 0)
    if isinstance(x, QuantConstant):
        order = tuple(op.attribute("perm", range(x.steps.ndim)[::-1]))
        axis = None if x.axis is None else order.index(x.axis)
        return replace(x, steps=x.steps.transpose(order), axis=axis)
    x = imp.activation(op)
    rank = len(x.view.shape)
    return replace(x, view=x.view.transposed(tuple(op.attribute("perm", range(rank)[::-1]))))


def concat(imp: Importer, op: Operator) -> Pending:
    """Arrays one after another along the channels, or along the outermost axis of memory."""
    parts = [imp.unshuffled(imp.real(op, i)) for i in range(len(op.inputs))]
    rank = len(parts[0].view.shape)
    axis = op.attribute("axis")
    if not -rank <= axis < rank:
        raise InputError(f"axis is {axis}; {-rank} to {rank - 1} is accepted")
    axis %= rank
    size = sum(p.view.shape[axis] for p in parts)
    others = {_without(p.view, axis) for p in parts}
    if len(others) == 1 and all(p.view.ends_with(axis) for p in parts):
        shape = imp.tensors[imp.channels_at(parts[0], axis, 2)[0]].shape[:-1]
        tensors = tuple(imp.reshaped(p.tensor, (*shape, p.view.shape[axis]), p.view) for p in parts)
        view = parts[0].view.with_last(axis, size)
        return imp.pending("concatenation", tensors, {}, view)
    if len(others) == 1 and all(_begins_with(p.view, axis) for p in parts):
        tensors = tuple(imp.with_channels(p.tensor, math.prod(p.view.shape), p.view) for p in parts)
        first = parts[0].view
        shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
        order = (axis, *(run.axis for run in first.runs if run.axis != axis))
        rest = tuple(a for a in range(rank) if a not in order)
        return imp.pending("concatenation", tensors, {}, arranged(shape, (*rest, *order)))
    raise UnsupportedError(
        f"axis {axis} of inputs of shape {[list(p.view.shape) for p in parts]}; the axis of the "
        "channels, or the outermost of memory, is accepted"
    )


def _without(view: View, axis: int) -> tuple[Any, ...]:
    """The runs of the other axes; equal for arrays that may be joined along ``axis``."""
    return tuple(run for run in view.runs if run.axis != axis)


def _begins_with(view: View, axis: int) -> bool:
    whole = all(run.step == 1 for run in view.runs)
    return whole and (view.shape[axis] == 1 or view.runs[0].axis == axis)


def split(imp: Importer, op: Operator) -> dict[str, Pending]:
    """Parts of the channels, as one ``slice`` each; the results by name."""
    x = imp.real(op)
    axis = _axis(op.attribute("axis", 0), len(x.view.shape))
    total, count = x.view.shape[axis], len(op.outputs)
    given = imp.integers(op, 1) if op.given(1) else tuple(op.attribute("split", ()))
    if op.attribute("num_outputs", count) != count:
        raise InputError(f"num_outputs is {op.attribute('num_outputs')}; {count} is accepted")
    if not given:
        part = -(-total // count)
        given = (part,) * (count - 1) + (total - part * (count - 1),)
    if len(given) != count or sum(given) != total or min(given) < 1:
        raise InputError(f"split is {show(list(given))} of {total}; {count} parts are accepted")
    begins = np.cumsum((0, *given))
    return {
        name: _slice(imp, x, axis, int(begins[i]), given[i])
        for i, name in enumerate(op.outputs)
        if name
    }


def slice_(imp: Importer, op: Operator) -> Activation:
    """A range of the channels; ranges of other axes must be whole."""
    x = imp.real(op)
    shape = x.view.shape
    starts, ends = imp.integers(op, 1), imp.integers(op, 2)
    axes = imp.integers(op, 3) if op.given(3) else tuple(range(len(starts)))
    steps = imp.integers(op, 4) if op.given(4) else (1,) * len(starts)
    result: Activation = x
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = _axis(axis, len(shape))
        if step != 1 and len(starts) == 1:
            channels = list(range(shape[axis]))[slice(start, end, step)]
            return _picked(imp, x, axis, channels)
        if step != 1:
            raise UnsupportedError(f"step {step} along axis {axis}; 1 is accepted")
        begin, stop, _ = slice(start, end).indices(shape[axis])
        if (begin, stop) == (0, shape[axis]):
            continue
        if stop <= begin or not isinstance(result, Real):
            raise UnsupportedError(
                f"starts {list(starts)} and ends {list(ends)} of shape {list(shape)}; a range of "
                "one axis is accepted"
            )
        result = _slice(imp, x, axis, begin, stop - begin)
    return result


def gather(imp: Importer, op: Operator) -> Activation:
    """Channels by their numbers, in runs of neighbours."""
    x = imp.real(op)
    axis = _axis(op.attribute("axis", 0), len(x.view.shape))
    indices, size = imp.constant(op, 1), x.view.shape[axis]
    if indices.dtype.kind not in "iu" or not np.all((-size <= indices) & (indices < size)):
        raise InputError(
            f"indices {show(indices.tolist())} along axis {axis}; {-size} to {size - 1} are taken"
        )
    picked = _picked(imp, x, axis, [int(i) % size for i in indices.reshape(-1)])
    if indices.ndim == 1:
        return picked
    shape = (*x.view.shape[:axis], *indices.shape, *x.view.shape[axis + 1 :])
    return _reshaped(imp, picked, shape)


def _picked(imp: Importer, x: Real, axis: int, channels: list[int]) -> Pending:
    """Slices one after another."""
    runs: list[list[int]] = []
    for channel in channels:
        if runs and channel == sum(runs[-1]):
            runs[-1][1] += 1
        else:
            runs.append([channel, 1])
    if len(runs) > _MOST_RUNS or not runs:
        raise UnsupportedError(
            f"{len(runs)} runs of neighbours along axis {axis}; 1 to {_MOST_RUNS} are accepted"
        )
    if len(runs) == 1:
        return _slice(imp, x, axis, *runs[0])
    tensor, view = imp.channels_at(x, axis, 2)
    parts = tuple(
        imp.once("slice", (tensor,), {"begin": b, "size": n}, view.with_last(axis, n))
        for b, n in runs
    )
    return imp.pending("concatenation", parts, {}, view.with_last(axis, len(channels)))


def depth_to_space(imp: Importer, op: Operator) -> Activation:
    """Channels moved to pixels: axes split and in another order."""
    x, size = imp.activation(op), op.attribute("blocksize")
    batch, channels, *space = x.view.shape
    depth = channels // size**2
    mode = op.expect("mode", "DCR", "DCR", "CRD")
    split = (size, size, depth) if mode == "DCR" else (depth, size, size)
    order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    y = _reshaped(imp, x, (batch, *split, *space))
    y = replace(y, view=y.view.transposed(order))
    return _reshaped(imp, y, (batch, depth, *(size * n for n in space)))


def space_to_depth(imp: Importer, op: Operator) -> Activation:
    """Pixels moved to channels, likewise."""
    x, size = imp.activation(op), op.attribute("blocksize")
    batch, channels, height, width = x.view.shape
    y = _reshaped(imp, x, (batch, channels, height // size, size, width // size, size))
    y = replace(y, view=y.view.transposed((0, 3, 5, 1, 2, 4)))
    return _reshaped(imp, y, (batch, channels * size**2, height // size, width // size))


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise InputError(f"axis is {axis}; {-rank} to {rank - 1} is accepted")
    return axis % rank


def _slice(imp: Importer, x: Real, axis: int, begin: int, size: int) -> Pending:
    tensor, view = imp.channels_at(x, axis, 2)
    attrs = {"begin": begin, "size": size}
    return imp.pending("slice", (tensor,), attrs, view.with_last(axis, size))


def pad(imp: Importer, op: Operator) -> Pending:
    """Padding with zeros in space and channels."""
    op.expect("mode", "constant", "constant")
    x = imp.real(op)
    rank = len(x.view.shape)
    amounts = imp.integers(op, 1)
    axes = imp.integers(op, 3) if op.given(3) else tuple(range(rank))
    value = imp.constant(op, 2) if op.given(2) else np.zeros(1)
    if np.any(value != 0):
        raise UnsupportedError(f"value {show(value.tolist())}; 0 is accepted")
    sides = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        sides[_axis(axis, rank)] = amounts[i], amounts[len(axes) + i]
    if rank not in (3, 4) or any(sides[0]) or not all(0 <= v <= MAX_ATTR for s in sides for v in s):
        raise UnsupportedError(
            f"pads {show(list(amounts))} of shape {list(x.view.shape)}; 0 to {MAX_ATTR} for "
            "channels and space, and 0 for the batch, are accepted"
        )
    tensor = imp.channels_last(x, rank)
    space = [(0, 0)] * (4 - rank) + sides[2:]
    attrs = {"padding": (*space[0], *space[1]), "channel_padding": sides[1]}
    result = imp.pending("pad", (tensor,), attrs)
    view = result.view.reshaped(tuple(s + sum(p) for s, p in zip(x.view.shape, sides, strict=True)))
    assert view is not None, "height 1 goes"
    return replace(result, view=view)
