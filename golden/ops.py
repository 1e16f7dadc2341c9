"""The operators, under the names that the graph uses, and their int32 accumulators."""

from __future__ import annotations

from golden.broadcast import elementwise
from golden.channels import channel_shuffle, channel_slice
from golden.conv import (
    conv2d,
    conv2d_accumulators,
    depthwise_conv2d,
    depthwise_conv2d_accumulators,
    fully_connected,
    fully_connected_accumulators,
    requantize,
    requantize_float64,
)
from golden.elementwise import add, concatenation, pad, quantize, reshape
from golden.matmul import matmul
from golden.mean import mean
from golden.multiply import mul
from golden.norm import layer_norm
from golden.pool import avg_pool2d, max_pool2d
from golden.rearrange import join, strided_slice, take
from golden.reduce import arg_max, reduce
from golden.resize import resize
from golden.softmax import softmax
from golden.transpose_conv import transpose_conv2d, transpose_conv2d_accumulators

__all__ = [
    "add",
    "arg_max",
    "avg_pool2d",
    "channel_shuffle",
    "channel_slice",
    "concatenation",
    "conv2d",
    "conv2d_accumulators",
    "depthwise_conv2d",
    "depthwise_conv2d_accumulators",
    "elementwise",
    "fully_connected",
    "fully_connected_accumulators",
    "join",
    "layer_norm",
    "matmul",
    "max_pool2d",
    "mean",
    "mul",
    "pad",
    "quantize",
    "reduce",
    "requantize",
    "requantize_float64",
    "reshape",
    "resize",
    "softmax",
    "strided_slice",
    "take",
    "transpose_conv2d",
    "transpose_conv2d_accumulators",
]
