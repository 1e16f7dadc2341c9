"""Array operations for the scheduler's tests, without a graph."""

from __future__ import annotations

import random

import numpy as np

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp, Region, Requant

SCALE = Requant(*(np.zeros(1, np.int64) for _ in range(4)))


def operation(
    source: FeatureMap, output: FeatureMap, kernel=(1, 1), padding=(0, 0, 0, 0), **values
) -> ArrayOp:
    """An operation that makes the whole of its output."""
    plain = {
        "name": output.name,
        "kind": "test",
        "macs": 0,
        "source": source.name,
        "output": output.name,
        "kernel": kernel,
        "stride": (1, 1),
        "dilation": (1, 1),
        "padding": padding,
        "pad_value": 0,
        "regions": (Region(0, output.height, 0, output.width, SCALE),),
        "out_zero": 0,
        "out_min": -128,
        "out_max": 127,
    }
    return ArrayOp(**{**plain, **values})


def pooled(rng: random.Random) -> tuple[ArrayOp, FeatureMap, FeatureMap]:
    """A random window over a map of one channel, with its input and output."""
    kernel, stride, dilation = ((rng.randint(1, 3), rng.randint(1, 3)) for _ in range(3))
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = tuple(rng.randrange(size) for size in (span[0], span[0], span[1], span[1]))
    height, width = (size + rng.randint(0, 8) for size in span)
    rows = (height + padding[0] + padding[1] - span[0]) // stride[0] + 1
    columns = (width + padding[2] + padding[3] - span[1]) // stride[1] + 1
    source, output = FeatureMap("in", height, width, 1), FeatureMap("out", rows, columns, 1)
    op = operation(source, output, kernel, padding, stride=stride, dilation=dilation)
    return op, source, output
