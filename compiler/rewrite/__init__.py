"""``compiler rewrite``: rules of published networks as changes of a model."""

from compiler.rewrite.command import add_rewrite_options

__all__ = ["add_rewrite_options"]
