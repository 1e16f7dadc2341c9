"""Random kernels, strides, dilations and paddings, for random networks."""

from __future__ import annotations

import itertools
import math
import random

from compiler.ir.window_shapes import same_padding, window_span
from tests.support.random_graph import RandomGraph

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]


def draw_window(
    net: RandomGraph, x: str, channels: int, pooling: bool = False, dilated: bool = True
) -> dict[str, object]:
    """Kernel, stride, padding and, if ``dilated``, dilation that fit the map ``x``.

    The padding of a pool is less than its window.

    ``channels`` are the multiply-accumulates of one tap of one output pixel. Strides grow until
    the work is small enough.
    """
    rng, (height, width) = net.rng, net.shape(x)[1:3]
    for attempt in itertools.count():
        kernel = _kernel(rng, height, width)
        dilation = (1, 1)
        if dilated and rng.random() < 0.3:
            dilation = rng.randint(1, 4), rng.randint(1, 4)
        longest = 3 + attempt // 50
        stride = rng.randint(1, longest), rng.randint(1, longest)
        if rng.random() < 0.5:
            stride = stride[0], stride[0]
        span = window_span(kernel[0], dilation[0]), window_span(kernel[1], dilation[1])
        most = (span[0] - 1, span[1] - 1) if pooling else None
        padding = _padding(rng, same_padding((height, width), span, stride), span, most)
        outputs = [
            (size + before + after - extent) // step + 1
            for size, before, after, extent, step in zip(
                (height, width), padding[::2], padding[1::2], span, stride, strict=True
            )
        ]
        work = math.prod(outputs) * math.prod(kernel) * channels
        if min(outputs) > 0 and work <= net.most_work:
            window = {"kernel": kernel, "stride": stride, "padding": padding}
            return {**window, "dilation": dilation} if dilated else window
    raise AssertionError("a stride as long as the map leaves one pixel")


def _kernel(rng: random.Random, height: int, width: int) -> Pair:
    """One pixel, square, one row, one column, any, or the whole map."""
    side = rng.randint(1, 11)
    return rng.choice(
        (
            (1, 1),
            (1, 1),
            (3, 3),
            (3, 3),
            (side, side),
            (1, 7),
            (7, 1),
            (3, 5),
            (rng.randint(1, 11), rng.randint(1, 11)),
            (min(height, 11), min(width, 11)),
        )
    )


def _padding(rng: random.Random, same: Padding, span: Pair, most: Pair | None) -> Padding:
    """None, SAME, or any up to ``most``, which if not given is a window or a little more."""
    most = most or rng.choice((span, (span[0] + 3, span[1] + 3)))
    some = rng.randint(0, most[0]), rng.randint(0, most[0])
    return rng.choice(
        (
            (0, 0, 0, 0),
            same,
            same,
            (*some, rng.randint(0, most[1]), rng.randint(0, most[1])),
        )
    )
