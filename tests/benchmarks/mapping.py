"""``python -m tests.benchmarks.mapping``: seconds and memory that mapping takes, slowest first.

Every network is mapped in a process of its own, after a small one that loads what is compiled. With
``--base`` another checkout maps it too, in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from compiler import zoo
from hw.spec.config import PRESETS
from tests.benchmarks import map_one
from tests.benchmarks.measure import print_command

HERE = Path(__file__).resolve().parents[2]
MEGA = 1 << 20
SMALL_MACHINES = {"plain_200": "tiny"}
"""Networks that are mapped onto another machine than the one asked for."""


@dataclass(frozen=True)
class Mapping:
    """What mapping a network took: seconds of processor time, bytes of memory at most; and bytes of
    its weights and parameters."""

    seconds: float
    peak: int
    weights: int


def main() -> int:
    """Print the table: 0, or 2 for a checkout that has no compiler."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    names = (*zoo.names(), *map_one.LARGE)
    parser.add_argument(
        "network", nargs="*", metavar="NETWORK", help=f"default: all of {', '.join(names)}"
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="edge256")
    parser.add_argument("--base", type=Path, metavar="PATH", help="a checkout to compare with")
    parser.add_argument("--slowest", type=int, default=10, metavar="N", help="default: 10")
    arguments = parser.parse_args()
    for name in arguments.network:
        if name not in names:
            parser.error(f"network {name}: {', '.join(names)} are accepted")
    base = arguments.base
    if base is not None and not (base / "compiler" / "driver.py").is_file():
        parser.error(f"--base {base}: a checkout with compiler/driver.py is needed")
    print_command()
    found = {
        name: [
            measured(name, SMALL_MACHINES.get(name, arguments.preset), checkout)
            for checkout in (HERE, *([base.resolve()] if base else []))
        ]
        for name in arguments.network or names
    }
    print_slowest(found, arguments.slowest)
    return 0


def measured(name: str, machine: str, checkout: Path) -> Mapping:
    """Map the network with the compiler of a checkout."""
    printed = subprocess.run(
        [sys.executable, "-P", str(Path(map_one.__file__).resolve()), name, machine],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return Mapping(**json.loads(printed.splitlines()[-1]))


def print_slowest(found: dict[str, list[Mapping]], count: int) -> None:
    """The networks that took longest, and the sum of all."""
    compared = any(len(mappings) > 1 for mappings in found.values())
    head = ["network", "s", "peak MiB", "weights MiB", *(["base s", "base MiB"] * compared)]
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")
    slowest = sorted(found, key=lambda name: -found[name][0].seconds)[:count]
    for name in slowest:
        now, *before = found[name]
        cells = [name, f"{now.seconds:.2f}", f"{now.peak / MEGA:.0f}", f"{now.weights / MEGA:.1f}"]
        cells += [c for m in before for c in (f"{m.seconds:.2f}", f"{m.peak / MEGA:.0f}")]
        print(f"| {' | '.join(cells)} |")
    sums = [sum(m.seconds for m in column) for column in zip(*found.values(), strict=True)]
    print(f"\n{len(found)} networks: {', '.join(f'{s:.1f} s' for s in sums)}")


if __name__ == "__main__":
    sys.exit(main())
