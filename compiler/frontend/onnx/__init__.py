"""Reader of quantised ONNX models (QuantizeLinear and DequantizeLinear around every operator)."""

from compiler.frontend.onnx.model_file import Shapes, check_onnx, inferred, parse_onnx
from compiler.frontend.onnx.normalise.opsets import opset
from compiler.frontend.onnx.reader import is_quantised, read_onnx

__all__ = ["Shapes", "check_onnx", "inferred", "is_quantised", "opset", "parse_onnx", "read_onnx"]
