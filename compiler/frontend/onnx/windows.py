"""Windows of convolutions and pools: strides, dilations and padding made explicit."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx.operator import Operator
from compiler.ir.ops import MAX_ATTR
from compiler.ir.window_shapes import MAX_KERNEL, MAX_STEP, window_span

AUTO_PADS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")

#: The window of a convolution of one tap.
ONE_TAP = {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0)}


@dataclass(frozen=True)
class Windows:
    """Windows over (height, width); an array of one spatial axis has height 1."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]


def read_windows(op: Operator, size: tuple[int, ...], kernel: tuple[int, ...]) -> Windows:
    """The windows of ``op`` over ``size``, one or two spatial axes.

    SAME pads so that outputs are ``ceil(size / stride)``, the odd pixel at the end (SAME_UPPER) or
    at the beginning (SAME_LOWER). Raises InputError and UnsupportedError for other axes and sizes.
    """
    rank = len(size)
    if rank not in (1, 2) or len(kernel) != rank:
        raise UnsupportedError(
            f"{rank} spatial axes and a kernel of {len(kernel)}; one or two are accepted"
        )
    stride, dilation = op.sizes("strides", rank, 1), op.sizes("dilations", rank, 1)
    given = read_pads(op, rank)
    mode = op.expect("auto_pad", "NOTSET", *AUTO_PADS)
    for name, values in (("kernel_shape", kernel), ("strides", stride), ("dilations", dilation)):
        if not all(1 <= v <= MAX_ATTR for v in values):
            raise InputError(f"{name} is {list(values)}; 1 to {MAX_ATTR} is accepted")
        most = MAX_KERNEL if name == "kernel_shape" else MAX_STEP
        if max(values) > most:
            raise UnsupportedError(f"{name} is {list(values)}; 1 to {most} is accepted")
    sides = []
    for i in range(rank):
        outputs = -(-size[i] // stride[i])
        total = max((outputs - 1) * stride[i] + window_span(kernel[i], dilation[i]) - size[i], 0)
        small, large = total // 2, total - total // 2
        sides.append(
            {
                "NOTSET": given[i],
                "VALID": (0, 0),
                "SAME_UPPER": (small, large),
                "SAME_LOWER": (large, small),
            }[mode]
        )
    if rank == 1:
        kernel, stride, dilation = (1, *kernel), (1, *stride), (1, *dilation)
        sides = [(0, 0), *sides]
    (top, bottom), (left, right) = sides
    return Windows(
        (kernel[0], kernel[1]),
        (stride[0], stride[1]),
        (dilation[0], dilation[1]),
        (top, bottom, left, right),
    )


def read_pads(op: Operator, rank: int) -> list[tuple[int, int]]:
    """The attribute ``pads`` as (begin, end) in pixels by axis. Raises UnsupportedError for others
    than 0 to ``MAX_ATTR``."""
    pads = op.sizes("pads", 2 * rank, 0)
    if not all(0 <= v <= MAX_ATTR for v in pads):
        raise UnsupportedError(f"pads is {show(list(pads))}; 0 to {MAX_ATTR} is accepted")
    return [(pads[i], pads[rank + i]) for i in range(rank)]
