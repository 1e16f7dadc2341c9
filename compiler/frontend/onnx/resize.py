"""Resize: where a mode of the graph reads the same pixels, or all but the same places between them.

What the graph's resizes read is said in docs/numerics.md; ``golden/resize.py`` computes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Pending
from compiler.frontend.onnx.views import channels_last
from compiler.ir.ops import MAX_ATTR

_LINEAR = {
    "asymmetric": (False, False),
    "align_corners": (True, False),
    "half_pixel": (False, True),
    "pytorch_half_pixel": (False, True),
}
_HALF = Fraction(1, 2)

#: A whole pixel in the places of bilinear resizing.
_ONE = 1 << 10

#: How far a place of the graph may be from ONNX's, in pixels, height and width together. Pixels of
#: int8 are at most 255 steps apart, so that a result moves by less than one step, and rounded ones
#: differ by one at most.
_MAX_DRIFT = Fraction(1, 256)


def resize(imp: Importer, op: Operator) -> Pending:
    """``resize`` of height and width, nearest or bilinear."""
    x = imp.real(op)
    rank = len(x.view.shape)
    tensor = imp.channels_last(x, rank)
    mode = op.expect("mode", "nearest", "nearest", "linear")
    op.expect("antialias", 0, 0)
    op.expect("keep_aspect_ratio_policy", "stretch", "stretch")
    op.ignore("cubic_coeff_a", "exclude_outside", "extrapolation_value")
    coordinates = op.expect("coordinate_transformation_mode", "half_pixel", *_LINEAR)
    rounding = op.attribute("nearest_mode", "round_prefer_floor")
    height, width = x.view.shape[2:] if rank == 4 else (1, x.view.shape[2])
    new = _sizes(imp, op, x.view.shape)
    size = new if rank == 4 else (1, *new)
    if mode == "linear":
        corners, half = _linear(coordinates, (height, width), size)
    else:
        corners, half = _nearest(coordinates, rounding, (height, width), size)
    attrs = {
        "mode": "bilinear" if mode == "linear" else "nearest",
        "size": size,
        "align_corners": corners,
        "half_pixel_centers": half,
    }
    result = imp.pending("resize", (tensor,), attrs)
    return replace(result, view=channels_last((1, x.view.shape[1], *new)))


def _sizes(imp: Importer, op: Operator, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The new spatial sizes."""
    rank = len(shape)
    axes = tuple(a % rank for a in op.attribute("axes", None) or range(rank))
    if op.given(3):
        given = dict(zip(axes, imp.integers(op, 3), strict=True))
    elif op.given(2) and imp.constant(op, 2).size == len(axes):
        scales = imp.constant(op, 2).reshape(-1)
        given = {a: _scaled(scale, shape[a]) for a, scale in zip(axes, scales, strict=True)}
    else:
        raise InputError("neither scales nor sizes; one of them is accepted")
    new = tuple(given.get(axis, shape[axis]) for axis in range(rank))
    if new[:2] != shape[:2] or not all(1 <= s <= MAX_ATTR for s in new):
        raise UnsupportedError(
            f"sizes {list(new)} for {list(shape)}; 1 to {MAX_ATTR} in space, and batch and "
            "channels as they are, are accepted"
        )
    return new[2:]


def _scaled(scale: np.floating, size: int) -> int:
    """The pixels of an axis, ``floor(size * scale)`` (ONNX, Resize).

    ONNX computes places with the scale, we with the ratio of the pixels. Raises UnsupportedError
    where the scale is not that ratio in float32, and where it is below it, so that ONNX has a pixel
    less.
    """
    new = math.floor(float(scale) * size) if np.isfinite(scale) else 0
    if np.float32(new / size) != scale:
        raise UnsupportedError(
            f"scale {scale!s} of {size} pixels; a ratio of whole pixels that float32 does not "
            "round down is accepted"
        )
    return new


