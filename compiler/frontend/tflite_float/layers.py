"""Convolutions and the fully connected layer."""

from __future__ import annotations

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite_float.generic import emitted
from compiler.frontend.tflite_float.operator import Operator
from compiler.ir.window_shapes import Padding


def conv2d(op: Operator) -> None:
    """Conv; the groups follow from the channels."""
    channels, weights = op.map_shape(0)[3], op.constant(1, "weights")
    outputs, _, _, taken = op.map_shape(1)
    if channels % taken or outputs % (channels // taken):
        raise InputError(
            f"input of {channels} channels, weights of {taken} and {outputs} outputs; a multiple "
            "of the weights' channels and outputs that the groups divide are accepted"
        )
    _conv(op, weights.transpose(0, 3, 1, 2), channels // taken)


def depthwise_conv2d(op: Operator) -> None:
    """Conv with one group per channel."""
    channels, weights = op.map_shape(0)[3], op.constant(1, "weights")
    batch, _, _, outputs = op.map_shape(1)
    if batch != 1 or outputs != channels * op.options["depth_multiplier"]:
        raise InputError(
            f"weights of shape {list(weights.shape)} for {channels} channels and depth_multiplier "
            f"{op.options['depth_multiplier']}; [1, H, W, channels * depth_multiplier] is accepted"
        )
    _conv(op, weights.transpose(3, 0, 1, 2), channels)


def _conv(op: Operator, weights: np.ndarray, group: int) -> None:
    """``weights`` are ``[outputs, inputs of a group, height, width]``."""
    kernel, dilation = weights.shape[2:], op.pair("dilation")
    op.emit(
        "Conv",
        op.activation(),
        op.named(weights, "kernel"),
        *_bias(op, 2, weights.shape[0]),
        group=group,
        kernel_shape=kernel,
        strides=op.pair("stride"),
        dilations=dilation,
        pads=onnx_pads(op.window_padding(op.map_shape(0)[1:3], kernel, dilation)),
    )


def transpose_conv(op: Operator) -> None:
    """ConvTranspose; the output's shape says what is cut off or added at the end."""
    shape = tuple(op.integers(0, "output_shape").reshape(-1).tolist())
    _transposed(op, 2, 3, shape)


def transpose_conv_bias(op: Operator) -> None:
    """ConvTranspose to the output's own shape."""
    _transposed(op, 0, 2, op.output_shape)


def _transposed(op: Operator, x: int, bias: int, shape: tuple[int, ...]) -> None:
    (_, *source, channels), (outputs, *kernel, taken) = op.map_shape(x), op.map_shape(1)
    if shape != op.output_shape or len(shape) != 4 or shape[3] != outputs or channels != taken:
        raise InputError(
            f"output_shape {list(shape)}, output {list(op.output_shape)}, weights "
            f"{list(op.shape(1))} and {channels} channels do not fit"
        )
    stride = op.pair("stride")
    before = op.window_padding(shape[1:3], tuple(kernel))[::2]
    surplus = [
        (n - 1) * s + k - b - out
        for n, s, k, b, out in zip(source, stride, kernel, before, shape[1:3], strict=True)
    ]
    if any(-extra >= step for extra, step in zip(surplus, stride, strict=True)):
        raise UnsupportedError(
            f"output_shape {list(shape)}; less than the stride {list(stride)} after the last "
            "window is accepted"
        )
    op.emit(
        "ConvTranspose",
        op.activation(x),
        op.named(op.constant(1, "weights").transpose(3, 0, 1, 2), "kernel"),
        *_bias(op, bias, outputs),
        kernel_shape=kernel,
        strides=stride,
        pads=[*before, *(max(extra, 0) for extra in surplus)],
        output_padding=[max(-extra, 0) for extra in surplus],
    )


def fully_connected(op: Operator) -> None:
    """Gemm, between Reshapes where input or output is no matrix."""
    weights = op.constant(1, "weights")
    if op.options["weights_format"]:
        raise UnsupportedError(f"weights_format {op.options['weights_format']}; 0 is accepted")
    elements = int(np.prod(op.shape(0)))
    if weights.ndim != 2 or not weights.size or elements % weights.shape[1]:
        raise InputError(
            f"weights of shape {list(weights.shape)} for an input of {elements} elements; "
            "[outputs, inputs] is accepted"
        )
    x, rows = op.last(), elements // weights.shape[1]
    shape = (rows, weights.shape[0])
    if np.prod(op.output_shape) != rows * weights.shape[0]:
        raise InputError(
            f"output of shape {list(op.output_shape)}; {rows * shape[1]} values are accepted"
        )
    if op.shape(0) != (rows, weights.shape[1]):
        wanted = op.integer_list(rows, weights.shape[1])
        x = op.twin.node("Reshape", (x, wanted), f"{op.name}/rows")
    operands = (x, op.named(weights, "kernel"), *_bias(op, 2, weights.shape[0]))
    if op.output_shape == shape:
        op.emit("Gemm", *operands, transB=1)
        return
    made = op.twin.node("Gemm", operands, f"{op.name}/matrix", transB=1)
    emitted(op, "Reshape", made, op.integer_list(*op.output_shape))


def _bias(op: Operator, position: int, outputs: int) -> tuple[str, ...]:
    if not op.given(position):
        return ()
    bias = op.constant(position, "bias")
    if bias.size != outputs:
        raise InputError(f"bias of {bias.size} elements; {outputs} are accepted")
    return (op.named(bias.reshape(-1), "bias"),)


def onnx_pads(padding: Padding) -> list[int]:
    """(top, bottom, left, right) as ONNX writes it: the beginnings, then the ends."""
    return [*padding[::2], *padding[1::2]]
