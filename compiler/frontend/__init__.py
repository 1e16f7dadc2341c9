"""Readers of model files, and the writer of the project's own format."""

from compiler.frontend.load import add_calibration_option, load_model
from compiler.frontend.model_json import write_model

__all__ = ["add_calibration_option", "load_model", "write_model"]
