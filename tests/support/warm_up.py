"""What Numba compiles: once for all processes that follow."""

from __future__ import annotations

from compiler.codegen.timed import exact_cycles
from compiler.driver import compile
from hw.spec.config import preset
from tests.compiler.graphs import Net


def compile_kernels() -> None:
    """Run all kernels: those of the scheduler, of the waits and of the simulator's timing."""
    net = Net((6, 5, 3))
    compiled = compile(net.finish(net.conv("input", 20)), preset("tiny"))
    assert exact_cycles(compiled.segments[0].plan) > 0