def _linear(coordinates: str, old: tuple[int, ...], new: tuple[int, ...]) -> tuple[bool, bool]:
    """(align_corners, half_pixel_centers) of the mode whose places are within ``_MAX_DRIFT``."""
    corners, half = _LINEAR[coordinates]
    drift = Fraction(0)
    for o, n in zip(old, new, strict=True):
        wanted = (
            min(max(place, Fraction(0)), Fraction(o - 1))
            for place in _onnx_places(coordinates, o, n)
        )
        found = _graph_places(corners, half, o, n)
        drift += max(abs(a - b) for a, b in zip(wanted, found, strict=True))
    if drift > _MAX_DRIFT:
        raise UnsupportedError(
            f"mode 'linear' and coordinate_transformation_mode {coordinates!r} from {list(old)} to "
            f"{list(new)} pixels: TFLite's places, in steps of 1/{_ONE} pixel, are off by up to "
            f"{float(drift):.2g} pixels; up to {_MAX_DRIFT} is accepted"
        )
    return corners, half


def _nearest(
    coordinates: str, rounding: str, old: tuple[int, ...], new: tuple[int, ...]
) -> tuple[bool, bool]:
    """The mode of the graph that reads the pixels that ONNX does."""
    wanted = [_onnx_pixels(coordinates, rounding, o, n) for o, n in zip(old, new, strict=True)]
    for corners, half in ((False, False), (False, True), (True, False)):
        if wanted == [_graph_pixels(corners, half, o, n) for o, n in zip(old, new, strict=True)]:
            return corners, half
    raise UnsupportedError(
        f"coordinate_transformation_mode {coordinates!r} and nearest_mode {rounding!r} from "
        f"{list(old)} to {list(new)} pixels; pixels as nearest-neighbour resizing of TFLite reads "
        "them are accepted"
    )


def _onnx_places(coordinates: str, old: int, new: int) -> list[Fraction]:
    """Position of each output pixel on an axis of ``old`` pixels (ONNX, Resize), exact.

    Some lie beyond the first or last pixel.
    """
    if coordinates == "asymmetric":
        return [Fraction(i * old, new) for i in range(new)]
    if new == 1 and coordinates in ("align_corners", "pytorch_half_pixel"):
        return [Fraction(0)]
    if coordinates == "align_corners":
        return [Fraction(i * (old - 1), new - 1) for i in range(new)]
    return [(i + _HALF) * old / new - _HALF for i in range(new)]


def _onnx_pixels(coordinates: str, rounding: str, old: int, new: int) -> list[int]:
    """The input pixel of each output pixel in mode nearest, likewise, limited to the map."""
    rounded: dict[str, Callable[[Fraction], int]] = {
        "floor": math.floor,
        "ceil": math.ceil,
        "round_prefer_floor": lambda place: math.ceil(place - _HALF),
        "round_prefer_ceil": lambda place: math.floor(place + _HALF),
    }
    if rounding not in rounded:
        raise InputError(f"nearest_mode is {rounding!r}; one of ONNX's is accepted")
    pixels = map(rounded[rounding], _onnx_places(coordinates, old, new))
    return [min(max(pixel, 0), old - 1) for pixel in pixels]


def _graph_pixels(corners: bool, half: bool, old: int, new: int) -> list[int]:
    """The pixels that nearest ``resize`` of the graph reads, all in float32 as it does."""
    steps, over = (old - 1, new - 1) if corners and new > 1 else (old, new)
    scale = np.float32(steps) / np.float32(over)
    places = (np.arange(new, dtype=np.float32) + np.float32(0.5 if half else 0.0)) * scale
    pixels = np.floor(places)
    if corners:
        pixels += places - pixels >= 0.5
    inside: list[int] = np.minimum(pixels.astype(np.int64), old - 1).tolist()
    return inside


def _graph_places(corners: bool, half: bool, old: int, new: int) -> list[Fraction]:
    """The places that bilinear ``resize`` of the graph reads, limited to the map."""
    steps, over = (old - 1, new - 1) if corners and new > 1 else (old, new)
    step = (_ONE * steps + over // 2) // over
    start = step // 2 - _ONE // 2 if half else 0
    last = _ONE * (old - 1)
    return [Fraction(min(max(start + i * step, 0), last), _ONE) for i in range(new)]
