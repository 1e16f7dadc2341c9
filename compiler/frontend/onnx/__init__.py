"""Reader of quantised ONNX models (QuantizeLinear and DequantizeLinear around every operator)."""

from compiler.frontend.onnx.model_file import check_onnx, opset, parse_onnx
from compiler.frontend.onnx.reader import is_quantised, read_onnx

__all__ = ["check_onnx", "is_quantised", "opset", "parse_onnx", "read_onnx"]
