"""``python -m tests.benchmarks.search``: exact latencies per second in a search, on one core.

Every network is the one before, MobileNetV2 at first, with another kernel, expansion or width of
one block.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import sys
import tempfile
from pathlib import Path

from compiler import driver
from compiler.codegen.program import write_program
from compiler.estimator import Estimator
from compiler.ir.randomize import randomize
from compiler.uncollected import settled
from hw.spec.config import PRESETS, AccelConfig, preset
from sim.program_reader import (
    Program,
    read_program,
)
from sim.simulation import run_timing
from tests.benchmarks.measure import matrix_product, print_command, seconds, use_one_core
from tests.support.mutated_networks import (
    MOBILENET_V2,
    Block,
    mutated,
    network,
)

SHOWN = 25
"""Functions of a profile."""


def main() -> int:
    """Print the figures: 0, or 1 if the last latency was not the one of ``map``."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("--preset", choices=tuple(PRESETS), default="edge256")
    parser.add_argument("--networks", type=int, default=40, metavar="N", help="default: 40")
    parser.add_argument("--seed", type=int, default=0, help="seed of the mutations")
    parser.add_argument("--profile", action="store_true", help="also where the time goes")
    arguments = parser.parse_args()
    use_one_core()
    print_command()
    config, draw = preset(arguments.preset), random.Random(arguments.seed)
    walk = [MOBILENET_V2]
    while len(walk) <= arguments.networks:
        after = mutated(walk[-1], draw)
        if after != walk[-1]:
            walk.append(after)
    estimator, profile = Estimator(config), cProfile.Profile()
    estimator.cycles(network(MOBILENET_V2))
    if arguments.profile:
        profile.enable()
    taken = [timed(estimator, blocks) for blocks in walk[1:]]
    profile.disable()
    print(
        f"{len(taken) / sum(taken):.1f} networks/s; {statistics.median(taken):.3f} s in the "
        f"median, {timed(estimator, walk[-1]):.3f} s for the last one again"
    )
    program = mapped(walk[-1], config)
    print(
        f"{seconds(lambda: run_timing(program)):.3f} s to time it whole, "
        f"{seconds(lambda: matrix_product(program.macs)):.3f} s for a NumPy product of as many "
        "multiply-accumulates"
    )
    if arguments.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(SHOWN)
    found, wanted = estimator.cycles(network(walk[-1])), run_timing(program).cycles
    print(f"{found:,} cycles, {wanted:,} by map and simulation")
    return int(found != wanted)


def timed(estimator: Estimator, blocks: tuple[Block, ...]) -> float:
    """Seconds for one network, the making of its graph included, as a worker of ``explore`` does
    it."""

    def work() -> None:
        with settled():
            estimator.cycles(network(blocks))

    return seconds(work)


def mapped(blocks: tuple[Block, ...], config: AccelConfig) -> Program:
    """The network as ``map`` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        write_program(driver.compile(randomize(network(blocks)), config), Path(folder))
        return read_program(folder)


if __name__ == "__main__":
    sys.exit(main())
