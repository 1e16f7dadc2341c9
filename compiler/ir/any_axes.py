"""Shapes of the operators over any axes of tensors of any rank."""

from __future__ import annotations

from collections.abc import Callable

from compiler.errors import InputError, show
from compiler.ir.graph import Node

Shape = tuple[int, ...]


def fail(node: Node, text: str) -> InputError:
    """The fault of a node whose shapes and attributes do not go together."""
    return InputError(f"node {show(node.name)} ({node.op}): {text}")


def broadcast(node: Node, a: Shape, b: Shape) -> Shape:
    """The shape of two operands that broadcast as NumPy's arrays do. Raises InputError if not."""
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    sizes = []
    for first, second in pairs:
        if first != second and 1 not in (first, second):
            raise fail(
                node,
                f"shapes {list(a)} and {list(b)}; axes of equal size, or of size 1 in one of them, "
                "are accepted",
            )
        sizes.append(max(first, second))
    return tuple(sizes)


def _elementwise(node: Node, shapes: list[Shape]) -> Shape:
    return broadcast(node, shapes[0], shapes[1])


def _matmul(node: Node, shapes: list[Shape]) -> Shape:
    sides = []
    for shape, key in zip(shapes, ("transpose_a", "transpose_b"), strict=True):
        if len(shape) < 2:
            raise fail(
                node, f"an operand has shape {list(shape)}; 2 dimensions or more are accepted"
            )
        sides.append((*shape[:-2], shape[-1], shape[-2]) if node.attrs[key] else shape)
    (a, b) = sides
    if a[-1] != b[-2]:
        raise fail(
            node,
            f"transpose_a and transpose_b leave {list(a)} times {list(b)}; as many columns as rows "
            "are accepted",
        )
    return (*broadcast(node, a[:-2], b[:-2]), a[-2], b[-1])


def _reduce(node: Node, shapes: list[Shape]) -> Shape:
    axes = node.attrs["axes"]
    if len(set(axes)) != len(axes):
        raise fail(node, f"axes {list(axes)}; each axis once is accepted")
    for axis in axes:
        _check_axis(node, "axes", axis, shapes[0])
    return tuple(1 if axis in axes else size for axis, size in enumerate(shapes[0]))


def _arg_max(node: Node, shapes: list[Shape]) -> Shape:
    axis = node.attrs["axis"]
    _check_axis(node, "axis", axis, shapes[0])
    return shapes[0][:axis] + shapes[0][axis + 1 :]


def _join(node: Node, shapes: list[Shape]) -> Shape:
    axis, first = node.attrs["axis"], shapes[0]
    for shape in shapes:
        _check_axis(node, "axis", axis, shape)
        if len(shape) != len(first) or _without(shape, axis) != _without(first, axis):
            raise fail(
                node,
                f"shapes {list(first)} and {list(shape)} differ except on axis {axis}; equal ones "
                "are accepted",
            )
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _strided_slice(node: Node, shapes: list[Shape]) -> Shape:
    x = shapes[0]
    parts: list[Shape] = [node.attrs[key] for key in ("begin", "size", "step")]
    for key, part in zip(("begin", "size", "step"), parts, strict=True):
        if len(part) != len(x):
            raise fail(node, f"{key} {list(part)}; {len(x)} numbers are accepted")
    for axis, (begin, size, step) in enumerate(zip(*parts, strict=True)):
        last = begin + (size - 1) * step
        if not (0 <= begin < x[axis] and 0 <= last < x[axis]):
            raise fail(
                node,
                f"begin {begin}, size {size} and step {step} of axis {axis}; values inside its "
                f"{x[axis]} are accepted",
            )
    return parts[1]


def _take(node: Node, shapes: list[Shape]) -> Shape:
    axis, (x, indices) = node.attrs["axis"], shapes
    _check_axis(node, "axis", axis, x)
    if len(indices) != 1:
        raise fail(node, f"indices have shape {list(indices)}; 1 dimension is accepted")
    return (*x[:axis], indices[0], *x[axis + 1 :])


def _check_axis(node: Node, key: str, axis: int, shape: Shape) -> None:
    if axis >= len(shape):
        raise fail(node, f"{key} {axis} of shape {list(shape)}; 0 to {len(shape) - 1} is accepted")


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


INFERENCE: dict[str, Callable[[Node, list[Shape]], Shape]] = {
    "elementwise": _elementwise,
    "matmul": _matmul,
    "reduce": _reduce,
    "arg_max": _arg_max,
    "join": _join,
    "strided_slice": _strided_slice,
    "take": _take,
}
