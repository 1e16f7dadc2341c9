"""``compiler evaluate``: how accurate the int8 network is over a folder of pictures."""

from compiler.evaluate.command import add_evaluate_options

__all__ = ["add_evaluate_options"]
