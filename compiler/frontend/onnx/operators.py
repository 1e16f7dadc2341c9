"""Table of the function that converts each ONNX operator.

Such a function raises InputError for what contradicts the operator's definition, UnsupportedError
for what is valid but not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compiler.frontend.onnx import (
    affine,
    conv,
    dense,
    functions,
    movement,
    normalisation,
    pooling,
    quantisation,
    resize,
)
from compiler.frontend.onnx.binary import BINARY, binary
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Value

#: What the outputs of an operator stand for: the only one, or several by name.
Result = Value | Mapping[str, Value]

CONVERTERS: dict[str, Callable[[Importer, Operator], Result]] = {
    **dict.fromkeys(BINARY, binary),
    **dict.fromkeys(functions.FUNCTIONS, functions.function),
    "AveragePool": pooling.average_pool,
    "BatchNormalization": affine.batch_normalization,
    "Clip": functions.clip,
    "Concat": movement.concat,
    "Conv": conv.conv,
    "ConvTranspose": conv.conv_transpose,
    "DepthToSpace": movement.depth_to_space,
    "DequantizeLinear": quantisation.dequantize_linear,
    "Dropout": movement.identity,
    "Flatten": movement.flatten,
    "Gather": movement.gather,
    "Gemm": dense.gemm,
    "GlobalAveragePool": pooling.global_average_pool,
    "GlobalMaxPool": pooling.global_max_pool,
    "Identity": movement.identity,
    "LayerNormalization": normalisation.layer_normalization,
    "MatMul": dense.matmul,
    "MaxPool": pooling.max_pool,
    "PRelu": functions.prelu,
    "Pad": movement.pad,
    "QuantizeLinear": quantisation.quantize_linear,
    "ReduceMean": pooling.reduce_mean,
    "Relu": functions.relu,
    "Reshape": movement.reshape,
    "Resize": resize.resize,
    "Slice": movement.slice_,
    "Softmax": normalisation.softmax,
    "SpaceToDepth": movement.space_to_depth,
    "Split": movement.split,
    "Squeeze": movement.squeeze,
    "Transpose": movement.transpose,
    "Unsqueeze": movement.unsqueeze,
}
