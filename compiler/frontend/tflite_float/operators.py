"""Table of the function that converts each float TFLite operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.frontend.tflite_float import elements, layers, movement, pooling
from compiler.frontend.tflite_float.operator import Operator
from compiler.ir.ops import MAX_ATTR


@dataclass(frozen=True)
class Converter:
    """Numbers of inputs that an operator may have, and the function that adds its ONNX nodes."""

    fewest: int
    most: int
    convert: Callable[[Operator], None]


CONVERTERS: dict[str, Converter] = {
    "ADD": Converter(2, 2, elements.binary("Add")),
    "AVERAGE_POOL_2D": Converter(1, 1, pooling.average_pool),
    "CONCATENATION": Converter(1, MAX_ATTR, movement.concatenation),
    "CONV_2D": Converter(2, 3, layers.conv2d),
    "DEPTHWISE_CONV_2D": Converter(2, 3, layers.depthwise_conv2d),
    "DEQUANTIZE": Converter(1, 1, movement.dequantize),
    "FULLY_CONNECTED": Converter(2, 3, layers.fully_connected),
    "HARD_SWISH": Converter(1, 1, elements.function("HardSwish")),
    "LEAKY_RELU": Converter(1, 1, elements.leaky_relu),
    "LOGISTIC": Converter(1, 1, elements.function("Sigmoid")),
    "MAX_POOL_2D": Converter(1, 1, pooling.max_pool),
    "MEAN": Converter(2, 2, pooling.mean),
    "MUL": Converter(2, 2, elements.binary("Mul")),
    "PAD": Converter(2, 2, movement.pad),
    "PRELU": Converter(2, 2, elements.prelu),
    "RELU": Converter(1, 1, elements.clamp("relu")),
    "RELU6": Converter(1, 1, elements.clamp("relu6")),
    "RELU_N1_TO_1": Converter(1, 1, elements.clamp("relu_n1_to_1")),
    "RESHAPE": Converter(1, 2, movement.reshape),
    "RESIZE_BILINEAR": Converter(2, 2, pooling.resize_bilinear),
    "RESIZE_NEAREST_NEIGHBOR": Converter(2, 2, pooling.resize_nearest),
    "SOFTMAX": Converter(1, 1, elements.softmax),
    "TANH": Converter(1, 1, elements.function("Tanh")),
    "TRANSPOSE_CONV": Converter(3, 4, layers.transpose_conv),
}
