"""``python -m tests.benchmarks.networks``: whole networks on the RTL, beside the simulator.

For each network ``map``, ``sim run`` and ``hw cosim`` (which compares every stored tensor with
golden's). Every key of the two JSON objects must be equal, cycles, counters and layers included.
The answer is a table in Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from hw.command_line import main as hw_main
from hw.spec.config import PRESETS, AccelConfig, preset
from sim.command_line import main as sim_main
from tests.benchmarks.measure import network_graph, print_command

HEAD = (
    "network",
    "MACs",
    "cycles",
    "utilisation",
    "DRAM read, MB",
    "DRAM written, MB",
    "RTL s",
    "simulator s",
    "difference",
)


def main() -> int:
    """Print the table: 0, or 1 if a run failed or differed."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument(
        "networks", nargs="+", metavar="NETWORK", help="lite0, a built-in network, or a model file"
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="edge256")
    parser.add_argument("--no-rtl", action="store_true", help="the simulator only")
    arguments = parser.parse_args()
    print_command()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    rows = [
        measure(name, preset(arguments.preset), not arguments.no_rtl) for name in arguments.networks
    ]
    return 0 if all(rows) else 1


def measure(name: str, config: AccelConfig, rtl: bool) -> bool:
    """Print the network's row; whether simulator and RTL agree."""
    with tempfile.TemporaryDirectory() as folder:
        map_graph(network_graph(name), config, CompilerOptions(), Path(folder), quiet=True)
        simulated, seconds = run(sim_main, ["run", folder, "--json"])
        found, speed, same = dict(simulated), 0.0, True
        if rtl:
            found, _ = run(hw_main, ["cosim", folder, "--json"])
            speed = found.pop("cycles_per_second")
            same = found == simulated
    cells = (
        name,
        f"{found['macs'] / 1e6:,.1f} M",
        f"{found['cycles']:,}",
        f"{100 * found['utilization']:.1f} %",
        f"{found['dram_read_bytes'] / 1e6:.2f}",
        f"{found['dram_write_bytes'] / 1e6:.2f}",
        f"{found['cycles'] / speed:.0f}" if speed else "-",
        f"{seconds:.1f}",
        ("0" if same else "NOT EQUAL") if rtl else "-",
    )
    print(f"| {' | '.join(cells)} |", flush=True)
    return same


def run(command: Callable[[Sequence[str]], int], arguments: list[str]) -> tuple[dict, float]:
    """The JSON object that a command prints, and its seconds. Raises RuntimeError if it fails."""
    output, start = io.StringIO(), time.perf_counter()
    with contextlib.redirect_stdout(output):
        status = command(arguments)
    if status:
        raise RuntimeError(f"{' '.join(arguments)}: status {status}")
    return json.loads(output.getvalue()), time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
