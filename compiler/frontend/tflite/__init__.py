"""Reader of int8 TFLite models."""

from compiler.frontend.tflite.model_file import is_float
from compiler.frontend.tflite.reader import read_tflite
from compiler.frontend.tflite.variables import state_notes

__all__ = ["is_float", "read_tflite", "state_notes"]
