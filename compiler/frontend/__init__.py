"""Readers of model files, and the writer of the project's own format."""

from compiler.frontend.model_json import write_model

__all__ = ["write_model"]
