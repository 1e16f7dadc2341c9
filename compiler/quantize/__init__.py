"""Quantisation after training: a float ONNX model gets QuantizeLinear and DequantizeLinear."""

from compiler.quantize.gaps import fill_gaps, has_gaps, with_host_nodes
from compiler.quantize.quantize import quantize, quantize_beside
from compiler.quantize.runtime import Runner
from compiler.quantize.samples import read_samples

__all__ = [
    "Runner",
    "fill_gaps",
    "has_gaps",
    "quantize",
    "quantize_beside",
    "read_samples",
    "with_host_nodes",
]
