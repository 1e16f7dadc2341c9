"""Reader of quantised ONNX models (QuantizeLinear and DequantizeLinear around every operator)."""

from compiler.frontend.onnx.model_file import Shapes, check_onnx, inferred, parse_onnx
from compiler.frontend.onnx.normalise.opsets import opset
from compiler.frontend.onnx.reader import (
    hosted_by_output,
    is_quantised,
    read_onnx,
    together,
)
from compiler.frontend.onnx.references import references

__all__ = [
    "Shapes",
    "check_onnx",
    "hosted_by_output",
    "inferred",
    "is_quantised",
    "opset",
    "parse_onnx",
    "read_onnx",
    "references",
    "together",
]
