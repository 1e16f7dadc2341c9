"""Reader of int8 TFLite models."""

from compiler.frontend.tflite.reader import read_tflite

__all__ = ["read_tflite"]
