"""``python -m tests.benchmarks.scaling [PLOT.svg]``: five networks on four machines and memories.

Exact cycles and utilisation, with the bus at one word per cycle, as wide as it is, and at half and
a quarter of that. A plot of the utilisation is written where a file is named.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from compiler import zoo
from compiler.estimator import (
    Estimator,
    Latency,
)
from compiler.ir.randomize import randomize
from compiler.report.plots import rendered
from hw.spec.config import AccelConfig, preset
from hw.spec.external_memory import Memory
from tests.benchmarks.measure import print_command

NETWORKS = ("mobilenet_v1", "mobilenet_v2", "efficientnet_lite0", "inception_v1", "inception_v3")
MACHINES = ("ecp5", "edge256", "edge512", "edge1024")
SHARES = (1, 2, 4)
"""The bus moves a word in this many cycles."""

Runs = Mapping[tuple[str, str, int], Latency]
"""By network, preset and share of the bus."""


def main() -> int:
    """Print the table and write the plot: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("plot", nargs="?", type=Path, metavar="PLOT.svg")
    arguments = parser.parse_args()
    print_command()
    runs = measure()
    head = (
        "network",
        "machine",
        *(f"cycles, {_share(s)}" for s in SHARES),
        *(f"utilisation, {_share(s)}" for s in SHARES),
    )
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for network in NETWORKS:
        for machine in MACHINES:
            found = [runs[network, machine, share] for share in SHARES]
            cells = [
                *(f"{run.cycles:,}" for run in found),
                *(f"{100 * run.utilization:.1f} %" for run in found),
            ]
            print(f"| {network} | {machine} | {' | '.join(cells)} |")
    if arguments.plot:
        form = arguments.plot.suffix.removeprefix(".")
        arguments.plot.parent.mkdir(parents=True, exist_ok=True)
        arguments.plot.write_bytes(rendered(drawn(runs), form))
    return 0


def measure() -> Runs:
    """Every network on every machine."""
    graphs = {name: randomize(zoo.build(name)) for name in NETWORKS}
    runs = {}
    for machine in MACHINES:
        for share in SHARES:
            estimator = Estimator(_with_share(preset(machine), share))
            for name, graph in graphs.items():
                runs[name, machine, share] = estimator.latency(graph)
    return runs


def _with_share(config: AccelConfig, share: int) -> AccelConfig:
    memory = Memory(config.memory.latency, config.bus_bytes // share)
    return dataclasses.replace(config, memory=memory)


def _share(share: int) -> str:
    return "a word per cycle" if share == 1 else f"1/{share} word"


def drawn(runs: Runs) -> Figure:
    """Utilisation over multiply-accumulate units, a line for each network, by bus."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    units = [preset(machine).mac_units for machine in MACHINES]
    for axes, share in zip(figure.subplots(1, len(SHARES), sharey=True), SHARES, strict=True):
        for name in NETWORKS:
            shares = [100 * runs[name, machine, share].utilization for machine in MACHINES]
            axes.plot(units, shares, marker="o", label=name)
        axes.set_xscale("log", base=2)
        axes.set_xticks(units, [str(count) for count in units])
        axes.set_xlabel("MAC units")
        axes.set_title(_share(share), fontsize="medium")
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 100)
    figure.axes[0].set_ylabel("utilisation, %")
    figure.axes[0].legend(fontsize="small", loc="lower left")
    return figure


if __name__ == "__main__":
    sys.exit(main())
