"""Arithmetic on constants, such as computed shapes, done while a model is read."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from compiler.errors import InputError

#: Operators that are computed when all their inputs are constants: none makes more than it reads,
#: but by broadcasting.
FOLDED = frozenset(
    "Abs Add And BatchNormalization Cast CastLike Ceil Clip Concat Div Equal Erf Exp Flatten Floor "
    "Gather Greater Identity InstanceNormalization Less Log Max Min Mul Neg Not Or Pow Reciprocal "
    "ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape "
    "Round Sigmoid Slice Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Where".split()
)

#: Largest product of the inputs' elements, which bounds what broadcasting makes of them.
MAX_PRODUCT = 1 << 28


def fold(
    proto: onnx.NodeProto, arrays: Mapping[str, np.ndarray], opset: int
) -> list[tuple[str, np.ndarray]]:
    """The outputs of a node of the constants ``arrays``, by name.

    ONNX's reference implementation computes them. Raises InputError where the operator refuses
    its inputs.
    """
    if math.prod(max(array.size, 1) for array in arrays.values()) > MAX_PRODUCT:
        raise InputError(
            f"constants of {[a.size for a in arrays.values()]} elements; a product of at most "
            f"{MAX_PRODUCT} is accepted"
        )
    graph = onnx.helper.make_graph(
        [proto],
        "constants",
        [_value(name, array) for name, array in arrays.items()],
        [onnx.ValueInfoProto(name=name) for name in proto.output if name],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    try:
        results = ReferenceEvaluator(model).run(None, dict(arrays))
    except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as fault:
        raise InputError(f"constants that do not fit: {fault}") from None
    return list(zip((n for n in proto.output if n), map(np.asarray, results), strict=True))


def _value(name: str, array: np.ndarray) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    return onnx.helper.make_tensor_value_info(name, kind, array.shape)
