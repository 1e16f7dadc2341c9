"""Checks of the figures of every mapping; each exception is a fault of this project."""

from __future__ import annotations

from hw.spec.isa import Opcode
from hw.spec.regs import Counter
from sim.program import Command, Program
from sim.report import mac_cycles
from sim.simulation import Timing


def check(program: Program, timing: Timing) -> None:
    """Assert that no figure is above what is possible and nothing is lost or counted twice.

    The array does at least what a layer claims of the model, and that at least what the outputs
    need. Causes share out all multiply-accumulate cycles. Layers share out all cycles and the
    outputs' multiply-accumulates, and none is above the peak.
    """
    units, layers, occupied = program.config.mac_units, program.layers, 0
    for layer, times in zip(layers, timing.layers, strict=True):
        own = sum(multiplied(program.commands[i], program) for i in layer.commands)
        assert 0 <= layer.macs <= layer.done <= own <= units * times.busy_cycles, layer.name
        assert times.busy_cycles <= times.cycles, layer.name
        occupied += own
    assert occupied == timing.counters[Counter.OCCUPIED.name.lower()]
    assert sum(layer.macs for layer in layers) == program.macs
    assert program.macs + program.host_macs <= program.model_macs
    assert not layers or sum(times.cycles for times in timing.layers) == timing.cycles
    causes = mac_cycles(timing, program.macs, sum(layer.done for layer in layers), units)
    assert all(count >= 0 for count in causes.values()), causes
    assert sum(causes.values()) == units * timing.cycles, causes


def multiplied(command: Command, program: Program) -> int:
    """Multiply-accumulates of a command at occupied positions, if it is one of the network's."""
    f, cols = command.fields, program.config.cols
    if command.opcode != Opcode.EXECUTE or not f["network"]:
        return 0
    columns = (f["out_blocks"] - 1) * (cols << f["array_shape"])
    columns += (f["last_planes"] - 1) * cols + f["last_cols"]
    taps = f["kernel_rows"] * ((f["tap_groups"] - 1) * f["group_taps"] + f["last_taps"])
    channels = (f["in_blocks"] - 1) * (cols >> f["split"]) + f["last_channels"]
    return f["pixels"] * columns * taps * channels
