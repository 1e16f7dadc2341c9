"""Causes that multiply-accumulate cycles are lost to."""

from __future__ import annotations

from collections.abc import Mapping

from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from hw.spec.regs import CYCLE_COUNTERS, Counter
from sim.program import Command

LOST_DOC = {
    "unneeded": "the model's others: channels padded or unread, results cut off",
    "grouped_zeros": "added zero weights, results made again",
    "array_edge": "array positions beyond the last pixel or channel",
    "busy_other": "pooling, addition and the like",
    "stall_operand": "operands being fetched from the scratchpad",
    "stall_weight": "weights being fetched from the scratchpad",
    "stall_drain": "the previous tile leaving the accumulators",
    "wait_load": "waiting for a LOAD",
    "wait_store": "waiting for a STORE",
    "wait_execute": "waiting for an earlier EXECUTE",
    "wait_command": "no EXECUTE command: start, command fetch, tail",
}
"""Causes in the order of reports. The cycles that are left are useful: multiply-accumulates that
the network's outputs need."""
USEFUL_DOC = "multiply-accumulates that the network's outputs need"


def lost_cycles(
    counts: Mapping[str, int], macs: int, done: int, occupied: int, mac_units: int
) -> dict[str, float]:
    """Cycles lost to each cause of LOST_DOC: multiply-accumulate cycles over MAC units.

    ``counts`` are the cycles by counter (lower-case name). Of the ``occupied`` positions of the
    array ``done`` are the model's, of which the outputs need ``macs``. All causes and ``macs`` over
    the MAC units add up to the cycles.
    """
    names = {counter.name.lower() for counter in CYCLE_COUNTERS}
    lost = {name: mac_units * counts[name] for name in names & LOST_DOC.keys()}
    lost["unneeded"] = done - macs
    lost["grouped_zeros"] = occupied - done
    lost["array_edge"] = mac_units * counts[Counter.BUSY_NETWORK.name.lower()] - occupied
    return {name: lost[name] / mac_units for name in LOST_DOC}


def multiplied(command: Command, config: AccelConfig) -> int:
    """Multiply-accumulates of a command at occupied positions, if it is one of the network's."""
    f, cols = command.fields, config.cols
    if command.opcode != Opcode.EXECUTE or not f["network"]:
        return 0
    columns = (f["out_blocks"] - 1) * (cols << f["array_shape"])
    columns += (f["last_planes"] - 1) * cols + f["last_cols"]
    taps = f["kernel_rows"] * ((f["tap_groups"] - 1) * f["group_taps"] + f["last_taps"])
    channels = (f["in_blocks"] - 1) * (cols >> f["split"]) + f["last_channels"]
    return f["pixels"] * columns * taps * channels
