"""Place and route by nextpnr: the clock, and where the longest path runs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hw.tools.synth.device import ECP5
from hw.tools.synth.global_nets import longest_after_trees
from hw.tools.synth.netlist import NETLIST, TOP
from hw.tools.synth.tools import NEXTPNR, run

LOG, PLACED, REPORT = "nextpnr.log", "placed.json", "nextpnr.json"
TARGET_MHZ = 60
"""Asked for. nextpnr weighs a connection by the share of the missed time that its path has, so that
a clock far out of reach makes most connections urgent, and few of them short."""
DEVICE = ("--85k", "--package", "CABGA756", "--speed", "6")
"""The slowest speed grade."""
PATIENCE = 60
"""Iterations of the router without fewer wires overused after which it is stopped."""
OUTSIDE = "registers at the ports"
ADDED = "$nextpnr_"
CELLS = {"MULT18X18D": "multipliers", "TRELLIS_COMB": "luts", "TRELLIS_FF": "flip_flops",
         "DP16KD": "block_rams"}  # fmt: skip


def route(folder: Path, modules: Sequence[str], seed: int) -> dict[str, Any]:
    """Place, with a ``seed``, and route the netlist in ``folder``; the figures of :func:`figures`.

    ``modules`` are the names of the Verilog modules. Raises ToolError when the netlist does not
    fit, when it does not route, or when a tool fails.
    """
    options = [*DEVICE, "--freq", str(TARGET_MHZ), "--timing-allow-fail"]
    options += ["--lpf-allow-unconstrained", "-q", "--seed", str(seed)]
    # With several threads placements differ from run to run. The default router rips up nearly
    # every arc that it has routed.
    options += ["--placer", "heap", "--threads", "1", "--router", "router2"]
    files = ["--json", NETLIST, "--write", PLACED, "--report", REPORT, "--detailed-timing-report"]
    run(NEXTPNR, [*options, *files, "-l", LOG], folder, LOG, diverging)
    return figures(json.loads((folder / REPORT).read_text()), modules)


def diverging(log: str) -> str | None:
    """Reason why the routing of a log will not end, as far as one can tell; the router itself goes
    on."""
    counts = [int(count) for count in re.findall(r"iter=\d+ .*?overused=(\d+)", log)]
    best = min(counts, default=0)
    if best not in counts[:-PATIENCE]:
        return None
    return (
        f"{best} wires overused at best, {counts[-1]} after {len(counts)} iterations; another "
        "--seed places the cells elsewhere"
    )


def figures(report: Mapping[str, Any], modules: Sequence[str]) -> dict[str, Any]:
    """Clock (MHz), used resources and longest paths, from nextpnr's detailed JSON report.

    ``global_path`` is the longest path that ends after the global network, with its time, the net
    and the module at its end, or None; ``critical_path`` the longest of the others, a list of
    stretches within one module, in order, each with its ``module`` and its delay in ``logic_ns``
    (clock to output, cells and setup) and ``routing_ns``. The longer one gives the clock, which is
    rounded down.
    """
    (clock,) = report["fmax"].values()
    edges = [p for p in report["critical_paths"] if p["from"] == p["to"]]
    (path,) = [p["path"] for p in edges if p["from"].startswith("posedge")]
    used = report["utilization"]
    after_tree = longest_after_trees(report["detailed_net_timings"])
    period_ns = max(1000 / clock["achieved"], after_tree.ns if after_tree else 0)
    return {
        "device": ECP5.device,
        "mhz": math.floor(10_000 / period_ns) / 10,
        "global_path": after_tree
        and {
            "ns": round(after_tree.ns, 2),
            "net": after_tree.net,
            "module": module_of(after_tree.cell, modules),
        },
        "target_mhz": clock["constraint"],
        "resources": {name: used[cell]["used"] for cell, name in CELLS.items()},
        "critical_path": stretches(path, modules),
    }


def stretches(path: Iterable[Mapping[str, Any]], modules: Sequence[str]) -> list[dict[str, Any]]:
    """A path's segments, joined as long as they end in the same module; cells that nextpnr adds on
    the way belong to the one before."""
    result: list[dict[str, Any]] = []
    for segment in path:
        cell = segment["to"]["cell"]
        module = module_of(cell, modules)
        if result and cell.startswith(ADDED):
            module = result[-1]["module"]
        if not result or result[-1]["module"] != module:
            result.append({"module": module, "logic_ns": 0.0, "routing_ns": 0.0})
        kind = "routing_ns" if segment["type"] == "routing" else "logic_ns"
        result[-1][kind] = round(result[-1][kind] + segment["delay"], 3)
    return result


def module_of(cell: str, modules: Sequence[str]) -> str:
    """The module that a cell of the flattened netlist comes from, by its name."""
    inside = [m for m in modules if cell == m or re.match(re.escape(m) + r"[._$]", cell)]
    return max(inside, key=len, default=OUTSIDE)


def modules_of(verilog: str) -> list[str]:
    """The instances that the hierarchical module names of the Verilog stand for."""
    names = re.findall(r"^module \\?(\S+?)\s*\(", verilog, re.MULTILINE)
    return [name for name in names if name == TOP or name.startswith(f"{TOP}.")]
