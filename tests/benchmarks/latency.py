"""``python -m tests.benchmarks.latency``: PyTorch beside the accelerator, network by network.

Each network's report of ``golden latency`` goes to a file of its own in ``docs/results/latency``;
``--table`` prints what is there as the table of docs/latency.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from compiler.errors import CompilerError
from golden.bench.benchmark import benchmark
from golden.bench.command import (
    options_of,
    stamped,
)
from golden.command_line import add_latency_options
from tests.benchmarks.measure import network_graph

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "results" / "latency"
NETWORKS = (
    "mobilenet_v1",
    "mobilenet_v2",
    "efficientnet_lite0",
    "inception_v1",
    "inception_v3",
    "bsconv_u_mobilenet_v1",
)
"""The networks of the table, in its order."""


def main() -> int:
    """Measure a network, or print the table."""
    words = sys.argv[1:]
    if words == ["--table"]:
        print("\n".join(table(reports(FOLDER))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    add_latency_options(parser)
    arguments = parser.parse_args(words)
    try:
        options = options_of(arguments)
        report = benchmark(network_graph(str(arguments.model)), options)
    except CompilerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    report = stamped(report, ["tests.benchmarks.latency", *words])
    FOLDER.mkdir(parents=True, exist_ok=True)
    cold = "-cold" if report["caches"] == "cold" else ""
    name = f"{report['network']}-{report['device']['type']}-{report['batch']}{cold}.json"
    (FOLDER / name).write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")
    return 0


def reports(folder: Path) -> list[dict[str, Any]]:
    """What is in a folder: the table's networks in its order, then others."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    order = {name: place for place, name in enumerate(NETWORKS)}
    return sorted(found, key=lambda report: order.get(report["network"], len(order)))


def table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A row for each report: its fastest run, and the accelerator at its clocks."""
    clocks = [row["clock_mhz"] for row in found[0]["accelerator"]]
    head = ["network", "device", "run", "ms", "Gop/s", "efficiency", "accelerator, efficiency"]
    head += [f"at {mhz:g} MHz, ms" for mhz in clocks]
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for report in found:
        best = min(report["runs"], key=lambda run: run["milliseconds"])
        device = report["device"]
        machines = report["accelerator"]
        ran = f"{best['precision']} {best['mode']}"
        if report.get("caches") == "cold":
            ran += ", cold"
        cells = [
            report["network"],
            "CPU" if device["type"] == "cpu" else device["name"],
            ran,
            f"{best['milliseconds']:.1f}",
            f"{best['operations_per_second'] / 1e9:,.1f}",
            "-" if best["efficiency"] is None else f"{best['efficiency']:.1%}",
            f"{machines[0]['efficiency']:.1%}",
            *(f"{row['milliseconds']:.2f}" for row in machines),
        ]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
