"""``python -m hw synth``: one configuration through the tools, and the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hw.spec.config import AccelConfig
from hw.tools.synth import (
    netlist,
    tools,
)
from hw.tools.synth.device import (
    ECP5,
    RESOURCES,
    Target,
)
from hw.tools.synth.global_nets import TREE_NS
from hw.tools.synth.route import (
    modules_of,
    route,
)
from hw.tools.verilator import ToolError

SUMMARY = "synth.json"
LINE_WIDTH = 100


def check_tools(pnr: bool) -> None:
    """Raise ToolError if a tool that a run needs is missing."""
    for tool in (tools.YOSYS, *((tools.NEXTPNR,) if pnr else ())):
        tools.find(tool)


def synthesise(
    config: AccelConfig,
    target: Target,
    verilog: str,
    ports: Sequence[dict[str, Any]],
    folder: Path,
    *,
    seed: int | None,
) -> dict[str, Any]:
    """Synthesise, and with a ``seed`` place and route, in ``folder``; what is reported, fit for
    JSON.

    Writes it to SUMMARY, without place and route if those fail. Raises ToolError when a tool is
    missing or fails, or when the netlist does not fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SUMMARY).unlink(missing_ok=True)
    used = netlist.synthesise(config, target, verilog, ports, folder)
    report: dict[str, Any] = {
        "preset": config.name,
        "target": target.name,
        "device": target.device,
        "resources": used,
        "limits": dict(target.limits),
    }
    if target is ECP5:
        report["lut_products"] = config.cols * netlist.lut_lanes(config, target)
    _write(report, folder)
    if seed is not None:
        check_fit(target, used)
        report["pnr"] = {"seed": seed, **route(folder, modules_of(verilog), seed)}
        _write(report, folder)
    return report


def _write(report: dict[str, Any], folder: Path) -> None:
    (folder / SUMMARY).write_text(json.dumps(report, indent=2) + "\n")


def check_fit(target: Target, used: dict[str, int]) -> None:
    """Raise ToolError if a netlist needs more than the device has."""
    over = [
        f"{used[name]:,} {target.units[name]} of {limit:,}"
        for name, limit in target.limits.items()
        if used[name] > limit
    ]
    if over:
        raise ToolError(f"the netlist does not fit an {target.device}: {', '.join(over)}")


def print_report(report: dict[str, Any], target: Target) -> None:
    """The report as tables."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=LINE_WIDTH)
    console.print(_resource_table(report, target))
    if report.get("lut_products"):
        console.print(f"{report['lut_products']} products of the array are made of LUTs.")
    if "pnr" not in report:
        return
    pnr = report["pnr"]
    console.print(f"clock: {pnr['mhz']:.1f} MHz (asked for: {pnr['target_mhz']:g} MHz)")
    if found := pnr["global_path"]:
        console.print(
            f"longest path through the global network: {found['ns']:.2f} ns, of which {TREE_NS:g} "
            f"are an allowance for its trees, by {found['net']} to {found['module']}",
            highlight=False,
        )
    table = Table(title="Longest of the other paths", box=SIMPLE)
    table.add_column("module")
    for title in ("logic ns", "routing ns"):
        table.add_column(title, justify="right")
    for part in pnr["critical_path"]:
        table.add_row(part["module"], f"{part['logic_ns']:.2f}", f"{part['routing_ns']:.2f}")
    console.print(table)


def _resource_table(report: dict[str, Any], target: Target) -> Table:
    table = Table(title=f"{report['preset']} on {target.device}", box=SIMPLE)
    columns = ["synthesis"] + ["place and route"] * ("pnr" in report)
    table.add_column("resource")
    for title in [*columns, *["device"] * bool(target.limits)]:
        table.add_column(title, justify="right")
    sources = [report["resources"], *([report["pnr"]["resources"]] if "pnr" in report else [])]
    sources += [target.limits] if target.limits else []
    for name in RESOURCES:
        label = f"{name.replace('_', ' ')} ({target.units[name]})"
        table.add_row(label, *(f"{source[name]:,}" for source in sources))
    return table
