"""Checks of the figures of every mapping; each exception is a fault of this project."""

from __future__ import annotations

from typing import Any

from compiler.report.energy import accesses, layer_accesses
from hw.spec.regs import Counter
from sim.lost import multiplied
from sim.program import Program
from sim.simulation import Timing


def check(program: Program, timing: Timing, summary: dict[str, Any]) -> None:
    """Assert that no figure is above what is possible and nothing is lost or counted twice.

    The array does at least what a layer claims of the model, and that at least what the outputs
    need. Causes share out all multiply-accumulate cycles, of the run and of each layer. Layers
    share out all cycles, bytes, accesses and the outputs' multiply-accumulates, and none is above
    the peak.
    ``summary`` is that of ``sim.report``.
    """
    units, layers, occupied = program.config.mac_units, program.layers, 0
    for layer, times in zip(layers, timing.layers, strict=True):
        own = sum(multiplied(program.commands[i], program.config) for i in layer.commands)
        assert 0 <= layer.macs <= layer.done <= own <= units * times.busy_cycles, layer.name
        assert times.busy_cycles <= times.cycles, layer.name
        occupied += own
    assert occupied == timing.counters[Counter.OCCUPIED.name.lower()]
    assert sum(layer.macs for layer in layers) == program.macs
    assert program.macs + program.host_macs <= program.model_macs
    for figures in (summary, *summary["layers"]):
        lost = figures["lost"].values()
        assert all(count >= 0 for count in lost), figures
        assert figures["macs"] + units * sum(lost) == units * figures["cycles"], figures
    parts = layer_accesses(program, timing)
    for part, count in accesses(program, timing).items():
        assert not layers or sum(each[part] for each in parts) == count, part
    sizes = [figures["on_chip_bytes"] for figures in summary["layers"]]
    assert all(0 < size <= program.config.scratchpad_bytes for size in sizes), sizes
    for name in ("cycles", "dram_read_bytes", "dram_write_bytes"):
        assert not layers or sum(x[name] for x in summary["layers"]) == summary[name], name
