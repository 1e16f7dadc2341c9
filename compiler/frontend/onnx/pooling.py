"""Pools and means over space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.onnx.averages import as_layer
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Pending, Real
from compiler.frontend.onnx.views import View, channels_last
from compiler.frontend.onnx.windows import Windows, read_windows
from compiler.ir.ops import MAX_ATTR
from compiler.ir.window_shapes import MAX_KERNEL, window_span


def max_pool(imp: Importer, op: Operator) -> Pending:
    """Maximum pooling; windows that the upper rounding adds read padding, which is ignored."""
    op.ignore("storage_order")
    return _pool(imp, op, "max_pool2d", {})


def average_pool(imp: Importer, op: Operator) -> Pending:
    """Average pooling, with padding counted or not; of a whole map it is a mean, rounded once."""
    counted = bool(op.expect("count_include_pad", 0, 0, 1))
    result = _pool(imp, op, "avg_pool2d", {"count_include_pad": counted})
    if result.attrs["dilation"] != (1, 1):
        return _dilated(result, op)
    del result.attrs["dilation"]
    (tensor,) = result.inputs
    assert isinstance(tensor, str)
    whole = result.attrs["kernel"] == imp.tensors[tensor].shape[1:3]
    if not whole or any(result.attrs["padding"]):
        return result
    return replace(imp.pending("mean", (tensor,), {}), view=result.view)


def _dilated(x: Pending, op: Operator) -> Pending:
    """An average whose windows have gaps, which the graph's pool has not, as a layer."""
    layer = as_layer(x, op.output)
    if layer is None:
        raise UnsupportedError(
            f"dilations is {list(x.attrs['dilation'])} with padding that does not count; 1 is "
            "accepted there"
        )
    return layer


def global_max_pool(imp: Importer, op: Operator) -> Pending:
    """Maximum pooling whose window is the whole map."""
    x = imp.real(op)
    if len(x.view.shape) < 3:
        raise InputError(f"an input of shape {list(x.view.shape)}; one with space is accepted")
    tensor = _one_window(imp, imp.channels_last(x, len(x.view.shape)), x.view)
    attrs = {
        "kernel": imp.tensors[tensor].shape[1:3],
        "stride": (1, 1),
        "dilation": (1, 1),
        "padding": (0, 0, 0, 0),
        "activation": "none",
    }
    result = imp.pending("max_pool2d", (tensor,), attrs)
    shape = (*x.view.shape[:2], *(1 for _ in x.view.shape[2:]))
    return replace(result, view=channels_last(shape))


def global_average_pool(imp: Importer, op: Operator) -> Pending:
    """The mean over all spatial axes."""
    x = imp.real(op)
    return _mean(imp, x, tuple(range(2, len(x.view.shape))), keep=True)


def reduce_mean(imp: Importer, op: Operator) -> Pending:
    """The mean over the spatial axes, in either order of the axes."""
    x = imp.real(op)
    rank = len(x.view.shape)
    axes = imp.integers(op, 1) if op.given(1) else tuple(op.attribute("axes", ()))
    op.ignore("noop_with_empty_axes")
    if not axes:
        raise UnsupportedError("no axes; those of height and width are accepted")
    if not all(-rank <= a < rank for a in axes):
        raise InputError(f"axes {list(axes)}; {-rank} to {rank - 1} are accepted")
    return _mean(imp, x, tuple(a % rank for a in axes), bool(op.attribute("keepdims", 1)))


def _mean(imp: Importer, x: Real, axes: tuple[int, ...], keep: bool) -> Pending:
    """The axes must be all of memory but the last one, the channels."""
    shape = x.view.shape
    left = [a for a in range(len(shape)) if a not in axes and shape[a] > 1]
    if len(left) > 1:
        raise UnsupportedError(
            f"axes {sorted(axes)} of an input of shape {list(shape)}; all but the channels are "
            "accepted"
        )
    channels = left[0] if left else min(1, len(shape) - 1)
    if not left and channels in axes:
        channels = next((a for a in range(len(shape)) if a not in axes), 0)
    tensor, view = imp.channels_at(x, channels)
    tensor = _one_window(imp, tensor, view)
    kept = tuple(view.axes[a] if a not in axes else () for a in range(len(shape)))
    memory = tuple(atom for atom in view.memory if any(atom in axis for axis in kept))
    if not keep:
        kept = tuple(axis for a, axis in enumerate(kept) if a not in axes)
    return imp.pending("mean", (tensor,), {}, View(memory, kept))


