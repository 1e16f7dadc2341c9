"""Quantisation after training: a float ONNX model gets QuantizeLinear and DequantizeLinear."""

from compiler.quantize.quantize import quantize

__all__ = ["quantize"]
