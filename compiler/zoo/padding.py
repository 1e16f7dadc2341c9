"""Padding as other frameworks than TFLite have it, in pixels: top, bottom, left, right."""

from __future__ import annotations

from compiler.ir.window_shapes import Padding


def ceil_padding(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]
) -> Padding:
    """Padding at the ends only, up to the last window that begins on the map.

    It gives the output sizes of Caffe's pools and of PyTorch's with ``ceil_mode``.
    """
    ends = []
    for extent, taps, step in zip(size, kernel, stride, strict=True):
        last = min(-(-(extent - taps) // step), (extent - 1) // step) * step
        ends.append(max(last + taps - extent, 0))
    return 0, ends[0], 0, ends[1]


def even_padding(kernel: int) -> Padding:
    """Half a kernel on every side: Caffe's and PyTorch's usual padding of an odd kernel."""
    half = kernel // 2
    return half, half, half, half