def _one_window(imp: Importer, tensor: str, view: View) -> str:
    """The map in rows and columns of which a window of the array takes all.

    Raises UnsupportedError where no number of rows is such.
    """
    _, height, width, channels = imp.tensors[tensor].shape
    if max(height, width) <= MAX_KERNEL:
        return tensor
    pixels = height * width
    for rows in range(1, MAX_KERNEL + 1):
        if pixels % rows == 0 and pixels // rows <= MAX_KERNEL:
            return imp.reshaped(tensor, (1, rows, pixels // rows, channels), view)
    raise UnsupportedError(
        f"a map of {height}x{width} as one window; up to {MAX_KERNEL} rows and columns, or as many "
        "pixels in others, are accepted"
    )


def _pool(imp: Importer, op: Operator, kind: str, attrs: dict[str, Any]) -> Pending:
    x = imp.real(op)
    shape = x.view.shape
    kernel = tuple(op.attribute("kernel_shape", ()))
    windows = read_windows(op, shape[2:], kernel)
    tensor = imp.channels_last(x, len(shape))
    padding: tuple[int, ...] = windows.padding
    if op.expect("ceil_mode", 0, 0, 1):
        padding = _rounded_up(op, windows, imp.tensors[tensor].shape[1:3])
        if padding != windows.padding and attrs.get("count_include_pad"):
            raise UnsupportedError(
                "ceil_mode is 1 with count_include_pad 1 and windows beyond the padding; windows "
                "that fit are accepted"
            )
    if max(padding) > MAX_ATTR:
        raise InputError(f"padding {list(padding)}; at most {MAX_ATTR} is accepted")
    if windows.dilation != (1, 1):
        _check_dilated(windows, padding)
    attrs = {
        **attrs,
        "kernel": windows.kernel,
        "stride": windows.stride,
        "dilation": windows.dilation,
        "padding": padding,
        "activation": "none",
    }
    result = imp.pending(kind, (tensor,), attrs)
    _, height, width, channels = result.shape
    space = (height, width) if len(shape) == 4 else (width,)
    return replace(result, view=channels_last((1, channels, *space)))


def _check_dilated(windows: Windows, padding: tuple[int, ...]) -> None:
    """Raise UnsupportedError for a window that may have all of its taps in the padding."""
    spans = (window_span(*pair) for pair in zip(windows.kernel, windows.dilation, strict=True))
    if any(max(padding[2 * i : 2 * i + 2]) >= span for i, span in enumerate(spans)):
        raise UnsupportedError(
            f"padding {list(padding)} with dilations {list(windows.dilation)}; less than the "
            "window is accepted"
        )


def _rounded_up(op: Operator, windows: Windows, size: tuple[int, ...]) -> tuple[int, ...]:
    """The padding with which the number of windows, rounded down, is what ONNX rounds up to.

    A window that would begin in the padding at the end is left out (ONNX, AveragePool from opset
    22 on; before, runtimes did so against the shapes of ONNX's inference).
    """
    sides: list[int] = []
    for i in (0, 1):
        begin, end = windows.padding[2 * i : 2 * i + 2]
        kernel, stride = window_span(windows.kernel[i], windows.dilation[i]), windows.stride[i]
        outputs = -(-(size[i] + begin + end - kernel) // stride) + 1
        if (outputs - 1) * stride >= size[i] + begin:
            outputs -= 1
            if op.opset < 22:
                raise UnsupportedError(
                    "ceil_mode is 1 and the last window begins in the padding, which ONNX defines "
                    f"from opset 22 on; opset {op.opset} is found"
                )
        needed = (outputs - 1) * stride + kernel - size[i] - begin
        sides += [begin, max(needed, end)]
    return tuple(sides)
