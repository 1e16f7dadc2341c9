"""Figures of a point: what objectives and limits may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compiler.clocks import clock_of
from compiler.codegen.compiled import Compiled
from compiler.ir.counts import parameters
from compiler.ir.graph import Graph
from compiler.passes.host import host_reason
from compiler.report.energy import energy_estimate, read_energy_table
from hw.spec.config import AccelConfig
from hw.spec.isa import FIELDS
from hw.tools.area.estimate import estimate
from sim.lost import lost_cycles
from sim.program import Command
from sim.simulation import Timing

ENERGY = "energy_uj"
FIGURES = {
    "cycles": "cycles from the start of the machine to its interrupt",
    "milliseconds": "the same as time, at `clock_mhz` or else the machine's clock",
    ENERGY: "estimated energy in microjoules, as `compiler compare` has it",
    "dram_bytes": "bytes read from and written to memory",
    "utilization": "multiply-accumulates / (MAC units * cycles)",
    "macs": "multiply-accumulates that the outputs need and the array does",
    "parameters": "elements of weights and biases",
    "mac_units": "MAC units of the machine",
    "on_chip_bytes": "bytes of the machine's scratchpad",
    "luts": "LUTs of the machine, as `hw area` estimates them for `target`",
    "flip_flops": "flip-flops, likewise",
    "multipliers": "multipliers of `target` that the machine takes",
    "block_rams": "block RAMs of `target` that the machine takes",
}
"""Figures of a point, numbers all."""


@dataclass(frozen=True)
class _Commands:
    config: AccelConfig
    commands: Sequence[Command]


def figures(
    graph: Graph, compiled: Compiled, timing: Timing, clock: str | None, energy: bool
) -> dict[str, Any]:
    """The figures of a network that was timed, the energy only where it is wanted, without those
    that the machine has alone.

    ``stall`` and ``stall_share`` are the greatest cause of lost cycles (``sim.lost.LOST_DOC``) and
    its share; ``host_nodes`` counts the nodes that the host runs, in no cycle.
    """
    config, counters = compiled.config, timing.counters
    ops = compiled.network.ops
    macs, done = sum(op.macs for op in ops), sum(op.done for op in ops)
    lost = lost_cycles(counters, macs, done, counters["occupied"], config.mac_units)
    stall = max(lost, key=lambda cause: lost[cause])
    beats = counters["read_beats"] + counters["write_beats"]
    return {
        "cycles": timing.cycles,
        "milliseconds": clock_of(config, clock).milliseconds(timing.cycles),
        ENERGY: _energy(compiled, timing) if energy else None,
        "dram_bytes": beats * config.bus_bytes,
        "utilization": macs / (config.mac_units * timing.cycles),
        "macs": macs,
        "parameters": parameters(graph),
        "stall": stall,
        "stall_share": lost[stall] / timing.cycles,
        "host_nodes": sum(host_reason(graph, node) is not None for node in graph.nodes),
    }


def machine_figures(config: AccelConfig, target: str) -> dict[str, int]:
    """The figures that the machine has alone, its resources on ``target``."""
    return {
        "mac_units": config.mac_units,
        "on_chip_bytes": config.scratchpad_bytes,
        **estimate(config, target).resources,
    }


def _energy(compiled: Compiled, timing: Timing) -> float:
    blank = {opcode: {field.name: 0 for field in fields} for opcode, fields in FIELDS.items()}
    commands = [
        Command(c.opcode, blank[c.opcode] | c.all_fields, number)
        for number, c in enumerate(compiled.commands)
    ]
    table = read_energy_table()
    return sum(energy_estimate(_Commands(compiled.config, commands), timing, table).values())
