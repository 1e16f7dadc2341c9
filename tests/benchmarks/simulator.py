"""``python -m tests.benchmarks.simulator``: seconds of the simulator and of ``map``, one core."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from hw.spec.config import preset
from sim.program_reader import read_program
from sim.simulation import (
    run_timing,
    run_values,
)
from tests.benchmarks.measure import (
    arguments_parser,
    in_turn,
    matrix_product,
    network_graph,
    print_command,
    print_table,
    use_one_core,
)

YARDSTICK = "NumPy product of as many MACs"
COLD = """
import sys, tempfile
import numba
import compiler.kernels
from sim.command_line import main
with tempfile.TemporaryDirectory() as numba.config.CACHE_DIR:
    sys.exit(main(sys.argv[1:]))
"""
"""``python -m sim`` with an empty cache of compiled code."""


def main() -> int:
    """Print the table: 0."""
    parser = arguments_parser(__doc__.split(": ")[1], network="lite0", preset="edge256")
    parser.add_argument(
        "--cold", action="store_true", help="also a process that has to compile the timing"
    )
    arguments = parser.parse_args()
    use_one_core()
    print_command()
    with tempfile.TemporaryDirectory() as name:
        _measure(arguments, Path(name))
    return 0


def _measure(arguments, folder: Path) -> None:
    graph, config = network_graph(arguments.network), preset(arguments.preset)
    map_it = partial(map_graph, graph, config, CompilerOptions(), folder, quiet=True)
    map_it()
    program = read_program(folder)
    cycles = run_timing(program).cycles
    run_values(program, {})
    print(f"{program.network} on {config.name}: {program.macs:,} MACs, {cycles:,} cycles")
    works = {
        YARDSTICK: partial(matrix_product, program.macs),
        "cycles only": partial(run_timing, program),
        "values only": partial(run_values, program, {}),
        "map": map_it,
    }
    taken = in_turn(works, arguments.repeats)
    taken["cycles and values"] = [
        sum(both) for both in zip(taken["cycles only"], taken["values only"], strict=True)
    ]
    print_table(taken, YARDSTICK)
    print(f"{cycles / min(taken['cycles only']) / 1e6:.1f} M simulated cycles/s (cycles only)")
    run = ["run", str(folder), "--no-values", "--json"]
    print(f"{_process(['-m', 'sim', *run]):.2f} s: a fresh process, cycles only")
    if arguments.cold:
        print(f"{_process(['-c', COLD, *run]):.2f} s: the same, with nothing compiled")


def _process(arguments: list[str]) -> float:
    """Seconds of processor time of a Python process."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (
        after.children_user - before.children_user + after.children_system - before.children_system
    )


if __name__ == "__main__":
    sys.exit(main())
