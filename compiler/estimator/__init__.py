"""Exact latency of networks given as graphs, for search loops."""

from compiler.estimator.estimator import (
    Estimator,
    Latency,
)

__all__ = ["Estimator", "Latency"]
