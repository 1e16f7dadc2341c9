"""``compiler explore``: machines and networks of a space, timed exactly, and the best of them."""

from compiler.explore.command import add_explore_options

__all__ = ["add_explore_options"]
