"""``python -m tests.benchmarks.explorers``: SCALE-Sim, ZigZag and ``explore`` on the same points.

Both other tools run in an environment of their own::

    python3 -m venv DIR && DIR/bin/pip install scalesim==3.0.0 zigzag-dse==3.9.1 six 'numpy==2.2.*'
    python -m tests.benchmarks.explorers --python DIR/bin/python

The points are MobileNetV1-0.25 on three arrays of 16 rows. SCALE-Sim's array is output stationary
and never waits for memory. ZigZag chooses the spatial mapping itself; it has registers for a weight
and a sum in each unit, one scratchpad for all operands, and the memory's bus. Its search is limited
to four factors a loop; its default is six, which takes minutes a point. Layers are those with
weights, for ZigZag and SCALE-Sim one after another. Seconds are processor time of whole processes,
memory their largest resident set.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compiler import zoo
from hw.spec.config import AccelConfig, changed, preset
from tests.benchmarks.measure import print_command, use_one_core
from tests.benchmarks.scalesim import layers_of, process, scalesim

NETWORK, SIZE = "mobilenet_v1_025", 128
COLS = (8, 16, 32)
SPACE = f"""
[machine]
preset = "edge256"
cols = {list(COLS)}
[[network]]
name = "{NETWORK}"
resolution = {SIZE}
[objectives]
cycles = "min"
mac_units = "min"
"""
ZIGZAG = """
import json
import logging
logging.disable(logging.CRITICAL)
from zigzag.api import get_hardware_performance_zigzag
energy, cycles, _ = get_hardware_performance_zigzag(
    json.load(open("layers.json")), "machine.yaml", "mapping.yaml", opt="latency",
    lpf_limit=4, dump_folder="run", loma_show_progress_bar=False)
print(json.dumps(cycles))
"""
EQUATION = "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]"
SUM_BITS = 32


def main() -> int:
    """Print a table of cycles, one of seconds and memory: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument(
        "--python", required=True, metavar="FILE", help="the Python of the other environment"
    )
    python = parser.parse_args().python
    use_one_core()
    print_command()
    machines = [changed(preset("edge256"), cols=cols) for cols in COLS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = {
            "SCALE-Sim 3.0.0": [_scalesim(m, python, folder / f"s{m.cols}") for m in machines],
            "ZigZag 3.9.1": [_zigzag(m, python, folder / f"z{m.cols}") for m in machines],
        }
        _print(machines, runs, *_explored(folder))
    return 0


Run = tuple[int, float, int]
"""Cycles, processor seconds and bytes of memory."""


def _scalesim(machine: AccelConfig, python: str, folder: Path) -> Run:
    folder.mkdir()
    return scalesim(zoo.build(NETWORK, (SIZE, SIZE)), machine, python, folder)


def _zigzag(machine: AccelConfig, python: str, folder: Path) -> Run:
    folder.mkdir()
    for name, content in (
        ("layers.json", list(_layers())),
        ("machine.yaml", _machine(machine)),
        ("mapping.yaml", [{"name": "default", "memory_operand_links": _LINKS}]),
    ):
        (folder / name).write_text(json.dumps(content))
    output, seconds, memory = process([python, "-c", ZIGZAG], folder)
    return round(json.loads(output.splitlines()[-1])), seconds, memory


_LINKS = {"O": "O", "W": "I2", "I": "I1"}


def _layers() -> Iterator[dict[str, Any]]:
    """ZigZag's layers; padding is part of the input, as for SCALE-Sim."""
    for number, row in enumerate(layers_of(zoo.build(NETWORK, (SIZE, SIZE)))):
        name, height, width, *kernel, channels, filters, stride, _ = row
        groups = channels if name.startswith("DP") else 1
        sizes = {
            "B": 1,
            "K": 1 if groups > 1 else filters,
            "G": groups,
            "OX": (width - kernel[1]) // stride + 1,
            "OY": (height - kernel[0]) // stride + 1,
            "C": channels // groups,
            "FX": kernel[1],
            "FY": kernel[0],
        }
        yield {
            "id": number,
            "name": name,
            "operator_type": "Conv",
            "equation": EQUATION,
            "dimension_relations": [f"ix={stride}*ox+1*fx", f"iy={stride}*oy+1*fy"],
            "loop_dims": list(sizes),
            "loop_sizes": list(sizes.values()),
            "operand_precision": {"W": 8, "I": 8, "O": SUM_BITS, "O_final": 8},
            "operand_source": {"I": max(number - 1, 0), "W": number},
        }


def _machine(machine: AccelConfig) -> dict[str, Any]:
    """ZigZag's machine: energies are 1, since only cycles are asked for."""
    array, everything = ["D1", "D2"], ("I1", "I2", "O")
    return {
        "name": "machine",
        "memories": {
            "weight": _memory(8, ("I2",), 8, 8, []),
            "sum": _memory(SUM_BITS, ("O",), SUM_BITS, SUM_BITS, []),
            "scratchpad": _memory(8 * machine.scratchpad_bytes, everything, 8, 8192, array),
            "memory": _memory(1 << 33, everything, *[8 * machine.bus_bytes] * 2, array),
        },
        "operational_array": {
            "unit_energy": 1.0,
            "unit_area": 1.0,
            "dimensions": array,
            "sizes": [machine.rows, machine.cols],
        },
    }


def _memory(
    bits: int, operands: tuple[str, ...], least: int, most: int, served: list[str]
) -> dict[str, Any]:
    """A memory with a port to read and one to write."""
    ports = []
    for kind, moves in (("read", ("tl", "th")), ("write", ("fh", "fl"))):
        # Only sums go up again.
        own = [f"{o}, {move}" for o in operands for move in (moves if o == "O" else moves[:1])]
        ports.append(
            {
                "name": f"{kind[0]}_port_1",
                "type": kind,
                "bandwidth_min": least,
                "bandwidth_max": most,
                "allocation": own,
            }
        )
    return {
        "size": bits,
        "r_cost": 1.0,
        "w_cost": 1.0,
        "area": 0.0,
        "latency": 1,
        "operands": list(operands),
        "ports": ports,
        "served_dimensions": served,
    }


def _explored(folder: Path) -> tuple[list[int], float, int]:
    """Cycles of the points by ``compiler explore``; its processor seconds and bytes of memory."""
    (folder / "space.toml").write_text(SPACE)
    words = ["explore", str(folder / "space.toml"), "-o", str(folder / "out"), "--workers", "1"]
    _, seconds, memory = process([sys.executable, "-m", "compiler", *words, "--json"], Path())
    with (folder / "out" / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [int(row["cycles"]) for row in rows], seconds, memory


def _print(
    machines: list[AccelConfig],
    runs: dict[str, list[Run]],
    cycles: list[int],
    seconds: float,
    memory: int,
) -> None:
    titles = " | ".join(f"cycles, {m.rows}x{m.cols}" for m in machines)
    print(f"| | {titles} | processor seconds of all | MB |\n|{'---|' * (len(machines) + 3)}")
    for name, found in runs.items():
        shown = " | ".join(f"{run[0]:,}" for run in found)
        total, most = sum(run[1] for run in found), max(run[2] for run in found)
        print(f"| {name} | {shown} | {total:.1f} | {most / 1e6:.0f} |")
    shown = " | ".join(f"{count:,}" for count in cycles)
    print(f"| `compiler explore` | {shown} | {seconds:.1f} | {memory / 1e6:.0f} |")


if __name__ == "__main__":
    raise SystemExit(main())
