"""The accelerator on the same network: cycles, layers and the values of every tensor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler import driver
from compiler.codegen.compiled import Compiled
from compiler.codegen.program import image, mapping
from compiler.ir.graph import Graph
from compiler.options import CompilerOptions
from compiler.report.rows import layer_rows
from hw.spec.config import AccelConfig
from sim.host_golden import model_compute
from sim.program import HostNode, Program
from sim.program_reader import program_of
from sim.simulation import (
    run_timing,
    simulate,
)


@dataclass(frozen=True)
class Machine:
    """A network on a preset, batch 1; ``layers`` has the cycles of each layer by name.

    ``macs`` and ``cycles`` are those of the array: what the ``host`` computes is in neither.
    """

    preset: str
    mac_units: int
    macs: int
    cycles: int
    layers: dict[str, int]
    host: tuple[HostNode, ...]

    def figures(self, mhz: float, batch: int) -> dict[str, Any]:
        """Latency, operations and efficiency at a clock; a batch is that many runs in turn.

        An operation is a multiplication or an addition, so that the peak is two for each MAC unit
        and cycle.
        """
        seconds = batch * self.cycles / (mhz * 1e6)
        done, peak = 2 * self.macs * batch / seconds, 2 * self.mac_units * mhz * 1e6
        return {
            "device": "accelerator",
            "preset": self.preset,
            "clock_mhz": mhz,
            "batch": batch,
            "cycles": batch * self.cycles,
            "milliseconds": seconds * 1e3,
            "operations_per_second": done,
            "peak_operations_per_second": peak,
            "efficiency": done / peak,
        }


def machine(graph: Graph, config: AccelConfig) -> Machine:
    """The network as mapped by default, timed by the simulator.

    Raises CompilerError for a network that the machine cannot run.
    """
    compiled = driver.compile(graph, config, CompilerOptions())
    program = _program(compiled)
    timing = run_timing(program)
    layers = {row.name: row.cycles for row in layer_rows(compiled, program, timing)}
    return Machine(config.name, config.mac_units, program.macs, timing.cycles, layers, program.host)


def machine_values(
    graph: Graph, config: AccelConfig, inputs: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Every tensor as the simulated machine stores it, fusion off: bit for bit golden's."""
    program = _program(driver.compile(graph, config, CompilerOptions(materialize=True)))
    result = simulate(program, inputs, compute=model_compute(graph.to_dict()))
    assert result.fault is None, f"{graph.name} on {config.name}: {result.fault}"
    return result.tensors


def _program(compiled: Compiled) -> Program:
    return program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
