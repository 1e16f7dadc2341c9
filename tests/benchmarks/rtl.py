"""``python -m tests.benchmarks.rtl``: cycles per second of the RTL simulation, on one core."""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from hw.generate import verilog
from hw.spec.config import preset
from hw.tools import verilator
from hw.tools.cosim.compare import (
    LEAST_MEMORY,
    TIMEOUT_EXTRA,
    TIMEOUT_FACTOR,
    run_spec,
)
from hw.tools.cosim.design import Design
from hw.tools.cosim.runner import run_rtl
from sim.program_reader import read_program
from sim.simulation import run_timing
from tests.benchmarks.measure import (
    arguments_parser,
    matrix_product,
    network_graph,
    print_command,
    seconds,
    use_one_core,
)


def main() -> int:
    """Print the figures: 0."""
    parser = arguments_parser(__doc__.split(": ")[1], network="mobilenet_v1_025", preset="edge256")
    parser.add_argument("--fresh", action="store_true", help="build the simulation anew")
    arguments = parser.parse_args()
    use_one_core()
    print_command()
    with _cache(arguments.fresh), tempfile.TemporaryDirectory() as name:
        _measure(arguments, Path(name))
    return 0


@contextlib.contextmanager
def _cache(fresh: bool) -> Iterator[None]:
    """An empty folder for builds, if ``fresh``."""
    if not fresh:
        yield
        return
    with (
        tempfile.TemporaryDirectory() as name,
        mock.patch.object(verilator, "cache_root", lambda: Path(name)),
    ):
        yield


def _measure(arguments, folder: Path) -> None:
    graph, config = network_graph(arguments.network), preset(arguments.preset)
    map_graph(graph, config, CompilerOptions(), folder, quiet=True)
    program = read_program(folder)
    cycles = run_timing(program).cycles
    (segment,) = program.segments
    spec = run_spec(program, segment, program.memory({}), TIMEOUT_FACTOR * cycles + TIMEOUT_EXTRA)
    print(f"{program.network} on {config.name}: {program.macs:,} MACs, {cycles:,} cycles")
    start = time.perf_counter()
    text = verilog(config)
    generated = time.perf_counter()
    depth = max(LEAST_MEMORY["verilator"], 1 << (len(spec.image) - 1).bit_length())
    design = Design(text, config.bus_bytes, depth)
    design.build()
    built = time.perf_counter() - generated
    print(
        f"{generated - start:.1f} s to write the Verilog, {built:.1f} s to build the simulation"
        + ("" if arguments.fresh else " or to find it built")
    )
    speeds, ratios, simulated = [], [], []
    for _ in range(arguments.repeats):
        product = seconds(lambda: matrix_product(program.macs))
        simulated.append(seconds(lambda: run_timing(program)))
        result = run_rtl(design, spec)
        assert result.cycles == cycles
        speeds.append(result.cycles_per_second)
        ratios.append(result.wall_time / product)
    print(f"{max(speeds):,.0f} cycles/s at most, {statistics.median(speeds):,.0f} in the median")
    print(f"{min(ratios):.1f} times a NumPy product of as many MACs at least")
    print(f"{cycles / max(speeds) / min(simulated):.0f} times the simulator, cycles only")


if __name__ == "__main__":
    sys.exit(main())
