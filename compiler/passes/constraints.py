"""What the hardware can run, as small functions whose docstring is the user's message.

Each takes the node's geometry and returns whether it is met. The limits are widths of fields in
``hw.spec.isa``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from compiler.errors import UnsupportedError, show
from compiler.hwir.network import (
    FeatureMap,
    Pair,
)
from compiler.ir.graph import Node

MAX_KERNEL = 255
MAX_STEP = 255
MAX_SIDE = 8191
MAX_BLOCKS = 4095
MAX_INPUT_CHANNELS = 65535
MAX_STEP_PIXELS = (1 << 18) - 1


@dataclass(frozen=True)
class Geometry:
    """What the constraints look at: one layer's maps and window. Sizes in pixels."""

    source: FeatureMap
    output: FeatureMap
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: tuple[int, int, int, int]
    cols: int


def kernel_size(g: Geometry) -> bool:
    """Kernels of 1 to 255 rows and columns are accepted."""
    return max(g.kernel) <= MAX_KERNEL


def stride_size(g: Geometry) -> bool:
    """Strides of 1 to 255 are accepted."""
    return max(g.stride) <= MAX_STEP


def dilation_size(g: Geometry) -> bool:
    """Dilations of 1 to 255 are accepted."""
    return max(g.dilation) <= MAX_STEP


def map_sides(g: Geometry) -> bool:
    """Maps of up to 8191 rows and columns are accepted, padding included."""
    top, bottom, left, right = g.padding
    return (
        max(
            g.source.height + top + bottom,
            g.source.width + left + right,
            g.output.height,
            g.output.width,
        )
        <= MAX_SIDE
    )


def input_channels(g: Geometry) -> bool:
    """Inputs of the network of up to 65535 channels are accepted."""
    return not g.source.external or g.source.channels <= MAX_INPUT_CHANNELS


def channel_blocks(g: Geometry) -> bool:
    """Maps of up to 4095 blocks of channels, each as wide as the array, are accepted."""
    return max(math.ceil(m.channels / g.cols) for m in (g.source, g.output)) <= MAX_BLOCKS


def row_walk(g: Geometry) -> bool:
    """Output rows of up to 32767 / 2 input columns (width times stride) are accepted."""
    return g.output.width * g.stride[1] <= 16383


def row_steps(g: Geometry) -> bool:
    """Vertical strides, dilations and padding of up to 262143 pixels of the input are accepted."""
    rows = max(g.stride[0], g.dilation[0], *g.padding[:2])
    return rows * g.source.width <= MAX_STEP_PIXELS


CONSTRAINTS: tuple[Callable[[Geometry], bool], ...] = (
    kernel_size,
    stride_size,
    dilation_size,
    map_sides,
    input_channels,
    channel_blocks,
    row_walk,
    row_steps,
)


def check(node: Node, geometry: Geometry) -> None:
    """Raise UnsupportedError, with the constraint's docstring, for the first one not met."""
    for constraint in CONSTRAINTS:
        if not constraint(geometry):
            g = geometry
            found = (
                f"kernel {list(g.kernel)}, stride {list(g.stride)}, dilation {list(g.dilation)}, "
                f"padding {list(g.padding)}, input {g.source.height}x{g.source.width}x"
                f"{g.source.channels}, output {g.output.height}x{g.output.width}x"
                f"{g.output.channels}"
            )
            raise UnsupportedError(
                f"node {show(node.name)} ({node.op}): {found}. {constraint.__doc__}"
            )
