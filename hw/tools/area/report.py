"""The report of ``python -m hw area``: as plain data, and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hw.spec.config import AccelConfig, title
from hw.tools.area import asic, estimate
from hw.tools.area.asic import ChipEstimate
from hw.tools.area.estimate import Estimate
from hw.tools.area.hard_blocks import Memory, soft_products
from hw.tools.synth.device import ASIC, ECP5, RESOURCES, Target
from sim.report import console

ENERGY_NODE = "45 nm"
"""Node of the energies, which are those of ``compiler compare``."""


def fpga_data(config: AccelConfig, target: Target, clock_mhz: float | None) -> dict[str, Any]:
    """The estimate for an FPGA, fit for JSON."""
    found = estimate.estimate(config, target.name)
    return {
        **_head(config, target.name, found),
        "device": target.device,
        "resources": found.resources,
        "limits": dict(target.limits),
        "units": found.units,
        **({"lut_products": soft_products(config)} if target is ECP5 else {}),
        "clock_mhz": clock_mhz,
        "clock": None if clock_mhz is None else "placed and routed, not estimated",
    }


def asic_data(config: AccelConfig, energies: Mapping[str, float], source: str) -> dict[str, Any]:
    """The estimate for a chip of one's own, fit for JSON; ``energies`` are picojoules of a
    multiply-accumulate and of a byte of each memory, from ``source``."""
    found = asic.chip_estimate(config)
    return {
        **_head(config, ASIC, found),
        "gates": found.gates,
        "units": found.units,
        "sram_macros": [_memory(memory) for memory in found.macros],
        "stores": [_memory(memory) for memory in found.stores],
        "multipliers": found.multipliers,
        "node_nm": asic.NODE_NM,
        "mm2_estimate": {**found.mm2, "total": sum(found.mm2.values())},
        "energy_pj_estimate": dict(energies),
        "energy_source": source,
        "clock_mhz": None,
        "clock": None,
    }


def _head(config: AccelConfig, target: str, found: Estimate | ChipEstimate) -> dict[str, Any]:
    median, worst = found.error
    return {
        "preset": title(config),
        "target": target,
        "mac_units": config.mac_units,
        "median_error_percent": median,
        "worst_error_percent": worst,
        "held_out_configurations": estimate.fitted()[target]["held_out"],
        "fitted_mac_units": found.fitted_macs,
        "extrapolated": config.mac_units > found.fitted_macs,
    }


def _memory(memory: Memory) -> dict[str, Any]:
    return memory._asdict()


def print_fpga(data: Mapping[str, Any], target: Target) -> None:
    """The estimate for an FPGA as tables."""
    out = console()
    table = _table(f"{data['preset']} on {data['device']}, estimated", "resource", "estimate")
    if data["limits"]:
        table.add_column("device", justify="right")
    for name in RESOURCES:
        cells = [f"{data['resources'][name]:,}"]
        cells += [f"{data['limits'][name]:,}"] if data["limits"] else []
        table.add_row(f"{name.replace('_', ' ')} ({target.units[name]})", *cells)
    out.print(table)
    table = _table("By unit", "unit", target.units["luts"], "flip-flops")
    for unit, found in data["units"].items():
        table.add_row(unit, f"{found['luts']:,}", f"{found['flip_flops']:,}")
    out.print(table)
    if data.get("lut_products"):
        out.print(f"{data['lut_products']} products of the array are made of LUTs.")
    over = [name for name, limit in data["limits"].items() if data["resources"][name] > limit]
    if over:
        out.print(f"More than an {data['device']} has: {', '.join(over).replace('_', ' ')}.")
    if data["clock_mhz"] is not None:
        out.print(f"Clock: {data['clock_mhz']:g} MHz, placed and routed (docs/fpga.md).")
    else:
        out.print("Clock: unknown; `hw synth --pnr` finds it.")
    _print_error(out, data, "LUTs")
    out.print("Multipliers and block RAM are exact.")


def print_asic(data: Mapping[str, Any]) -> None:
    """The estimate for a chip of one's own as tables."""
    out = console()
    table = _table(f"{data['preset']}, gates by unit", "unit", "gate equivalents")
    for unit, gates in data["units"].items():
        table.add_row(unit, f"{gates:,}")
    table.add_row("together", f"{data['gates']:,}")
    out.print(table)
    _print_memories(out, "SRAM macros", data["sram_macros"])
    _print_memories(out, "Stores of latches", data["stores"])
    counts = [f"{count:,} of {size} bits" for size, count in data["multipliers"].items()]
    out.print(f"Multipliers, among the gates: {', '.join(counts)}.")
    table = _table(f"Area at {data['node_nm']} nm, estimated", "part", "mm2")
    for part, area in data["mm2_estimate"].items():
        table.add_row(part, f"{area:.3f}")
    out.print(table)
    table = _table(f"Energy at {ENERGY_NODE}, estimated", "access", "pJ")
    for part, energy in data["energy_pj_estimate"].items():
        each = "" if part == "multiply_accumulate" else ", a byte"
        table.add_row(part.replace("_", " ") + each, f"{energy:.3f}")
    out.print(table)
    out.print(f"Energies: {data['energy_source']}. Sources of the areas: docs/area.md.")
    _print_error(out, data, "gates")


def _print_memories(out: Console, heading: str, found: Sequence[Mapping[str, Any]]) -> None:
    table = _table(heading, "use", "number", "words", "bits", "ports")
    for memory in found:
        sizes = (f"{memory[name]:,}" for name in ("number", "words", "bits"))
        table.add_row(memory["use"], *sizes, memory["ports"])
    out.print(table)


def _print_error(out: Console, data: Mapping[str, Any], resource: str) -> None:
    out.print(
        f"Error of the {resource} of configurations that nothing was fitted to "
        f"({data['held_out_configurations']}): median {data['median_error_percent']} %, at most "
        f"{data['worst_error_percent']} %."
    )
    if data["extrapolated"]:
        out.print(
            f"Extrapolated: {data['mac_units']:,} MAC units; the formulas are fitted to at most "
            f"{data['fitted_mac_units']:,}."
        )


def _table(heading: str, first: str, *rest: str) -> Table:
    table = Table(title=heading, box=SIMPLE)
    table.add_column(first)
    for name in rest:
        table.add_column(name, justify="right")
    return table
