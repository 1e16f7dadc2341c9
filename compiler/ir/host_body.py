"""Plain data of the ``host`` operator: a body of ONNX operators on float32, and layouts.

A layout says where the elements of a stored tensor lie in a model's array: the array is
``tensor.reshape(split).transpose(order).reshape(shape)``.
"""

from __future__ import annotations

import math
from typing import Any

#: ONNX operators that a body may hold: pure functions that ONNX's reference implementation has.
HOST_OPERATORS = frozenset(
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization "
    "Cast Ceil Celu Clip Concat Conv ConvTranspose Cos Cosh CumSum DepthToSpace Div Einsum Elu "
    "Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm "
    "GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample "
    "GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN "
    "LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul "
    "Max MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul Neg Not Or PRelu Pad Pow "
    "RMSNormalization Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax "
    "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round Selu "
    "Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split "
    "Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze "
    "Where Xor".split()
)

#: Name of the result in a body, and the beginning of its operands' names: x0, x1 and so on.
RESULT, OPERAND = "y", "x"

BODY = "ONNX nodes (op_type, inputs, outputs, attributes) on operands x0, x1, ... that make y"
LAYOUT = "split, order and shape: lists of integers that turn the tensor into the model's array"

_NODE_KEYS = {"op_type", "inputs", "outputs", "attributes"}


def operand_name(index: int) -> str:
    """The name in a body of the node's input at ``index``."""
    return f"{OPERAND}{index}"


def is_layout(value: Any) -> bool:
    """Whether the value is a layout."""
    if not isinstance(value, dict) or value.keys() != {"split", "order", "shape"}:
        return False
    lists = value.values()
    if not all(isinstance(v, list) and all(type(i) is int and i >= 0 for i in v) for v in lists):
        return False
    whole = math.prod(value["split"]) == math.prod(value["shape"])
    return whole and sorted(value["order"]) == list(range(len(value["split"])))


def is_body(value: Any) -> bool:
    """Whether the value is a body in which each name is made before it is read, and once."""
    if not isinstance(value, tuple) or not all(map(_is_node, value)):
        return False
    made: set[str] = set()
    for node in value:
        read = {name for name in node["inputs"] if name and not _is_operand(name)}
        if read - made or made & set(node["outputs"]):
            return False
        made.update(name for name in node["outputs"] if name)
    return RESULT in made


def _is_operand(name: str) -> bool:
    return name.startswith(OPERAND) and name[len(OPERAND) :].isdecimal()


def _is_node(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != _NODE_KEYS:
        return False
    names = (value["inputs"], value["outputs"])
    return (
        value["op_type"] in HOST_OPERATORS
        and all(isinstance(v, list) and all(isinstance(n, str) for n in v) for v in names)
        and isinstance(value["attributes"], dict)
        and all(map(_is_attribute, value["attributes"].values()))
    )


def _is_attribute(value: Any) -> bool:
    if isinstance(value, list):
        return len({type(v) for v in value}) == 1 and all(map(_is_scalar, value))
    return _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    return type(value) in (int, str) or (type(value) is float and math.isfinite(value))
