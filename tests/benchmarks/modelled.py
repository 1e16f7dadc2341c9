"""``python -m tests.benchmarks.modelled``: the search's model of cycles beside the simulator.

One row for each network: modelled and simulated cycles, and the layer in which they differ most, in
percent of the network's cycles. A layer's cycles are those from the end of what runs before it.
Networks that the compiler refuses, or whose layers are all the host's, are named after the table.
"""

from __future__ import annotations

import argparse

import numpy as np

from compiler import zoo
from compiler.errors import CompilerError, InputError
from compiler.estimator import Estimator
from compiler.load import load_network
from compiler.schedule import placement_kernels
from compiler.schedule.schedule import Schedule
from hw.spec.config import PRESETS
from tests.benchmarks.measure import print_command

Cells = tuple[str, ...]
HEAD = ("network", "modelled", "simulated", "difference", "worst layer", "its difference")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument(
        "network", nargs="*", metavar="NETWORK", help="or a model file; default: all built-in ones"
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="edge256")
    parser.add_argument(
        "--over",
        type=float,
        default=0,
        metavar="PERCENT",
        help="only rows whose worst layer differs by more",
    )
    arguments = parser.parse_args()
    print_command()
    print(f"| {' | '.join(HEAD)} |\n|---|---:|---:|---:|---|---:|")
    estimator, left = Estimator(arguments.preset), []
    names = arguments.network or zoo.names()
    for name in names:
        try:
            worst, cells = row(name, estimator)
        except CompilerError as fault:
            left.append(f"{name}: {fault}")
            continue
        if 100 * worst >= arguments.over:
            print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{len(names) - len(left)} networks of {len(names)}.", *left, sep="\n")


def row(name: str, estimator: Estimator) -> tuple[float, Cells]:
    """The largest difference of a layer as a share of the network's cycles, and the cells. Raises
    CompilerError for a network that has no schedule."""
    graph = load_network(name)
    compiled, timing = estimator.timed(graph)
    plans = [segment.plan for segment in compiled.segments]
    modelled, simulated = sum(p.modelled_cycles for p in plans), timing.cycles
    if not simulated:
        raise InputError("no layer is the array's")
    found = differences(plans, [layer.cycles for layer in timing.layers])
    worst = max(range(len(found)), key=lambda i: abs(found[i]))
    share = found[worst] / simulated
    return abs(share), (
        graph.name,
        f"{modelled:,}",
        f"{simulated:,}",
        f"{modelled / simulated - 1:+.2%}",
        timing.layers[worst].name,
        f"{share:+.2%}",
    )


def differences(plans: list[Schedule], simulated: list[int]) -> list[int]:
    """Modelled less simulated cycles of each layer of some segments."""
    modelled = [cycles for plan in plans for cycles in layer_cycles(plan)]
    return [m - s for m, s in zip(modelled, simulated, strict=True)]


def layer_cycles(plan: Schedule) -> list[int]:
    """Modelled cycles of each layer: those to the end of each of its tile operations from the end
    of the one before."""
    found = np.zeros(len(plan.plans), np.int64)
    for part in plan.placement.parts:
        ends = part.stretch.tile_ops[:, placement_kernels.END]
        layers = np.concatenate([layers.start + group.layer_of for layers, group in part.groups])
        np.add.at(found, layers, np.diff(ends, prepend=0))
    cycles: list[int] = found.tolist()
    return cycles


if __name__ == "__main__":
    main()
