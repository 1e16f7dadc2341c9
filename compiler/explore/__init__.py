"""Machines and networks of a space, timed exactly, and the best of them."""
