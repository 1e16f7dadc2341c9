"""Operators that move channels, the last axis, and change no value: slice and channel_shuffle.

Sources: TFLite ``reference/slice.h``; PyTorch ``ChannelShuffle`` for the order of channels.
"""

from __future__ import annotations

import numpy as np


def channel_slice(x: np.ndarray, begin: int, size: int) -> np.ndarray:
    """Channels ``begin`` to ``begin + size`` of ``x``, its last dimension.

    Raises ValueError if ``x`` has fewer.
    """
    if begin + size > x.shape[-1]:
        raise ValueError(f"channels {begin} to {begin + size} of {x.shape[-1]}")
    return x[..., begin : begin + size]


def channel_shuffle(x: np.ndarray, groups: int) -> np.ndarray:
    """The channels of ``groups`` groups in turn, the first of each, then the second of each.

    Output channel ``i * groups + g`` is channel ``i`` of group ``g``, input channel
    ``g * (C / groups) + i``. Raises ValueError if the channels are no multiple of ``groups``.
    """
    if x.shape[-1] % groups:
        raise ValueError(f"{x.shape[-1]} channels are no multiple of {groups} groups")
    parts = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
    return np.swapaxes(parts, -1, -2).reshape(x.shape)
