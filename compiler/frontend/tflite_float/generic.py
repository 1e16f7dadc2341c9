"""Operators whose ONNX form takes the axes in TFLite's order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite_float.onnx_builder import TO_FIRST
from compiler.frontend.tflite_float.operator import Operator, Shape


def emitted(op: Operator, kind: str, *inputs: str, **attrs: object) -> None:
    """The node that makes the output with its axes in TFLite's order; they move after it."""
    if len(op.output_shape) != 4:
        op.emit(kind, *inputs, **attrs)
        return
    last = op.twin.node(kind, inputs, f"{op.name}/own_order", **attrs)
    op.emit("Transpose", last, perm=TO_FIRST)


def unary(kind: str) -> Callable[[Operator], None]:
    """The converter to an ONNX function of one value."""

    def convert(op: Operator) -> None:
        op.emit(kind, op.activation())

    convert.__doc__ = f"{kind}."
    return convert


def reciprocal_root(op: Operator) -> None:
    """Sqrt and Reciprocal."""
    op.emit("Reciprocal", op.twin.node("Sqrt", (op.activation(),), f"{op.name}/root"))


def square(op: Operator) -> None:
    """Pow with 2."""
    op.emit("Pow", op.activation(), op.named(np.float32(2), "two"))


def gelu(op: Operator) -> None:
    """Half of x times 1 + Erf, or 1 + Tanh, of what follows from x."""
    x, node = op.activation(), op.twin.node

    def number(value: float) -> str:
        return op.named(np.float32(value), "number")

    if op.options["approximate"]:
        cube = node("Pow", (x, number(3)), f"{op.name}/cube")
        part = node("Mul", (cube, number(0.044715)), f"{op.name}/part")
        total = node("Add", (x, part), f"{op.name}/total")
        scaled = node("Mul", (total, number(float(np.sqrt(2 / np.pi)))), f"{op.name}/scaled")
    else:
        scaled = node("Mul", (x, number(float(np.sqrt(0.5)))), f"{op.name}/scaled")
    kind = "Tanh" if op.options["approximate"] else "Erf"
    bent = node(kind, (scaled,), f"{op.name}/bent")
    share = node("Add", (bent, number(1)), f"{op.name}/share")
    half = node("Mul", (x, number(0.5)), f"{op.name}/half")
    op.emit("Mul", half, share)


def reduction(kind: str) -> Callable[[Operator], None]:
    """The converter to a reduction over any axes."""

    def convert(op: Operator) -> None:
        axes = op.integers(1, "axes").reshape(-1).tolist()
        keep = int(op.options["keep_dims"])
        emitted(op, kind, op.last(), op.integer_list(*axes), keepdims=keep)

    convert.__doc__ = f"{kind}."
    return convert


def transpose(op: Operator) -> None:
    """Transpose."""
    emitted(op, "Transpose", op.last(), perm=op.integers(1, "order").tolist())


def in_another_shape(op: Operator) -> None:
    """Reshape; the output tensor's shape rules."""
    if np.prod(op.shape(0)) != np.prod(op.output_shape):
        raise InputError(f"output of shape {list(op.output_shape)}; as many values are accepted")
    emitted(op, "Reshape", op.last(), op.integer_list(*op.output_shape))


def depth_to_space(op: Operator) -> None:
    """DepthToSpace in ONNX's first order, which is TFLite's."""
    op.map_shape(0)
    op.emit("DepthToSpace", op.activation(), blocksize=op.options["block_size"], mode="DCR")


def pack(op: Operator) -> None:
    """Unsqueeze of each input, and Concat."""
    rank, axis = len(op.output_shape), op.options["axis"]
    axis %= rank
    parts = []
    for position in range(len(op.inputs)):
        place = op.integer_list(axis)
        name = f"{op.name}/part{position}"
        parts.append(op.twin.node("Unsqueeze", (op.last(position), place), name))
    emitted(op, "Concat", *parts, axis=axis)


