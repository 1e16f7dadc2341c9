"""What the benchmarks share: one core, networks by name, repeats in turn, and a yardstick.

A machine's speed changes from minute to minute, and from machine to machine even more; so every
program measures, in turn with what it is about, a NumPy matrix product of as many
multiply-accumulates as the network has, and gives seconds as multiples of it, too.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from compiler import zoo
from compiler.assets import lite0_path
from compiler.ir.graph import Graph
from compiler.ir.randomize import randomize
from compiler.load import load_model
from hw.spec.config import PRESETS

LITE0 = "lite0"
SIDE = 512
"""Rows and columns of the matrices of the yardstick."""


def arguments_parser(description: str, network: str, preset: str) -> argparse.ArgumentParser:
    """A parser with what all programs accept: network, preset and number of repeats."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "network",
        nargs="?",
        default=network,
        metavar="NETWORK",
        help=f"{LITE0} (the real EfficientNet-Lite0), {', '.join(zoo.names())}, or a model file "
        f"(default: {network})",
    )
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), default=preset, help=f"default: {preset}"
    )
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="default: 5")
    return parser


def use_one_core() -> None:
    """Keep this process and its children on the core where it runs.

    A library's threads then share the core; where the system knows no affinity, nothing happens.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def network_graph(name: str) -> Graph:
    """The network of a name that the programs accept."""
    if name == LITE0:
        return load_model(lite0_path())
    return randomize(zoo.build(name)) if name in zoo.names() else load_model(Path(name))


def matrix_product(macs: int) -> None:
    """The yardstick: float32 products of ``macs`` multiply-accumulates, to the nearest whole."""
    a = np.ones((SIDE, SIDE), np.float32)
    for _ in range(max(1, round(macs / SIDE**3))):
        a @ a


def seconds(work: Callable[[], object]) -> float:
    """Seconds of processor time that ``work`` takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turn(works: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of every repeat of every work; a repeat does all of them, one after another."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            taken[name].append(seconds(work))
    return taken


def print_command() -> None:
    """The command line that repeats the measurement."""
    module = sys.modules["__main__"].__spec__
    name = module.name if module is not None else sys.argv[0]
    print(f"$ python -m {shlex.join([name, *sys.argv[1:]])}")


def print_table(taken: dict[str, list[float]], yardstick: str) -> None:
    """Least and median seconds of each work, and the least as multiple of the yardstick's."""
    unit = min(taken[yardstick])
    print(f"{'':32} {'min s':>10} {'median s':>10} {'min / product':>14}")
    for name, values in taken.items():
        least = min(values)
        print(f"{name:32} {least:10.4f} {statistics.median(values):10.4f} {least / unit:14.3f}")
