"""Resize and Upsample: where a mode of the graph reads the same pixels with the same weights."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

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


def resize(imp: Importer, op: Operator) -> Pending:
    """``resize`` of height and width, nearest or bilinear."""
    x = imp.real(op)
    rank = len(x.view.shape)
    tensor = imp.channels_last(x, rank)
    mode = op.expect("mode", "nearest", "nearest", "linear")
    op.expect("antialias", 0, 0)
    op.expect("keep_aspect_ratio_policy", "stretch", "stretch")
    op.ignore("cubic_coeff_a", "exclude_outside", "extrapolation_value")
    coordinates = op.expect(
        "coordinate_transformation_mode", "half_pixel", *_LINEAR
    )
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
    """The new spatial sizes; scales must give them exactly, since ONNX computes with the scales."""
    old = op.op == "Upsample"
    rank = len(shape)
    axes = tuple(a % rank for a in op.attribute("axes", None) or range(rank))
    scales_at, sizes_at = (1, None) if old else (2, 3)
    if sizes_at and op.given(sizes_at):
        given = dict(zip(axes, imp.integers(op, sizes_at), strict=True))
    elif op.given(scales_at) and imp.constant(op, scales_at).size == len(axes):
        given = {}
        scales = imp.constant(op, scales_at).reshape(-1)
        for axis, scale in zip(axes, scales, strict=True):
            wanted = float(scale) * shape[axis]
            if not math.isfinite(wanted) or abs(wanted - round(wanted)) > 1e-4:
                raise UnsupportedError(
                    f"scale {float(scale):g} of {shape[axis]} pixels; one that gives whole pixels "
                    "is accepted"
                )
            given[axis] = round(wanted)
    else:
        raise InputError("neither scales nor sizes; one of them is accepted")
    new = tuple(given.get(axis, shape[axis]) for axis in range(rank))
    if new[:2] != shape[:2] or not all(1 <= s <= MAX_ATTR for s in new):
        raise UnsupportedError(
            f"sizes {list(new)} for {list(shape)}; 1 to {MAX_ATTR} in space, and batch and "
            "channels as they are, are accepted"
        )
    return new[2:]


def _linear(
    coordinates: str, old: tuple[int, ...], new: tuple[int, ...]
) -> tuple[bool, bool]:
    """(align_corners, half_pixel_centers). PyTorch reads pixel 0 for a single output pixel."""
    if coordinates == "pytorch_half_pixel" and any(
        n == 1 < o for o, n in zip(old, new, strict=True)
    ):
        raise UnsupportedError(
            "coordinate_transformation_mode is 'pytorch_half_pixel' for one output pixel; more are "
            "accepted"
        )
    return _LINEAR[coordinates]


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


def _onnx_pixels(coordinates: str, rounding: str, old: int, new: int) -> list[int]:
    """The input pixel of each output pixel (ONNX, Resize), in exact arithmetic."""
    scale = Fraction(new, old)
    pixels = []
    for i in range(new):
        if coordinates == "asymmetric":
            place = i / scale
        elif coordinates == "align_corners":
            place = Fraction(i * (old - 1), new - 1) if new > 1 else Fraction(0)
        elif coordinates == "pytorch_half_pixel" and new == 1:
            place = Fraction(0)
        else:
            place = (i + _HALF) / scale - _HALF
        pixel = {
            "floor": math.floor(place),
            "ceil": math.ceil(place),
            "round_prefer_floor": math.ceil(place - _HALF),
            "round_prefer_ceil": math.floor(place + _HALF),
        }.get(rounding)
        if pixel is None:
            raise InputError(f"nearest_mode is {rounding!r}; one of ONNX's is accepted")
        pixels.append(min(max(pixel, 0), old - 1))
    return pixels


def _graph_pixels(corners: bool, half: bool, old: int, new: int) -> list[int]:
    """Likewise for ``resize`` of the graph (TFLite, GetNearestNeighbor)."""
    scale = Fraction(old - 1, new - 1) if corners and new > 1 else Fraction(old, new)
    offset = _HALF if half else Fraction(0)
    pixels = []
    for i in range(new):
        place = (i + offset) * scale
        pixel = math.floor(place + _HALF) if corners else math.floor(place)
        pixels.append(min(pixel, old - 1))
    return pixels
