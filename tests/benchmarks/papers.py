"""``python -m tests.benchmarks.papers``: what the papers exchange, in MACs and in exact cycles.

Each row is one network or layer and a rule of ``compiler rewrite`` on it, without weights: cycles
should fall as much as multiply-accumulates do. ``kept`` is the speed-up over the ratio of MACs.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from compiler import zoo
from compiler.estimator import Estimator
from compiler.ir.graph import Graph
from compiler.rewrite.figures import Figures
from compiler.rewrite.files import Source
from compiler.rewrite.rewrite import rewrite
from compiler.rewrite.rules import wanted
from compiler.zoo.builder import GraphBuilder, Pair
from hw.spec.config import preset
from tests.benchmarks.measure import print_command

HEAD = ("network", "rule", "preset", "MACs", "", "cycles", "", "utilisation", "", "kept")


@dataclass(frozen=True)
class Exchange:
    """A network or layer by name, the rule on it, and the machine."""

    network: str
    rule: str
    preset: str = "edge256"


LAYERS: dict[str, tuple[tuple[int, int, int], int, Pair]] = {
    "conv5x5": ((35, 35, 64), 96, (5, 5)),
    "conv7x7": ((17, 17, 192), 192, (7, 7)),
    "conv3x3": ((8, 8, 384), 384, (3, 3)),
}
"""Single convolutions: input, channels and kernel; sizes are those of Inception v3."""

EXCHANGES = (
    Exchange("retinaface_mnet025_ssh", "ddc", "edge512"),
    Exchange("mobilenet_v1_025", "depthwise_kernel=5"),
    Exchange("mobilenet_v1", "bsconv_u@block*"),
    Exchange("resnet20", "bsconv_u"),
    Exchange("resnet20", "bsconv_s=0.25"),
    Exchange("resnet18", "depthwise_svd=1@stage*"),
    Exchange("squeezenet_1_1", "depthwise_svd=1@*/expand3x3"),
    Exchange("inception_v1", "factorise=3x3@*/5x5"),
    Exchange("conv5x5", "factorise=3x3"),
    Exchange("conv7x7", "factorise=1xn"),
    Exchange("conv3x3", "factorise=1xn"),
    Exchange("mbconv_small", "convfirst"),
    Exchange("convnext_tiny", "convfirst"),
)


def network(name: str) -> Graph:
    """The built-in network, or the single layer, of a name."""
    if name not in LAYERS:
        return zoo.build(name)
    shape, channels, kernel = LAYERS[name]
    net = GraphBuilder(name, shape)
    return net.finish(net.conv("conv", "input", channels, kernel, activation="relu"))


def figures(exchange: Exchange) -> tuple[Figures, Figures]:
    """The figures before and after."""
    source = Source(exchange.network, None, {})
    estimator = Estimator(preset(exchange.preset))
    found = rewrite(network(exchange.network), source, [wanted(exchange.rule)], estimator)
    return found.before, found.after


def row(exchange: Exchange) -> str:
    """The line of the table."""
    old, new = figures(exchange)
    kept = (old.cycles / new.cycles) / (old.macs / new.macs)
    cells = (
        f"`{exchange.network}`",
        f"`{exchange.rule}`",
        exchange.preset,
        *(f"{each.macs / 1e6:,.1f} M" for each in (old, new)),
        *(f"{each.cycles:,}" for each in (old, new)),
        *(f"{each.utilization:.1%}".replace("%", " %") for each in (old, new)),
        f"{kept:.3f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the table: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    names = sorted({each.network for each in EXCHANGES})
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(names)}")
    chosen = parser.parse_args().networks
    for name in chosen:
        if name not in names:
            parser.error(f"network {name!r}; {', '.join(names)} are accepted")
    print_command()
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for exchange in EXCHANGES:
        if not chosen or exchange.network in chosen:
            print(row(exchange), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
