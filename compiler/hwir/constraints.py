"""Limits of the hardware, each with the message for the user and the geometry that meets it.

The limits are what fields of commands hold (``hw.spec.isa``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from compiler.errors import UnsupportedError, show
from compiler.hwir.feature_map import FeatureMap, map_shape
from compiler.hwir.network import Pair
from compiler.ir.graph import Node, Tensor
from compiler.ir.window_shapes import MAX_KERNEL, MAX_STEP
from hw.spec.isa import Opcode, highest

MAX_SIDE = highest(Opcode.EXECUTE, "start_x", "start_y", "in_width", "in_height", "out_width")
MAX_BLOCKS = highest(Opcode.EXECUTE, "in_blocks", "out_blocks")
MAX_END = highest(Opcode.EXECUTE, "end_x", "wrap_x")
MAX_STEP_PIXELS = highest(Opcode.EXECUTE, "row_step", "wrap_row") // 4
"""Pixels. ``start_row`` and ``pixel_group_row`` count the words of padded rows as well as those in
the scratchpad; a quarter leaves room in them for padding above and below."""


@dataclass(frozen=True)
class Geometry:
    """Geometry that the constraints check: one layer's maps and window. Sizes in pixels."""

    source: FeatureMap
    output: FeatureMap
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: tuple[int, int, int, int]
    cols: int


@dataclass(frozen=True)
class Constraint:
    """A limit of the hardware."""

    text: str
    """Accepted values: a sentence for the user."""
    met: Callable[[Geometry], bool]


def _longest_side(g: Geometry) -> int:
    """Rows or columns of the larger map, padding included."""
    top, bottom, left, right = g.padding
    height, width = g.source.height + top + bottom, g.source.width + left + right
    return max(height, width, g.output.height, g.output.width)


def _most_blocks(g: Geometry) -> int:
    return max(math.ceil(m.channels / g.cols) for m in (g.source, g.output))


def _row_step(g: Geometry) -> int:
    """Pixels of the input that the longest vertical step passes."""
    return max(g.stride[0], g.dilation[0], *g.padding[:2]) * g.source.width


CONSTRAINTS = (
    Constraint(
        f"Kernels of 1 to {MAX_KERNEL} rows and columns are accepted.",
        lambda g: max(g.kernel) <= MAX_KERNEL,
    ),
    Constraint(
        f"Strides of 1 to {MAX_STEP} are accepted.",
        lambda g: max(g.stride) <= MAX_STEP,
    ),
    Constraint(
        f"Dilations of 1 to {MAX_STEP} are accepted.",
        lambda g: max(g.dilation) <= MAX_STEP,
    ),
    Constraint(
        f"Maps of up to {MAX_SIDE} rows and columns are accepted, padding included.",
        lambda g: _longest_side(g) <= MAX_SIDE,
    ),
    Constraint(
        f"Maps of up to {MAX_BLOCKS} blocks of channels, each as wide as the array, are accepted.",
        lambda g: _most_blocks(g) <= MAX_BLOCKS,
    ),
    Constraint(
        f"Output rows of up to {MAX_END} / 2 input columns (width times stride) are accepted.",
        lambda g: g.output.width * g.stride[1] <= MAX_END // 2,
    ),
    Constraint(
        f"Vertical strides, dilations and padding of up to {MAX_STEP_PIXELS} pixels of the input "
        "are accepted.",
        lambda g: _row_step(g) <= MAX_STEP_PIXELS,
    ),
)


class LimitError(UnsupportedError):
    """A layer is beyond what fields of commands hold."""


def layer_named(node: Node) -> str:
    """The begin of the message of a LimitError."""
    return f"node {show(node.name)} ({node.op}): "


def check(node: Node, geometry: Geometry) -> None:
    """Raise LimitError, with the constraint's text, for the first one not met."""
    for constraint in CONSTRAINTS:
        if not constraint.met(geometry):
            g = geometry
            found = (
                f"kernel {list(g.kernel)}, stride {list(g.stride)}, dilation {list(g.dilation)}, "
                f"padding {list(g.padding)}, input {g.source.height}x{g.source.width}x"
                f"{g.source.channels}, output {g.output.height}x{g.output.width}x"
                f"{g.output.channels}"
            )
            raise LimitError(f"{layer_named(node)}{found}. {constraint.text}")


def check_nodes(nodes: Iterable[Node], tensors: Mapping[str, Tensor]) -> None:
    """Raise LimitError for a node with a window that no machine's fields hold.

    So is found before anything is computed or calibrated what its layer would be refused for.
    """
    for node in nodes:
        if "stride" in node.attrs or node.op == "mean":
            check(node, _of_node(node, tensors))


def _of_node(node: Node, tensors: Mapping[str, Tensor]) -> Geometry:
    """The geometry of a node's layer in words that hold all of its channels."""
    x, y = (
        FeatureMap(name, *map_shape(tensors[name])) for name in (node.inputs[0], node.outputs[0])
    )
    spread, cols = node.op == "transpose_conv2d", max(x.channels, y.channels)
    if node.op == "mean":
        return Geometry(x, y, (x.height, x.width), (1, 1), (1, 1), (0, 0, 0, 0), cols)
    kernel = node.attrs.get("kernel")
    if kernel is None:
        _, height, width, _ = tensors[node.inputs[1]].shape
        kernel = height, width
    padding = (0, 0, 0, 0) if spread else node.attrs["padding"]
    dilation = node.attrs.get("dilation", (1, 1))
    return Geometry(x, y, kernel, node.attrs["stride"], dilation, padding, cols)
