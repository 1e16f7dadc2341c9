"""Passes that move channels: a 1x1 convolution with weights 0 and 1, for each operator that may
need one."""

from __future__ import annotations

import numpy as np

from compiler.hwir.network import ArrayOp
from compiler.ir.window_shapes import Padding
from compiler.passes.arithmetic import constant_requant
from compiler.passes.context import Context


def gather(
    c: Context, channels: np.ndarray, reason: str, padding: Padding = (0, 0, 0, 0)
) -> ArrayOp:
    """The array operation whose output channel i is channel ``channels[i]`` of the source.

    Where that is -1, and in the padding, every value is the zero point. An output block reads only
    the planes from the first to the last that it takes channels from.
    """
    weights = np.zeros((len(channels), 1, 1, c.source.channels), np.int8)
    taken = np.flatnonzero(channels >= 0)
    weights[taken, 0, 0, channels[taken]] = 1
    requant = constant_requant(len(channels))
    requant.bias[channels < 0] = c.x.zero_point
    return c.op(
        regions=c.whole(requant),
        weights=weights,
        sparse=True,
        padding=padding,
        pad_value=c.x.zero_point,
        out_zero=0,
        out_min=-128,
        out_max=127,
        notes=(f"1x1 convolution with weights 0 and 1: {reason}",),
    )


def channel_slice(c: Context) -> ArrayOp:
    """Channels that begin inside a word, or lie in the network's input."""
    begin = c.node.attrs["begin"]
    reason = (
        "the input's pixels are no words"
        if c.source.external
        else (f"{c.cols} channels a word, and channel {begin} is inside one")
    )
    return gather(c, np.arange(begin, begin + c.output.channels), reason)


def channel_shuffle(c: Context) -> ArrayOp:
    """Output channel ``i * groups + g`` is channel i of group g."""
    order = np.arange(c.source.channels).reshape(c.node.attrs["groups"], -1).T
    return gather(c, order.reshape(-1), "channels change places")


def pad_channels(c: Context) -> ArrayOp:
    """Channels of the zero point before and after the others, and pixels of it around them."""
    before, after = c.node.attrs["channel_padding"]
    order = np.pad(np.arange(c.source.channels), (before, after), constant_values=-1)
    return gather(c, order, "channels of the zero point join", c.node.attrs["padding"])
