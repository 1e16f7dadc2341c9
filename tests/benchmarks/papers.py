"""``python -m tests.benchmarks.papers``: what the papers exchange, in MACs and in exact cycles.

Each row is a network or module and what a paper puts in its place: cycles should fall as much as
multiply-accumulates do. ``kept`` is the speed-up over the ratio of MACs. Sources:
arXiv 2104.14125 (depthwise and dilated convolutions), 2003.13549 (BSConv), 1512.00567 (factorised
convolutions).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from compiler import zoo
from compiler.ir.graph import Graph
from compiler.ir.randomize import randomize
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from compiler.zoo.builder import GraphBuilder, Pair
from hw.spec.config import preset
from tests.benchmarks.measure import print_command

HEAD = ("instead of", "this", "preset", "MACs", "", "cycles", "", "utilisation", "", "kept")


def convolutions(name: str, shape: tuple[int, int, int], *layers: tuple[int, Pair]) -> Graph:
    """Convolutions of (channels, kernel) one after another, each with relu."""
    net = GraphBuilder(name, shape)
    x = "input"
    for number, (channels, kernel) in enumerate(layers):
        x = net.conv(f"conv{number}", x, channels, kernel, activation="relu")
    return net.finish(x)


def pairs() -> list[tuple[Graph, Graph, str]]:
    """Before, after and preset."""
    named = (
        ("retinaface_mnet025_ssh", "retinaface_mnet025_ddc", "edge512"),
        ("mobilenet_v1_025", "mobilenet_v1_025_dw5x5", "edge256"),
        ("mobilenet_v1", "bsconv_u_mobilenet_v1", "edge256"),
    )
    made = (
        (
            convolutions("conv5x5", (35, 35, 64), (96, (5, 5))),
            convolutions("conv3x3_twice", (35, 35, 64), (96, (3, 3)), (96, (3, 3))),
            "edge256",
        ),
        (
            convolutions("conv7x7", (17, 17, 192), (192, (7, 7))),
            convolutions("conv1x7_7x1", (17, 17, 192), (192, (1, 7)), (192, (7, 1))),
            "edge256",
        ),
        (
            convolutions("conv3x3", (8, 8, 384), (384, (3, 3))),
            convolutions("conv1x3_3x1", (8, 8, 384), (384, (1, 3)), (384, (3, 1))),
            "edge256",
        ),
    )
    return [*((zoo.build(a), zoo.build(b), p) for a, b, p in named), *made]


def figures(graph: Graph, config: str) -> tuple[int, int, float]:
    """MACs, cycles and utilisation."""
    with tempfile.TemporaryDirectory() as folder:
        report = map_graph(
            randomize(graph), preset(config), CompilerOptions(), Path(folder), quiet=True
        )
    return report["macs"], report["cycles"], report["utilization"]


def main() -> int:
    """Print the table: 0."""
    print_command()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for before, after, config in pairs():
        (macs, cycles, share), (macs2, cycles2, share2) = (
            figures(graph, config) for graph in (before, after)
        )
        kept = (cycles / cycles2) / (macs / macs2)
        cells = (
            before.name,
            after.name,
            config,
            f"{macs / 1e6:,.1f} M",
            f"{macs2 / 1e6:,.1f} M",
            f"{cycles:,}",
            f"{cycles2:,}",
            f"{100 * share:.1f} %",
            f"{100 * share2:.1f} %",
            f"{kept:.3f}",
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
