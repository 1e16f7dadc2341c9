"""A mapping at one glance: the costliest layers, why, and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.clocks import Clock
from compiler.report.records import ENERGY
from compiler.report.units import MICROJOULES, MILLISECONDS, digits, in_unit
from sim.lost import LOST_DOC

COSTLIEST = 3
"""Layers that are named."""
BUSY = 0.9
"""Utilisation from which on a layer is as fast as the array allows."""
HELP = {
    "unneeded": "drop the channels that nobody reads",
    "grouped_zeros": "fewer groups, or as many channels in a group as the array has columns",
    "array_edge": "channels and pixels in multiples of the array's {columns} and {pixels}",
    "busy_other": "fewer or larger pooling windows and additions: they multiply nothing",
    "stall_operand": "more channels or taps for each pixel, or a greater line_words",
    "stall_weight": "more pixels for each weight: a larger map, or fewer channels",
    "stall_drain": "more multiply-accumulates for each output, or a greater requant_lanes",
    "wait_load": "fewer bytes of input and weights, a larger scratchpad, or a faster memory",
    "wait_store": "fewer outputs, a larger scratchpad, or a faster memory",
    "wait_execute": "a larger scratchpad",
    "wait_command": "fewer and larger layers",
}
"""Remedies against each cause of ``LOST_DOC``."""


def costliest(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layers with the most cycles, those first."""
    return sorted(records, key=lambda record: -record["cycles"])[:COSTLIEST]


def main_loss(record: dict[str, Any]) -> tuple[str, float]:
    """The cause that a layer loses most cycles to, and their share of its cycles."""
    cause, cycles = max(record["lost"].items(), key=lambda item: item[1])
    return cause, cycles / record["cycles"] if record["cycles"] else 0.0


def hint(record: dict[str, Any]) -> str:
    """The reason for what a layer costs, and what would help."""
    if record["utilization"] >= BUSY:
        return "as fast as the array allows: fewer multiply-accumulates or more MAC units help"
    cause, share = main_loss(record)
    pixels, columns = record["array"]
    return (
        f"{share:.0%} lost to {cause} ({LOST_DOC[cause]}); would help: "
        f"{HELP[cause].format(pixels=pixels, columns=columns)}"
    )


def glance(data: dict[str, Any], clock: Clock) -> str:
    """One line: cycles, time, pictures per second, utilisation and energy of ``as_data``."""
    return (
        f"{data['network']} on {data['preset']}: {data['cycles']:,} cycles, "
        f"{in_unit(data['milliseconds'], MILLISECONDS)}, {digits(data['per_second'])} pictures/s "
        f"at {clock.mhz:g} MHz ({clock.source}), utilisation {data['utilization']:.2%}, "
        f"energy {in_unit(data[ENERGY]['total'], MICROJOULES)} (estimate)"
    )


def cost_lines(data: dict[str, Any], runs: int) -> list[str]:
    """The costs of --host and --memory in words; ``runs`` are those of the machine."""
    lines = []
    if "cycles_without_host" in data:
        before, after = data["cycles_without_host"], data["cycles"]
        found = f"--host: {after:,} cycles of the machine in {runs} runs; without it nothing maps"
        if before is not None:
            found = (
                f"--host: {after:,} cycles of the machine instead of {before:,} "
                f"({after - before:+,}), {runs} runs instead of {data['runs_without_host']}"
            )
        lines.append(
            f"{found}; the host's {data['host_macs']:,} multiply-accumulates are in no cycle."
        )
    if "memory_limit" in data:
        lines.append(
            f"--memory: {data['memory_bytes']:,} bytes of {data['memory_limit']:,} are used; the "
            "limit changes no cycle."
        )
    return lines
