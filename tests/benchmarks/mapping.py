"""``python -m tests.benchmarks.mapping``: seconds and memory that mapping takes, slowest first.

Every network is mapped in a process of its own, after a small one that loads what is compiled. With
``--base`` another checkout maps it too, in turn. Seconds are those of mapping; loading a model file
and calibrating it have a column of their own.
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
    """Seconds of processor time that mapping a network took, and loading it before; bytes of memory
    at most, and of its weights and parameters."""

    seconds: float
    loading: float
    peak: int
    weights: int

    @property
    def beyond(self) -> int:
        """Bytes of memory besides three times the weights."""
        return self.peak - 3 * self.weights


def main() -> int:
    """Print the table: 0, or 2 for a checkout that has no compiler."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    names = (*zoo.names(), *map_one.LARGE)
    parser.add_argument(
        "network",
        nargs="*",
        metavar="NETWORK",
        help=f"or a model file; default: all of {', '.join(names)}",
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="edge256")
    parser.add_argument("--base", type=Path, metavar="PATH", help="a checkout to compare with")
    parser.add_argument("--limit", type=float, metavar="S", help="seconds for each, by the clock")
    parser.add_argument("--slowest", type=int, default=10, metavar="N", help="default: 10")
    arguments = parser.parse_args()
    for name in arguments.network:
        if name not in names and not Path(name).is_file():
            parser.error(f"network {name}: a file or one of {', '.join(names)} is accepted")
    base = arguments.base
    if base is not None and not (base / "compiler" / "driver.py").is_file():
        parser.error(f"--base {base}: a checkout with compiler/driver.py is needed")
    print_command()
    found = {
        name: [
            measured(name, SMALL_MACHINES.get(name, arguments.preset), checkout, arguments.limit)
            for checkout in (HERE, *([base.resolve()] if base else []))
        ]
        for name in arguments.network or names
    }
    print_slowest(found, arguments.slowest)
    return 0


def measured(name: str, machine: str, checkout: Path, limit: float | None) -> Mapping | None:
    """Map the network with the compiler of a checkout; None where that takes more than ``limit``
    seconds by the clock, or fails."""
    network = str(Path(name).resolve()) if Path(name).is_file() else name
    command = [sys.executable, "-P", str(Path(map_one.__file__).resolve()), network, machine]
    try:
        printed = subprocess.run(
            command,
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=limit,
        ).stdout
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as fault:
        print(f"{name}, {checkout.name}: {fault}", file=sys.stderr)
        return None
    return Mapping(**json.loads(printed.splitlines()[-1]))


def print_slowest(found: dict[str, list[Mapping | None]], count: int) -> None:
    """Print the networks that took longest, the most memory beyond three times the weights, and the
    sums over networks that every checkout mapped."""
    compared = any(len(mappings) > 1 for mappings in found.values())
    head = ["network", "s", "loading s", "peak MiB", "weights MiB"]
    head += ["base s", "base MiB"] * compared
    print(f"| {' | '.join(head)} |\n|---|{'---:|' * (len(head) - 1)}")
    done = {name: now for name, (now, *_) in found.items() if now}
    for name in sorted(done, key=lambda name: -done[name].seconds)[:count]:
        now = done[name]
        cells = [Path(name).name, f"{now.seconds:.2f}", f"{now.loading:.2f}"]
        cells += [f"{now.peak / MEGA:.0f}", f"{now.weights / MEGA:.1f}"]
        for m in found[name][1:]:
            cells += [f"{m.seconds:.2f}", f"{m.peak / MEGA:.0f}"] if m else ["-", "-"]
        print(f"| {' | '.join(cells)} |")
    most = max(done, key=lambda name: done[name].beyond)
    print(f"\nbeyond three times the weights: {done[most].beyond / MEGA:.0f} MiB at most ({most})")
    both = [mappings for mappings in found.values() if all(mappings)]
    sums = [sum(m.seconds for m in column if m) for column in zip(*both, strict=True)]
    print(f"{len(both)} of {len(found)} networks: {', '.join(f'{s:.1f} s' for s in sums)}")


if __name__ == "__main__":
    sys.exit(main())
