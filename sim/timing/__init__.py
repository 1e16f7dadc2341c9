"""Cycle-exact timing, compiled by numba."""
