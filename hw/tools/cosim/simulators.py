"""The simulators that run the RTL."""

from typing import Literal

Simulator = Literal["verilator", "icarus"]
"""Simulators: compiled and of two states, or event-driven and of four."""
