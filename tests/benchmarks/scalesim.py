"""``python -m tests.benchmarks.scalesim``: SCALE-Sim 3.0.0 beside this simulator, same layers.

SCALE-Sim needs an older NumPy than this project, so it runs in an environment of its own::

    python3 -m venv DIR && DIR/bin/pip install scalesim==3.0.0 'numpy==2.2.*'
    python -m tests.benchmarks.scalesim --python DIR/bin/python NETWORK

Its machine is an output-stationary array of 16x16 without memory stalls, ours ``edge256`` with
the memory of the contract. A layer is a convolution or fully connected layer of the network; of a
depthwise one SCALE-Sim takes each channel as a layer. Both write no traces. Seconds are
processor time of a whole process, memory its largest resident set; our own process also loads
the program, and compiling it (``map``) is apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from compiler.ir.graph import Graph, Node
from compiler.mapping import map_graph
from compiler.options import CompilerOptions
from hw.spec.config import AccelConfig, preset
from sim.program_reader import read_program
from sim.simulation import run_timing
from tests.benchmarks.measure import in_turn, network_graph, print_command, use_one_core

CONFIG = """
[general]
run_name = run
[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {cols}
IfmapSramSzkB: 512
FilterSramSzkB: 384
OfmapSramSzkB: 128
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Bandwidth: 16
Dataflow: os
ReadRequestBuffer: 64
WriteRequestBuffer: 64
[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 16
IfmapSRAMBankNum: 8
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 16
FilterSRAMBankNum: 8
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""
SCALESIM = """
import sys
from scalesim.scale_sim import scalesim
run = scalesim(save_disk_space=True, verbose=False, config="machine.cfg",
               topology="layers.csv", layout="layout.csv")
run.run_scale(top_path=".")
"""
HEAD = (
    "layer",
    "ifmap height",
    "ifmap width",
    "filter height",
    "filter width",
    "channels",
    "filters",
    "stride",
    "",
)
LAYOUT_FIELDS = 22


def main() -> int:
    """Print the two figures of each simulator and their ratios: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("network", nargs="?", default="mobilenet_v1", metavar="NETWORK")
    parser.add_argument(
        "--python",
        required=True,
        metavar="FILE",
        help="the Python of the environment with SCALE-Sim",
    )
    arguments = parser.parse_args()
    use_one_core()
    print_command()
    with tempfile.TemporaryDirectory() as name:
        _measure(arguments.network, arguments.python, Path(name))
    return 0


def _measure(name: str, python: str, folder: Path) -> None:
    graph = network_graph(name)
    start = time.process_time()
    map_graph(graph, preset("edge256"), CompilerOptions(), folder / "ours", quiet=True)
    mapped = time.process_time() - start
    command = [sys.executable, "-m", "sim", "run", str(folder / "ours"), "--no-values", "--json"]
    output, seconds, memory = process(command, Path())
    ours = json.loads(output)
    program = read_program(folder / "ours")
    run_timing(program)
    loaded = min(in_turn({"": partial(run_timing, program)}, 5)[""])
    cycles, their_seconds, their_memory = scalesim(graph, preset("edge256"), python, folder)
    macs, units = ours["macs"], ours["mac_units"]
    print(f"{name}: {macs:,} MACs, map {mapped:.2f} s")
    print("| | cycles | utilisation | processor seconds | MB |\n|---|---|---|---|---|")
    print(
        f"| SCALE-Sim | {cycles:,} | {macs / units / cycles:.1%} | {their_seconds:.1f} | "
        f"{their_memory / 1e6:.0f} |"
    )
    print(
        f"| sim run --no-values | {ours['cycles']:,} | {ours['utilization']:.1%} | {seconds:.2f} "
        f"({loaded:.3f} once loaded) | {memory / 1e6:.0f} |"
    )
    print(
        f"| ratio | | | {their_seconds / seconds:,.0f} ({their_seconds / loaded:,.0f}) | "
        f"{their_memory / memory:.1f} |"
    )


def scalesim(
    graph: Graph, machine: AccelConfig, python: str, folder: Path
) -> tuple[int, float, int]:
    """Cycles of the layers on SCALE-Sim's array of the machine's rows and columns; processor
    seconds and bytes of memory of its process. ``folder`` takes its files."""
    _write(graph, machine, folder)
    _, seconds, memory = process([python, "-c", SCALESIM], folder)
    return _their_cycles(folder / "run" / "COMPUTE_REPORT.csv"), seconds, memory


def process(command: Sequence[str], folder: Path) -> tuple[bytes, float, int]:
    """Output, seconds of processor time and bytes of memory of a process in ``folder``."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{command[0]} failed")
        output.seek(0)
        return output.read(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def _write(graph: Graph, machine: AccelConfig, folder: Path) -> None:
    """SCALE-Sim's files: machine, layers, and a layout that it reads but does not use."""
    (folder / "machine.cfg").write_text(CONFIG.format(rows=machine.rows, cols=machine.cols))
    layers = list(layers_of(graph))
    for name, rows in (
        ("layers.csv", layers),
        ("layout.csv", [[layer[0], *[1] * LAYOUT_FIELDS, ""] for layer in layers]),
    ):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([HEAD, *rows])


def layers_of(graph: Graph) -> Iterator[list]:
    """A row of SCALE-Sim's topology for each layer with weights; padding is part of the ifmap."""
    for node in graph.nodes:
        if node.op not in ("conv2d", "depthwise_conv2d", "fully_connected"):
            continue
        weights = graph.tensors[node.inputs[1]].shape
        if len(weights) == 2:
            yield [node.name, 1, 1, 1, 1, weights[1], weights[0], 1, ""]
            continue
        height, width = _padded(graph, node)
        stride = node.attrs["stride"]
        assert stride[0] == stride[1], node.name
        dilation = node.attrs.get("dilation", (1, 1))
        assert tuple(dilation) == (1, 1) and node.attrs.get("groups", 1) == 1, node.name
        depthwise = node.op == "depthwise_conv2d"
        channels, filters = (weights[3], 1) if depthwise else (weights[3], weights[0])
        name = f"{'DP' if depthwise else ''}{node.name}"
        yield [name, height, width, *weights[1:3], channels, filters, stride[0], ""]


def _padded(graph: Graph, node: Node) -> tuple[int, int]:
    _, height, width, _ = graph.tensors[node.inputs[0]].shape
    top, bottom, left, right = node.attrs["padding"]
    return height + top + bottom, width + left + right


def _their_cycles(report: Path) -> int:
    with report.open(newline="") as file:
        rows = list(csv.reader(file, skipinitialspace=True))
    column = rows[0].index("Total Cycles")
    return round(sum(float(row[column]) for row in rows[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