def strided_slice(op: Operator) -> None:
    """Slice; dropped and new axes by Reshape."""
    x = op.shape(0)
    options = op.options
    if options["ellipsis_mask"] or options["offset"]:
        raise UnsupportedError("ellipsis_mask or offset; 0 is accepted of both")
    parts = [op.integers(i, what).tolist() for i, what in ((1, "begin"), (2, "end"), (3, "step"))]
    begins, ends, steps = [], [], []
    axis = 0
    for place, (begin, end, step) in enumerate(zip(*parts, strict=True)):
        bit = 1 << place
        if options["new_axis_mask"] & bit:
            continue
        if axis == len(x) or step == 0:
            raise InputError(f"begin {parts[0]} and strides {parts[2]} of x {list(x)}")
        if options["shrink_axis_mask"] & bit:
            begin, end, step = begin % x[axis], begin % x[axis] + 1, 1
        begin = (0 if step > 0 else x[axis] - 1) if options["begin_mask"] & bit else begin
        beyond = x[axis] if step > 0 else -x[axis] - 1
        begins.append(begin)
        ends.append(beyond if options["end_mask"] & bit else end)
        steps.append(step)
        axis += 1
    limits = (begins, ends, list(range(axis)), steps)
    sliced = op.twin.node(
        "Slice", (op.last(), *(op.integer_list(*v) for v in limits)), f"{op.name}/slice"
    )
    emitted(op, "Reshape", sliced, op.integer_list(*op.output_shape))


def part(op: Operator) -> None:
    """Slice."""
    begin, size = (op.integers(i, what) for i, what in ((1, "begin"), (2, "size")))
    end = np.where(size == -1, np.array(op.shape(0)), begin + size)
    axes = op.integer_list(*range(len(op.shape(0))))
    limits = (op.integer_list(*begin.tolist()), op.integer_list(*end.tolist()), axes)
    emitted(op, "Slice", op.last(), *limits)


def gather(op: Operator) -> None:
    """Gather of constant places."""
    if op.options["batch_dims"]:
        raise UnsupportedError(f"batch_dims {op.options['batch_dims']}; 0 is accepted")
    places = op.named(op.integers(1, "indices"), "indices")
    emitted(op, "Gather", op.last(), places, axis=op.options["axis"])


def tile(op: Operator) -> None:
    """Tile."""
    emitted(op, "Tile", op.last(), op.integer_list(*op.integers(1, "multiples").tolist()))


def mirror_pad(op: Operator) -> None:
    """Pad that reflects; the symmetric mode is no ONNX one."""
    if op.options["mode"] != 0:
        raise UnsupportedError("mode SYMMETRIC; REFLECT is accepted")
    amounts = op.integers(1, "paddings").T.reshape(-1).tolist()
    emitted(op, "Pad", op.last(), op.integer_list(*amounts), mode="reflect")


def pad_with(op: Operator) -> None:
    """Pad with a constant of one value."""
    amounts = op.integers(1, "paddings").T.reshape(-1).tolist()
    value = op.named(op.constant(2, "value").reshape(()), "value")
    emitted(op, "Pad", op.last(), op.integer_list(*amounts), value)


def batch_matmul(op: Operator) -> None:
    """MatMul, operands transposed first where the options say so."""
    names = []
    for position, key in ((0, "adj_x"), (1, "adj_y")):
        shape: Shape = op.shape(position)
        values = op.array(position)
        if values is not None:
            turned = values.swapaxes(-1, -2) if op.options[key] else values
            names.append(op.named(turned, f"operand{position}"))
            continue
        name = op.last(position)
        if op.options[key]:
            order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
            name = op.twin.node("Transpose", (name,), f"{op.name}/turned{position}", perm=order)
        names.append(name)
    emitted(op, "MatMul", *names)


def split(op: Operator) -> None:
    """Slice: one of equal parts along an axis."""
    axis = int(op.integers(0, "axis").reshape(()))
    size = op.output_shape[axis]
    _range(op, 1, axis, op.place * size, size)


def split_v(op: Operator) -> None:
    """Slice: a part of its own size along an axis."""
    axis, sizes = int(op.integers(2, "axis").reshape(())), op.integers(1, "sizes").tolist()
    rest = op.shape(0)[axis] - sum(size for size in sizes if size != -1)
    whole = [rest if size == -1 else size for size in sizes]
    _range(op, 0, axis, sum(whole[: op.place]), whole[op.place])


def unpack(op: Operator) -> None:
    """Gather of one place along an axis, which goes."""
    place = op.named(np.array(op.place, np.int64), "place")
    emitted(op, "Gather", op.last(), place, axis=op.options["axis"])


def _range(op: Operator, position: int, axis: int, begin: int, size: int) -> None:
    limits = (op.integer_list(n) for n in (begin, begin + size, axis))
    emitted(op, "Slice", op.last(position), *limits)


def cast(op: Operator) -> None:
    """Cast of 8-bit numbers to float32."""
    if not op.twin.tensors.is_float(op.output):
        kind = op.twin.tensors.kind(op.output)
        raise UnsupportedError(f"an output of type {kind}; FLOAT32 is accepted")
    op.emit("Cast", op.activation(), to=1)
