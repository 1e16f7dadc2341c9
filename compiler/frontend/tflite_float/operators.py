"""Table of the function that converts each float TFLite operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.frontend.tflite_float import elements, generic, layers, movement, pooling
from compiler.frontend.tflite_float.operator import Operator
from compiler.ir.ops import MAX_ATTR


@dataclass(frozen=True)
class Converter:
    """Numbers of inputs that an operator may have, and the function that adds its ONNX nodes.

    ``convert`` raises InputError for what contradicts the operator's definition, UnsupportedError
    for what is valid but not read.
    """

    fewest: int
    most: int
    convert: Callable[[Operator], None]


#: MediaPipe's operator.
TRANSPOSE_CONV_BIAS = "CUSTOM 'Convolution2DTransposeBias'"

#: Operators with several outputs, each of which is converted on its own.
SEVERAL = ("SPLIT", "SPLIT_V", "UNPACK")

CONVERTERS: dict[str, Converter] = {
    "ABS": Converter(1, 1, generic.unary("Abs")),
    "ADD": Converter(2, 2, elements.binary("Add")),
    "AVERAGE_POOL_2D": Converter(1, 1, pooling.average_pool),
    "BATCH_MATMUL": Converter(2, 2, generic.batch_matmul),
    "CAST": Converter(1, 1, generic.cast),
    "CEIL": Converter(1, 1, generic.unary("Ceil")),
    "CONCATENATION": Converter(1, MAX_ATTR, movement.concatenation),
    "CONV_2D": Converter(2, 3, layers.conv2d),
    "COS": Converter(1, 1, generic.unary("Cos")),
    TRANSPOSE_CONV_BIAS: Converter(3, 3, layers.transpose_conv_bias),
    "DENSIFY": Converter(1, 1, movement.densify),
    "DEPTHWISE_CONV_2D": Converter(2, 3, layers.depthwise_conv2d),
    "DEPTH_TO_SPACE": Converter(1, 1, generic.depth_to_space),
    "DEQUANTIZE": Converter(1, 1, movement.dequantize),
    "DIV": Converter(2, 2, elements.binary("Div")),
    "ELU": Converter(1, 1, generic.unary("Elu")),
    "EXP": Converter(1, 1, generic.unary("Exp")),
    "EXPAND_DIMS": Converter(2, 2, generic.in_another_shape),
    "FLOOR": Converter(1, 1, generic.unary("Floor")),
    "FULLY_CONNECTED": Converter(2, 3, layers.fully_connected),
    "GATHER": Converter(2, 2, generic.gather),
    "GELU": Converter(1, 1, generic.gelu),
    "HARD_SWISH": Converter(1, 1, elements.function("HardSwish")),
    "LEAKY_RELU": Converter(1, 1, elements.leaky_relu),
    "LOG": Converter(1, 1, generic.unary("Log")),
    "LOGISTIC": Converter(1, 1, elements.function("Sigmoid")),
    "MAXIMUM": Converter(2, 2, elements.binary("Max")),
    "MAX_POOL_2D": Converter(1, 1, pooling.max_pool),
    "MEAN": Converter(2, 2, generic.reduction("ReduceMean")),
    "MINIMUM": Converter(2, 2, elements.binary("Min")),
    "MIRROR_PAD": Converter(2, 2, generic.mirror_pad),
    "MUL": Converter(2, 2, elements.binary("Mul")),
    "NEG": Converter(1, 1, generic.unary("Neg")),
    "PACK": Converter(1, MAX_ATTR, generic.pack),
    "PAD": Converter(2, 2, movement.pad),
    "PADV2": Converter(3, 3, generic.pad_with),
    "POW": Converter(2, 2, elements.binary("Pow")),
    "PRELU": Converter(2, 2, elements.prelu),
    "REDUCE_MAX": Converter(2, 2, generic.reduction("ReduceMax")),
    "REDUCE_MIN": Converter(2, 2, generic.reduction("ReduceMin")),
    "RELU": Converter(1, 1, elements.clamp("relu")),
    "RELU6": Converter(1, 1, elements.clamp("relu6")),
    "RELU_0_TO_1": Converter(1, 1, elements.clamp("relu_0_to_1")),
    "RELU_N1_TO_1": Converter(1, 1, elements.clamp("relu_n1_to_1")),
    "RESHAPE": Converter(1, 2, movement.reshape),
    "RESIZE_BILINEAR": Converter(2, 2, pooling.resize_bilinear),
    "RESIZE_NEAREST_NEIGHBOR": Converter(2, 2, pooling.resize_nearest),
    "RSQRT": Converter(1, 1, generic.reciprocal_root),
    "SIN": Converter(1, 1, generic.unary("Sin")),
    "SLICE": Converter(3, 3, generic.part),
    "SOFTMAX": Converter(1, 1, elements.softmax),
    "SPLIT": Converter(2, 2, generic.split),
    "SPLIT_V": Converter(3, 3, generic.split_v),
    "SQRT": Converter(1, 1, generic.unary("Sqrt")),
    "SQUARE": Converter(1, 1, generic.square),
    "SQUEEZE": Converter(1, 1, generic.in_another_shape),
    "STRIDED_SLICE": Converter(4, 4, generic.strided_slice),
    "SUB": Converter(2, 2, elements.binary("Sub")),
    "SUM": Converter(2, 2, generic.reduction("ReduceSum")),
    "TANH": Converter(1, 1, elements.function("Tanh")),
    "TILE": Converter(2, 2, generic.tile),
    "TRANSPOSE": Converter(2, 2, generic.transpose),
    "TRANSPOSE_CONV": Converter(3, 4, layers.transpose_conv),
    "UNPACK": Converter(1, 1, generic.unpack),
}
