"""Quantisation after training: a float ONNX model gets QuantizeLinear and DequantizeLinear."""

from compiler.quantize.gaps import fill_gaps, has_gaps, with_host_nodes
from compiler.quantize.quantize import quantize

__all__ = ["fill_gaps", "has_gaps", "quantize", "with_host_nodes"]
