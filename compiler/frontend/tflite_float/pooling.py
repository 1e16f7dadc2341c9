"""Pools, means and resizing."""

from __future__ import annotations

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite_float.layers import onnx_pads
from compiler.frontend.tflite_float.operator import Operator
from compiler.ir.ops import MAX_ATTR


def average_pool(op: Operator) -> None:
    """AveragePool over the pixels inside the map."""
    _pool(op, "AveragePool", count_include_pad=0)


def max_pool(op: Operator) -> None:
    """MaxPool."""
    _pool(op, "MaxPool")


def _pool(op: Operator, kind: str, **attrs: int) -> None:
    kernel = op.pair("kernel")
    pads = onnx_pads(op.window_padding(op.map_shape(0)[1:3], kernel))
    op.emit(
        kind, op.activation(), kernel_shape=kernel, strides=op.pair("stride"), pads=pads, **attrs
    )


def resize_bilinear(op: Operator) -> None:
    """Resize, linear."""
    corners, half = op.options["align_corners"], op.options["half_pixel_centers"]
    _refuse_both(corners, half)
    mode = "align_corners" if corners else "half_pixel" if half else "asymmetric"
    _resize(op, mode="linear", coordinate_transformation_mode=mode)


def resize_nearest(op: Operator) -> None:
    """Resize, nearest: halves are rounded up, without the two options pixels down.

    (i + 0.5) * scale rounded down is (i + 0.5) * scale - 0.5 with halves rounded up.
    """
    corners, half = op.options["align_corners"], op.options["half_pixel_centers"]
    _refuse_both(corners, half)
    mode = "align_corners" if corners else "half_pixel" if half else "asymmetric"
    rounding = "round_prefer_ceil" if corners or half else "floor"
    _resize(op, mode="nearest", coordinate_transformation_mode=mode, nearest_mode=rounding)


def _refuse_both(corners: bool, half: bool) -> None:
    if corners and half:
        raise UnsupportedError("align_corners and half_pixel_centers; one of them is accepted")


def _resize(op: Operator, **attrs: str) -> None:
    batch, _, _, channels = op.map_shape(0)
    size = op.integers(1, "size").reshape(-1).tolist()
    if len(size) != 2 or not all(1 <= value <= MAX_ATTR for value in size):
        raise InputError(f"size is {size}; two numbers from 1 to {MAX_ATTR} are accepted")
    op.emit("Resize", op.activation(), "", "", op.integer_list(batch, channels, *size), **attrs)
