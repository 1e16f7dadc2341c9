"""Reader of float TFLite models: a float ONNX model in memory, to be quantised like any other."""

from compiler.frontend.tflite_float.reader import to_onnx

__all__ = ["to_onnx"]
